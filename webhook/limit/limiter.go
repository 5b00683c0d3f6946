package limit

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// Limiter shares out the replica's time. A bounded number of reviews is decided
// at a time, a bounded number waits, and their bodies are bounded together.
//
// Every waiting review belongs to a share: of a namespace, or of a user for a cluster-scoped
// object. The next turn goes to the share with the least recent use. A share never has more than
// half of the slots. Shares with much use and long reviews never occupy all slots together, so that
// others do not wait for them. Dry runs count like other reviews.
//
// Within a share, the first review gets the turn, unless it has waited for half of its time: then
// there are more reviews than can be decided, and the last one, which has the most time left, is
// preferred. A review with less time left than reviews of the share take gets no turn.
type Limiter struct {
	slots, queue int
	now          func() time.Time

	mu      sync.Mutex
	here    int   // those that have a place
	bytes   int64 // of all bodies in memory
	running int
	heavy   int // of those running, the turns of heavy shares
	arrival int
	shares  map[string]*share
}

const (
	// maxBytes is the maximum total size of the bodies of all reviews.
	maxBytes = 32 << 20
	// halfLife is the time in which half of what a share used is forgotten.
	halfLife = 10 * time.Second
	// heavyUse and heavyTurn are the recent use of a share, and the duration of one of its reviews,
	// from which on it counts as heavy. Everybody can wait behind a shorter review: keeping a slot
	// free of those, too, would leave it idle under general load.
	heavyUse  = time.Second
	heavyTurn = 200 * time.Millisecond
)

// share is a group of reviews that wait for each other.
type share struct {
	running int
	waiting []*Turn
	used    time.Duration
	longest time.Duration // of its reviews of late; it is forgotten as used is
	at      time.Time     // when used and longest were true
	typical time.Duration // what its reviews take, the latest counting most
}

// heavy reports whether reviews of the share leave a slot to others.
func (s *share) heavy() bool { return s.used > heavyUse && s.longest > heavyTurn }

// Turn is one review's turn.
type Turn struct {
	share   *share
	name    string
	arrival int
	since   time.Time
	until   time.Time     // when nobody needs its decision any more; zero means never
	ready   chan struct{} // closed when it has a slot, or will have none
	began   time.Time     // zero while it has no slot
	heavy   bool
}

// inTime reports whether a review with this duration is decided in time if it begins now. A review
// that takes nearly all of its time is still tried.
func (t *Turn) inTime(now time.Time, takes time.Duration) bool {
	return t.until.IsZero() || t.until.Sub(now) >= min(takes, t.until.Sub(t.since)*9/10)
}

// late reports whether half of its time is over.
func (t *Turn) late(now time.Time) bool {
	return !t.until.IsZero() && now.Sub(t.since) > t.until.Sub(t.since)/2
}

// New returns a limiter with the given numbers of slots, and of places to wait for one.
func New(slots, queue int) *Limiter {
	return &Limiter{slots: slots, queue: queue, now: time.Now, shares: map[string]*share{}}
}

// Arrive takes a place for a body of a size, or reports at once that there is none.
func (l *Limiter) Arrive(size int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.here >= l.slots+l.queue || l.here > 0 && l.bytes+size > maxBytes {
		return false
	}
	l.here++
	l.bytes += size
	return true
}

// Here returns the number of reviews with a place.
func (l *Limiter) Here() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.here
}

// Depart gives the place back.
func (l *Limiter) Depart(size int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.here--
	l.bytes -= size
}

// Enter waits for a turn as long as ctx allows; nil means that there is none. A share that fills
// half of the queue gets none either.
func (l *Limiter) Enter(ctx context.Context, name string) *Turn {
	until, _ := ctx.Deadline()
	t := l.wait(name, until)
	if t == nil {
		return nil
	}
	select {
	case <-t.ready:
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // also when a slot came at the same moment
		l.renounce(t)
		return nil
	}
	if t.began.IsZero() {
		return nil
	}
	return t
}

