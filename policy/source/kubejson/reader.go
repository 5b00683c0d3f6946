package kubejson

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/json"
)

// Reader reads a text from its beginning. Its methods return false for what is not JSON, and for what is
// left to the general decoder. A Reader that has returned false is of no further use.
type Reader struct {
	text  []byte
	at    int
	depth int
	// elements are the elements of the lists that are being read; texts are assembled in scratch.
	elements []any
	scratch  []byte
	recent   *Recent
}

// Of returns a reader of a text.
func Of(text []byte) Reader { return Reader{text: text} }

// Sharing returns a reader of a text that shares strings with other readers.
func Sharing(text []byte, recent *Recent) Reader { return Reader{text: text, recent: recent} }

// Done reports whether the whole text has been read.
func (r *Reader) Done() bool { return r.Next() == 0 && r.at == len(r.text) }

// At is how far the text has been read.
func (r *Reader) At() int { return r.at }

// Since returns the text from a place on that has been read, which is not copied.
func (r *Reader) Since(at int) []byte { return r.text[at:r.at:r.at] }

// maxDepth is how deep lists and objects may be nested. No API object comes near it.
const maxDepth = 200

// Next is the next character that is not white space, 0 at the end.
func (r *Reader) Next() byte {
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
func (r *Reader) takes(c byte) bool {
	if r.Next() != c {
		return false
	}
	r.at++
	return true
}

// Word reports whether a word comes next, and skips it.
func (r *Reader) Word(word string) bool {
	if r.Next() == 0 || len(r.text)-r.at < len(word) || string(r.text[r.at:r.at+len(word)]) != word {
		return false
	}
	r.at += len(word)
	return true
}

// Value reads any value.
func (r *Reader) Value() (value any, ok bool) {
	switch r.Next() {
	case 0:
		return nil, false
	case '{':
		return r.Object()
	case '[':
		return r.list()
	case '"':
		return r.String()
	case 't':
		return true, r.Word("true")
	case 'f':
		return false, r.Word("false")
	case 'n':
		return nil, r.Word("null")
	}
	return r.number()
}

// Object reads an object.
func (r *Reader) Object() (map[string]any, bool) {
	object := map[string]any{}
	ok := r.Members(func(key string) bool {
		value, ok := r.Value()
		object[key] = value
		return ok
	})
	return object, ok
}

// Members reads an object, member by member.
func (r *Reader) Members(member func(key string) bool) bool {
	if r.depth++; r.depth > maxDepth || !r.takes('{') {
		return false
	}
	for first := true; !r.takes('}'); first = false {
		if !first && !r.takes(',') || r.Next() != '"' {
			return false
		}
		key, ok := r.String()
		if !ok || !r.takes(':') || !member(key) {
			return false
		}
	}
	r.depth--
	return true
}

// list reads a list.
func (r *Reader) list() ([]any, bool) {
	begin := len(r.elements)
	if !r.Each(func() bool {
		value, ok := r.Value()
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

// Each reads a list, element by element.
func (r *Reader) Each(element func() bool) bool {
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

// String reads a text.
func (r *Reader) String() (string, bool) {
	r.at++
	begin, plain := r.at, true
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == '"':
			text := r.text[begin:r.at]
			r.at++
			return r.shared(text), plain || utf8.Valid(text)
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
func (r *Reader) escaped(begin int) (string, bool) {
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
func (r *Reader) rest() int {
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
func (r *Reader) hex() (char rune, ok bool) {
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
func (r *Reader) number() (any, bool) {
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
func (r *Reader) fraction(begin int) (value any, ok bool) {
	for r.at < len(r.text) && strings.IndexByte("0123456789.eE+-", r.text[r.at]) >= 0 {
		r.at++
	}
	err := json.Unmarshal(r.text[begin:r.at], &value)
	return value, err == nil
}
