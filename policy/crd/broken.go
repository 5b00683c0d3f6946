package crd

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Broken is a rule of a kind's schema that a merged value breaks (semantics section 6).
type Broken struct {
	// Field leads from the block to the value that the rule is about; empty for the block itself.
	Field Path
	// Rule is the same for every value that breaks the same rule: the text of a CEL rule, or the
	// type of an error of the schema itself.
	Rule string
	// Message says it to people, the field included.
	Message string
}

// Is says whether two values break the same rule at the same place.
func (b Broken) Is(other Broken) bool {
	return b.Rule == other.Rule && slices.Equal(b.Field, other.Field)
}

// CompareBroken orders broken rules by what people read.
func CompareBroken(a, b Broken) int {
	return cmp.Or(strings.Compare(a.Message, b.Message), strings.Compare(a.Rule, b.Rule), slices.Compare(a.Field, b.Field))
}

// selfFields are the fields that the text of a CEL rule names: self.a.b, self["a"].
var selfFields = regexp.MustCompile(`\bself((?:\.[A-Za-z_][A-Za-z0-9_]*|\["[^"\\]*"\])+)`)

var selfKey = regexp.MustCompile(`\.([A-Za-z_][A-Za-z0-9_]*)|\["([^"\\]*)"\]`)

// Names says whether a rule is about a value at a path: the text of the rule names it or something
// above or below it, or, where the text names nothing, the field of the rule does.
func (b Broken) Names(path []string) bool {
	named := selfFields.FindAllStringSubmatch(b.Rule, -1)
	for _, field := range named {
		keys := Path{}
		for _, key := range selfKey.FindAllStringSubmatch(field[1], -1) {
			keys = append(keys, key[1]+key[2])
		}
		// What follows the first key may be a method: self.list.exists(…). The rule may stand at the
		// block, or at the field that it is about.
		if path[0] == keys[0] || len(b.Field) > 0 && related(append(slices.Clone(b.Field), keys[0]), path) {
			return true
		}
	}
	return len(named) == 0 && len(b.Field) > 0 && related(b.Field, path)
}

// related says whether one path leads to the other.
func related(a, b []string) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}
