package controller

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
)

// The list of guardrails is shared with the webhook and with the gate.
func TestAnAuditLeavesTheListOfGuardrailsAlone(t *testing.T) {
	shared := []*guardrail.Guardrail{
		{Name: "a", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{atMost1s{}}},
		{Name: "b", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{atMost1s{}}},
	}
	measures, err := newMeasures(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	c := &Controller{state: newState(func() []*guardrail.Guardrail { return shared }), audit: newAudit(), metrics: measures}
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
