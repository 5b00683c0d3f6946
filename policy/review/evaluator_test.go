package review_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
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

func TestAnEvaluatorFindsWhatItsRuleFindsAndAsksOnce(t *testing.T) {
	s, problems := shop(t).With(timeout(t, "infra", "public", onGateway, "default: {request: 90s}"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	asked := 0
	guardrails := []*guardrail.Guardrail{{Name: "short", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{counted{&atMost{60}, &asked}}}}
	evaluator := evaluate.Of(s, guardrails, nil)
	for e := range effective.ResolveAll(s).All() {
		want := 0 // paths that say 90s, by looking at them
		for _, scope := range e.Scopes {
			if m, ok := scope.Result.Kind("TimeoutPolicy"); ok && m.Value["request"] == "90s" && e.Target.Kind != "Gateway" {
				want = 1
			}
		}
		got, err := evaluator.Published(t.Context(), nil, e)
		if err != nil || len(got) != want {
			t.Errorf("%s: %d violations, want %d: %v, %v", e.Target, len(got), want, got, err)
		}
		before := asked
		if again, err := evaluator.Published(t.Context(), nil, e); err != nil || len(again) != want || asked != before {
			t.Errorf("%s: asked again, the evaluator finds %v, %v, and asks its rule %d times", e.Target, again, err, asked-before)
		}
		publishable, err := evaluate.Publishable(t.Context(), s, e, true, guardrails, nil, nil)
		if err != nil || publishable != (want == 0) {
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
		guardrails := []*guardrail.Guardrail{{Name: "steps", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{comparing{test.uses}}}}
		for e := range effective.ResolveAll(s).All() {
			want := test.want || e.Target.Kind == "Gateway"
			if got, err := evaluate.Publishable(t.Context(), s, e, test.isNew, guardrails, nil, nil); err != nil || got != want {
				t.Errorf("%s, new %t, with a rule that reads %b: %t, %v", e.Target, test.isNew, test.uses, got, err)
			}
		}
	}
}

// kindReading is a rule that says of which kind it reads values.
type kindReading struct{ counted }

func (kindReading) Kinds() ([]string, bool) { return []string{"TimeoutPolicy"}, true }

// Routes to which different policies give the same share one verdict; a rule that reads one kind
// ignores what differs in another.
func TestRoutesThatComeToTheSameShareAVerdict(t *testing.T) {
	s, problems := shop(t).With(
		timeout(t, "shop", "checkout", "kind: HTTPRoute, name: checkout", "override: {request: 90s}"),
		timeout(t, "labs", "trial", "kind: HTTPRoute, name: trial", "override: {request: 90s}"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	whole, one := 0, 0
	guardrails := []*guardrail.Guardrail{
		{Name: "whole", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{counted{&atMost{60}, &whole}}},
		{Name: "one", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{kindReading{counted{&atMost{60}, &one}}}},
	}
	evaluator := evaluate.Of(s, guardrails, nil)
	results, texts, timeouts, found := map[*effective.PathPolicies]bool{}, map[string]bool{}, map[string]bool{}, 0
	for e := range effective.ResolveAll(s).All() {
		if e.Target.Kind == "Gateway" {
			continue
		}
		for p := range e.Paths() {
			results[p.Result] = true
			text := ""
			for _, m := range p.Result.Kinds {
				text += m.Kind.Name() + fmt.Sprint(m.Value)
			}
			texts[text] = true
			m, _ := p.Result.Kind("TimeoutPolicy")
			timeouts[fmt.Sprint(m.Value)] = true
		}
		violations, err := evaluator.Published(t.Context(), nil, e)
		if err != nil {
			t.Fatal(err)
		}
		found += len(violations)
	}
	if whole != len(texts) || one != len(timeouts) || len(texts) >= len(results) {
		t.Errorf("%d results that read %d ways, with %d timeouts: the rules were asked %d and %d times", len(results), len(texts), len(timeouts), whole, one)
	}
	if found != 4 {
		t.Errorf("%d violations, want two guardrails' on two routes", found)
	}
}
