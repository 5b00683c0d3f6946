package bound

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// The pattern is what GEP-2257 gives.
func TestDurationsAreThoseOfThePattern(t *testing.T) {
	pattern := regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)
	texts := rapid.OneOf(rapid.StringMatching(`([0-9]{0,6}(h|m|s|ms|µs|\.)){0,5}\n?`), rapid.StringOfN(rapid.RuneFrom([]rune("0159hms \n٣")), 0, 8, -1))
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "text")
		if got, want := isDuration(text), pattern.MatchString(text); got != want {
			t.Fatalf("isDuration(%q) = %v", text, got)
		}
		if _, err := ParseDuration(text); (err == nil) != pattern.MatchString(text) {
			t.Fatalf("ParseDuration(%q): %v", text, err)
		}
	})
}
