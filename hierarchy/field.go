package hierarchy

import (
	"cmp"
	"strconv"
	"strings"
)

// join appends a key to a field path.
func join(path, key string) string { return path + "." + key }

// at appends an index to a field path.
func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// CompareFields orders field paths naturally: rules[2] comes before rules[10].
func CompareFields(a, b string) int {
	for a != "" && b != "" {
		n, m := digits(a), digits(b)
		if n > 0 && m > 0 {
			x, y := strings.TrimLeft(a[:n], "0"), strings.TrimLeft(b[:m], "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y), cmp.Compare(n, m)); c != 0 {
				return c
			}
			a, b = a[n:], b[m:]
			continue
		}
		if c := cmp.Compare(a[0], b[0]); c != 0 {
			return c
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits counts the digits that a text begins with.
func digits(text string) int {
	return len(text) - len(strings.TrimLeft(text, "0123456789"))
}
