package main

import (
	"context"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/attache-dev/attache/policy/guardrail"
)

// scripted is a rule that does what the test says.
type scripted func(context.Context) ([]guardrail.Finding, error)

func (s scripted) Uses() guardrail.Variables { return guardrail.All }

func (s scripted) Check(ctx context.Context, _ guardrail.Input) ([]guardrail.Finding, error) {
	return s(ctx)
}

// reading is one that knows its kinds.
type reading struct{ scripted }

func (reading) Kinds() ([]string, bool) { return []string{"TimeoutPolicy"}, true }

func TestRulesAreCountedByGuardrail(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := newRuleMeter(registry)
	if err != nil {
		t.Fatal(err)
	}
	does := func(findings []guardrail.Finding, err error) scripted {
		return func(context.Context) ([]guardrail.Finding, error) { return findings, err }
	}
	compilers := m.compilers(guardrail.Compilers{
		CEL: func([]guardrail.Expression) ([]guardrail.Rule, []guardrail.Problem) {
			return []guardrail.Rule{reading{does(nil, nil)}, reading{does([]guardrail.Finding{{}}, nil)}, reading{does(nil, errors.New("no"))}}, nil
		},
		Rego: func(string) ([]guardrail.Rule, []guardrail.Problem) {
			return []guardrail.Rule{does(nil, guardrail.TooSlow{})}, nil
		},
	})
	cel, _ := compilers.CEL(nil)
	rego, _ := compilers.Rego("")
	g := &guardrail.Guardrail{Name: "ceiling", Rules: append(cel, rego...)}
	_, _ = cel[0].Check(t.Context(), guardrail.Input{}) // nobody knows yet whose it is
	m.hear(g.Name, g)
	for _, r := range g.Rules {
		for range 2 {
			_, _ = r.Check(t.Context(), guardrail.Input{})
		}
	}
	for _, want := range []struct {
		language, result string
		times            float64
	}{{"cel", "content", 2}, {"cel", "objects", 2}, {"cel", "failed", 2}, {"cel", "cut_short", 0}, {"rego", "cut_short", 2}, {"rego", "content", 0}} {
		if got := testutil.ToFloat64(m.evaluations.WithLabelValues("ceiling", want.language, want.result)); got != want.times {
			t.Errorf("%s %s: %v times, want %v", want.language, want.result, got, want.times)
		}
	}
	if kinds, only := cel[0].(guardrail.KindReader).Kinds(); !only || len(kinds) != 1 {
		t.Errorf("the rule reads %q, %v", kinds, only)
	}
	if _, is := rego[0].(guardrail.KindReader); is {
		t.Error("a rule that does not know its kinds claims to")
	}
	if n := testutil.CollectAndCount(m.duration); n != 2 {
		t.Errorf("%d languages are timed", n)
	}
	m.hear(g.Name, nil)
	if n := testutil.CollectAndCount(m.evaluations); n != 0 {
		t.Errorf("%d series of a guardrail that is gone", n)
	}
}

// TestGuardrailsAreCountedByState: a guardrail that does not compile checks nothing, so the number of
// these is a metric, in each process that compiles guardrails.
func TestGuardrailsAreCountedByState(t *testing.T) {
	m, err := newRuleMeter(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	counts := func(compiled, broken float64) {
		t.Helper()
		for state, want := range map[string]float64{guardrailCompiled: compiled, guardrailBroken: broken} {
			if got := testutil.ToFloat64(m.guardrails.WithLabelValues(state)); got != want {
				t.Errorf("%s: %v, want %v", state, got, want)
			}
		}
	}
	counts(0, 0)
	m.hear("ceiling", &guardrail.Guardrail{Name: "ceiling"})
	m.hear("floor", &guardrail.Guardrail{Name: "floor", Broken: "spec.cel[0].expression line 1 column 1: no such thing"})
	counts(1, 1)
	m.hear("floor", &guardrail.Guardrail{Name: "floor", Broken: "another reason"})
	counts(1, 1)
	m.hear("floor", &guardrail.Guardrail{Name: "floor"})
	counts(2, 0)
	m.hear("ceiling", nil)
	counts(1, 0)
	if n := testutil.CollectAndCount(m.guardrails); n != 2 {
		t.Errorf("%d series, want one for each state", n)
	}
}
