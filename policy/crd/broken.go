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
	// At leads from the block to the position of the rule in the schema; the rule can name a field
	// below it.
	At Path
	// Rule identifies the rule: it is the text of a CEL rule, or the type of a schema error.
	Rule string
	// Message is the text for people, including the field.
	Message string
}

// Is reports whether two values break the same rule at the same field.
func (b Broken) Is(other Broken) bool {
	return b.Rule == other.Rule && slices.Equal(b.Field, other.Field)
}

// CompareBroken orders broken rules by their messages first.
func CompareBroken(a, b Broken) int {
	return cmp.Or(strings.Compare(a.Message, b.Message), strings.Compare(a.Rule, b.Rule), slices.Compare(a.Field, b.Field))
}

// selfFields are the fields that the text of a CEL rule names: self.a.b, self["a"]. They may be
// preceded by has(, and followed by the ( of a method.
var selfFields = regexp.MustCompile(`(\bhas\(\s*)?\bself((?:\.[A-Za-z_][A-Za-z0-9_]*|\["[^"\\]*"\])+)(\s*\()?`)

var selfKey = regexp.MustCompile(`\.([A-Za-z_][A-Za-z0-9_]*)|\["([^"\\]*)"\]`)

// unescaped turns a name in the text of a CEL rule into the name of the field.
var unescaped = strings.NewReplacer("__underscores__", "__", "__dot__", ".", "__dash__", "-", "__slash__", "/")

// Names reports whether a rule is about the value at a path: the text of the rule names the path or
// one above or below it, or, if the text names no field, the field of the rule does.
func (b Broken) Names(path []string) bool {
	named := b.named()
	for _, keys := range named {
		if related(append(slices.Clone(b.At), keys...), path) {
			return true
		}
	}
	return len(named) == 0 && len(b.Field) > 0 && related(b.Field, path)
}

// named returns the fields that the text of the rule names, relative to the position of the rule. A
// field that is only tested for existence before a field inside it is read does not count.
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

// unescape returns the field that a name in a rule stands for: a keyword of the language is written
// like __in__.
func unescape(name string) string {
	if word, ok := strings.CutPrefix(name, "__"); ok && len(word) > 2 && strings.HasSuffix(word, "__") && !strings.Contains(word[:len(word)-2], "__") {
		return word[:len(word)-2]
	}
	return unescaped.Replace(name)
}

// related reports whether one path is a prefix of the other.
func related(a, b []string) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}
