package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
)

// Refusal is a reason to refuse an edit that needs no guardrail: a policy that
// cannot be attached to what it names, or a merged result that its own kind's
// rules forbid.
type Refusal struct {
	// Object is what the person has to change.
	Object hierarchy.Ref
	// Field is the path in it; empty when it is none or not known.
	Field   string
	Message string
	// Forbidden says that the author may not do this, rather than that it is
	// wrong.
	Forbidden bool
}

// attach refuses a policy that cannot be attached to what it names, and warns
// of one that is not attached yet or means nothing there. What was wrong with
// the policy before the edit does not refuse it: it is said as a warning.
func (v *Verdict) attach(e Edit, unreadable []hierarchy.Problem) {
	for _, c := range e.Changes {
		if c.New == nil {
			continue
		}
		ref := c.Ref()
		if ref.GroupKind == hierarchy.ReferenceGrantKind {
			v.nearlyPermits(e, ref)
			continue
		}
		p, isPolicy := v.After.Policy(ref)
		if !isPolicy {
			continue
		}
		known := v.standingsBefore(ref)
		if len(p.Problems) > 0 {
			v.unreadable(ref, unreadable)
			continue
		}
		for _, r := range p.Remarks {
			v.warn(ref, r.Path.String(), "%s", r.Message())
		}
		for _, l := range p.LoneMaxima() {
			v.warn(ref, "spec.bounds."+l.Path.String(), "a max on %s alone limits each counter of each key by itself: bound %s, too", l.Path.String(), prose.List(crd.Texts(l.Missing), 8))
		}
		for _, s := range v.After.Acceptances(p) {
			v.stand(p, s, known)
			if s.Accepted() || s.Reason == policy.ReasonTargetNotFound {
				v.inapplicable(p, s.Target)
			}
		}
	}
	for _, problem := range unreadable {
		if _, isPolicy := v.After.Policy(problem.Ref); !isPolicy {
			v.warn(problem.Ref, problem.Field, "%s", problem.Message)
		}
	}
}

func (v *Verdict) warn(object hierarchy.Ref, field, format string, args ...any) {
	v.notices = append(v.notices, Notice{Object: object, Field: field, Message: fmt.Sprintf(format, args...)})
}

// stand says what follows from the standing of one target. What can come true later
// passes with a warning: who applies a folder creates targets and grants in any
// order, and a rename creates before it prunes. Only a GatewayClass or a Namespace
// that policies of this namespace may never target is refused.
func (v *Verdict) stand(p *policy.Policy, s policy.Acceptance, known map[standing]bool) {
	ref := p.Ref
	switch {
	case s.Accepted(), s.Reason == policy.ReasonOverridden:
	case s.Reason == policy.ReasonNotLookedAt:
		v.notices = append(v.notices, Notice{Object: ref, Field: s.Target.Field, Message: s.Message, Note: true})
	case s.Reason == policy.ReasonRefNotPermitted && s.Target.Ref.Namespace == "" && !known[standing{s.Target.Ref, s.Reason}]:
		v.Refusals = append(v.Refusals, Refusal{Object: ref, Field: s.Target.Field, Message: s.Told(v.edit.MayRead), Forbidden: true})
	default:
		v.notices = append(v.notices, Notice{Object: ref, Field: s.Target.Field, Message: s.Told(v.edit.MayRead), byTarget: v.absent(p, s)})
		v.nearGrant(p, s)
	}
}

// unreadable reports what Parse found in one policy, field by field. What the schema
// refuses does not come here.
func (v *Verdict) unreadable(ref hierarchy.Ref, problems []hierarchy.Problem) {
	for _, problem := range problems {
		if problem.Ref == ref {
			v.warn(ref, problem.Field, "%s", problem.Message)
		}
	}
}

// standing is why a policy is not accepted on a target.
type standing struct {
	target hierarchy.Ref
	reason string
}

// standingsBefore are those that a policy had before the edit.
func (v *Verdict) standingsBefore(ref hierarchy.Ref) map[standing]bool {
	known := map[standing]bool{}
	was, isPolicy := v.Before.Policy(ref)
	if !isPolicy {
		return known
	}
	for _, s := range v.Before.Acceptances(was) {
		if !s.Accepted() {
			known[standing{s.Target.Ref, s.Reason}] = true
		}
	}
	return known
}

// inapplicable warns of fields that mean nothing on the kind of route that a
// policy names itself.
func (v *Verdict) inapplicable(p *policy.Policy, target policy.Target) {
	gk := target.Ref.GroupKind
	if p.Kind.Class != policy.Inherited || !v.After.IsRoute(gk) {
		return
	}
	fields := statedFields(p)
	idle := crd.Texts(slices.DeleteFunc(slices.Clone(fields), func(f crd.Path) bool { return p.Kind.AppliesPath(gk, f) }))
	switch {
	case len(idle) == 0:
	case len(idle) == len(fields):
		v.warn(p.Ref, target.Field, "nothing in this %s means anything on %ss, so it has no effect there (%s)",
			p.Ref.Kind, gk.Kind, strings.Join(idle, ", "))
	case len(idle) == 1:
		v.warn(p.Ref, target.Field, "%s of this %s has no effect on %ss", idle[0], p.Ref.Kind, gk.Kind)
	default:
		v.warn(p.Ref, target.Field, "%s of this %s have no effect on %ss", strings.Join(idle, ", "), p.Ref.Kind, gk.Kind)
	}
}

// statedFields are the fields that a policy says something about, sorted.
func statedFields(p *policy.Policy) []crd.Path {
	var fields []crd.Path
	for _, layer := range p.Layers {
		for field := range layer.Value {
			fields = append(fields, crd.Path{field})
		}
	}
	for _, b := range p.Bounds {
		fields = append(fields, b.Path)
	}
	slices.SortFunc(fields, slices.Compare[crd.Path])
	return slices.CompactFunc(fields, slices.Equal[crd.Path])
}
