package controller

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// refs is a set of objects.
type refs map[hierarchy.Ref]struct{}

func (r refs) add(ref hierarchy.Ref) { r[ref] = struct{}{} }

func (r refs) addAll(all iter.Seq[hierarchy.Ref]) {
	for ref := range all {
		r[ref] = struct{}{}
	}
}

// state is what the controller knows: the resolution of everything, and what follows from it. One
// goroutine settles changes; the reconciling ones only read.
type state struct {
	mu        sync.RWMutex
	snapshot  *policy.Snapshot
	effective map[hierarchy.Ref]*effective.Target
	tally     effective.Tally
	// named are the policies that name an object, or a section of it, whether it
	// exists or not.
	named map[hierarchy.Ref]refs
	// targetOf finds the target of an EffectivePolicy by its name.
	targetOf map[types.NamespacedName]hierarchy.Ref
	// guardrails are the current guardrails, publication is what they permit; judgedBy are the
	// guardrails of the last judgement.
	guardrails  func() []*guardrail.Guardrail
	judgedBy    []*guardrail.Guardrail
	publication *publication
	// drifted are the objects that somebody else wrote, and that have not been processed since.
	drifted refs
	// forged are those of which the EffectivePolicy was written.
	forged refs
	// resolver caches folds for the next pass: an edit of one policy does not affect the folds of
	// other kinds. folds is how many there were at the start.
	resolver *effective.Resolver
	folds    int
	// written reports whether what follows from the generation of a route is planned already.
	written func(route *effective.Target) bool
	// passes counts the calls of begin and settle.
	passes int
	// far are the policies whose fan-out the last pass began, with the targets that each reaches.
	far map[hierarchy.Ref]refs
}

func newState(guardrails func() []*guardrail.Guardrail) *state {
	return &state{
		guardrails:  guardrails,
		publication: newPublication(),
		snapshot:    policy.NewSnapshot(policy.Options{}),
		effective:   map[hierarchy.Ref]*effective.Target{},
		named:       map[hierarchy.Ref]refs{},
		targetOf:    map[types.NamespacedName]hierarchy.Ref{},
		drifted:     refs{},
		forged:      refs{},
		written:     func(*effective.Target) bool { return false },
	}
}

// begin resolves everything and returns all objects to process: routes and Gateways, policies, and
// the existing EffectivePolicy objects. The content of these is the published state.
func (s *state) begin(ctx context.Context, now *policy.Snapshot, existing []hierarchy.Ref, live status.Live) refs {
	resolver := effective.NewResolver(now)
	resolution := resolver.ResolveAll()
	s.folds = resolver.Folds()
	s.remember(resolver)
	guardrails := s.guardrails()
	denied := len(evaluate.Denying(guardrails)) > 0
	targets := make(map[hierarchy.Ref]*effective.Target, resolution.Len())
	for e := range resolution.All() {
		if targets[e.Target] = e; denied {
			s.publication.find(now, e, live)
		}
	}
	decisions, waiting := s.publication.rule(ctx, now, guardrails, targets)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshot, s.judgedBy = now, guardrails
	s.passes++
	dirty, all := refs{}, refs{}
	for target, e := range targets {
		s.replace(target, e, dirty)
		dirty.add(target)
		all.add(target)
	}
	s.far = farReaching(now, map[hierarchy.Ref]refs{{}: all}, targets)
	s.publication.apply(decisions, waiting, dirty)
	for p := range now.Policies() {
		s.index(p, true)
		dirty.add(p.Ref)
	}
	lookAtPlaces(now, dirty)
	for _, ref := range existing {
		dirty.add(s.shown(ref))
	}
	return dirty
}

// remember keeps what a resolver has folded for the next pass. What it folded for earlier versions goes
// once it may take half as much room again.
func (s *state) remember(r *effective.Resolver) {
	if r.Folds() > s.folds+s.folds/4+500 {
		r.Forget() // one more time before it goes
	}
	s.resolver = r.On(r.Snapshot())
}

