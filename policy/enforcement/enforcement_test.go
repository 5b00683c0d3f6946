package enforcement_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/test/worldtest"
)

const controller = "gateway.envoyproxy.io/gatewayclass-controller"

// answered is an object of ours at generation 3 with a plane's conditions.
func answered(t *testing.T, conditions string) *unstructured.Unstructured {
	t.Helper()
	return worldtest.Object(t, `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: a, namespace: shop, generation: 3}
status:
  ancestors:
  - {controllerName: example.com/another, conditions: [{type: Accepted, status: "False", observedGeneration: 3}]}
  - {controllerName: `+controller+`, conditions: [`+conditions+`]}`)
}

// TestTheStateIsThePlanesOwnWordOnThisGeneration (E10.1).
func TestTheStateIsThePlanesOwnWordOnThisGeneration(t *testing.T) {
	for _, test := range []struct {
		conditions string
		want       enforcement.State
	}{
		{``, enforcement.Pending},
		{`{type: Accepted, status: "True", observedGeneration: 3}`, enforcement.Accepted},
		{`{type: Accepted, status: "True", observedGeneration: 2}`, enforcement.Pending},
		{`{type: Accepted, status: "False", reason: Conflicted, observedGeneration: 3}`, enforcement.Conflicted},
		{`{type: Accepted, status: "False", reason: Invalid, observedGeneration: 3}`, enforcement.Rejected},
		{`{type: Accepted, status: "True", observedGeneration: 3}, {type: Overridden, status: "True", observedGeneration: 3}`, enforcement.Rejected},
	} {
		if got := enforcement.ReadObject(export.EnvoyGateway, answered(t, test.conditions), []string{controller}); got.State != test.want {
			t.Errorf("[%s] is %s, want %s", test.conditions, got.State, test.want)
		}
	}
	if got := enforcement.ReadObject(export.EnvoyGateway, nil, []string{controller}); got.State != enforcement.Pending {
		t.Errorf("an object that is not there is %s", got.State)
	}
}

// TestTheWorseStateCounts: in either order, and nothing is worse than what nobody said.
func TestTheWorseStateCounts(t *testing.T) {
	order := []enforcement.State{
		enforcement.Rejected, enforcement.Conflicted, enforcement.NotWritten, enforcement.Drifted, enforcement.Pending,
		enforcement.Accepted, enforcement.Planned, enforcement.NoExporter,
	}
	for i, worse := range order {
		for _, better := range order[i:] {
			if x, y := enforcement.Worse(worse, better), enforcement.Worse(better, worse); x != worse || y != worse {
				t.Errorf("of %s and %s: %s and %s", worse, better, x, y)
			}
		}
		if enforcement.Worse("", worse) != worse {
			t.Errorf("nothing and %s", worse)
		}
	}
}

// TestAScoreBecomesACondition (E3.3): False only for what somebody has seen to fail.
func TestAScoreBecomesACondition(t *testing.T) {
	envoy := map[string]int{export.EnvoyGateway: 2}
	for _, test := range []struct {
		name  string
		score enforcement.Score
		want  string
	}{
		{"nobody serves it", enforcement.Score{Paths: 2, Unserved: 2}, "Unknown NoExporter"},
		{"all in force", enforcement.Score{Paths: 2, Enforced: 2, Some: 2, Exporters: envoy}, "True Enforced"},
		{"with a loss", enforcement.Score{Paths: 2, Enforced: 2, Some: 2, Exporters: envoy, Losses: map[enforcement.Trouble]int{{Field: "idle"}: 1}}, "True EnforcedWithLoss"},
		{"the plane has not answered", enforcement.Score{Paths: 2, Pending: 2, Some: 2, Exporters: envoy}, "Unknown Pending"},
		{"a part fails", enforcement.Score{Paths: 2, Enforced: 1, Some: 1, Exporters: envoy, Failures: map[enforcement.Trouble]int{{Field: "idle"}: 1}}, "False PartiallyEnforced"},
		{"all fails", enforcement.Score{Paths: 2, Exporters: envoy, Failures: map[enforcement.Trouble]int{{Field: "idle"}: 2}}, "False NotEnforced"},
	} {
		got := test.score.Condition()
		if got.Status+" "+got.Reason != test.want {
			t.Errorf("%s: %s %s, want %s", test.name, got.Status, got.Reason, test.want)
		}
		if !strings.HasSuffix(got.Message, ".") {
			t.Errorf("%s: %q is no sentence", test.name, got.Message)
		}
	}
}
