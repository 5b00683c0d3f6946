package crd

import (
	"fmt"
	"strconv"
	"strings"
)

// Path leads from a block of a policy to a field: the keys, one by one. In an annotation, the key
// "*" stands for any key.
type Path []string

// Any is the key that stands for any key.
const Any = "*"

// ParsePath reads a path as people write it: timeout.http.requestTimeout. A key that contains a dot
// or a bracket is written in brackets and quotes: labels["a.b"].
func ParsePath(text string) (Path, error) {
	var path Path
	for rest := text; ; {
		key, after, err := firstKey(rest)
		if err != nil {
			return nil, fmt.Errorf("%q is not a path: %w", text, err)
		}
		path = append(path, key)
		switch {
		case after == "":
			return path, nil
		case after[0] == '.':
			after = after[1:]
			if after == "" {
				return nil, fmt.Errorf("%q is not a path: it ends in a dot", text)
			}
		case after[0] != '[':
			return nil, fmt.Errorf("%q is not a path: write a dot after the bracket", text)
		}
		rest = after
	}
}

// firstKey splits a path after its first key.
func firstKey(text string) (key, rest string, err error) {
	if !strings.HasPrefix(text, "[") {
		end := strings.IndexAny(text, ".[")
		if end < 0 {
			end = len(text)
		}
		if end == 0 {
			return "", "", fmt.Errorf("a key is missing")
		}
		return text[:end], text[end:], nil
	}
	quoted, err := strconv.QuotedPrefix(text[1:])
	if err != nil {
		return "", "", fmt.Errorf(`write a key in brackets like ["a.b"]`)
	}
	if key, err = strconv.Unquote(quoted); err != nil {
		return "", "", err
	}
	rest, closed := strings.CutPrefix(text[1+len(quoted):], "]")
	if !closed {
		return "", "", fmt.Errorf("a bracket is not closed")
	}
	return key, rest, nil
}

// String writes a path as people do, so that ParsePath reads it back.
func (p Path) String() string {
	if len(p) == 1 && p[0] != "" && !strings.ContainsAny(p[0], `."[]`) {
		return p[0]
	}
	var b strings.Builder
	for i, key := range p {
		switch {
		case key == "" || strings.ContainsAny(key, `."[]`):
			b.WriteString("[" + strconv.Quote(key) + "]")
		case i > 0:
			b.WriteString("." + key)
		default:
			b.WriteString(key)
		}
	}
	return b.String()
}

// Matches reports whether p means the path of a value: the keys are equal, or "*" stands for them.
func (p Path) Matches(path []string) bool {
	return len(p) == len(path) && p.Covers(path)
}

// Covers reports whether p means the path of a value, or a path above it.
func (p Path) Covers(path []string) bool {
	if len(p) > len(path) {
		return false
	}
	for i, key := range p {
		if key != Any && key != path[i] {
			return false
		}
	}
	return true
}

// Texts returns paths as people write them.
func Texts(paths []Path) []string {
	texts := make([]string, len(paths))
	for i, p := range paths {
		texts[i] = p.String()
	}
	return texts
}
