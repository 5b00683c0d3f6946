package review

import (
	"context"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Series judges many targets of one snapshot, one after the other. Rules are
// asked once about what several targets have in common. It is for one goroutine.
type Series struct{ j *judge }

// NewSeries returns a Series that knows what guardrails say about a snapshot. What data planes do
// is not known when enforced is nil.
func NewSeries(s *policy.Snapshot, rails []*guardrail.Guardrail, enforced Enforced) *Series {
	return &Series{newJudge(rails, s, s, nil, enforced)}
}

// Judge reviews one target whose effective policy changed, without an edit: the publication gate
// asks it before it writes. before is what is published now. Rules that need an edit are passed over.
// What an exception covered that has ended is found also where nothing changes, if its guardrail
// withholds then.
func (s *Series) Judge(ctx context.Context, before, after *effective.Target) ([]Violation, error) {
	s.j.gate = true
	defer func() { s.j.gate = false }()
	return s.run(ctx, before, after, false)
}

// Existing lists the violations that a target has, as if each path were new.
// Rules that need an edit are passed over.
func (s *Series) Existing(ctx context.Context, e *effective.Target) ([]Violation, error) {
	return s.run(ctx, e, e, true)
}

// Covered lists what exceptions let pass of the target that was judged last.
func (s *Series) Covered() []Covered { return s.j.exceptions() }

func (s *Series) run(ctx context.Context, before, after *effective.Target, audit bool) ([]Violation, error) {
	s.j.audit, s.j.found, s.j.covered = audit, map[violationKey]*Violation{}, map[string]*Covered{}
	if err := s.j.target(ctx, before, after); err != nil {
		return nil, err
	}
	return s.j.violations(), nil
}

// Publishable says whether an effective policy can be written down without
// knowing what is published now: whether no guardrail with Deny objects to any
// of its paths, or could object if it knew. It is what admission asks before it
// annotates an object; what it leaves alone the publication gate decides. isNew
// says that the object is being created, so that nothing is published about it.
func Publishable(ctx context.Context, s *policy.Snapshot, e *effective.Target, isNew bool, rails []*guardrail.Guardrail, enforced Enforced) (bool, error) {
	return newJudge(rails, s, s, nil, enforced).publishable(ctx, e, isNew)
}

// Publishable is the function Publishable for a target of the edit. Rules are not asked again what
// they were asked for the verdict.
func (v Verdict) Publishable(ctx context.Context, target hierarchy.Ref, isNew bool) (bool, error) {
	j := newJudge(v.judge.rails, v.After, v.After, nil, v.judge.enforced)
	j.answers = v.judge.answers
	return j.publishable(ctx, v.targets[target], isNew)
}

func (j *judge) publishable(ctx context.Context, e *effective.Target, isNew bool) (bool, error) {
	j.rails = Denying(j.rails)
	before := e
	if isNew {
		before = nil
	} else if needsBefore(j.after, e, j.rails) {
		return false, nil
	}
	j.audit = !isNew
	if err := j.target(ctx, before, e); err != nil {
		return false, err
	}
	for _, v := range j.violations() {
		if v.Enforcement == guardrail.Deny {
			return false, nil
		}
	}
	return true, nil
}

// needsBefore says whether a guardrail compares what a target comes to with what
// is published.
func needsBefore(s *policy.Snapshot, e *effective.Target, rails []*guardrail.Guardrail) bool {
	if e == nil {
		return false
	}
	object, _ := s.Graph().Get(e.Target)
	route, isRoute := object.(*hierarchy.Route)
	if !isRoute {
		return false
	}
	for _, g := range rails {
		for _, r := range g.Rules {
			if uses := r.Uses(); uses&guardrail.Before != 0 && uses&guardrail.AdmissionOnly == 0 && g.Match.SelectsRoute(s, route) {
				return true
			}
		}
	}
	return false
}

// Denying lists the guardrails that can refuse anything.
func Denying(rails []*guardrail.Guardrail) []*guardrail.Guardrail {
	var list []*guardrail.Guardrail
	for _, g := range rails {
		if g.Enforcement == guardrail.Deny && g.Broken == "" {
			list = append(list, g)
		}
	}
	return list
}
