package review_test

import (
	"testing"
	"time"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/review"

	"github.com/attache-dev/attache/test/worldtest"
)

const sixtyWithException = `apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: sixty}
spec:
  rego: none
  exceptions:
  - {name: a, reason: r, until: "2027-01-01T00:00:00Z", match: {namespaces: [shop]}}
  - {name: b, reason: r, until: "2027-02-01T00:00:00Z", match: {routes: [{kind: HTTPRoute, namespace: labs, name: trial}]}}
  - {name: "c", reason: r, until: "2027-02-01T00:00:00Z", match: {policies: [{kind: TimeoutPolicy, namespace: infra, name: other}]}}
`

// withExceptions is the guardrail of sixty seconds with the exceptions above.
func withExceptions(t *testing.T) *guardrail.Guardrail {
	t.Helper()
	parsed, _ := guardrail.Parse(worldtest.Objects(t, sixtyWithException)[0], guardrail.Compilers{})
	if len(parsed.Exceptions) != 3 {
		t.Fatalf("read %d exceptions", len(parsed.Exceptions))
	}
	g := sixty(guardrail.Match{})[0]
	g.Exceptions = parsed.Exceptions
	return g
}

func TestAnExceptionEnds(t *testing.T) {
	g := withExceptions(t)
	edit := review.EditOf(nil, timeout(t, "shop", "checkout", onCheckout, "default: {request: 90s}"))
	end := g.Exceptions[0].Until
	for name, test := range map[string]struct {
		guardrails []*guardrail.Guardrail
		denied     bool
		used       int
	}{
		"before its end":       {guardrail.At([]*guardrail.Guardrail{g}, end.Add(-time.Second)), false, 1},
		"at its end":           {guardrail.At([]*guardrail.Guardrail{g}, end), true, 0},
		"when nobody says now": {[]*guardrail.Guardrail{g}, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := reviewed(t, shop(t), edit, test.guardrails)
			if v.Denied() != test.denied || len(v.Excepted()) != test.used {
				t.Errorf("denied %v, excepted %v", v.Denied(), v.Excepted())
			}
		})
	}
	// The exception for another policy, and for a route elsewhere, covers nothing here.
	only := *g
	only.Exceptions = g.Exceptions[1:]
	if v := reviewed(t, shop(t), edit, guardrail.At([]*guardrail.Guardrail{&only}, end.Add(-time.Hour))); !v.Denied() {
		t.Error("an exception for somebody else lets it pass")
	}
}

func TestATimedGuardrailIsTheSameUntilAnExceptionEnds(t *testing.T) {
	g := withExceptions(t)
	guardrails := append([]*guardrail.Guardrail{g}, sixty(guardrail.Match{})...)
	end := g.Exceptions[0].Until
	var timed guardrail.Timed
	first, again, after := timed.At(guardrails, end.Add(-time.Hour)), timed.At(guardrails, end.Add(-time.Minute)), timed.At(guardrails, end)
	if first[0] != again[0] || first[1] != again[1] {
		t.Error("nothing ended, and a guardrail is another one")
	}
	if after[0] == first[0] || after[1] != first[1] {
		t.Error("an exception ended, and the guardrail is the same; or one without exceptions is another")
	}
	next, any := guardrail.NextEnd(guardrails, end)
	if !any || !next.Equal(g.Exceptions[1].Until) {
		t.Errorf("the next end is %v %v", next, any)
	}
	if _, any := guardrail.NextEnd(guardrails, next); any {
		t.Error("all have ended, and another one is to end")
	}
}
