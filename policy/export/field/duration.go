package field

import (
	"strconv"
	"strings"
	"time"
)

// Duration is a GEP-2257 duration as somebody wrote it (E7.1).
type Duration struct {
	Text string
	time.Duration
}

// ParseDuration reads a duration; ok is false if v is none.
func ParseDuration(v any) (Duration, bool) {
	text, isText := v.(string)
	d, err := time.ParseDuration(text)
	if !isText || err != nil || d < 0 {
		return Duration{}, false
	}
	return Duration{text, d}, true
}

// DurationOf returns a duration in canonical form.
func DurationOf(d time.Duration) *Duration {
	if d == 0 {
		return &Duration{"0s", 0}
	}
	var b strings.Builder
	rest := d
	for _, unit := range [...]struct {
		name string
		size time.Duration
	}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if n := rest / unit.size; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + unit.name)
			rest %= unit.size
		}
	}
	return &Duration{b.String(), d}
}

// Limits reports whether d limits a time: it is present and not 0s, which means off.
func (d *Duration) Limits() bool { return d != nil && d.Duration > 0 }

// Off reports whether d is present and switches the timer off.
func (d *Duration) Off() bool { return d != nil && d.Duration == 0 }

// Same reports whether two durations are equal, or both absent.
func Same(a, b *Duration) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Duration == b.Duration
}

// Within reports whether a ends no later than b. A duration that is off or absent never ends.
func Within(a, b *Duration) bool {
	return a.Limits() && (!b.Limits() || a.Duration <= b.Duration)
}

// Shorter returns the one that ends first, nil if neither ends.
func Shorter(a, b *Duration) *Duration {
	switch {
	case Within(a, b):
		return a
	case b.Limits():
		return b
	}
	return nil
}

// Day is written instead of "off" for planes that cannot express it (E7.2).
func Day() *Duration { return &Duration{"24h", 24 * time.Hour} }
