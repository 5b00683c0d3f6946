package review_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/review"
)

// judgement is a rule with one objection.
type judgement struct {
	uses          guardrail.Variables
	path, message string
	ok            func(guardrail.Input) bool
}

func (r *judgement) Uses() guardrail.Variables { return r.uses }

func (r *judgement) Check(_ context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	if r.ok(in) {
		return nil, nil
	}
	return []guardrail.Finding{{Code: "0", Message: r.message, FieldPath: r.path}}, nil
}

// requestOf is the request timeout of a path, 0 when there is none.
func requestOf(in guardrail.Input) time.Duration {
	block, _ := in["effective"].(map[string]any)["TimeoutPolicy"].(map[string]any)
	text, _ := block["request"].(string)
	d, _ := time.ParseDuration(text)
	return d
}

// within has a lower and an upper end; retries is in the same expression, and no
// field path says which of the two an objection is about.
func TestARangeAndAConjunctionHoldTheRatchet(t *testing.T) {
	within := &guardrail.Guardrail{Name: "range", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{&judgement{
		uses: guardrail.Effective, path: "effective.TimeoutPolicy.request", message: "5s to 60s",
		ok: func(in guardrail.Input) bool {
			request := requestOf(in)
			return request == 0 || request >= 5*time.Second && request <= time.Minute
		},
	}}}
	both := &guardrail.Guardrail{Name: "both", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{&judgement{
		uses: guardrail.Effective, message: "at most 60s and few retries",
		ok: func(in guardrail.Input) bool { return requestOf(in) <= time.Minute },
	}}}
	before := timeout(t, "shop", "checkout", onCheckout, "default: {request: 90s, connect: 1s}")
	s, _ := shop(t).With(before)
	for name, test := range map[string]struct {
		guardrail *guardrail.Guardrail
		spec      string
		denied    bool
	}{
		"beyond one end":               {within, "default: {request: 10h, connect: 1s}", true},
		"beyond the other":             {within, "default: {request: 1s, connect: 1s}", true},
		"nearer to it":                 {within, "default: {request: 61s, connect: 1s}", true},
		"inside":                       {within, "default: {request: 20s, connect: 1s}", false},
		"another field":                {within, "default: {request: 90s, connect: 2s}", false},
		"another field, without path":  {both, "default: {request: 90s, connect: 2s}", true},
		"nothing at all, without path": {both, "default: {request: 90s, connect: 1s}", false},
	} {
		t.Run(name, func(t *testing.T) {
			v := reviewed(t, s, review.EditOf(before, timeout(t, "shop", "checkout", onCheckout, test.spec)), []*guardrail.Guardrail{test.guardrail})
			if v.Denied() != test.denied {
				t.Errorf("denied is %v: %v", v.Denied(), lines(v))
			}
			if test.denied && !strings.Contains(v.Denial("it"), "the value that was there may stay, a new one must satisfy the guardrail") {
				t.Errorf("it does not say why: %s", v.Denial("it"))
			}
		})
	}
}

// If a path violated a guardrail before, and violates it in another way after a removal, the
// removal is not refused for that.
func TestADeletionIsNotDeniedWhereItWasWrongBefore(t *testing.T) {
	ceiling := timeout(t, "infra", "ceiling", onGateway, "override: {request: 90s}")
	s, _ := shop(t).With(ceiling, timeout(t, "shop", "checkout", onCheckout, "default: {request: 120s}"))
	if v := reviewed(t, s, review.EditOf(ceiling, nil), sixty(guardrail.Match{})); v.Denied() {
		t.Errorf("denied: %v", lines(v))
	}
}

// A guardrail that reads names runs on each path; the number of paths in one review is limited.
func TestTooManyPathsToBeToldApart(t *testing.T) {
	names := &guardrail.Guardrail{Name: "names", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{&judgement{
		uses: guardrail.RouteRule | guardrail.Listener, message: "no", ok: func(guardrail.Input) bool { return false },
	}}}
	edit := review.EditOf(nil, timeout(t, "infra", "public", onGateway, "default: {request: 5s}"))
	for name, test := range map[string]struct {
		max             int
		platform        bool
		denied, warning string
	}{
		"within the limit":      {max: 3, denied: "guardrail names:\n- HTTPRoute"},
		"without one":           {denied: "guardrail names:\n- HTTPRoute"},
		"beyond it, a tenant":   {max: 2, denied: "this edit has 3 paths to be asked about, and the limit is 2: have fewer routes"},
		"beyond it, a platform": {max: 2, platform: true, warning: "the limit is 2: the controller asks before it publishes"},
	} {
		t.Run(name, func(t *testing.T) {
			e := edit
			e.MaxPaths, e.Platform = test.max, test.platform
			v := reviewed(t, shop(t), e, []*guardrail.Guardrail{names})
			if said := v.Denial("it"); v.Denied() != (test.denied != "") || v.Denied() && !strings.Contains(said, test.denied) {
				t.Errorf("denied is %v: %s", v.Denied(), said)
			}
			if said := strings.Join(v.Warnings(), "\n"); !strings.Contains(said, test.warning) {
				t.Errorf("warnings: %s", said)
			}
		})
	}
}
