package guardrail

import (
	"context"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// Series judges many targets of one snapshot, one after the other. Rules are
// asked once about what several targets have in common. It is for one goroutine.
type Series struct{ j *judge }

// NewSeries returns a Series that knows what guardrails say about a snapshot.
func NewSeries(s *policy.Snapshot, rails []*Guardrail) *Series {
	return &Series{newJudge(rails, s, s, nil)}
}

// Judge is the function Judge on the Series' snapshot.
func (s *Series) Judge(ctx context.Context, before, after *effective.Target) ([]Violation, error) {
	return s.run(ctx, before, after, false)
}

// Existing lists the violations that a target has, as if each path were new.
// Rules that need an edit are passed over.
func (s *Series) Existing(ctx context.Context, e *effective.Target) ([]Violation, error) {
	return s.run(ctx, e, e, true)
}

func (s *Series) run(ctx context.Context, before, after *effective.Target, audit bool) ([]Violation, error) {
	s.j.audit, s.j.found = audit, map[violationKey]*Violation{}
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
func Publishable(ctx context.Context, s *policy.Snapshot, e *effective.Target, isNew bool, rails []*Guardrail) (bool, error) {
	denying := Denying(rails)
	series := NewSeries(s, denying)
	ask := series.Existing
	if isNew {
		ask = func(ctx context.Context, e *effective.Target) ([]Violation, error) { return series.Judge(ctx, nil, e) }
	} else if needsBefore(s, e, denying) {
		return false, nil
	}
	found, err := ask(ctx, e)
	if err != nil {
		return false, err
	}
	for _, v := range found {
		if v.Enforcement == Deny {
			return false, nil
		}
	}
	return true, nil
}

// needsBefore says whether a guardrail compares what a target comes to with what
// is published.
func needsBefore(s *policy.Snapshot, e *effective.Target, rails []*Guardrail) bool {
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
			if uses := r.Uses(); uses&Before != 0 && uses&AdmissionOnly == 0 && g.Match.selectsRoute(s, route) {
				return true
			}
		}
	}
	return false
}

// Denying lists the guardrails that can refuse anything.
func Denying(rails []*Guardrail) []*Guardrail {
	var list []*Guardrail
	for _, g := range rails {
		if g.Enforcement == Deny && g.Broken == "" {
			list = append(list, g)
		}
	}
	return list
}