// renounce ends the wait for a turn.
func (l *Limiter) renounce(t *Turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !t.began.IsZero() {
		l.free(t)
		return
	}
	t.share.waiting = slices.DeleteFunc(t.share.waiting, func(o *Turn) bool { return o == t })
	l.forget(t.name)
}

func (l *Limiter) wait(name string, until time.Time) *Turn {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.shares[name]
	if s == nil {
		s = &share{at: l.now()}
		l.shares[name] = s
	}
	if len(s.waiting) > l.queue/2 {
		return nil
	}
	l.arrival++
	t := &Turn{share: s, name: name, arrival: l.arrival, since: l.now(), until: until, ready: make(chan struct{})}
	s.waiting = append(s.waiting, t)
	l.dispatch()
	return t
}

// Leave gives the slot back.
func (l *Limiter) Leave(t *Turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	took := now.Sub(t.began)
	t.share.decay(now)
	t.share.used += took
	t.share.longest = max(t.share.longest, took)
	t.share.typical += (took - t.share.typical) / 4
	l.free(t)
}

// free lets others have the slot.
func (l *Limiter) free(t *Turn) {
	t.share.running--
	l.running--
	if t.heavy {
		l.heavy--
	}
	l.dispatch()
	l.forget(t.name)
}

// dispatch gives turns to those that may have one.
func (l *Limiter) dispatch() {
	for l.running < l.slots {
		now := l.now()
		next := l.next(now)
		if next == nil {
			return
		}
		t := next.take(now)
		if t == nil {
			continue
		}
		next.running++
		l.running++
		if t.began, t.heavy = now, next.heavy(); t.heavy {
			l.heavy++
		}
		close(t.ready)
	}
}

// next returns the share whose turn it is; nil if there is none.
func (l *Limiter) next(now time.Time) *share {
	var next *share
	for _, s := range l.shares {
		if len(s.waiting) == 0 || s.running >= max(1, l.slots/2) {
			continue
		}
		s.decay(now)
		if s.heavy() && l.heavy >= max(1, l.slots-1) {
			continue
		}
		if next == nil || s.used < next.used || s.used == next.used && s.waiting[0].arrival < next.waiting[0].arrival {
			next = s
		}
	}
	return next
}

// take removes the review whose turn it is from the waiting ones, and rejects those whose time is
// too short. It returns nil when there is no other.
func (s *share) take(now time.Time) *Turn {
	s.waiting = slices.DeleteFunc(s.waiting, func(t *Turn) bool {
		if t.inTime(now, s.typical) {
			return false
		}
		close(t.ready)
		return true
	})
	if len(s.waiting) == 0 {
		return nil
	}
	i := 0
	if s.waiting[0].late(now) {
		i = len(s.waiting) - 1
	}
	t := s.waiting[i]
	s.waiting = slices.Delete(s.waiting, i, i+1)
	return t
}

// decay forgets what a share used long ago.
func (s *share) decay(now time.Time) {
	if passed := now.Sub(s.at); passed > 0 {
		left := math.Exp2(-float64(passed) / float64(halfLife))
		s.used, s.longest = time.Duration(float64(s.used)*left), time.Duration(float64(s.longest)*left)
		s.at = now
	}
}

// forget drops shares without waiting reviews that used next to nothing.
func (l *Limiter) forget(name string) {
	s := l.shares[name]
	if s != nil && s.running == 0 && len(s.waiting) == 0 && s.used < time.Millisecond {
		delete(l.shares, name)
	}
	if len(l.shares) < maxShares {
		return
	}
	now := l.now()
	for name, s := range l.shares {
		if s.decay(now); s.running == 0 && len(s.waiting) == 0 && s.used < heavyUse/2 {
			delete(l.shares, name)
		}
	}
}

// maxShares is the number of shares from which on those with little use are dropped.
const maxShares = 1024
