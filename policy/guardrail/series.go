package guardrail

import (
	"context"

	"github.com/attache-dev/attache/policy"
)

// Series judges many targets of one snapshot, one after the other. Rules are
// asked once about what several targets have in common. It is for one goroutine.
type Series struct{ j *judge }

// NewSeries returns a Series that knows what guardrails say about a snapshot.
func NewSeries(s *policy.Snapshot, rails []*Guardrail) *Series {
	return &Series{newJudge(rails, s, s, nil)}
}

// Judge is the function Judge on the Series' snapshot.
func (s *Series) Judge(ctx context.Context, before, after *policy.Effective) ([]Violation, error) {
	return s.run(ctx, before, after, false)
}

// Existing lists the violations that a target has, as if each path were new.
// Rules that need an edit are passed over.
func (s *Series) Existing(ctx context.Context, e *policy.Effective) ([]Violation, error) {
	return s.run(ctx, e, e, true)
}

func (s *Series) run(ctx context.Context, before, after *policy.Effective, audit bool) ([]Violation, error) {
	s.j.audit, s.j.found = audit, map[violationKey]*Violation{}
	if err := s.j.target(ctx, before, after); err != nil {
		return nil, err
	}
	return s.j.violations(), nil
}

// Publishable says whether an effective policy can be written down without
// knowing what is published now: whether no guardrail with Deny objects to any
// of its paths. It is what admission asks before it annotates an object; what it
// leaves alone the publication gate decides.
func Publishable(ctx context.Context, s *policy.Snapshot, e *policy.Effective, rails []*Guardrail) (bool, error) {
	found, err := NewSeries(s, Denying(rails)).Existing(ctx, e)
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