// settle brings the state from its snapshot to the next one, and returns the objects to process:
// those whose written state may be out of date, and those that somebody else wrote. Targets that
// could not be judged in time are judged again when that is due.
func (s *state) settle(ctx context.Context, after *policy.Snapshot, changed, written refs, due bool) (dirty, drifted refs) {
	before := s.snapshot // only the loop changes it, and this is the loop
	touched, touchedBy := refs{}, make(map[hierarchy.Ref]refs, len(changed))
	for ref := range changed {
		by := refs{}
		by.addAll(slices.Values(before.Touched(ref)))
		by.addAll(slices.Values(after.Touched(ref)))
		touchedBy[ref] = by
		maps.Copy(touched, by)
	}
	resolver := s.resolver.On(after)
	resolution := resolver.Resolve(slices.Collect(maps.Keys(touched))...)
	s.remember(resolver)
	targets := make(map[hierarchy.Ref]*effective.Target, len(touched))
	for ref := range touched {
		targets[ref] = resolution.Get(ref)
	}
	s.far = farReaching(after, touchedBy, targets)
	guardrails := s.guardrails()
	s.publication.reopen(after, changed, guardrails, slices.Equal(guardrails, s.judgedBy), due)
	s.judgeAgain(touched, targets)
	decisions, waiting := s.publication.rule(ctx, after, guardrails, targets)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshot, s.judgedBy = after, guardrails
	s.passes++
	dirty, drifted = refs{}, refs{}
	same := renewed(before, after, changed)
	for ref, e := range targets {
		if _, ok := touched[ref]; ok {
			s.replace(ref, e, dirty)
			if len(changed) == len(same) && s.publication.withheld[ref] == nil && s.written(e) {
				continue
			}
		} else if _, waits := waiting[ref]; waits {
			continue // it is unchanged
		}
		dirty.add(ref)
	}
	s.publication.apply(decisions, waiting, dirty)
	s.lookAtPolicies(before, after, without(changed, same), dirty)
	lookAtSole(before, after, touched, dirty)
	s.lookAtWritten(written, dirty, drifted)
	return dirty, drifted
}

// lookAtWritten adds the objects that somebody else wrote.
func (s *state) lookAtWritten(written, dirty, drifted refs) {
	for ref := range written {
		if ref.GroupKind == guardrail.Kind {
			dirty.add(ref) // somebody else wrote its status
			continue
		}
		if ref.GroupKind == crd.GroupKind {
			dirty.addAll(maps.Keys(s.effective))
			continue
		}
		shown := s.shown(ref)
		s.drifted.add(shown)
		if ref.GroupKind == publish.EffectivePolicyKind {
			s.forged.add(shown)
			dirty.add(shown) // nobody else may write there, so nothing waits
			continue
		}
		drifted.add(shown)
	}
}

// lookAtSole adds the routes that have become the only route of a Gateway, or are no longer the
// only one: this decides whether a data plane has a counter there that all routes of the Gateway
// share (12.E2). touched are the routes whose bindings may have changed.
func lookAtSole(before, after *policy.Snapshot, touched, dirty refs) {
	gateways := refs{}
	for ref := range touched {
		for _, in := range [...]*policy.Snapshot{before, after} {
			for _, l := range in.Graph().BoundTo(ref) {
				gateways.add(l.Gateway)
			}
		}
	}
	for gateway := range gateways {
		was, had := before.Graph().SoleRoute(gateway)
		is, has := after.Graph().SoleRoute(gateway)
		if was == is {
			continue
		}
		for ref, route := range map[hierarchy.Ref]bool{was: had, is: has} {
			if route {
				dirty.add(ref)
			}
		}
	}
}

// judgeAgain adds to targets those that wait to be judged and that no change touches.
func (s *state) judgeAgain(touched refs, targets map[hierarchy.Ref]*effective.Target) {
	for ref := range s.publication.waiting {
		if _, ok := touched[ref]; !ok {
			targets[ref] = s.effective[ref]
		}
	}
}

