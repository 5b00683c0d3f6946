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
// Whoever waits belongs to a share: a namespace, or a user where an object is in
// none. The turn goes to the share that used least of late. A share never has
// more than half of the slots, and those that used much never have all slots
// between them, so that there is always one for the others. Dry runs count as
// what they cost.
type Limiter struct {
	slots, queue int
	now          func() time.Time

	mu      sync.Mutex
	here    int   // who has a place
	bytes   int64 // of all bodies that are here
	running int
	heavy   int // of those running, the turns of heavy shares
	arrival int
	shares  map[string]*share
}

const (
	// maxBytes is how large the bodies of all reviews together may be.
	maxBytes = 32 << 20
	// halfLife is the time in which half of what a share used is forgotten.
	halfLife = 10 * time.Second
	// heavyUse is what a share has used of late when it counts as heavy.
	heavyUse = time.Second
)

// share is those who wait for each other.
type share struct {
	running int
	waiting []*Turn
	used    time.Duration
	at      time.Time // when used was true
}

// Turn is one review's turn.
type Turn struct {
	share   *share
	name    string
	arrival int
	ready   chan struct{}
	began   time.Time // zero while it waits
	heavy   bool
}

// New is a limiter with so many slots, and so many places to wait for one.
func New(slots, queue int) *Limiter {
	return &Limiter{slots: slots, queue: queue, now: time.Now, shares: map[string]*share{}}
}

// Arrive takes a place for a body of a size, or says at once that there is none.
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

// Here counts those who have a place.
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

// Enter waits for a turn as long as ctx allows; nil is none. A share that fills
// half of the queue gets none either.
func (l *Limiter) Enter(ctx context.Context, name string) *Turn {
	t := l.wait(name)
	if t == nil {
		return nil
	}
	select {
	case <-t.ready:
		return t
	case <-ctx.Done():
	}
	l.mu.Lock()
	if t.began.IsZero() {
		t.share.waiting = slices.DeleteFunc(t.share.waiting, func(o *Turn) bool { return o == t })
		l.forget(t.name)
		l.mu.Unlock()
		return nil
	}
	l.mu.Unlock()
	l.Leave(t) // it came at the same moment, and too late
	return nil
}

func (l *Limiter) wait(name string) *Turn {
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
	t := &Turn{share: s, name: name, arrival: l.arrival, ready: make(chan struct{})}
	s.waiting = append(s.waiting, t)
	l.dispatch()
	return t
}

// Leave gives the slot back.
func (l *Limiter) Leave(t *Turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	t.share.decay(now)
	t.share.used += now.Sub(t.began)
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
		var next *share
		for _, s := range l.shares {
			if len(s.waiting) == 0 || s.running >= max(1, l.slots/2) {
				continue
			}
			s.decay(now)
			if s.used > heavyUse && l.heavy >= max(1, l.slots-1) {
				continue
			}
			if next == nil || s.used < next.used || s.used == next.used && s.waiting[0].arrival < next.waiting[0].arrival {
				next = s
			}
		}
		if next == nil {
			return
		}
		t := next.waiting[0]
		next.waiting = next.waiting[1:]
		next.running++
		l.running++
		if t.began, t.heavy = now, next.used > heavyUse; t.heavy {
			l.heavy++
		}
		close(t.ready)
	}
}

// decay forgets what a share used long ago.
func (s *share) decay(now time.Time) {
	if passed := now.Sub(s.at); passed > 0 {
		s.used = time.Duration(float64(s.used) * math.Exp2(-float64(passed)/float64(halfLife)))
		s.at = now
	}
}

// forget forgets shares that nobody waits in and that used next to nothing.
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

// maxShares is how many shares are kept before those that used little go.
const maxShares = 1024
