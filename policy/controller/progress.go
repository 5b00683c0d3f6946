package controller

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

const (
	// tellEvery is how often the status of a policy reports the progress of its writes.
	tellEvery = 3 * time.Second
	// mostTold is the maximum number of policies that report it if the cause is not the edit of a
	// policy.
	mostTold = 8
)

// progress has the objects that wait in the queue, and the progress of the writes of each policy
// that reaches many objects. Its author sees the progress in a condition of its status, for as long
// as it takes.
type progress struct {
	mu sync.Mutex
	// pass counts the calls of put. A waiting object records its last pass, so that processing it
	// that began earlier does not count as done.
	pass    int
	waiting map[hierarchy.Ref]int
	// total is the number of objects that were queued since the queue was last empty.
	total int
	outs  map[hierarchy.Ref]*fanOut
	// changed queues a policy because its progress text changed.
	changed func(policy hierarchy.Ref)
	ticks   *time.Timer
}

// fanOut is the progress of the writes of one policy.
type fanOut struct {
	left refs
	// half are those among left whose values are in force in their data plane, and whose status waits.
	half refs
	all  int
	// wrote is the number of objects that had anything to write. After a restart where everything is
	// up to date, there is no fan-out.
	wrote int
	text  string
}

// put records what a pass found dirty, and which policies reach many objects.
func (p *progress) put(dirty refs, far map[hierarchy.Ref]refs, changed func(policy hierarchy.Ref)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		p.waiting, p.outs = map[hierarchy.Ref]int{}, map[hierarchy.Ref]*fanOut{}
	}
	p.changed = changed
	p.pass++
	for ref := range dirty {
		if _, waits := p.waiting[ref]; !waits {
			p.total++
		}
		p.waiting[ref] = p.pass
	}
	for policy, targets := range far {
		text := ""
		if old := p.outs[policy]; old != nil {
			text = old.text
		}
		p.outs[policy] = &fanOut{left: targets, all: len(targets), text: text}
	}
	if len(p.outs) > 0 && p.ticks == nil {
		p.ticks = time.AfterFunc(tellEvery, p.tick)
	}
}

// began returns a value that the caller passes to done when it has processed the object.
func (p *progress) began() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pass
}

// done records that an object is up to date.
func (p *progress) done(ref hierarchy.Ref, began int, wrote bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pass, waits := p.waiting[ref]
	if !waits || pass > began {
		return
	}
	if delete(p.waiting, ref); len(p.waiting) == 0 {
		p.total, p.waiting = 0, map[hierarchy.Ref]int{} // a map stays as large as it ever was
	}
	for policy, out := range p.outs {
		if _, left := out.left[ref]; !left {
			continue
		}
		delete(out.left, ref)
		delete(out.half, ref)
		if wrote {
			out.wrote++
		}
		if len(out.left) > 0 {
			continue
		}
		delete(p.outs, policy)
		if out.text != "" {
			p.changed(policy)
		}
	}
}

// postpone reports whether what is still to be written about an object waits until others have had their
// turn, because they are very many, and records that the first half is done.
func (p *progress) postpone(ref hierarchy.Ref) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	postponed := false
	for _, out := range p.outs {
		if _, left := out.left[ref]; !left || len(out.left)-len(out.half) <= narrowly {
			continue
		}
		if out.half == nil {
			out.half = refs{}
		}
		out.half.add(ref)
		out.wrote++
		postponed = true
	}
	return postponed
}

// tick updates the texts.
func (p *progress) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for policy, out := range p.outs {
		text := fmt.Sprintf("Reconciling %d/%d", out.all-len(out.left)+len(out.half)/2, out.all)
		if out.wrote < narrowly || text == out.text {
			continue
		}
		out.text = text
		p.changed(policy)
	}
	p.ticks = nil
	if len(p.outs) > 0 {
		p.ticks = time.AfterFunc(tellEvery, p.tick)
	}
}

// stop ends what ticks.
func (p *progress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if clear(p.outs); p.ticks != nil {
		p.ticks.Stop()
	}
}

// of returns the progress of the writes of a policy as text; empty when they are done, or were too
// few to report.
func (p *progress) of(policy hierarchy.Ref) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if out := p.outs[policy]; out != nil {
		return out.text
	}
	return ""
}

// counts returns how many objects wait, and out of how many.
func (p *progress) counts() (waiting, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting), p.total
}

// farReaching returns the policies of our kinds that reach more than a few of the targets that a
// pass resolved, with the targets that each reaches: those that were edited, and, for changes of
// other objects, those that reach most.
func farReaching(s *policy.Snapshot, touched map[hierarchy.Ref]refs, now map[hierarchy.Ref]*effective.Target) map[hierarchy.Ref]refs {
	far, others := map[hierarchy.Ref]refs{}, refs{}
	for ref, targets := range touched {
		if len(targets) <= narrowly {
			continue
		}
		if _, isPolicy := s.Policy(ref); isPolicy {
			if ref.GroupKind.Group == policy.Group {
				far[ref] = targets
			}
			continue
		}
		maps.Copy(others, targets)
	}
	if len(others) == 0 {
		return far
	}
	reach := map[hierarchy.Ref]int{}
	for target := range others {
		for p := range ofOurs(now[target]) {
			reach[p]++
		}
	}
	maps.DeleteFunc(reach, func(_ hierarchy.Ref, n int) bool { return n <= narrowly })
	most := slices.SortedFunc(maps.Keys(reach), func(a, b hierarchy.Ref) int {
		return cmp.Or(cmp.Compare(reach[b], reach[a]), hierarchy.Compare(a, b))
	})
	most = most[:min(len(most), mostTold)]
	for _, p := range most {
		far[p] = make(refs, reach[p])
	}
	for target := range others {
		for p := range ofOurs(now[target]) {
			if slices.Contains(most, p) {
				far[p].add(target)
			}
		}
	}
	return far
}

// ofOurs returns the policies of our kinds on a target, each once.
func ofOurs(e *effective.Target) refs {
	found := refs{}
	if e == nil {
		return found
	}
	for ref := range policiesOn(e) {
		if ref.GroupKind.Group == policy.Group {
			found.add(ref)
		}
	}
	return found
}
