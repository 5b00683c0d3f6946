package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/status"
)

// Guardrails provides the current guardrails.
type Guardrails interface {
	Guardrails() []*guardrail.Guardrail
}

// The publication gate stands between the computed effective policies and what is published: the
// annotation and the EffectivePolicy.
//
// Admission sees one request at a time, and two requests that are each fine can be wrong together;
// as long as the result is not published, the cluster is not affected.
//
//	what a target comes to        published is
//	has no new or worse violation that, from now on
//	violates a Deny guardrail     what it was; of a route of which nothing was,
//	                              what policies above it give, if guardrails permit
//	could not be judged in time   what it was; it is judged again soon
//	waits for its turn            what it was
//	was covered by an exception   as of a route of which nothing was published, if the
//	that ended                    guardrail withholds then; what it was, if not
//	is gone                       nothing
//
// A value that was there before the guardrail is not a new violation: it stays, and the guardrail's
// status counts it.

// published is the state that is, or is about to be, published for a target; nothing when effective
// is nil. After a restart it is what was found in the cluster: the EffectivePolicy object, and what
// can be read from it.
type published struct {
	effective *effective.Target
	found     *cluster.Kept
	// fromAbove means that it is a substitute for a first result that is withheld: it is the result
	// of the policies above the route, without the route's own values. It is computed again as long
	// as the result is withheld.
	fromAbove bool
}

// withheld is why something is not published.
type withheld struct {
	violations []evaluate.Violation // none when it could not be judged in time
	// fromAbove means that the result of the policies above the route is the substitute; nothing
	// means that nothing is published, or was last, because an exception ended.
	fromAbove, nothing bool
	// told means that an event was sent about it.
	told bool
	// concerned are the policies whose values are not published; gateways are the Gateways on the
	// target's paths.
	concerned, gateways []hierarchy.Ref
}

// judgeTime is the maximum time to judge one target.
const judgeTime = 2 * time.Second

// publication decides what is published.
type publication struct {
	published map[hierarchy.Ref]published
	withheld  map[hierarchy.Ref]*withheld
	// holds are the targets that hold back values of a policy.
	holds map[hierarchy.Ref]refs
	// waiting are the targets that wait for their turn to be judged. Their published state stays
	// unchanged.
	waiting refs
	// slice is how long targets are judged without a break; zero means no limit.
	slice time.Duration
	now   func() time.Time
	// enforced answers guardrails what data planes make of targets; nil is unknown.
	enforced evaluate.Enforced
}

func newPublication() *publication {
	return &publication{
		published: map[hierarchy.Ref]published{}, withheld: map[hierarchy.Ref]*withheld{}, holds: map[hierarchy.Ref]refs{},
		waiting: refs{}, now: time.Now,
	}
}

// fromAbove returns the substitute for a route's first result while that is withheld: the result of
// the policies above the route, so that an override is in force although the route's own values may
// not be published. If guardrails object to that, too, it is the previous substitute.
func fromAbove(ctx context.Context, evaluator *evaluate.Evaluator, s *policy.Snapshot, above *effective.Target, was published) published {
	switch {
	case above == nil:
		return published{}
	case judge(ctx, evaluator, s, was.shown(s), above) != nil:
		return was
	case !above.Reached():
		return published{}
	}
	return published{effective: above, fromAbove: true}
}

// of returns what is published about the same object that e is about.
func (p published) of(e *effective.Target) published {
	if e == nil || p.effective == nil || p.effective.UID != e.UID {
		return published{}
	}
	return p
}

// shown returns what is published as readers see it, and as a restart finds it: "*" stands for the
// rules that the route has now, and nothing is published if no policy reached the target.
func (p published) shown(s *policy.Snapshot) *effective.Target {
	if p.effective == nil {
		return nil
	}
	object := p.found.Object()
	if object == nil {
		object = publish.EffectivePolicy(p.effective)
	}
	return publish.Read(s, p.effective.Target, object)
}

// isNothing reports whether nothing is published: no policy reached the target, or its first result
// was withheld.
func (p published) isNothing() bool { return p.effective == nil || !p.effective.Reached() }

// isAlready reports whether nothing new would be published.
func (p published) isAlready(e *effective.Target) bool {
	return p.effective != nil && len(effective.Compare(p.effective, e)) == 0
}

// inForce returns what data planes have to enforce for a target: what is published, on the current
// rules and listeners.
func (g *publication) inForce(s *policy.Snapshot, target hierarchy.Ref) *effective.Target {
	p := g.published[target]
	if p.isNothing() || p.found == nil && g.withheld[target] == nil {
		return p.effective
	}
	object := p.found.Object()
	if object == nil {
		object = publish.EffectivePolicy(p.effective)
	}
	return publish.ReadNow(s, target, object)
}

// judge returns why an effective policy may not be published, nil when it may.
func judge(ctx context.Context, evaluator *evaluate.Evaluator, s *policy.Snapshot, before, after *effective.Target) *withheld {
	ctx, cancel := context.WithTimeout(ctx, judgeTime)
	defer cancel()
	found, err := evaluator.Published(ctx, before, after)
	found = slices.DeleteFunc(found, func(v evaluate.Violation) bool { return v.Enforcement != guardrail.Deny })
	if err == nil && len(found) == 0 {
		return nil
	}
	if err != nil {
		found = nil
	}
	h := &withheld{violations: found, concerned: concerned(before, after)}
	for _, l := range s.Graph().BoundTo(after.Target) {
		if !slices.Contains(h.gateways, l.Gateway) {
			h.gateways = append(h.gateways, l.Gateway)
		}
	}
	return h
}

