package controller

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/source/cluster"
)

// rejudge is the delay after which results that could not be judged in time are judged again. It
// doubles, up to maxRejudge, while that does not help.
const (
	rejudge    = time.Second
	maxRejudge = time.Minute
)

// A burst is a quick sequence of edits of the same objects, as written by programs that move an
// object from state to state. It ends in one pass: after a quiet time, or after the longest time
// that a change waits for the end of a burst.
const (
	quiet        = 100 * time.Millisecond
	longestBurst = 1500 * time.Millisecond
)

// loop brings the state up to date with the source and queues objects. It is one goroutine, the
// only one that changes the state's snapshot, and its fields belong to it alone.
type loop struct {
	c       *Controller
	queue   workqueue.TypedRateLimitingInterface[hierarchy.Ref]
	backlog *backlog
	// again fires when results that could not be judged in time are to be judged again. It is one
	// timer, however many passes set it.
	again *time.Timer
	// set means that it is set, pause is its last duration, and due means that it fired.
	set, due bool
	pause    time.Duration
	// ends fires when an exception ends whose guardrail withholds results then.
	ends *time.Timer
	// faults are the faults of policy kinds that were logged.
	faults kindFaults
}

// follow fills the queue from now on, until ctx ends.
func (c *Controller) follow(ctx context.Context, queue workqueue.TypedRateLimitingInterface[hierarchy.Ref]) error {
	c.queue = queue
	go newLoop(c, queue).run(ctx)
	return nil
}

// newLoop is a loop whose timers are not set.
func newLoop(c *Controller, queue workqueue.TypedRateLimitingInterface[hierarchy.Ref]) *loop {
	l := &loop{c: c, queue: queue, backlog: newBacklog(), again: time.NewTimer(0), ends: time.NewTimer(0), faults: kindFaults{}}
	l.again.Stop()
	l.ends.Stop()
	return l
}

func (l *loop) run(ctx context.Context) {
	if l.c.source.WaitForResults(ctx) != nil {
		return // the end came first
	}
	if planes := l.c.enforcer.Planes; planes != nil && planes.WaitForSync(ctx) != nil {
		return
	}
	now, cancel := l.c.source.Subscribe(l.backlog.put)
	defer cancel()
	defer l.again.Stop()
	defer l.ends.Stop()
	defer l.c.progress.stop()
	began := time.Now()
	dirty := l.c.state.begin(ctx, now, l.c.source.EffectivePolicies(), l.c.live)
	l.c.metrics.resolve.Observe(time.Since(began).Seconds())
	l.c.scoreAll(dirty)
	l.look(dirty, nil)
	l.c.audit.touch(dirty)
	l.c.followPlanes(ctx)
	go l.c.tellOfKinds(ctx, l.faults.news(now))
	go l.c.audits(ctx, l.queue)
	l.schedule()
	for l.wait(ctx) {
		l.pass(ctx)
		l.schedule()
	}
}

// pass processes everything that has changed since the last pass.
func (l *loop) pass(ctx context.Context) {
	after, changed, written, since := l.backlog.take()
	began := time.Now()
	if after == nil { // nothing changed, but something is to be judged again
		after, since = l.c.state.snapshot, began
	}
	dirty, drifted := l.c.state.settle(ctx, after, changed, written, l.due)
	l.due = false
	l.c.audit.touch(l.c.state.audited(dirty, changed))
	l.c.metrics.resolve.Observe(time.Since(began).Seconds())
	l.c.metrics.lag.Observe(time.Since(since).Seconds())
	l.look(dirty, changed)
	if news := l.faults.news(after); len(news) > 0 {
		go l.c.tellOfKinds(ctx, news)
	}
	for ref := range drifted {
		l.queue.AddAfter(ref, l.c.backoff.wait(ref, began))
	}
}

// look queues what a pass found dirty because of changes of some objects.
func (l *loop) look(dirty, changed refs) {
	l.c.progress.put(dirty, l.c.state.far, l.lookSoon)
	l.c.state.far = nil // the progress has it now
	enqueue(l.queue, l.c.state.snapshot, dirty, changed)
}

// lookSoon queues a policy before the objects that wide edits reach.
func (l *loop) lookSoon(policy hierarchy.Ref) {
	addUrgently(l.queue, policy, urgencyEdit)
}

