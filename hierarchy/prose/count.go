package prose

import (
	"fmt"
	"strconv"
	"strings"
)

// Count is a number with its noun: "1 route", "2 routes", "2 policies".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + plural(noun)
}

// plural knows the endings of the nouns that messages count.
func plural(noun string) string {
	stem, endsInY := strings.CutSuffix(noun, "y")
	switch {
	case endsInY && stem != "" && !strings.ContainsRune("aeiou", rune(stem[len(stem)-1])):
		return stem + "ies"
	case strings.HasSuffix(noun, "s"), strings.HasSuffix(noun, "ch"), strings.HasSuffix(noun, "x"):
		return noun + "es"
	}
	return noun + "s"
}

// List names the first few of a list and counts the rest: "a, b and 3 more".
func List(items []string, most int) string {
	if n := len(items) - most; n > 0 {
		return strings.Join(items[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(items, ", ")
}

// Clauses is like List, for entries that are clauses: "a is missing; b is empty; and 3 more".
func Clauses(items []string, most int) string {
	if n := len(items) - most; n > 0 {
		return strings.Join(items[:most], "; ") + fmt.Sprintf("; and %d more", n)
	}
	return strings.Join(items, "; ")
}

// Strings returns the texts of a list of values.
func Strings[T fmt.Stringer](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	return texts
}
