package limit

import (
	"testing"
	"time"
)

func TestSeldomSaysYesOnceInAWhile(t *testing.T) {
	s := Seldom{Every: time.Second}
	begin := time.Now()
	for _, test := range []struct {
		after   time.Duration
		yes     bool
		skipped int64
	}{{0, true, 0}, {time.Millisecond, false, 0}, {999 * time.Millisecond, false, 0}, {time.Second, true, 2}, {2 * time.Second, true, 0}} {
		if yes, skipped := s.Now(begin.Add(test.after)); yes != test.yes || skipped != test.skipped {
			t.Errorf("after %s: %v, %d skipped", test.after, yes, skipped)
		}
	}
}
