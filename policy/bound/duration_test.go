package bound

import (
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The pattern is what GEP-2257 gives.
func TestDurationsAreThoseOfThePattern(t *testing.T) {
	pattern := regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)
	texts := rapid.OneOf(rapid.StringMatching(`([0-9]{0,6}(h|m|s|ms|µs|\.)){0,5}\n?`), rapid.StringOfN(rapid.RuneFrom([]rune("0159hms \n٣")), 0, 8, -1))
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "text")
		got, err := ParseDuration(text)
		if (err == nil) != pattern.MatchString(text) {
			t.Fatalf("ParseDuration(%q): %v", text, err)
		}
		if want, _ := time.ParseDuration(text); err == nil && got != want {
			t.Fatalf("ParseDuration(%q) = %v", text, got)
		}
	})
}
