package routing

import (
	"regexp/syntax"
	"strings"
	"unicode"
)

// mostSamples bounds the strings of one regular expression (M73).
const mostSamples = 64

// Samples are strings that a regular expression takes, by its syntax tree: each
// branch, each option both ways, each repetition at its minimum and one more; and
// strings near them. It is nil for what cannot be read.
func Samples(pattern string) []string {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	seen := map[string]bool{}
	var out []string
	add := func(text string) {
		if strings.HasPrefix(text, "/") && !strings.Contains(text, "//") && !seen[text] {
			seen[text] = true
			out = append(out, text)
		}
	}
	for _, s := range samplesOf(tree) {
		add(s)
		add(s + "x")
		add(s + "/")
		if len(s) > 1 {
			add(s[:len(s)-1])
		}
		add(otherCase(s))
	}
	return out
}

// otherCase changes the case of the first letter.
func otherCase(text string) string {
	for i, c := range text {
		if unicode.IsLetter(c) {
			changed := unicode.ToUpper(c)
			if changed == c {
				changed = unicode.ToLower(c)
			}
			return text[:i] + string(changed) + text[i+len(string(c)):]
		}
	}
	return text
}

// samplesOf are strings that a tree takes.
func samplesOf(tree *syntax.Regexp) []string {
	switch tree.Op {
	case syntax.OpLiteral:
		return []string{string(tree.Rune)}
	case syntax.OpCharClass:
		return classSamples(tree.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []string{"m"}
	case syntax.OpCapture:
		return samplesOf(tree.Sub[0])
	case syntax.OpStar, syntax.OpQuest:
		return bounded(append([]string{""}, samplesOf(tree.Sub[0])...))
	case syntax.OpPlus:
		return repeated(tree.Sub[0], 1)
	case syntax.OpRepeat:
		return repeated(tree.Sub[0], min(tree.Min, 4))
	case syntax.OpConcat:
		list := []string{""}
		for _, sub := range tree.Sub {
			list = cross(list, samplesOf(sub))
		}
		return list
	case syntax.OpAlternate:
		var list []string
		for _, sub := range tree.Sub {
			list = append(list, samplesOf(sub)...)
		}
		return bounded(list)
	}
	return []string{""} // anchors and the like take nothing
}

// classSamples are the first and the last character of a class.
func classSamples(ranges []rune) []string {
	for i := 0; i+1 < len(ranges); i += 2 {
		if lo := max(ranges[i], '0'); lo <= ranges[i+1] && unicode.IsPrint(lo) {
			if hi := min(ranges[i+1], 'z'); hi > lo {
				return []string{string(lo), string(hi)}
			}
			return []string{string(lo)}
		}
	}
	if len(ranges) > 0 && unicode.IsPrint(ranges[0]) {
		return []string{string(ranges[0])}
	}
	return []string{"-"}
}

func repeated(tree *syntax.Regexp, least int) []string {
	list := []string{""}
	for range least {
		list = cross(list, samplesOf(tree))
	}
	return bounded(append(list, cross(list, samplesOf(tree)[:1])...))
}

func cross(a, b []string) []string {
	var list []string
	for _, x := range a {
		for _, y := range b {
			list = append(list, x+y)
			if len(list) == mostSamples {
				return list
			}
		}
	}
	return list
}

func bounded(list []string) []string { return list[:min(len(list), mostSamples)] }
