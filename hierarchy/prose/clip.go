package prose

import "unicode/utf8"

const mark = "…"

// Clip cuts a text to a number of bytes, at the end of a character, and marks the cut.
func Clip(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	end := max(0, bytes-len(mark))
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	if bytes < len(mark) {
		return text[:end]
	}
	return text[:end] + mark
}
