package controller

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/status"
)

// pause is how long the audit waits for more changes after the first one. It is longer than that of
// writers, because nobody waits for the audit.
const pause = 250 * time.Millisecond

// audit knows which published results currently violate guardrails. It follows changes: targets
// that a change does not touch are not examined again, and guardrails that did not change are only
// evaluated for touched targets.
type audit struct {
	// filled holds one token while there is work to do.
	filled chan struct{}

	mu sync.Mutex
	// dirty are the targets to examine again.
	dirty refs
	// guardrails are the guardrails that the results are based on.
	guardrails map[string]*guardrail.Guardrail
	results    map[string]map[hierarchy.Ref][]evaluate.Violation // by guardrail
	// covered counts the violations that exceptions permit, by guardrail and then by target.
	covered map[string]map[hierarchy.Ref]map[string]int
	// soon are the exceptions of each guardrail that end soon, as one text.
	soon map[string]string
}

func newAudit() *audit {
	return &audit{
		filled: make(chan struct{}, 1), dirty: refs{},
		guardrails: map[string]*guardrail.Guardrail{}, results: map[string]map[hierarchy.Ref][]evaluate.Violation{},
		covered: map[string]map[hierarchy.Ref]map[string]int{}, soon: map[string]string{},
	}
}

// touch queues targets for the next round of the audit, which also picks up changed guardrails.
func (a *audit) touch(targets refs) {
	a.mu.Lock()
	maps.Copy(a.dirty, targets)
	a.mu.Unlock()
	select {
	case a.filled <- struct{}{}:
	default:
	}
}

// take returns the targets to examine, the guardrails that were added or changed, and those that
// were removed.
func (a *audit) take(now []*guardrail.Guardrail) (dirty refs, fresh []*guardrail.Guardrail, gone []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	dirty, a.dirty = a.dirty, refs{}
	next := make(map[string]*guardrail.Guardrail, len(now))
	for _, g := range now {
		next[g.Name] = g
		if a.guardrails[g.Name] != g {
			fresh = append(fresh, g)
			a.results[g.Name] = map[hierarchy.Ref][]evaluate.Violation{}
			a.covered[g.Name] = map[hierarchy.Ref]map[string]int{}
		}
	}
	for name := range a.guardrails {
		if next[name] == nil {
			gone = append(gone, name)
			delete(a.results, name)
			delete(a.covered, name)
			delete(a.soon, name)
		}
	}
	a.guardrails = next
	return dirty, fresh, gone
}

// set records the violations on a target, and returns the guardrails for which something changed.
func (a *audit) set(target hierarchy.Ref, guardrails []*guardrail.Guardrail, found []evaluate.Violation, news map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	by := map[string][]evaluate.Violation{}
	for _, v := range found {
		by[v.Guardrail] = append(by[v.Guardrail], v)
	}
	for _, g := range guardrails {
		results, now := a.results[g.Name], by[g.Name]
		if results == nil || len(now) == 0 && len(results[target]) == 0 {
			continue
		}
		news[g.Name] = true
		if results[target] = now; len(now) == 0 {
			delete(results, target)
		}
	}
}

// cover records what exceptions permit on a target.
func (a *audit) cover(target hierarchy.Ref, guardrails []*guardrail.Guardrail, list []evaluate.Covered, news map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	by := map[string]map[string]int{}
	for _, c := range list {
		if by[c.Guardrail] == nil {
			by[c.Guardrail] = map[string]int{}
		}
		by[c.Guardrail][c.Exception] += c.Paths
	}
	for _, g := range guardrails {
		covered, now := a.covered[g.Name], by[g.Name]
		if covered == nil || maps.Equal(covered[target], now) {
			continue
		}
		news[g.Name] = true
		if covered[target] = now; len(now) == 0 {
			delete(covered, target)
		}
	}
}

// ending returns the guardrails for which the set of exceptions that end soon has changed since the
// last call.
func (a *audit) ending(guardrails []*guardrail.Guardrail, now time.Time) (news []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range guardrails {
		var soon []string
		for _, e := range g.InForce() {
			if e.EndsSoon(now) {
				soon = append(soon, e.Name)
			}
		}
		if text := strings.Join(soon, " "); a.soon[g.Name] != text {
			a.soon[g.Name] = text
			news = append(news, g.Name)
		}
	}
	return news
}

// uses lists the exceptions of a guardrail that cover anything, and those that end soon.
func (a *audit) uses(name string, now time.Time) []status.ExceptionUse {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.guardrails[name] == nil {
		return nil
	}
	sums := map[string]int{}
	for _, counts := range a.covered[name] {
		for exception, n := range counts {
			sums[exception] += n
		}
	}
	var uses []status.ExceptionUse
	for _, e := range a.guardrails[name].InForce() {
		if soon := e.EndsSoon(now); soon || sums[e.Name] > 0 {
			uses = append(uses, status.ExceptionUse{Name: e.Name, Until: e.Until, Covers: int64(sums[e.Name]), EndsSoon: soon})
		}
	}
	slices.SortFunc(uses, func(a, b status.ExceptionUse) int { return strings.Compare(a.Name, b.Name) })
	return uses
}

// report returns the violations of a guardrail, sorted.
func (a *audit) report(name string) (g *guardrail.Guardrail, found []evaluate.Violation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, violations := range a.results[name] {
		found = append(found, violations...)
	}
	slices.SortFunc(found, evaluate.Compare)
	return a.guardrails[name], found
}

