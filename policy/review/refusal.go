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

// Refusal is a reason to refuse an edit without a guardrail: a policy cannot be attached to its
// target, or a merged result is invalid by the rules of its kind.
type Refusal struct {
	// Object is the object that has to be changed.
	Object hierarchy.Ref
	// Field is the path in it; empty when there is none, or when it is not known.
	Field   string
	Message string
	// Forbidden means that the author may not do this, rather than that it is invalid.
	Forbidden bool
}

// attach refuses a policy that cannot be attached to its target, and warns of one that is not
// attached yet or has no effect there. Problems that the policy had before the edit are only
// warnings.
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

// stand returns what follows from the acceptance at one target. What can be resolved later passes
// with a warning: applying a folder creates targets and grants in any order, and a rename creates
// before it prunes. Only a GatewayClass or a Namespace that policies of this namespace may never
// target is refused.
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

// unreadable reports the problems of one policy that Parse found, field by field. Policies that the
// schema refuses do not get here.
func (v *Verdict) unreadable(ref hierarchy.Ref, problems []hierarchy.Problem) {
	for _, problem := range problems {
		if problem.Ref == ref {
			v.warn(ref, problem.Field, "%s", problem.Message)
		}
	}
}

// standing is why a policy is not accepted at a target.
type standing struct {
	target hierarchy.Ref
	reason string
}

// standingsBefore returns those of a policy before the edit.
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

// inapplicable warns of fields that have no effect on the kind of route that a policy names.
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

// statedFields returns the fields that a policy states, sorted.
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
