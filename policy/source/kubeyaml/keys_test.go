package kubeyaml

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// Looking at bytes finds the same as the regular expression.
func TestKeysThatMayNotBeTextsAreFound(t *testing.T) {
	expression := regexp.MustCompile(`(?m)(?:^|[\s{,?])(?:[-+.]?[0-9][^\s"':]*|~|(?i:y|n|yes|no|on|off|true|false|null))\s*:(?:\s|$)`)
	pieces := []string{
		"a", "yes", "No", "fALSE", "null", "~", "1", "-1", "+.5", ".5", "0x1F", ":", ": ", ":\n", "\n", " ", "  ", "\t", "{", "}", ",", "?", "? ",
		"'", `"`, "-", "- ", "_", "é", "10.0.0.1", "1{2", "name", "on", "off",
	}
	rapid.Check(t, func(t *rapid.T) {
		text := ""
		for range rapid.IntRange(1, 12).Draw(t, "pieces") {
			text += rapid.SampledFrom(pieces).Draw(t, "piece")
		}
		if got, want := mayHaveOtherKeys([]byte(text)), expression.MatchString(text); got != want {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
	})
}
