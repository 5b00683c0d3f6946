package prose

import (
	"strings"
	"unicode"
)

// Visible returns a text in a form that is safe to display, whoever wrote it: one line, without
// characters that move the cursor, ring the bell, reverse the direction of writing, or are
// invisible. White space becomes a space, and the other such characters become their escapes.
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

// hidden reports whether a character has another effect than being visible: control characters,
// line and paragraph separators, and format characters, including direction marks. Invalid text
// counts as hidden too.
func hidden(c rune) bool {
	if c >= ' ' && c < 0x7f {
		return false // as nearly every character of a message
	}
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
