package routing

import (
	"regexp"
	"strings"
)

// Plain is a match without a regular expression that stands for a location of a
// host of regular expressions, or for a part of it (M27).
type Plain struct {
	// Exact is false for a PathPrefix.
	Exact bool
	Path  string
	// Full and Prefix are the path that takes the place of the whole, or of the
	// prefix; both are empty when nothing is rewritten.
	Full, Prefix string
	// Open, Bare and Slash name what differs from nginx besides upper and lower
	// case: nginx also takes a path that goes on within the element; the path
	// itself, without a final "/", matches now; it loses its last "/" when it is
	// rewritten.
	Open, Bare, Slash bool
	// Dot says that a dot is a dot now.
	Dot bool
}

// Takes says whether the match takes a path.
func (p *Plain) Takes(path string) bool {
	if p.Exact {
		return path == p.Path
	}
	return Covers(p.Path, path)
}

// Rewritten is the path that the backend is sent.
func (p *Plain) Rewritten(path string) string {
	switch {
	case p.Full != "":
		return p.Full
	case p.Prefix == "":
		return path
	}
	rest := strings.TrimPrefix(path, strings.TrimSuffix(p.Path, "/"))
	if rest == "" {
		return p.Prefix
	}
	return strings.TrimSuffix(p.Prefix, "/") + rest
}

// forms are the shapes of regular expressions that have an equal among plain
// matches, the more specific first. The group that a rewrite uses is the last.
var forms = [...]struct {
	end string
	// group is the number of the group with the rest of the path, 0 for none.
	group             int
	exact, open, bare bool
}{
	{end: `(/|$)(.*)`, group: 2},
	{end: `/?(.*)`, group: 1, open: true},
	{end: `/(.*)`, group: 1, bare: true},
	{end: `/.*`, bare: true},
	{end: `(.*)`, group: 1, open: true, bare: false},
	{end: `.*`, open: true},
	{end: `$`, exact: true},
}

// PlainOf returns the plain matches that stand for a location, or false when
// there are none.
func PlainOf(l *Location) ([]Plain, bool) {
	target := l.Action.Rewrite
	if target == l.Path || l.Action.Backend == nil || l.Action.Redirect != "" { // nothing is sent on
		target = ""
	}
	if before, words, after, ok := alternatives(l.Path); ok {
		var list []Plain
		for _, word := range words {
			p, ok := plainOf(before+word+after, shifted(target, word))
			if !ok {
				return nil, false
			}
			list = append(list, p)
		}
		return list, true
	}
	p, ok := plainOf(l.Path, target)
	return []Plain{p}, ok
}

func plainOf(path, target string) (Plain, bool) {
	for _, f := range forms {
		before, ok := strings.CutSuffix(path, f.end)
		if !ok || before == "" && !strings.HasPrefix(f.end, "/") {
			continue
		}
		if strings.HasSuffix(before, "/") && strings.ContainsRune("/(", rune(f.end[0])) && f.end != "(.*)" {
			return Plain{}, false // a path with two slashes, which is none
		}
		text, dot, ok := literal(before)
		if !ok {
			return Plain{}, false
		}
		p := Plain{Exact: f.exact, Path: text, Open: f.open, Bare: f.bare && text != "", Dot: dot}
		if p.Path == "" {
			p.Path, p.Open = "/", false
		}
		return p, p.rewrite(target, f.group)
	}
	text, dot, ok := literal(path)
	p := Plain{Path: text, Open: text != "/", Dot: dot}
	if trimmed := strings.TrimSuffix(text, "/"); trimmed != "" && trimmed != text {
		p.Path, p.Bare, p.Open = trimmed, true, false
	}
	return p, ok && p.rewrite(target, 0)
}

// rewrite takes a rewrite-target on; false when no filter does the same.
func (p *Plain) rewrite(target string, group int) bool {
	before, rest, uses := strings.Cut(target, "$")
	switch {
	case target == "":
		return true
	case !uses:
		p.Full = target
		return strings.HasPrefix(target, "/")
	case group == 0 || rest != string(rune('0'+group)) || !strings.HasSuffix(before, "/") || !strings.HasPrefix(before, "/"):
		return false
	}
	if p.Path == "/" && before == "/" {
		return true
	}
	p.Prefix = "/" + strings.Trim(before, "/")
	p.Slash = p.Prefix != "/"
	return true
}

// literal is the text that a part of a path stands for as a regular expression
// without any operator. A dot between word characters is meant as one (M27).
func literal(text string) (plain string, dot, ok bool) {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.' && i > 0 && i+1 < len(text) && isWordByte(text[i-1]) && isWordByte(text[i+1]):
			dot = true
		case strings.IndexByte(`\^$.|?*+()[]{}`, c) >= 0:
			return "", false, false
		}
	}
	return text, dot, true
}

// group is one group of at most eight words.
var group = regexp.MustCompile(`^([^()|]*)\(([\w./-]+(?:\|[\w./-]+){1,7})\)(.*)$`)

// alternatives splits a path at its first group of words.
func alternatives(path string) (before string, words []string, after string, ok bool) {
	m := group.FindStringSubmatch(path)
	if m == nil || m[2] == "/|$" {
		return "", nil, "", false
	}
	return m[1], strings.Split(m[2], "|"), m[3], true
}

// shifted is a rewrite-target when the first group is a word.
func shifted(target, word string) string {
	var b strings.Builder
	for i := 0; i < len(target); i++ {
		if target[i] == '$' && i+1 < len(target) && target[i+1] >= '1' && target[i+1] <= '9' {
			if target[i+1] == '1' {
				b.WriteString(word)
			} else {
				b.WriteString("$" + string(target[i+1]-1))
			}
			i++
			continue
		}
		b.WriteByte(target[i])
	}
	return b.String()
}
