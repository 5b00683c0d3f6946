//go:build unix

package regorule_test

import "testing"

// flooding are modules that make a hash table look at its keys one by one: Rego's
// numbers are their own hash, and the hash of a list is the sum of its elements'.
var flooding = map[string]string{
	"sets of sums":                  denyIf(`count({[a, b] | some a in input.object.list; some b in input.object.list; a + b == 4000}) == 0`),
	"sets of fractions":             denyIf(`count({k | some a in input.object.list; k := a / 10000}) == 0`),
	"objects with fractions":        denyIf(`count({k: 1 | some a in input.object.list; k := a / 10000}) == 0`),
	"objects with pairs":            denyIf(`count({[a, b]: 1 | some a in input.object.list; some b in input.object.list}) == 0`),
	"a rule of pairs":               "package g\ns contains [a, b] if { some a in input.object.list; some b in input.object.list }\ndeny contains \"m\" if count(s) == 0",
	"a rule of objects with pairs":  "package g\ns[[a, b]] := 1 if { some a in input.object.list; some b in input.object.list }\ndeny contains \"m\" if count(s) == 0",
	"denials that are fractions":    "package g\ndeny contains a / 10000 if { some a in input.object.list }",
	"functions of fractions":        "package g\nf(x) := x + 1\ndeny contains \"m\" if { some a in input.object.list; some b in [0, 1, 2]; f((a + b / 4) / 100000) < 0 }",
	"functions of pairs":            "package g\nf(x) := x[0]\ndeny contains \"m\" if { some a in input.object.list; some b in [0, 1, 2]; f([a + b, 5000 - a]) < 0 }",
	"looking for fractions in sets": denyIf("s := {a | some a in input.object.list}\nsome b in input.object.list\n" + ` ((b + 1) / 100000) in s`),
	"references to fractions":       denyIf(`s := {a | some a in input.object.list}; some b in input.object.list; x := (b + 1) / 100000; s[x]`),
	"looking in lists":              denyIf(`some b in input.object.list; (b + 10000) in input.object.list`),
	"comparing lists":               denyIf(`some b in input.object.list; input.object.list != input.object.list`),
	"comparing lists in order":      denyIf(`some b in input.object.list; input.object.list < input.object.list`),
	"lists that are equal":          denyIf(`some b in input.object.list; x := array.concat(input.object.list, [0]); y := array.concat(input.object.list, [1]); some c in input.object.list; x == y`),
	"lists that unify":              denyIf(`x := array.concat(input.object.list, [0]); y := array.concat(input.object.list, [1]); some b in input.object.list; x = y`),
	"unions of sets":                denyIf(`s := {{[a, b]} | some a in input.object.list; some b in input.object.list; a + b == 3000}; count(union(s)) == 0`),
	"unions with a set":             denyIf("s := {k | some a in input.object.list; a < 500; k := a / 10000}\nsome a in input.object.list\ncount(s | {a / 20000}) == 0"),
	"the same large value, often":   denyIf(`count({1: input.object.list | some a in input.object.list}) == 0`),
	"functions of large lists":      "package g\nf(x, y) := y\ndeny contains \"m\" if { some a in input.object.list; f(input.object.list, a) < 0 }",
	"slices of lists":               denyIf(`some a in input.object.list; array.slice(input.object.list, a, 5000) == 0`),
	"keys of a deep object":         denyIf(`some a in input.object.list; object.keys(input.object.deep) == {a}`),
	"a set in a set":                denyIf(`s := {{a, b} | some a in input.object.list; some b in input.object.list}; count(s) == 0`),
	"every in every":                denyIf(`every a in input.object.list { every b in input.object.list { not {a, b} == {0.5} } }`),
	"a comprehension for each":      denyIf(`some a in input.object.list; k := a / 10000; count([b | some b in input.object.list; b / 10000 == k]) == 5`),
}

func TestModulesThatFloodTablesAreStopped(t *testing.T) { runHostile(t, flooding) }