// concerned lists the policies that contribute to any value that differs.
func concerned(before, after *effective.Target) []hierarchy.Ref {
	var list []hierarchy.Ref
	for _, o := range effective.ChangedOrigins(before, after) {
		list = append(list, o.From)
		if !o.ClampedBy.IsZero() {
			list = append(list, o.ClampedBy)
		}
	}
	slices.SortFunc(list, hierarchy.Compare)
	return slices.Compact(list)
}

// find takes the objects in the cluster as the published state of a target, if all of it was
// written by the controller. Otherwise nothing counts as published.
func (g *publication) find(s *policy.Snapshot, e *effective.Target, live status.Live) {
	found := live.EffectivePolicy(e.Target.Namespace, publish.ObjectName(e.Target))
	if first := publish.FirstName(e.Target); found == nil && first != publish.ObjectName(e.Target) {
		if old := live.EffectivePolicy(e.Target.Namespace, first); publish.FirstForm(old) && publish.TargetOf(old) == e.Target {
			found = old
		}
	}
	if found == nil && !e.Reached() {
		g.published[e.Target] = published{effective: e} // a withheld first result leaves an object
	}
	if found == nil || !publish.OwnedBy(found, e.Target) || !publish.Claims(found, e.UID) || !status.Claimed(found) {
		return
	}
	found = publish.Upgraded(s, e.Target, found)
	was := published{effective: publish.Read(s, e.Target, found), fromAbove: publish.FromAbove(found)}
	switch {
	case was.effective == nil:
		return
	case !was.fromAbove && was.isAlready(e):
		was.effective = e // equal, and needs no memory: a result of many paths is large
	default:
		was.found = cluster.Keep(found)
	}
	g.published[e.Target] = was
}

// apply applies decisions, and adds the policies whose status they change.
func (g *publication) apply(decisions []decision, waiting, dirty refs) {
	g.waiting = waiting
	for _, r := range decisions {
		if was := g.withheld[r.target]; was != nil && r.withheld != nil {
			r.withheld.told = was.told
		}
		g.forget(r.target, dirty)
		if r.published.effective == nil {
			delete(g.published, r.target)
		} else {
			g.published[r.target] = r.published
		}
		if r.withheld == nil {
			continue
		}
		g.withheld[r.target] = r.withheld
		for _, p := range r.withheld.concerned {
			if g.holds[p] == nil {
				g.holds[p] = refs{}
			}
			g.holds[p].add(r.target)
			dirty.add(p)
		}
	}
}

// forget drops all holds of a target.
func (g *publication) forget(target hierarchy.Ref, dirty refs) {
	h := g.withheld[target]
	if h == nil {
		return
	}
	delete(g.withheld, target)
	for _, p := range h.concerned {
		dirty.add(p)
		delete(g.holds[p], target)
		if len(g.holds[p]) == 0 {
			delete(g.holds, p)
		}
	}
}

// said returns what the EffectivePolicy and the annotation say about a target whose result is
// withheld; nil when it is not.
func (h *withheld) said(reader policy.Reader) *status.Withheld {
	switch {
	case h == nil:
		return nil
	case len(h.violations) == 0:
		return &status.Withheld{Reason: publish.WithheldUndecided, Message: "The guardrails could not be asked in time. " + h.stays("What") + " in force; they are asked again soon."}
	}
	return &status.Withheld{Reason: publish.WithheldViolation, Message: h.why(reader)}
}

// why returns the objections of guardrails to a target, as text for users who may read its
// namespace.
func (h *withheld) why(reader policy.Reader) string {
	v := h.violations[0]
	note := fmt.Sprintf("The effective policy is not published, and %s in force: guardrail %s objects to %s", h.stays("what"), v.Guardrail, v.Told(reader))
	if v.Ended != nil {
		note += fmt.Sprintf("; its exception %s ended %s", v.Ended.Name, v.Ended.Until.UTC().Format(time.RFC3339))
	}
	if more := len(h.violations) - 1; more > 0 {
		note += fmt.Sprintf(" (and %d more)", more)
	}
	return note
}

// stays returns what is in force meanwhile, as the beginning of a clause.
func (h *withheld) stays(what string) string {
	switch {
	case h.fromAbove:
		return what + " policies above the route give is"
	case h.nothing:
		return what + " was in force before its exception ended is no longer"
	}
	return what + " was published last stays"
}

// of lists where values of a policy are held back, for its status.
func (g *publication) of(p hierarchy.Ref, s *policy.Snapshot) []status.Hold {
	reader := s.ReaderIn(p.Namespace)
	var holds []status.Hold
	for target := range g.holds[p] {
		h := g.withheld[target]
		for _, gateway := range h.gateways {
			if len(h.violations) == 0 {
				holds = append(holds, status.Hold{Target: target, Gateway: gateway})
			}
			for _, v := range h.violations {
				holds = append(holds, status.Hold{Target: target, Gateway: gateway, Guardrail: v.Guardrail, Text: v.Told(reader)})
			}
		}
	}
	return holds
}

// counts returns the numbers of targets that are held back.
type counts struct{ violated, undecided int }

func (g *publication) count() (n counts) {
	for _, h := range g.withheld {
		if len(h.violations) == 0 {
			n.undecided++
		} else {
			n.violated++
		}
	}
	return n
}

// ended reports whether the end of an exception withdrew what was published.
func (h *withheld) ended() bool {
	return slices.ContainsFunc(h.violations, func(v evaluate.Violation) bool { return v.Ended != nil })
}
