package limit

import (
	"sync/atomic"
	"time"
)

// Seldom reports true once in a while, and counts in between.
type Seldom struct {
	// Every is the time between two reports.
	Every time.Duration

	last    atomic.Int64 // when it last reported true, in nanoseconds
	skipped atomic.Int64
}

// Now reports whether it is time again, and how often it was called since.
func (s *Seldom) Now(now time.Time) (yes bool, skipped int64) {
	last := s.last.Load()
	if now.UnixNano()-last < int64(s.Every) || !s.last.CompareAndSwap(last, now.UnixNano()) {
		s.skipped.Add(1)
		return false, 0
	}
	return true, s.skipped.Swap(0)
}
