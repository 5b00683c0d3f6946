package enforcement_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
	"github.com/attache-dev/attache/test/worldtest"
)

const controller = "gateway.envoyproxy.io/gatewayclass-controller"

// onEnvoy is a part of two paths on Envoy Gateway: the listener http of the Gateways a and b.
func onEnvoy() *enforcement.Part {
	registration, _ := exporters.Lookup(export.EnvoyGateway)
	part := &enforcement.Part{Registration: registration}
	for _, name := range []string{"a", "b"} {
		gateway := hierarchy.GatewayRef("infra", name)
		part.Input.Paths = append(part.Input.Paths, export.Path{Listener: &hierarchy.Listener{Ref: gateway.WithSection("http"), Gateway: gateway}, Controller: controller})
	}
	return part
}

// answered is an object of ours at generation 3 with a plane's ancestors.
func answered(t *testing.T, section, ancestors string) *unstructured.Unstructured {
	t.Helper()
	return worldtest.Object(t, `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: a, namespace: shop, generation: 3}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout`+section+`}]
status:
  ancestors:
  - {controllerName: example.com/another, ancestorRef: {name: a, namespace: infra}, conditions: [{type: Accepted, status: "False", observedGeneration: 3}]}
`+ancestors)
}

// ancestor is what Envoy Gateway says for a Gateway or a listener.
func ancestor(ref, conditions string) string {
	return "  - {controllerName: " + controller + ", ancestorRef: {" + ref + "}, conditions: [" + conditions + "]}\n"
}

// TestTheStateIsThePlanesOwnWordOnThisGeneration (E10.1, 12.E5b): what it says for another Gateway is
// not about a path, and each path has its own state.
func TestTheStateIsThePlanesOwnWordOnThisGeneration(t *testing.T) {
	const (
		a, b, other, listener = "name: a, namespace: infra", "name: b, namespace: infra", "name: c, namespace: infra", "name: a, namespace: infra, sectionName: http"
		yes, refused          = `{type: Accepted, status: "True", observedGeneration: 3}`, `{type: Accepted, status: "False", reason: Invalid, observedGeneration: 3}`
		overridden            = `{type: Overridden, status: "True", observedGeneration: 3}`
	)
	for _, test := range []struct {
		name, section, ancestors string
		want                     enforcement.State
	}{
		{"nobody", "", "", enforcement.Pending},
		{"one Gateway of two", "", ancestor(a, yes), enforcement.Pending},
		{"both", "", ancestor(a, yes) + ancestor(b, yes), enforcement.Accepted},
		{"a listener", "", ancestor(listener, yes) + ancestor(b, yes), enforcement.Accepted},
		{"merged", "", ancestor(a, `{type: Merged, status: "True", observedGeneration: 3}`) + ancestor(b, yes), enforcement.Accepted},
		{"aggregated", "", ancestor(a, `{type: Aggregated, status: "True", observedGeneration: 3}`), enforcement.Accepted},
		{"an older generation", "", ancestor(a, `{type: Accepted, status: "True", observedGeneration: 2}`) + ancestor(b, yes), enforcement.Pending},
		{"a conflict", "", ancestor(a, `{type: Accepted, status: "False", reason: Conflicted, observedGeneration: 3}`) + ancestor(b, yes), enforcement.Conflicted},
		{"a refusal", "", ancestor(a, yes) + ancestor(b, refused), enforcement.Rejected},
		{"a refusal for a Gateway that it is not for", "", ancestor(a, yes) + ancestor(b, yes) + ancestor(other, refused), enforcement.Accepted},
		{"a policy on a rule that another hides", ", sectionName: pay", ancestor(a, yes+", "+overridden) + ancestor(b, yes), enforcement.Rejected},
		{"a policy on a route, and others on its rules", "", ancestor(a, yes+", "+overridden) + ancestor(b, yes), enforcement.Accepted},
	} {
		if got := onEnvoy().ReadObject(answered(t, test.section, test.ancestors)); got.State != test.want {
			t.Errorf("%s: %s, want %s", test.name, got.State, test.want)
		}
	}
	if got := onEnvoy().ReadObject(nil); got.State != enforcement.Pending {
		t.Errorf("an object that is not there is %s", got.State)
	}
}

