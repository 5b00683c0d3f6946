package controller

import (
	"sync"
	"time"

	"github.com/attache-dev/attache/hierarchy"
)

// backoff keeps us from fighting with another program that writes where we
// write: what is changed a few times is put right at once; what does not stay
// right is put right less and less often.
type backoff struct {
	mu     sync.Mutex
	fights map[hierarchy.Ref]fight
}

// fight is how an object was put right of late.
type fight struct {
	last  time.Time
	times int
}

const (
	// freely is how many times an object is put right without waiting.
	freely = 10
	// leastWait is the first wait, which doubles each time; mostWait is the
	// longest.
	leastWait = time.Second
	mostWait  = 5 * time.Minute
	// peace is how long an object has to stay right, beside the next wait, for
	// all to be forgotten.
	peace = 30 * time.Second
)

// wait is how long the next repair has to wait.
func (f fight) wait() time.Duration {
	if f.times < freely {
		return 0
	}
	return min(leastWait<<min(f.times-freely, 10), mostWait)
}

// wait is how long to wait before looking at an object that somebody else wrote
// on.
func (p *backoff) wait(ref hierarchy.Ref, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of(ref, now).wait()
}

// repaired takes in that an object had to be put right.
func (p *backoff) repaired(ref hierarchy.Ref, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fights[ref] = fight{last: now, times: p.of(ref, now).times + 1}
}

// of is the fight about an object, if it is not over.
func (p *backoff) of(ref hierarchy.Ref, now time.Time) fight {
	f, ok := p.fights[ref]
	if ok && now.Sub(f.last) > f.wait()+peace {
		delete(p.fights, ref)
		return fight{}
	}
	return f
}
