package export

import (
	"strconv"
	"strings"
	"time"
)

// duration is a GEP-2257 duration as somebody wrote it (E7.1).
type duration struct {
	text string
	time.Duration
}

// parseDuration reads a duration; ok is false if v is none.
func parseDuration(v any) (duration, bool) {
	text, isText := v.(string)
	d, err := time.ParseDuration(text)
	if !isText || err != nil || d < 0 {
		return duration{}, false
	}
	return duration{text, d}, true
}

// of returns a duration in canonical form.
func of(d time.Duration) *duration {
	if d == 0 {
		return &duration{"0s", 0}
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
	return &duration{b.String(), d}
}

// limits reports whether d limits a time: it is present and not 0s, which means off.
func (d *duration) limits() bool { return d != nil && d.Duration > 0 }

// off reports whether d is present and switches the timer off.
func (d *duration) off() bool { return d != nil && d.Duration == 0 }

// same reports whether two durations are equal, or both absent.
func same(a, b *duration) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Duration == b.Duration
}

// within reports whether a ends no later than b. A duration that is off or absent never ends.
func within(a, b *duration) bool {
	return a.limits() && (!b.limits() || a.Duration <= b.Duration)
}

// shorter returns the one that ends first, nil if neither ends.
func shorter(a, b *duration) *duration {
	switch {
	case within(a, b):
		return a
	case b.limits():
		return b
	}
	return nil
}

// day is written instead of "off" for planes that cannot express it (E7.2).
func day() *duration { return &duration{"24h", 24 * time.Hour} }
