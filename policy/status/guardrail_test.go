package status_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/status"
)

func TestTheStatusOfAGuardrailKeepsTimesAndIsWrittenOnce(t *testing.T) {
	live := objects(t, `{apiVersion: attache.dev/v1alpha1, kind: PolicyGuardrail, metadata: {name: g, generation: 4}}`)[0]
	report := status.GuardrailReport{Language: "CEL", Violations: 31, First: []status.GuardrailViolation{{Path: "HTTPRoute shop/a", Message: "too long"}}}
	writes := at(noon).Guardrail(live, report)
	if len(writes) != 1 {
		t.Fatalf("%d writes", len(writes))
	}
	live = writes[0].Object
	if again := at(noon.Add(time.Hour)).Guardrail(live, report); len(again) != 0 {
		t.Errorf("it is written again: %v", again[0].Object.Object)
	}
	report.First = append(report.First, status.GuardrailViolation{Path: "HTTPRoute shop/b", Message: "too long"})
	report.Broken = "spec.cel[0].expression: no"
	live = at(noon.Add(time.Hour)).Guardrail(live, report)[0].Object
	first, _, _ := unstructured.NestedSlice(live.Object, "status", "firstViolations")
	for i, want := range []string{"2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z"} {
		if got := first[i].(map[string]any)["since"]; got != want {
			t.Errorf("violation %d is since %v, want %s", i, got, want)
		}
	}
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	if c := conditions[0].(map[string]any); len(conditions) != 1 || c["reason"] != status.ReasonDoesNotCompile || c["observedGeneration"] != int64(4) {
		t.Errorf("the conditions are %v", conditions)
	}
}

func TestAPolicyThatIsHeldBackSaysWhereAndWhy(t *testing.T) {
	c := clusterOf(t, gateways)
	route := hierarchy.RefOf(objects(t, gateways)[3])
	gateway := hierarchy.RefOf(objects(t, gateways)[1])
	p, _ := c.s.Policy(hierarchy.RefOf(objects(t, gateways)[5]))
	planner := at(noon)
	planner.Holds = func(hierarchy.Ref) []status.Hold {
		return []status.Hold{{Target: route, Gateway: gateway, Guardrail: "short", Text: "HTTPRoute infra/r: too long."}}
	}
	of, _ := c.s.Policy(p.Ref)
	writes := planner.Policy(c.s, of, &c.tally, c)
	ancestors, _, _ := unstructured.NestedSlice(writes[0].Object.Object, "status", "ancestors")
	conditions := ancestors[0].(map[string]any)["conditions"].([]any)
	programmed := conditions[1].(map[string]any)
	want := "Not published on 1 route, where what was published last stays in force: guardrail short objects to HTTPRoute infra/r: too long. "
	if got, _ := programmed["message"].(string); programmed["status"] != "False" || programmed["reason"] != status.ReasonGuardrailViolated || len(got) < len(want) || got[:len(want)] != want {
		t.Errorf("the condition is %v", programmed)
	}
}
