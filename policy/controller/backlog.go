package controller

import (
	"sync"
	"time"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/source/cluster"
)

// backlog collects batches until there is time for them.
type backlog struct {
	mu               sync.Mutex
	after            *policy.Snapshot
	changed, written refs
	since            time.Time
	filled           chan struct{} // holds one token while there is something
}

func newBacklog() *backlog {
	return &backlog{changed: refs{}, written: refs{}, filled: make(chan struct{}, 1)}
}

// put adds a batch. It never waits.
func (b *backlog) put(batch cluster.Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.after == nil {
		b.since = time.Now()
	}
	b.after = batch.After
	for _, ref := range batch.Changed {
		b.changed.add(ref)
	}
	for _, ref := range batch.Written {
		b.written.add(ref)
	}
	b.nudge()
}

// nudge makes take return, even if there is nothing in the backlog.
func (b *backlog) nudge() {
	select {
	case b.filled <- struct{}{}:
	default:
	}
}

// take returns all batches as one; after is nil when there are none.
func (b *backlog) take() (after *policy.Snapshot, changed, written refs, since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	after, changed, written, since = b.after, b.changed, b.written, b.since
	b.after, b.changed, b.written = nil, refs{}, refs{}
	select {
	case <-b.filled: // it came after somebody had begun to wait for more
	default:
	}
	return after, changed, written, since
}
