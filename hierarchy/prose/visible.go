package prose

import (
	"strings"
	"unicode"
)

// Visible is a text as it may be shown to somebody, whoever wrote it: one line, in
// which nothing moves the cursor, rings, turns the direction of writing around or
// hides. White space becomes a blank, other such characters their escapes.
func Visible(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		switch {
		case !hidden(c):
			b.WriteRune(c)
		case unicode.IsSpace(c):
			b.WriteByte(' ')
		default:
			b.WriteString(escape(c))
		}
	}
	return b.String()
}

// hidden says whether a character does something else than being seen: control
// characters, line and paragraph separators, and formats, the marks of direction
// among them. What is no text at all is one of them.
func hidden(c rune) bool {
	return c == unicode.ReplacementChar || unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

func escape(c rune) string {
	const digits = "0123456789abcdef"
	text := []byte(`\u{}`)[:3]
	shift := 12
	for c>>(shift+4) > 0 {
		shift += 4
	}
	for ; shift >= 0; shift -= 4 {
		text = append(text, digits[c>>shift&0xf])
	}
	return string(append(text, '}'))
}
