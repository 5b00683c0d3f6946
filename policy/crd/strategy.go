package crd

import "strings"

// StrategyFields are the fields of spec that state the strategy in kinds that do not declare such a
// field. The first one that is set counts.
var StrategyFields = [...]string{"strategy", "mergeType"}

// TargetFields are the fields of spec that say where a policy applies.
var TargetFields = [...]string{"targetRef", "targetRefs", "targetSelectors"}

// strategies are the words for the two strategies, in lower case. The words of semantics section 2
// come first; the others are used by other projects.
var strategies = map[string]Strategy{
	"atomic": Atomic, "patch": Patch, "merge": Patch,
	"replace": Atomic, "jsonmerge": Patch, "strategicmerge": Patch,
}

// StrategyOf returns the strategy that a word means, in any case, in kinds that do not declare
// otherwise. An unknown word is not guessed: it counts as Atomic.
func StrategyOf(word string) (s Strategy, known bool) {
	if s, known = strategies[strings.ToLower(word)]; known {
		return s, true
	}
	return Atomic, false
}

// Means returns the strategy that a word means in a kind that declares where its word is: by its
// own table or, if it has none, as in all kinds.
func (w *StrategyWord) Means(word string) (s Strategy, known bool) {
	if len(w.Values) == 0 {
		return StrategyOf(word)
	}
	if s, known = w.Values[strings.ToLower(word)]; known {
		return s, true
	}
	return Atomic, false
}
