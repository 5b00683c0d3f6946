package prose

import (
	"slices"
	"strings"
)

// Closest returns the candidate that a misspelled word most likely stands for, and whether there is
// one near enough to be worth asking about. A difference in case counts as half a mistake. Among
// equally near candidates it takes the first in alphabetical order, so that the answer never
// depends on the order of the candidates.
func Closest(word string, candidates []string) (string, bool) {
	const longest = 80 // longer words are not misspellings, and cost
	if word == "" || len(word) > longest {
		return "", false
	}
	allowed := 2 * max(1, len(word)/3)
	best, found := "", false
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if len(c) > longest {
			continue
		}
		if d := distance(word, c); d <= allowed && c != word {
			best, found, allowed = c, true, d-1
		}
	}
	return best, found
}

// distance is twice the number of letters to insert, remove, replace or exchange with their
// neighbour, plus one for a difference in case only.
func distance(a, b string) int {
	folded := edits(strings.ToLower(a), strings.ToLower(b))
	if folded == 0 && a != b {
		return 1
	}
	return 2 * folded
}

func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			step := 1
			if a[i-1] == b[j-1] {
				step = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+step)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
