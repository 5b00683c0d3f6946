package statement

import (
	"strconv"
	"time"
)

// Seconds is a duration as GEP-2257 writes it: at most five digits of each unit
// (M49); false when it cannot be written.
func Seconds(n int) (string, bool) {
	switch {
	case n < 0:
		return "", false
	case n <= 99999:
		return strconv.Itoa(n) + "s", true
	case n/3600 > 99999:
		return "", false
	}
	text := strconv.Itoa(n/3600) + "h"
	if m := n % 3600 / 60; m > 0 {
		text += strconv.Itoa(m) + "m"
	}
	if s := n % 60; s > 0 {
		text += strconv.Itoa(s) + "s"
	}
	return text, true
}

// Duration is a duration as GEP-2257 writes it, empty when it is below a millisecond.
func Duration(d time.Duration) string {
	if d < time.Millisecond {
		return ""
	}
	text, ok := "", true
	if d >= time.Second {
		text, ok = Seconds(int(d / time.Second))
	}
	if ms := d % time.Second / time.Millisecond; ms > 0 {
		text += strconv.FormatInt(int64(ms), 10) + "ms"
	}
	if !ok {
		return ""
	}
	return text
}