// audited returns those of the processed targets whose violations may have changed, and those whose
// namespace has changed.
func (s *state) audited(dirty, changed refs) refs {
	targets := refs{}
	for ref := range dirty {
		if ref.GroupKind != hierarchy.GatewayKind && s.snapshot.IsRoute(ref.GroupKind) {
			targets.add(ref)
		}
	}
	for ref := range changed {
		if ref.GroupKind != hierarchy.NamespaceKind {
			continue
		}
		for target := range s.effective {
			if target.Namespace == ref.Name {
				targets.add(target)
			}
		}
	}
	return targets
}

// replace subtracts a target's old effective policy from the tally and adds its new one. All
// policies on either are queued, unless both count the same.
func (s *state) replace(target hierarchy.Ref, now *effective.Target, dirty refs) {
	name := types.NamespacedName{Namespace: target.Namespace, Name: publish.ObjectName(target)}
	old := s.effective[target]
	if effective.SameCount(old, now) {
		s.effective[target] = now
		return
	}
	if old != nil {
		s.tally.Remove(old)
		dirty.addAll(policiesOn(old))
	}
	if now == nil {
		delete(s.effective, target)
		if s.targetOf[name] == target {
			delete(s.targetOf, name)
		}
		return
	}
	s.effective[target] = now
	s.targetOf[name] = target
	s.tally.Add(now)
	dirty.addAll(policiesOn(now))
}

func policiesOn(e *effective.Target) iter.Seq[hierarchy.Ref] {
	return func(yield func(hierarchy.Ref) bool) {
		for _, reach := range e.Reaches {
			for _, m := range reach.Result.Kinds {
				for _, part := range m.Contributions() {
					if !yield(part.Attachment.Policy.Ref) {
						return
					}
				}
			}
		}
	}
}

// lookAtPolicies adds the policies whose acceptance or ancestors may have changed. The acceptance
// of a policy depends on its targets, and on the other policies that name them. A route is not an
// ancestor of any policy; every other object of the hierarchy can be one.
func (s *state) lookAtPolicies(before, after *policy.Snapshot, changed, dirty refs) {
	all := false
	for ref := range changed {
		old, had := before.Policy(ref)
		now, has := after.Policy(ref)
		switch {
		case ref.GroupKind == guardrail.Kind:
		case had || has:
			dirty.add(ref)
			s.lookBeside(before, old, dirty)
			s.lookBeside(after, now, dirty)
			lookBelow(before, old, dirty)
			lookBelow(after, now, dirty)
			s.index(old, false)
			s.index(now, true)
		case before.IsRoute(ref.GroupKind) || after.IsRoute(ref.GroupKind):
			dirty.add(ref)
			dirty.addAll(maps.Keys(s.named[ref]))
			lookAtSelectors(before, ref, dirty)
			lookAtSelectors(after, ref, dirty)
		default:
			all = true
		}
	}
	if !all {
		return
	}
	for p := range after.Policies() {
		dirty.add(p.Ref)
	}
	lookAtPlaces(after, dirty)
}

// lookAtSelectors adds the policies that select a route or a rule of it.
func lookAtSelectors(in *policy.Snapshot, route hierarchy.Ref, dirty refs) {
	for _, target := range in.PolicyTargets(route) {
		for _, p := range in.Named(target) {
			dirty.add(p.Ref)
		}
	}
}

// lookAtPlaces adds all objects that have Affected conditions.
func lookAtPlaces(in *policy.Snapshot, dirty refs) {
	for o := range in.Graph().GatewayClasses() {
		dirty.add(o.Meta().Ref)
	}
	for o := range in.Graph().Gateways() {
		dirty.add(o.Meta().Ref)
	}
	for o := range in.Graph().ListenerSets() {
		dirty.add(o.Meta().Ref)
	}
}

