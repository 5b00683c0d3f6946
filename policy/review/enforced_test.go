package review_test

import (
	"context"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/review"
)

// inForce objects to a path on which a data plane does nothing of a field.
type inForce struct{}

func (inForce) Uses() guardrail.Variables { return guardrail.Outcomes }

func (inForce) Check(_ context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	list, _ := in["enforcement"].([]any)
	for _, o := range list {
		if o.(map[string]any)["outcome"] == "Unsupported" {
			return []guardrail.Finding{{Code: "0", Message: "it is ignored"}}, nil
		}
	}
	return nil, nil
}

// ignoredIn is a data plane that ignores everything of routes in a namespace.
func ignoredIn(namespace string) evaluate.Enforced {
	return func(_ *hierarchy.Graph, t *effective.Target) evaluate.Outcomes {
		return func(*hierarchy.Listener, int) []any {
			if t.Target.Namespace == namespace && t.Reached() {
				return []any{map[string]any{"outcome": "Unsupported"}}
			}
			return []any{map[string]any{"outcome": "Projected"}}
		}
	}
}

func TestGuardrailsSeeWhatDataPlanesDo(t *testing.T) {
	world := shop(t)
	guardrails := []*guardrail.Guardrail{{Name: "in-force", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{inForce{}}}}
	edit := review.EditOf(nil, timeout(t, "infra", "public", onGateway, "default: {request: 90s}"))
	for name, test := range map[string]struct {
		enforced evaluate.Enforced
		want     int
	}{
		"no data plane is known":            {nil, 0},
		"a data plane that does everything": {ignoredIn("nowhere"), 0},
		"a data plane that ignores it":      {ignoredIn("labs"), 1},
	} {
		edit.Enforced = test.enforced
		v, err := review.Review(t.Context(), world, edit, guardrails)
		if err != nil || len(v.Violations) != test.want {
			t.Errorf("%s: violations %v, %v, want %d", name, v.Violations, err, test.want)
		}
	}
	after, problems := world.With(edit.Changes[0].New)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	evaluator := evaluate.Of(after, guardrails, ignoredIn("labs"))
	for e := range effective.ResolveAll(after).All() {
		want := 0
		if e.Target.Kind != "Gateway" && e.Target.Namespace == "labs" {
			want = 1
		}
		for name, ask := range map[string]func() ([]evaluate.Violation, error){
			"the audit": func() ([]evaluate.Violation, error) { return evaluator.Existing(t.Context(), e) },
			"the gate":  func() ([]evaluate.Violation, error) { return evaluator.Published(t.Context(), nil, e) },
		} {
			if found, err := ask(); err != nil || len(found) != want {
				t.Errorf("%s: %s finds %v, %v, want %d", e.Target, name, found, err, want)
			}
		}
		publishable, err := evaluate.Publishable(t.Context(), after, e, true, guardrails, ignoredIn("labs"), nil)
		if err != nil || publishable != (want == 0) {
			t.Errorf("%s can be published: %t, %v", e.Target, publishable, err)
		}
	}
}
