package prose_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy/prose"
)

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"plain text, Wörter, 日本語": "plain text, Wörter, 日本語",
		"\x1b[31mRED\a\x00":       `\u{001b}[31mRED\u{0007}\u{0000}`,
		"a\r\n- guardrail fake":   "a  - guardrail fake",
		"a\u2028b\tc":             "a b c",
		"x\u202eevil\u2066":       `x\u{202e}evil\u{2066}`,
		"zero\u200bwidth\ufeff":   `zero\u{200b}width\u{feff}`,
		"tag \U000e0041":          `tag \u{e0041}`,
		"\xff":                    `\u{fffd}`,
	} {
		if got := prose.Visible(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

func TestAVisibleTextIsOneLineOfWhatIsSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := prose.Visible(rapid.String().Draw(t, "text"))
		if strings.ContainsFunc(text, func(c rune) bool {
			return unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp)
		}) {
			t.Errorf("%q", text)
		}
		if again := prose.Visible(text); again != text {
			t.Errorf("%q becomes %q", text, again)
		}
	})
}
