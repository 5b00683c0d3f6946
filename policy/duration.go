package policy

import (
	"fmt"
	"regexp"
	"time"
)

var durationPattern = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)

// ParseDuration reads a GEP-2257 duration: up to four numbers of at most five
// digits, each with a unit h, m, s or ms.
func ParseDuration(text string) (time.Duration, error) {
	if !durationPattern.MatchString(text) {
		return 0, fmt.Errorf(`%q is not a duration: write whole numbers with the units h, m, s or ms, like 30s, 500ms or 1h30m`, text)
	}
	return time.ParseDuration(text)
}
