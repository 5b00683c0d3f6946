package kubeyaml

import (
	"bytes"
	"strings"
)

// mayHaveOtherKeys reports whether a document may have keys that are not strings: numbers, booleans and
// nulls. It looks at the text before each colon that ends a key, and knows nothing else about YAML.
func mayHaveOtherKeys(data []byte) bool {
	for at := 0; ; at++ {
		next := bytes.IndexByte(data[at:], ':')
		if next < 0 {
			return false
		}
		at += next
		if at+1 < len(data) && !isSpace(data[at+1]) {
			continue
		}
		if mayEndWithOtherKey(bytes.TrimRight(data[:at], spaces)) {
			return true
		}
	}
}

const spaces = " \t\n\f\r"

func isSpace(c byte) bool { return strings.IndexByte(spaces, c) >= 0 }

// mayEndWithOtherKey reports whether a text ends with a key that may not be a string.
func mayEndWithOtherKey(text []byte) bool {
	start := len(text)
	for start > 0 && !isSpace(text[start-1]) && strings.IndexByte("{,?", text[start-1]) < 0 && len(text)-start <= longestWord {
		start--
	}
	if otherWords[strings.ToLower(string(text[start:]))] && beginsKey(text, start) {
		return true
	}
	for start = len(text); start > 0 && !isSpace(text[start-1]) && strings.IndexByte(`"':`, text[start-1]) < 0; start-- {
		if beginsKey(text, start-1) && isNumberLike(text[start-1:]) {
			return true
		}
	}
	return false
}

// otherWords are the keys that are neither strings nor numbers.
var otherWords = map[string]bool{
	"~": true, "y": true, "n": true, "yes": true, "no": true, "on": true, "off": true, "true": true, "false": true, "null": true,
}

const longestWord = len("false")

// beginsKey reports whether a key may begin at a position in a text.
func beginsKey(text []byte, at int) bool {
	return at == 0 || isSpace(text[at-1]) || strings.IndexByte("{,?", text[at-1]) >= 0
}

// isNumberLike reports whether a text begins like a number.
func isNumberLike(text []byte) bool {
	if len(text) > 1 && strings.IndexByte("-+.", text[0]) >= 0 {
		text = text[1:]
	}
	return len(text) > 0 && text[0] >= '0' && text[0] <= '9'
}
