package guardrail_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// counted counts how often a rule is asked.
type counted struct {
	guardrail.Rule
	asked *int
}

func (c counted) Check(ctx context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	*c.asked++
	return c.Rule.Check(ctx, in)
}

func TestASeriesSaysWhatJudgeSaysAndAsksOnce(t *testing.T) {
	s, problems := shop(t).With(timeout(t, "infra", "public", onGateway, "default: {request: 90s}"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	asked := 0
	rails := []*guardrail.Guardrail{{Name: "short", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{counted{&atMost{60}, &asked}}}}
	series := guardrail.NewSeries(s, rails)
	for e := range effective.ResolveAll(s).All() {
		want, err := guardrail.Judge(t.Context(), s, nil, e, rails)
		if err != nil {
			t.Fatal(err)
		}
		before := asked
		got, err := series.Judge(t.Context(), nil, e)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(guardrail.Violation{}), cmpopts.IgnoreFields(guardrail.Violation{}, "Listener", "Origin")); diff != "" {
			t.Errorf("%s: - Judge, + Series\n%s", e.Target, diff)
		}
		if e.Target.Name == "checkout" && asked != before {
			t.Errorf("the rule was asked %d times about what it had said of the route before", asked-before)
		}
		publishable, err := guardrail.Publishable(t.Context(), s, e, true, rails)
		if err != nil || publishable != (len(want) == 0) {
			t.Errorf("%s can be published: %t, %v", e.Target, publishable, err)
		}
	}
}

// comparing accepts everything, and compares it with what was before.
type comparing struct{ uses guardrail.Variables }

func (c comparing) Uses() guardrail.Variables { return c.uses }

func (comparing) Check(context.Context, guardrail.Input) ([]guardrail.Finding, error) {
	return nil, nil
}

func TestWhatComparesWithTheValuePublishedIsLeftToWhoKnowsIt(t *testing.T) {
	s := shop(t)
	for _, test := range []struct {
		uses  guardrail.Variables
		isNew bool
		want  bool
	}{
		{guardrail.Effective, false, true},
		{guardrail.Effective | guardrail.Before, false, false},
		{guardrail.Effective | guardrail.Before, true, true}, // there is nothing published
		{guardrail.Before | guardrail.User, false, true},     // which is asked at admission only
	} {
		rails := []*guardrail.Guardrail{{Name: "steps", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{comparing{test.uses}}}}
		for e := range effective.ResolveAll(s).All() {
			want := test.want || e.Target.Kind == "Gateway"
			if got, err := guardrail.Publishable(t.Context(), s, e, test.isNew, rails); err != nil || got != want {
				t.Errorf("%s, new %t, with a rule that reads %b: %t, %v", e.Target, test.isNew, test.uses, got, err)
			}
		}
	}
}
