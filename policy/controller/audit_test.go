package controller

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/controller/pace"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/status"
)

// The list of guardrails is shared with the webhook and with the gate.
func TestAnAuditLeavesTheListOfGuardrailsAlone(t *testing.T) {
	shared := []*guardrail.Guardrail{
		{Name: "a", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{atMost1s{}}},
		{Name: "b", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{atMost1s{}}},
	}
	measures, err := newMeasures(prometheus.NewRegistry(), pace.New(1))
	if err != nil {
		t.Fatal(err)
	}
	c := &Controller{options: Options{Now: time.Now}, state: newState(func() []*guardrail.Guardrail { return shared }), audit: newAudit(), metrics: measures}
	c.state.snapshot = policy.NewSnapshot(policy.Options{})
	for range 2 {
		c.round(t.Context())
		for i, name := range []string{"a", "b"} {
			if shared[i] == nil || shared[i].Name != name {
				t.Fatalf("the list is %v", shared)
			}
		}
	}
}

// An exception in use is in the status with what it covers, and its end is announced in time;
// afterwards what it covered counts as violations.
func TestTheStatusListsExceptionsInUse(t *testing.T) {
	g := excepting("one", false)
	g.Exceptions[0].Until = theEnd.Add(30 * 24 * time.Hour)
	s := newCovered(t, g)
	measures, err := newMeasures(prometheus.NewRegistry(), pace.New(1))
	if err != nil {
		t.Fatal(err)
	}
	s.c.options.Now, s.c.audit, s.c.metrics = func() time.Time { return s.clock }, newAudit(), measures
	all := refs{hierarchy.RefOf(s.route()): {}}
	for _, step := range []struct {
		left       time.Duration
		news       bool
		uses       []status.ExceptionUse
		violations int
	}{
		{30 * 24 * time.Hour, true, []status.ExceptionUse{{Name: "migration", Until: g.Exceptions[0].Until, Covers: 1}}, 0},
		{29 * 24 * time.Hour, false, []status.ExceptionUse{{Name: "migration", Until: g.Exceptions[0].Until, Covers: 1}}, 0},
		{14 * 24 * time.Hour, true, []status.ExceptionUse{{Name: "migration", Until: g.Exceptions[0].Until, Covers: 1, EndsSoon: true}}, 0},
		{time.Second, false, []status.ExceptionUse{{Name: "migration", Until: g.Exceptions[0].Until, Covers: 1, EndsSoon: true}}, 0},
		{0, true, nil, 1},
	} {
		s.clock = g.Exceptions[0].Until.Add(-step.left)
		s.c.audit.touch(all)
		news, _ := s.c.round(t.Context())
		uses := s.c.audit.uses("short", s.clock)
		_, found := s.c.audit.report("short")
		if news["short"] != step.news || !slices.Equal(uses, step.uses) || len(found) != step.violations {
			t.Errorf("with %s left: news %t, uses %+v, violations %v", step.left, news["short"], uses, found)
		}
	}
}
