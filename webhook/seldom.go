package webhook

import (
	"sync/atomic"
	"time"
)

// seldom says yes once in a while, and counts in between.
type seldom struct {
	every   time.Duration
	last    atomic.Int64 // when it said yes, in nanoseconds
	skipped atomic.Int64
}

// now says whether it is time again, and how often it was not since.
func (s *seldom) now(now time.Time) (yes bool, skipped int64) {
	last := s.last.Load()
	if now.UnixNano()-last < int64(s.every) || !s.last.CompareAndSwap(last, now.UnixNano()) {
		s.skipped.Add(1)
		return false, 0
	}
	return true, s.skipped.Swap(0)
}

const (
	// closingPause is between two connections that are closed because of overload. A call on a new
	// one may reach a replica that has time; but where every refusal cost another handshake, those
	// would take the time of the reviews that can be decided.
	closingPause = 40 * time.Millisecond
	// tellingPause is between two lines of the log about overload.
	tellingPause = time.Second
)
