package evaluate

import (
	"context"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Published evaluates one target whose effective policy changed, without an edit: the publication
// gate calls it before it writes. before is what is published now. Rules that need an edit are
// skipped. A violation that was covered by an ended exception is found even if nothing changed, if
// its guardrail withholds results then.
func (x *Evaluator) Published(ctx context.Context, before, after *effective.Target) ([]Violation, error) {
	x.gate = true
	defer func() { x.gate = false }()
	return x.run(ctx, before, after, false)
}

// Existing lists the violations of a target, as if each path were new. Rules that need an edit are
// skipped.
func (x *Evaluator) Existing(ctx context.Context, e *effective.Target) ([]Violation, error) {
	return x.run(ctx, e, e, true)
}

func (x *Evaluator) run(ctx context.Context, before, after *effective.Target, audit bool) ([]Violation, error) {
	x.audit, x.found, x.covered = audit, map[violationKey]*Violation{}, map[string]*Covered{}
	if err := x.Target(ctx, before, after); err != nil {
		return nil, err
	}
	return x.Violations(), nil
}

// Count counts the paths of a target on which guardrails that distinguish paths would be evaluated,
// without evaluating them.
func (x *Evaluator) Count(ctx context.Context, before, after *effective.Target) error {
	x.counting = true
	defer func() { x.counting = false }()
	return x.Target(ctx, before, after)
}

// Counted returns the guardrails that distinguish paths, with the number of paths.
func (x *Evaluator) Counted() map[*guardrail.Guardrail]int { return x.counted }

// PassOverCounted skips the counted guardrails from now on.
func (x *Evaluator) PassOverCounted() {
	for g := range x.counted {
		x.passedOver[g] = true
	}
}

// Publishable reports whether an effective policy can be published without knowing what is
// published now: no guardrail with Deny objects to any of its paths, or could object if it knew.
// Admission calls it before it annotates an object; the publication gate decides about all others.
// isNew means that the object is being created, so that nothing is published for it. memory may be
// nil.
func Publishable(ctx context.Context, s *policy.Snapshot, e *effective.Target, isNew bool, guardrails []*guardrail.Guardrail, enforced Enforced, memory *Memory) (bool, error) {
	return New(Options{Guardrails: Denying(guardrails), Before: s, After: s, Enforced: enforced, Memory: memory}).publishable(ctx, e, isNew)
}

// Publishable is like the function Publishable, for a target of the world after the edit. Earlier
// answers of rules are reused.
func (x *Evaluator) Publishable(ctx context.Context, e *effective.Target, isNew bool) (bool, error) {
	again := New(Options{Guardrails: Denying(x.Guardrails), Before: x.After, After: x.After, Enforced: x.Enforced, Memory: x.values})
	again.answers = x.answers
	return again.publishable(ctx, e, isNew)
}

func (x *Evaluator) publishable(ctx context.Context, e *effective.Target, isNew bool) (bool, error) {
	before := e
	if isNew {
		before = nil
	} else if needsBefore(x.After, e, x.Guardrails) {
		return false, nil
	}
	x.audit = !isNew
	if err := x.Target(ctx, before, e); err != nil {
		return false, err
	}
	for _, v := range x.Violations() {
		if v.Enforcement == guardrail.Deny {
			return false, nil
		}
	}
	return true, nil
}

// needsBefore reports whether a guardrail compares the result of a target with what is published.
func needsBefore(s *policy.Snapshot, e *effective.Target, guardrails []*guardrail.Guardrail) bool {
	if e == nil {
		return false
	}
	object, _ := s.Graph().Get(e.Target)
	route, isRoute := object.(*hierarchy.Route)
	if !isRoute {
		return false
	}
	for _, g := range guardrails {
		for _, r := range g.Rules {
			if uses := r.Uses(); uses&guardrail.Before != 0 && uses&guardrail.AdmissionOnly == 0 && g.Match.SelectsRoute(s, route) {
				return true
			}
		}
	}
	return false
}

// Denying lists the guardrails that can refuse anything.
func Denying(guardrails []*guardrail.Guardrail) []*guardrail.Guardrail {
	var list []*guardrail.Guardrail
	for _, g := range guardrails {
		if g.Enforcement == guardrail.Deny && g.Broken == "" {
			list = append(list, g)
		}
	}
	return list
}