// schedule asks for another pass when something could not be judged in time.
func (l *loop) schedule() {
	counts := l.c.state.publication.count()
	l.c.metrics.held.WithLabelValues(heldViolated).Set(float64(counts.violated))
	l.c.metrics.held.WithLabelValues(heldUndecided).Set(float64(counts.undecided))
	waiting := len(l.c.state.publication.waiting)
	l.c.metrics.held.WithLabelValues(heldWaiting).Set(float64(waiting))
	if waiting > 0 {
		l.backlog.nudge()
	}
	now := l.c.options.Now()
	if end, any := guardrail.NextWithheld(l.c.state.guardrails(), now); any {
		l.ends.Reset(untilEnd(end, now))
	} else {
		l.ends.Stop()
	}
	switch {
	case counts.undecided == 0:
		l.again.Stop()
		l.set, l.pause = false, 0
	case !l.set:
		l.pause = min(max(rejudge, 2*l.pause), maxRejudge)
		l.again.Reset(l.pause)
		l.set = true
	}
}

// wait returns true when there is something to do, shortly after it arrived, and false when ctx
// ends.
func (l *loop) wait(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-l.again.C:
		l.set, l.due = false, true
		return true
	case <-l.ends.C:
		return true
	case <-l.backlog.filled:
	}
	moment, longest := time.NewTimer(l.c.options.Coalesce), time.NewTimer(longestBurst)
	defer moment.Stop()
	defer longest.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-moment.C:
			return true
		case <-longest.C:
			return true
		case <-l.backlog.repeated:
			moment.Reset(quiet)
		}
	}
}

// backlog collects batches until they can be processed.
type backlog struct {
	mu               sync.Mutex
	after            *policy.Snapshot
	changed, written refs
	since            time.Time
	filled           chan struct{} // holds one token while there is something
	// repeated holds a token when a batch only had further edits of objects that are in the backlog
	// already, or were until just now: taken is what take returned last, and when.
	repeated chan struct{}
	taken    refs
	takenAt  time.Time
}

func newBacklog() *backlog {
	return &backlog{changed: refs{}, written: refs{}, filled: make(chan struct{}, 1), repeated: make(chan struct{}, 1)}
}

// put adds a batch. It never waits.
func (b *backlog) put(batch cluster.Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.after == nil {
		b.since = time.Now()
	}
	b.after = batch.After
	if b.repeats(batch) {
		select {
		case b.repeated <- struct{}{}:
		default:
		}
	}
	for _, ref := range batch.Changed {
		b.changed.add(ref)
	}
	for _, ref := range batch.Written {
		b.written.add(ref)
	}
	b.nudge()
}

// repeats reports whether a batch is part of a burst: edits of the same objects, one after the
// other.
func (b *backlog) repeats(batch cluster.Batch) bool {
	recently := time.Since(b.takenAt) < quiet
	for _, ref := range batch.Changed {
		_, waits := b.changed[ref]
		if _, taken := b.taken[ref]; !waits && (!taken || !recently) {
			return false
		}
	}
	return len(batch.Changed) > 0
}

// nudge makes take return, even if the backlog is empty.
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
	b.taken, b.takenAt = changed, time.Now()
	for _, token := range []chan struct{}{b.filled, b.repeated} {
		select {
		case <-token: // it came after a caller had begun to wait for more
		default:
		}
	}
	return after, changed, written, since
}

// The order in which queued objects are processed. The author of a route does not wait until ten
// thousand others are written because of an edit of a policy above all of them.
const (
	urgencyWidely = 0 // an object that an edit reaches together with very many others
	urgencyEdit   = 1 // an object that was edited, or that an edit with few effects reaches
	urgencyRoute  = 2 // a route that was itself written
)

// narrowly is the maximum number of objects that an edit may reach so that they are processed
// before those that wide edits reach.
const narrowly = 100

// urgency returns the urgency of one object among those that a pass found dirty.
func urgency(ref hierarchy.Ref, s *policy.Snapshot, changed refs, dirty int) int {
	_, written := changed[ref]
	switch {
	case written && s.IsRoute(ref.GroupKind):
		return urgencyRoute
	case written, dirty <= narrowly:
		return urgencyEdit
	}
	return urgencyWidely
}

// enqueue puts what a pass found dirty into the queue: the urgent objects first, and among equals
// the namespaces in turn, so that no namespace waits for all objects of another.
func enqueue(queue workqueue.TypedRateLimitingInterface[hierarchy.Ref], s *policy.Snapshot, dirty, changed refs) {
	for _, ref := range inTurn(slices.Collect(maps.Keys(dirty))) {
		addUrgently(queue, ref, urgency(ref, s, changed, len(dirty)))
	}
}

// addUrgently adds one object, if the queue supports urgencies.
func addUrgently(queue workqueue.TypedRateLimitingInterface[hierarchy.Ref], ref hierarchy.Ref, urgency int) {
	ranked, ranks := queue.(priorityqueue.PriorityQueue[hierarchy.Ref])
	if !ranks {
		queue.Add(ref)
		return
	}
	ranked.AddWithOpts(priorityqueue.AddOpts{Priority: &urgency}, ref)
}
