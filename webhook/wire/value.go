package wire

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/json"
)

// reader reads a text from its beginning. Its methods return false for what is not JSON, and for what is
// left to the general decoder.
type reader struct {
	text  []byte
	at    int
	depth int
	// elements are the elements of the lists that are being read; texts are assembled in scratch.
	elements []any
	scratch  []byte
}

// maxDepth is how deep lists and objects may be nested. No API object comes near it.
const maxDepth = 200

// next is the next character that is not white space, 0 at the end.
func (r *reader) next() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// takes reports whether a character comes next, and skips it.
func (r *reader) takes(c byte) bool {
	if r.next() != c {
		return false
	}
	r.at++
	return true
}

// word reports whether a word comes next, and skips it.
func (r *reader) word(word string) bool {
	if r.next() == 0 || len(r.text)-r.at < len(word) || string(r.text[r.at:r.at+len(word)]) != word {
		return false
	}
	r.at += len(word)
	return true
}

// value reads any value.
func (r *reader) value() (value any, ok bool) {
	switch r.next() {
	case '{':
		return r.object()
	case '[':
		return r.list()
	case '"':
		return r.string()
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case 'n':
		return nil, r.word("null")
	}
	return r.number()
}

// object reads an object.
func (r *reader) object() (map[string]any, bool) {
	object := map[string]any{}
	ok := r.members(func(key string) bool {
		value, ok := r.value()
		object[key] = value
		return ok
	})
	return object, ok
}

// members reads an object, member by member.
func (r *reader) members(member func(key string) bool) bool {
	if r.depth++; r.depth > maxDepth || !r.takes('{') {
		return false
	}
	for first := true; !r.takes('}'); first = false {
		if !first && !r.takes(',') || r.next() != '"' {
			return false
		}
		key, ok := r.string()
		if !ok || !r.takes(':') || !member(key) {
			return false
		}
	}
	r.depth--
	return true
}

// list reads a list.
func (r *reader) list() ([]any, bool) {
	begin := len(r.elements)
	if !r.each(func() bool {
		value, ok := r.value()
		r.elements = append(r.elements, value)
		return ok
	}) {
		return nil, false
	}
	list := make([]any, len(r.elements)-begin)
	copy(list, r.elements[begin:])
	r.elements = r.elements[:begin]
	return list, true
}

// each reads a list, element by element.
func (r *reader) each(element func() bool) bool {
	if r.depth++; r.depth > maxDepth || !r.takes('[') {
		return false
	}
	for first := true; !r.takes(']'); first = false {
		if !first && !r.takes(',') || !element() {
			return false
		}
	}
	r.depth--
	return true
}

// string reads a text.
func (r *reader) string() (string, bool) {
	r.at++
	begin, plain := r.at, true
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == '"':
			text := r.text[begin:r.at]
			r.at++
			return shared(text), plain || utf8.Valid(text)
		case c == '\\':
			return r.escaped(begin)
		case c < ' ':
			return "", false
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	return "", false
}

// escapes are the characters that a backslash and a letter stand for.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped reads on in a text that began somewhere, from its first backslash.
func (r *reader) escaped(begin int) (string, bool) {
	out := append(slices.Grow(r.scratch[:0], r.rest()+r.at-begin), r.text[begin:r.at]...)
	for r.at < len(r.text) {
		c := r.text[r.at]
		r.at++
		switch {
		case c == '"':
			r.scratch = out
			return string(out), utf8.Valid(out)
		case c < ' ':
			return "", false
		case c != '\\':
			out = append(out, c)
			continue
		case r.at == len(r.text):
			return "", false
		}
		c = r.text[r.at]
		r.at++
		if c == 'u' {
			char, ok := r.hex()
			if !ok {
				return "", false
			}
			out = utf8.AppendRune(out, char)
			continue
		}
		if escapes[c] == 0 {
			return "", false
		}
		out = append(out, escapes[c])
	}
	return "", false
}

// rest is roughly the length of the rest of a text. A quote after an escaped backslash is not seen.
func (r *reader) rest() int {
	for n := 0; ; n++ {
		end := bytes.IndexByte(r.text[r.at+n:], '"')
		if end < 0 {
			return len(r.text) - r.at
		}
		if n += end; n == 0 || r.text[r.at+n-1] != '\\' {
			return n
		}
	}
}

// hex reads the number of a character, if that is a complete one.
func (r *reader) hex() (char rune, ok bool) {
	if len(r.text)-r.at < 4 {
		return 0, false
	}
	for _, c := range r.text[r.at : r.at+4] {
		switch {
		case c >= '0' && c <= '9':
			char = char<<4 + rune(c-'0')
		case c >= 'a' && c <= 'f':
			char = char<<4 + rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			char = char<<4 + rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	r.at += 4
	return char, utf8.ValidRune(char)
}

// maxDigits is the maximum number of digits of a number that is certainly an int64.
const maxDigits = 18

// number reads a number.
func (r *reader) number() (any, bool) {
	begin, number, digits := r.at, int64(0), 0
	if r.at < len(r.text) && r.text[r.at] == '-' {
		r.at++
	}
	for ; r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9'; r.at++ {
		if digits++; digits <= maxDigits {
			number = number*10 + int64(r.text[r.at]-'0')
		}
	}
	first := r.text[min(r.at-digits, len(r.text)-1)]
	whole := r.at == len(r.text) || r.text[r.at] != '.' && r.text[r.at] != 'e' && r.text[r.at] != 'E'
	switch {
	case digits == 0, digits > 1 && first == '0':
		return nil, false
	case !whole || digits > maxDigits:
		return r.fraction(begin)
	case r.text[begin] == '-':
		number = -number
	}
	return number, true
}

// fraction reads a number that is not a short whole one.
func (r *reader) fraction(begin int) (value any, ok bool) {
	for r.at < len(r.text) && strings.IndexByte("0123456789.eE+-", r.text[r.at]) >= 0 {
		r.at++
	}
	err := json.Unmarshal(r.text[begin:r.at], &value)
	return value, err == nil
}