// TestARoutesStateIsThatOfItsParents: what one controller says for one parent.
func TestARoutesStateIsThatOfItsParents(t *testing.T) {
	route := func(a, b string) *unstructured.Unstructured {
		parent := func(name, conditions string) string {
			return "  - {controllerName: " + controller + ", parentRef: {name: " + name + ", namespace: infra}, conditions: [" + conditions + "]}\n"
		}
		return worldtest.Object(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop, generation: 3}
status:
  parents:
`+parent("a", a)+parent("b", b))
	}
	const yes = `{type: Accepted, status: "True", observedGeneration: 3}`
	for want, u := range map[enforcement.State]*unstructured.Unstructured{
		enforcement.Accepted: route(yes, yes),
		enforcement.Pending:  route(yes, `{type: Accepted, status: "True", observedGeneration: 3}, {type: ResolvedRefs, status: "False", observedGeneration: 3}`),
		enforcement.Rejected: route(yes, `{type: Accepted, status: "False", reason: UnsupportedValue, observedGeneration: 3}`),
	} {
		if got := onEnvoy().ReadRoute(u); got.State != want {
			t.Errorf("%s, want %s", got.State, want)
		}
	}
}

// TestTheWorseStateCounts: in either order, and an absent state never counts as worse.
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

// TestAScoreBecomesACondition (E3.3): False only for a failure that somebody has observed.
func TestAScoreBecomesACondition(t *testing.T) {
	envoy := map[string]int{export.EnvoyGateway: 2}
	checkout := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout")
	const inline = string(export.InlineWins)
	for _, test := range []struct {
		name  string
		score enforcement.Score
		want  string
		// says is the message; empty where only the end of it is looked at.
		says string
	}{
		{"nobody serves it", enforcement.Score{Paths: 2, Unserved: 2}, "Unknown NoExporter",
			"Nothing is known of what the data plane does: no exporter is enabled for the GatewayClass."},
		{"and it is known why", enforcement.Score{Paths: 2, Unserved: 2, Reasons: map[string]int{"exporter traefik is named by GatewayClass edge but not enabled": 2}}, "Unknown NoExporter",
			"Nothing is known of what the data plane does: exporter traefik is named by GatewayClass edge but not enabled."},
		{"all of four", enforcement.Score{Paths: 4, Enforced: 4, Some: 4, Exporters: envoy}, "True Enforced", "Enforced on 4 of 4 paths by envoy-gateway."},
		{"a loss on two", enforcement.Score{Paths: 4, Enforced: 4, Some: 4, Exporters: envoy, Losses: map[enforcement.Trouble]int{
			{Field: "burst", Reason: "BurstDropped", Route: checkout, Rule: "cart"}: 2}}, "True EnforcedWithLoss",
			"Enforced on 4 of 4 paths by envoy-gateway, with loss: burst BurstDropped (2 paths)."},
		{"two of four", enforcement.Score{Paths: 4, Enforced: 2, Some: 2, Exporters: envoy, Failures: map[enforcement.Trouble]int{
			{Field: "request", Reason: inline, Route: checkout, Rule: "pay"}: 2}}, "False PartiallyEnforced",
			"Enforced on 2 of 4 paths by envoy-gateway; not enforced: request InlineWins on HTTPRoute shop/checkout rule pay (2 paths)."},
		{"many things", enforcement.Score{Paths: 9, Enforced: 1, Some: 1, Exporters: envoy, Failures: map[enforcement.Trouble]int{
			{Field: "request", Reason: inline, Route: checkout, Rule: "pay"}:  1,
			{Field: "request", Reason: inline, Route: checkout, Rule: "cart"}: 1,
			{Field: "idle", Reason: "NoField", Route: checkout}:               3,
			{Field: "b", Reason: "NoField", Route: checkout}:                  1,
			{Field: "a", Reason: "NoField", Route: checkout}:                  1,
			{Field: "c", Reason: "NoField", Route: checkout}:                  1}}, "False PartiallyEnforced",
			"Enforced on 1 of 9 paths by envoy-gateway; not enforced: idle NoField on HTTPRoute shop/checkout (3 paths), request InlineWins (2 paths), " +
				"a NoField on HTTPRoute shop/checkout (1 path), and 2 more."},
		{"all in force", enforcement.Score{Paths: 2, Enforced: 2, Some: 2, Exporters: envoy}, "True Enforced", ""},
		{"with a loss", enforcement.Score{Paths: 2, Enforced: 2, Some: 2, Exporters: envoy, Losses: map[enforcement.Trouble]int{{Field: "idle"}: 1}}, "True EnforcedWithLoss", ""},
		{"the plane has not answered", enforcement.Score{Paths: 2, Pending: 2, Some: 2, Exporters: envoy}, "Unknown Pending", ""},
		{"a part fails", enforcement.Score{Paths: 2, Enforced: 1, Some: 1, Exporters: envoy, Failures: map[enforcement.Trouble]int{{Field: "idle"}: 1}}, "False PartiallyEnforced", ""},
		{"all fails", enforcement.Score{Paths: 2, Exporters: envoy, Failures: map[enforcement.Trouble]int{{Field: "idle"}: 2}}, "False NotEnforced", ""},
	} {
		got := test.score.Condition()
		if got.Status+" "+got.Reason != test.want {
			t.Errorf("%s: %s %s, want %s", test.name, got.Status, got.Reason, test.want)
		}
		if test.says != "" && got.Message != test.says {
			t.Errorf("%s: %q, want %q", test.name, got.Message, test.says)
		}
		if !strings.HasSuffix(got.Message, ".") {
			t.Errorf("%s: %q is no sentence", test.name, got.Message)
		}
	}
}
