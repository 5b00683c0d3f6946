package controller

import (
	"context"
	"maps"
	"slices"
	"unique"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// scoreAt is what one route adds to the sum of a policy under a Gateway. Routes with the same policies
// share both, which saves most of the memory.
type scoreAt struct {
	at    unique.Handle[enforcement.PolicyAt]
	score *enforcement.Score
}

// scored records how data planes enforce a route's policies, and returns the policies for which
// this has changed.
func (c *Controller) scored(route hierarchy.Ref, on *enforced) []hierarchy.Ref {
	e := c.enforcer
	var now map[enforcement.PolicyAt]enforcement.Score
	var counts exportCounts
	if on != nil && on.target != nil && len(on.entries) > 0 {
		now, counts = enforcement.Scores(on.target, on.rules, on.results), countsOf(on)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	c.countExports(route, counts)
	before := e.scores[route]
	scores := make([]scoreAt, 0, len(now))
	var changed []hierarchy.Ref
	for _, was := range before {
		at := was.at.Value()
		if score, still := now[at]; still && score.Same(*was.score) {
			scores = append(scores, was)
			delete(now, at)
			continue
		}
		e.sum(at).Remove(*was.score)
		changed = append(changed, at.Policy)
	}
	for at, score := range now {
		e.sum(at).Add(score)
		scores = append(scores, scoreAt{unique.Make(at), e.shared(score)})
		changed = append(changed, at.Policy)
	}
	if len(scores) == 0 {
		delete(e.scores, route)
	} else if len(changed) > 0 {
		e.scores[route] = scores
	}
	slices.SortFunc(changed, hierarchy.Compare)
	return slices.Compact(changed)
}

// plainScore is a comparable form of a score without losses and failures, which name one route.
type plainScore struct {
	paths, enforced, some, pending, unserved, silent, planned int
	exporter, reason                                          string
	exported, reasoned                                        int
}

// shared returns one score for all that are equal. The enforcer is locked.
func (e *enforcer) shared(s enforcement.Score) *enforcement.Score {
	if len(s.Losses)+len(s.Failures) > 0 || len(s.Exporters) > 1 || len(s.Reasons) > 1 {
		return &s
	}
	key := plainScore{paths: s.Paths, enforced: s.Enforced, some: s.Some, pending: s.Pending, unserved: s.Unserved, silent: s.Silent, planned: s.Planned}
	for exporter, n := range s.Exporters {
		key.exporter, key.exported = exporter, n
	}
	for reason, n := range s.Reasons {
		key.reason, key.reasoned = reason, n
	}
	if e.plain[key] == nil {
		e.plain[key] = &s
	}
	return e.plain[key]
}

func (e *enforcer) sum(at enforcement.PolicyAt) *enforcement.Score {
	if e.sums[at] == nil {
		e.sums[at] = &enforcement.Score{}
	}
	return e.sums[at]
}

// condition returns Enforced for a policy under a Gateway, nil when nothing is known.
func (e *enforcer) condition(policy, gateway hierarchy.Ref) *enforcement.Condition {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.sums[enforcement.PolicyAt{Policy: policy, Gateway: gateway}]
	if s == nil || s.Paths == 0 {
		return nil
	}
	condition := s.Condition()
	return &condition
}

// scoreAll scores every route before anything is written, so that no policy's status is computed
// from only a part of them, and recalls what data planes refused in an earlier run.
func (c *Controller) scoreAll(targets refs) {
	c.state.mu.RLock()
	defer c.state.mu.RUnlock()
	for ref := range targets {
		if ref.GroupKind == hierarchy.GatewayKind || !c.state.snapshot.IsRoute(ref.GroupKind) {
			continue
		}
		c.enforcer.recall(c.live.EffectivePolicy(ref.Namespace, publish.ObjectName(ref)))
		c.scored(ref, c.enforcedOn(ref))
	}
}

// recall records the contents that data planes refused, from the EffectivePolicy that says so.
func (e *enforcer) recall(shown *unstructured.Unstructured) {
	if shown == nil || e.Planes == nil || !status.Claimed(shown) {
		return
	}
	entries, _, _ := unstructured.NestedSlice(shown.Object, "status", "enforcement")
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, entry := range entries {
		entry, _ := entry.(map[string]any)
		hash, _ := entry["refused"].(string)
		message, _ := entry["message"].(string)
		objects, _ := entry["objects"].([]any)
		for _, object := range objects {
			object, _ := object.(map[string]any)
			text := func(key string) string { s, _ := object[key].(string); return s }
			if hash != "" {
				e.refused[hierarchy.NewRef(text("group"), text("kind"), text("namespace"), text("name"))] = refusal{hash, message}
			}
		}
	}
}

// exportCounts are the numbers that metrics count for one route.
type exportCounts struct {
	objects map[[2]string]int // exporter, state
	fields  map[[3]string]int // exporter, outcome, reason
}

func countsOf(on *enforced) exportCounts {
	counts := exportCounts{map[[2]string]int{}, map[[3]string]int{}}
	for i := range on.results {
		r := &on.results[i]
		if r.Registration.Exporter == nil {
			continue
		}
		name := r.Registration.Name()
		for _, object := range r.Projection.Objects {
			state := enforcement.Planned
			if reading, read := r.Readings[object.GetName()]; read {
				state = reading.State
			}
			counts.objects[[2]string{name, string(state)}]++
		}
		for _, outcomes := range r.Projection.Outcomes {
			for _, o := range outcomes {
				counts.fields[[3]string{name, string(o.Verdict), string(o.Reason)}]++
			}
		}
	}
	return counts
}

// countExports replaces the old numbers of a route by the new ones in metrics. The enforcer's lock
// is held.
func (c *Controller) countExports(route hierarchy.Ref, now exportCounts) {
	e := c.enforcer
	was := e.counts[route]
	if c.metrics == nil || maps.Equal(was.objects, now.objects) && maps.Equal(was.fields, now.fields) {
		return
	}
	for key, n := range was.objects {
		c.metrics.exportObjects.WithLabelValues(key[0], key[1]).Sub(float64(n))
	}
	for key, n := range now.objects {
		c.metrics.exportObjects.WithLabelValues(key[0], key[1]).Add(float64(n))
	}
	for key, n := range was.fields {
		c.metrics.exportFields.WithLabelValues(key[0], key[1], key[2]).Sub(float64(n))
	}
	for key, n := range now.fields {
		c.metrics.exportFields.WithLabelValues(key[0], key[1], key[2]).Add(float64(n))
	}
	if e.counts[route] = now; len(now.fields) == 0 {
		delete(e.counts, route)
	}
}

// turns returns the events about a policy whose condition Enforced turned False, or True again. In
// between it may have been Unknown.
func (e *enforcer) turns(planner status.Planner, before, after *unstructured.Unstructured) []status.Write {
	if after == nil {
		return nil
	}
	ref := hierarchy.RefOf(after)
	e.mu.Lock()
	defer e.mu.Unlock()
	was, known := e.turned[ref]
	if !known {
		was, _ = status.EnforcedOf(before)
	}
	now, message := status.EnforcedOf(after)
	if now == "" {
		now = was
	}
	if e.turned[ref] = now; now == "" {
		delete(e.turned, ref)
	}
	switch {
	case now == was || was == "":
		return nil
	case now == "False":
		return []status.Write{planner.Event(after, status.Event{Type: status.EventWarning, Reason: status.ReasonNotEnforced, Note: message})}
	}
	return []status.Write{planner.Event(after, status.Event{Type: status.EventNormal, Reason: status.ConditionEnforced, Note: message})}
}

// offer sends an event, once for each GatewayClass, that an exporter could serve it (E1.6).
func (c *Controller) offer(ctx context.Context, ref hierarchy.Ref) {
	e := c.enforcer
	if ref.GroupKind != hierarchy.GatewayClassKind {
		return
	}
	c.state.mu.RLock()
	object, _ := c.state.snapshot.Graph().Get(ref)
	c.state.mu.RUnlock()
	class, isClass := object.(*hierarchy.GatewayClass)
	if !isClass {
		return
	}
	note := e.Config.Unserved(class)
	e.mu.Lock()
	told := e.offered[ref] == note
	e.offered[ref] = note
	e.mu.Unlock()
	if told || note == "" {
		return
	}
	about := objectOf(ref, c.source.Version(ref))
	c.tell(ctx, c.planner.Event(about, status.Event{Type: status.EventNormal, Reason: string(enforcement.NoExporter), Note: note}))
}

// tellRefused returns an event about a route whose data plane refused what was written for it.
func (c *Controller) tellRefused(ctx context.Context, route, object hierarchy.Ref, message string) {
	about := objectOf(route, c.source.Version(route))
	c.tell(ctx, c.planner.Event(about, status.Event{Type: status.EventWarning, Reason: string(enforcement.Rejected),
		Note: object.String() + " was refused by the data plane and removed: " + message}))
}

// objectOf names an object in a version.
func objectOf(ref hierarchy.Ref, version string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(ref.GroupKind.Group + "/" + version)
	u.SetKind(ref.Kind)
	u.SetNamespace(ref.Namespace)
	u.SetName(ref.Name)
	return u
}