// lookBelow adds the objects that a policy makes Affected: its targets above the routes, the
// Gateways below them, and their ListenerSets.
func lookBelow(in *policy.Snapshot, p *policy.Policy, dirty refs) {
	if p == nil {
		return
	}
	parents := refs{}
	for _, t := range in.TargetsOf(p) {
		if t.GroupKind != hierarchy.GatewayClassKind && t.GroupKind != hierarchy.GatewayKind && t.GroupKind != hierarchy.ListenerSetKind {
			continue
		}
		dirty.add(t.Object())
		parents.add(t.Object())
		for _, ref := range in.Graph().Touched(t.Object()) {
			if ref.GroupKind == hierarchy.GatewayKind {
				dirty.add(ref)
				parents.add(ref)
			}
		}
	}
	if len(parents) == 0 {
		return
	}
	for o := range in.Graph().ListenerSets() {
		if _, below := parents[o.Parent.Object()]; below {
			dirty.add(o.Meta().Ref)
		}
	}
}

// lookBeside adds the policies that name a target of p.
func (s *state) lookBeside(in *policy.Snapshot, p *policy.Policy, dirty refs) {
	if p == nil {
		return
	}
	for _, t := range in.TargetsOf(p) {
		for _, other := range in.Named(t) {
			dirty.add(other.Ref)
		}
	}
}

// index adds the objects that a policy names to the index, or removes them.
func (s *state) index(p *policy.Policy, names bool) {
	if p == nil {
		return
	}
	for _, t := range p.Targets {
		object := t.Ref.Object()
		switch {
		case names && s.named[object] == nil:
			s.named[object] = refs{p.Ref: {}}
		case names:
			s.named[object].add(p.Ref)
		default:
			delete(s.named[object], p.Ref)
			if len(s.named[object]) == 0 {
				delete(s.named, object)
			}
		}
	}
}

// shown returns the target of an EffectivePolicy, or the EffectivePolicy itself if its target does
// not exist; for any other object it returns the object.
func (s *state) shown(ref hierarchy.Ref) hierarchy.Ref {
	if ref.GroupKind != publish.EffectivePolicyKind {
		return ref
	}
	if target, ok := s.targetOf[ref.NamespacedName]; ok {
		return target
	}
	return ref
}

// repaired reports whether somebody else wrote an object, and whether this was its EffectivePolicy,
// and then forgets it.
func (s *state) repaired(ref hierarchy.Ref) (drifted, forged bool) {
	s.mu.RLock()
	_, drifted = s.drifted[ref]
	_, forged = s.forged[ref]
	s.mu.RUnlock()
	if !drifted && !forged {
		return false, false // nearly always: who plans other objects need not wait
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, drifted = s.drifted[ref]
	_, forged = s.forged[ref]
	delete(s.drifted, ref)
	delete(s.forged, ref)
	return drifted, forged
}

// undecided reports whether the result of an object still has to be judged.
func (s *state) undecided(ref hierarchy.Ref) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, waits := s.publication.waiting[ref]
	return waits
}

// newlyWithheld returns why a route is withheld, once each time that it becomes withheld.
func (s *state) newlyWithheld(ref hierarchy.Ref) (why string, uid types.UID, news bool) {
	s.mu.RLock()
	h := s.publication.withheld[ref]
	s.mu.RUnlock()
	if h == nil {
		return "", "", false // nearly always
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h = s.publication.withheld[ref]
	if h == nil || h.told || len(h.violations) == 0 || s.effective[ref] == nil {
		return "", "", false
	}
	h.told = true
	return h.why(s.snapshot.ReaderIn(ref.Namespace)), types.UID(s.effective[ref].UID), true
}

// current returns the current snapshot, and what is published for each target.
func (s *state) current() (*policy.Snapshot, map[hierarchy.Ref]*effective.Target) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	targets := make(map[hierarchy.Ref]*effective.Target, len(s.publication.published))
	for target, p := range s.publication.published {
		targets[target] = p.effective
	}
	return s.snapshot, targets
}
