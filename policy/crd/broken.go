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
	// At leads from the block to where the rule stands, which can name a field below it.
	At Path
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

// selfFields are the fields that the text of a CEL rule names: self.a.b, self["a"]. Before them may
// stand has(, and after them the ( of a method.
var selfFields = regexp.MustCompile(`(\bhas\(\s*)?\bself((?:\.[A-Za-z_][A-Za-z0-9_]*|\["[^"\\]*"\])+)(\s*\()?`)

var selfKey = regexp.MustCompile(`\.([A-Za-z_][A-Za-z0-9_]*)|\["([^"\\]*)"\]`)

// unescaped turns a name in the text of a CEL rule into that of the field.
var unescaped = strings.NewReplacer("__underscores__", "__", "__dot__", ".", "__dash__", "-", "__slash__", "/")

// Names says whether a rule is about a value at a path: the text of the rule names it or something
// above or below it, or, where the text names nothing, the field of the rule does.
func (b Broken) Names(path []string) bool {
	named := b.named()
	for _, keys := range named {
		if related(append(slices.Clone(b.At), keys...), path) {
			return true
		}
	}
	return len(named) == 0 && len(b.Field) > 0 && related(b.Field, path)
}

// named are the fields that the text of the rule names, from where the rule stands. One that it
// names only to ask whether there is something to look into is none of them.
func (b Broken) named() []Path {
	var asked, named []Path
	for _, match := range selfFields.FindAllStringSubmatch(b.Rule, -1) {
		var keys Path
		for _, key := range selfKey.FindAllStringSubmatch(match[2], -1) {
			keys = append(keys, unescape(key[1])+key[2])
		}
		if match[3] != "" { // a method, such as self.list.exists(…)
			keys = keys[:len(keys)-1]
		}
		switch {
		case len(keys) == 0:
		case match[1] != "":
			asked = append(asked, keys)
		default:
			named = append(named, keys)
		}
	}
	for _, keys := range asked {
		within := func(other Path) bool { return len(other) > len(keys) && related(keys, other) }
		if !slices.ContainsFunc(named, within) && !slices.ContainsFunc(asked, within) {
			named = append(named, keys)
		}
	}
	return named
}

// unescape is the field that a name in a rule stands for: __in__ for one that is a word of the
// language.
func unescape(name string) string {
	if word, ok := strings.CutPrefix(name, "__"); ok && len(word) > 2 && strings.HasSuffix(word, "__") && !strings.Contains(word[:len(word)-2], "__") {
		return word[:len(word)-2]
	}
	return unescaped.Replace(name)
}

// related says whether one path leads to the other.
func related(a, b []string) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}