// all returns the violations of every guardrail by target.
func (a *audit) all() map[hierarchy.Ref][]evaluate.Violation {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := map[hierarchy.Ref][]evaluate.Violation{}
	for _, results := range a.results {
		for target, found := range results {
			all[target] = append(all[target], found...)
		}
	}
	return all
}

// audits examines touched targets until ctx ends, and queues guardrails whose status may be out of
// date.
func (c *Controller) audits(ctx context.Context, queue workqueue.TypedRateLimitingInterface[hierarchy.Ref]) {
	c.findReports(ctx)
	ends := time.NewTimer(0) // when an exception ends, so that the violations that it covered are counted
	ends.Stop()
	defer ends.Stop()
	again := time.NewTimer(0) // when reports that could not be written are tried again
	again.Stop()
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		case <-ends.C:
		case <-c.audit.filled:
			moment := time.NewTimer(pause)
			select {
			case <-ctx.Done():
				moment.Stop()
				return
			case <-moment.C:
			}
		}
		news, published := c.round(ctx)
		c.untilNextEnd(ends)
		for name := range news {
			queue.Add(guardrailRef(name))
		}
		if c.writeReports(ctx, published) {
			again.Stop()
		} else {
			again.Reset(retryReports)
		}
	}
}

// longestWait is the longest time for which a timer is trusted: clocks are adjusted and machines
// sleep.
const longestWait = time.Minute

// untilNextEnd sets a timer to the end of the next exception.
func (c *Controller) untilNextEnd(timer *time.Timer) {
	timer.Stop()
	now := c.options.Now()
	if end, any := guardrail.NextEnd(c.state.guardrails(), now); any {
		timer.Reset(untilEnd(end, now))
	}
}

// untilEnd returns how long to wait for the end of an exception.
func untilEnd(end, now time.Time) time.Duration {
	return max(time.Second, min(longestWait, end.Sub(now)))
}

func guardrailRef(name string) hierarchy.Ref {
	return hierarchy.NewRef(guardrail.Kind.Group, guardrail.Kind.Kind, "", name)
}

// round examines what was touched, and returns the guardrails with changes, and what is published.
func (c *Controller) round(ctx context.Context) (news map[string]bool, published map[hierarchy.Ref]*effective.Target) {
	snapshot, published := c.state.current()
	guardrails := c.state.guardrails()
	dirty, fresh, gone := c.audit.take(guardrails)
	news = map[string]bool{}
	look := func(targets refs, guardrails []*guardrail.Guardrail) {
		evaluator := evaluate.Of(snapshot, guardrails, c.state.publication.enforced)
		for target := range targets {
			found, err := evaluator.Existing(ctx, published[target])
			if err != nil {
				c.options.Log.Error(err, "Cannot audit an object", "object", target.String())
				continue
			}
			c.audit.set(target, guardrails, found, news)
			c.audit.cover(target, guardrails, evaluator.Covered(), news)
		}
	}
	all := refs{}
	if len(fresh) > 0 {
		all.addAll(maps.Keys(published))
	}
	look(all, fresh)
	look(dirty, slices.DeleteFunc(slices.Clone(guardrails), func(g *guardrail.Guardrail) bool { return slices.Contains(fresh, g) }))
	for _, g := range fresh {
		news[g.Name] = true
	}
	for _, name := range c.audit.ending(guardrails, c.options.Now()) {
		news[name] = true
	}
	for _, name := range gone {
		c.metrics.violations.DeletePartialMatch(map[string]string{"guardrail": name})
	}
	for name := range news {
		c.count(name)
	}
	return news, published
}

// count updates the metric of a guardrail.
func (c *Controller) count(name string) {
	g, found := c.audit.report(name)
	c.metrics.violations.DeletePartialMatch(map[string]string{"guardrail": name})
	sums := map[guardrail.Enforcement]int{g.Enforcement: 0}
	for _, v := range found {
		sums[v.Enforcement] += v.Paths
	}
	for enforcement, n := range sums {
		c.metrics.violations.WithLabelValues(name, string(enforcement)).Set(float64(n))
	}
}

// guardrailStatus is decide for a guardrail. It reads the object, because its examples are not
// cached.
func (c *Controller) guardrailStatus(ctx context.Context, ref hierarchy.Ref) ([]status.Write, error) {
	g, found := c.audit.report(ref.Name)
	resource, known := c.source.Resource(ref.GroupKind)
	if g == nil || !known {
		return nil, nil
	}
	object, err := c.get(ctx, resource, ref.Name)
	if err != nil || object == nil {
		return nil, err
	}
	r := status.GuardrailReport{Language: guardrail.Language(object), Broken: g.Broken, Exceptions: c.audit.uses(ref.Name, c.options.Now())}
	if g.Broken == "" {
		for _, p := range guardrail.RunExamples(ctx, g, object) {
			r.Examples = append(r.Examples, p.String())
		}
	}
	for _, v := range found {
		r.Violations += int64(v.Paths)
		if len(r.First) < status.MaxViolations {
			r.First = append(r.First, status.GuardrailViolation{Path: v.Where(), Message: v.Message, Field: v.FieldPath})
		}
	}
	return c.planner.Guardrail(object, r), nil
}
