package crd

import "strings"

// StrategyFields are the fields of spec that say the strategy in kinds that do not say where, the
// first that is there counts.
var StrategyFields = [...]string{"strategy", "mergeType"}

// TargetFields are the fields of spec that say where a policy applies.
var TargetFields = [...]string{"targetRef", "targetRefs", "targetSelectors"}

// strategies are the words for the two strategies, in lower case. The words of semantics section 2
// come first; the others are what field projects write.
var strategies = map[string]Strategy{
	"atomic": Atomic, "patch": Patch, "merge": Patch,
	"replace": Atomic, "jsonmerge": Patch, "strategicmerge": Patch,
}

// StrategyOf is the strategy that a word means, in any case, in kinds that do not say otherwise. A
// word that is not known is not guessed: Atomic counts.
func StrategyOf(word string) (s Strategy, known bool) {
	if s, known = strategies[strings.ToLower(word)]; known {
		return s, true
	}
	return Atomic, false
}

// Means is the strategy that a word means in a kind that says where its word stands: by its table,
// or, where it has none, as in all kinds.
func (w *StrategyWord) Means(word string) (s Strategy, known bool) {
	if len(w.Values) == 0 {
		return StrategyOf(word)
	}
	if s, known = w.Values[strings.ToLower(word)]; known {
		return s, true
	}
	return Atomic, false
}
