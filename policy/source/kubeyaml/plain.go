package kubeyaml

import (
	"bytes"
	"strings"

	yamlv2 "go.yaml.in/yaml/v2"
)

// plain reads documents in the form in which nearly all manifests are written: mappings and lists in
// block style, each entry on a line of its own, with values that are one word or string on that line. The
// YAML parser takes twenty times as long for them. If there is anything else in a document, such as a
// block scalar, an anchor, a list in brackets, a tab or a letter beyond ASCII, the whole document is left
// to the parser; so is every mistake.
type plain struct {
	rest  []byte // after the current line
	line  []byte // what is left of the current line, from its first letter on; empty at the end
	at    int    // the column in which line begins
	depth int
	other bool // the document is not in this form
}

// readPlain returns the value of a document if it is in this form.
func readPlain(data []byte) (value any, ok bool) {
	p := &plain{rest: data}
	p.next()
	if p.other || len(p.line) == 0 || p.at > 0 || p.line[0] == '-' {
		return nil, false
	}
	value = p.mapping()
	return value, !p.other && len(p.line) == 0
}

// next goes to the next line with something on it.
func (p *plain) next() {
	for len(p.rest) > 0 {
		line := p.rest
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line, p.rest = line[:end], line[end+1:]
		} else {
			p.rest = nil
		}
		p.at = 0
		for p.at < len(line) && line[p.at] == ' ' {
			p.at++
		}
		if p.line = line[p.at:]; !isPrintable(p.line) {
			p.other = true
		}
		if len(p.line) > 0 && p.line[0] != '#' {
			return
		}
	}
	p.line = nil
}

func isPrintable(line []byte) bool {
	for _, c := range line {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// deepestPlain is how deep plain documents may be.
const deepestPlain = 64

// within reports whether the current line is in a block that begins in a column.
func (p *plain) within(column int) bool {
	if p.other || len(p.line) == 0 || p.at < column {
		return false
	}
	if p.at > column || p.depth > deepestPlain {
		p.other = true // a value that goes on in the next line, or a mistake
	}
	return !p.other
}

// mapping reads the entries of a mapping from the current line on.
func (p *plain) mapping() map[string]any {
	p.depth++
	defer func() { p.depth-- }()
	object, column := map[string]any{}, p.at
	for p.within(column) {
		key := keyOf(p.line)
		if _, twice := object[key]; twice || key == "" {
			p.other = true
			break
		}
		value := bytes.TrimLeft(p.line[len(key)+1:], " ")
		if len(value) > 0 && value[0] != '#' {
			object[key] = p.scalar(value)
			p.next()
			continue
		}
		p.next()
		object[key] = p.below(column, true)
	}
	return object
}

// list reads the items of a list from the current line on.
func (p *plain) list() []any {
	p.depth++
	defer func() { p.depth-- }()
	list, column := []any{}, p.at
	for p.within(column) && isItem(p.line) {
		item := bytes.TrimLeft(p.line[1:], " ")
		if len(item) == 0 || item[0] == '#' {
			p.next()
			list = append(list, p.below(column, false))
			continue
		}
		p.at += len(p.line) - len(item)
		switch p.line = item; {
		case isItem(item):
			list = append(list, p.list())
		case keyOf(item) != "":
			list = append(list, p.mapping())
		default:
			list = append(list, p.scalar(item))
			p.next()
		}
	}
	return list
}

// below reads what is under a key or a dash: a block with more indentation, or a list under its key.
func (p *plain) below(column int, listMayAlign bool) any {
	switch {
	case p.other || len(p.line) == 0 || p.at < column, p.at == column && !(listMayAlign && isItem(p.line)):
		return nil
	case isItem(p.line):
		return p.list()
	case keyOf(p.line) != "":
		return p.mapping()
	}
	p.other = true
	return nil
}

func isItem(line []byte) bool { return line[0] == '-' && (len(line) == 1 || line[1] == ' ') }

// longestKey is less than the length up to which YAML allows a key on one line.
const longestKey = 256

// keyOf is the key with which a line begins, empty when it begins with none in this form.
func keyOf(line []byte) string {
	if !isLetter(line[0]) {
		return ""
	}
	end := 1
	for end < len(line) && (isLetter(line[end]) || isDigit(line[end]) || strings.IndexByte("_-./", line[end]) >= 0) {
		end++
	}
	if end >= len(line) || line[end] != ':' || end > longestKey || end+1 < len(line) && line[end+1] != ' ' {
		return ""
	}
	if end <= longestWord && otherWords[strings.ToLower(string(line[:end]))] {
		return ""
	}
	return string(line[:end])
}

func isLetter(c byte) bool { return 'a' <= c|' ' && c|' ' <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// scalar reads a value on the current line.
func (p *plain) scalar(text []byte) any {
	switch c := text[0]; {
	case c == '"', c == '\'':
		return p.quoted(text)
	case isLetter(c), isDigit(c), c == '/':
		return p.word(text)
	case bytes.Equal(text, []byte("{}")):
		return map[string]any{}
	case bytes.Equal(text, []byte("[]")):
		return []any{}
	}
	p.other = true
	return nil
}

// quoted reads a string in quotes that has no quotes or escapes in it.
func (p *plain) quoted(text []byte) any {
	end := bytes.IndexByte(text[1:], text[0]) + 1
	if end == 0 || text[0] == '"' && bytes.IndexByte(text[:end], '\\') >= 0 || !endsLine(text[end+1:]) {
		p.other = true
		return nil
	}
	return string(text[1:end])
}

// endsLine says that nothing but a comment follows.
func endsLine(text []byte) bool {
	rest := bytes.TrimLeft(text, " ")
	return len(rest) == 0 || rest[0] == '#' && len(rest) < len(text)
}

// word reads a string, a number or a boolean without quotes.
func (p *plain) word(text []byte) any {
	if comment := bytes.Index(text, []byte(" #")); comment >= 0 {
		text = text[:comment]
	}
	text = bytes.TrimRight(text, " ")
	digits, numeral := true, true
	for i, c := range text {
		switch {
		case isDigit(c):
			continue
		case isLetter(c), strings.IndexByte(" _-./,;()=+$^~", c) >= 0:
		case c == ':' && i+1 < len(text) && text[i+1] != ' ':
		default:
			p.other = true
			return nil
		}
		digits, numeral = false, numeral && strings.IndexByte("abcdefABCDEFxXoO_.+-", c) >= 0
	}
	switch {
	case digits && len(text) < len("1000000000000000000") && (text[0] != '0' || len(text) == 1):
		var n int64
		for _, c := range text {
			n = n*10 + int64(c-'0')
		}
		return n
	case isDigit(text[0]) && numeral, len(text) <= longestWord && otherWords[strings.ToLower(string(text))]:
		return p.asked(text)
	}
	return string(text)
}

// asked is the result of the YAML parser for a value that may not be a string.
func (p *plain) asked(text []byte) any {
	var value any
	if yamlv2.Unmarshal(text, &value) == nil {
		if same, ok := asJSON(value, 0); ok {
			return same
		}
	}
	p.other = true
	return nil
}
