package e2e

import (
	"os"
	"strings"
	"testing"
)

// labelled has three classes: edge and relaxed cap all that is on Gateways of
// theirs, and loose does not.
const labelled = `
{apiVersion: v1, kind: Namespace, metadata: {name: infra}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: prod, labels: {env: prod}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: labs, labels: {env: dev}}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/gateway}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: relaxed}, spec: {controllerName: example.com/gateway}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: loose}, spec: {controllerName: example.com/gateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
  allowedListeners: {namespaces: {from: Same}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: open, namespace: infra}
spec:
  gatewayClassName: loose
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
  allowedListeners: {namespaces: {from: Same}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: extra, namespace: infra}
spec:
  parentRef: {name: public}
  listeners:
  - {name: first, port: 8081, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: second, port: 8082, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: prod}
spec: {parentRefs: [{name: public, namespace: infra}], rules: [{name: pay}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: first, namespace: labs}
spec: {parentRefs: [{kind: ListenerSet, name: extra, namespace: infra, sectionName: first}], rules: [{}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: second, namespace: labs}
spec: {parentRefs: [{kind: ListenerSet, name: extra, namespace: infra, sectionName: second}], rules: [{}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: trial, namespace: labs}
spec: {parentRefs: [{name: open, namespace: infra}], rules: [{}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: guest, namespace: labs}
spec: {parentRefs: [{name: open, namespace: infra}], rules: [{}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: from-infra, namespace: labs}
spec:
  from: [{group: attache.dev, kind: TimeoutPolicy, namespace: infra}]
  to: [{group: gateway.networking.k8s.io, kind: HTTPRoute}]
`

// TestEditsOfWhatPoliciesStandOn is what a person reads who edits neither a policy nor a route,
// but what they depend on: labels of a Namespace, Gateways, ListenerSets and ReferenceGrants.
func TestEditsOfWhatPoliciesStandOn(t *testing.T) {
	a := startAdmission(t, map[string]any{
		"platformNamespaces": []any{"infra"},
		"admission":          map[string]any{"namespaceLabels": true},
	})
	p, address := a.replica()
	a.board.to(address)
	w := a.as(a.plane.Config, "infra")
	w.apply(labelled)
	for _, policy := range []string{
		policyOn("infra", "edge", "kind: GatewayClass, name: edge", "override: {request: 30s}"),
		policyOn("infra", "relaxed", "kind: GatewayClass, name: relaxed", "override: {request: 45s}"),
		policyOn("prod", "checkout", "kind: HTTPRoute, name: checkout", "default: {request: 90s}"),
		policyOn("labs", "trial", "kind: HTTPRoute, name: trial", "default: {request: 2m}"),
	} {
		w.apply(policy)
	}
	// A policy is refused for as long as the replica does not know its grant.
	a.asked("the grant to be known", policyOn("infra", "guest", "kind: HTTPRoute, name: guest, namespace: labs", "override: {request: 5s}"),
		[]string{"apply", "-f", "-"}, func(_ string, err error) bool { return err == nil })
	rail, err := os.ReadFile(examples + inProd + ".cel.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w.apply(string(rail))

	t.Run("labels of a Namespace", func(t *testing.T) { relabelled(t, a, p) })
	t.Run("the class of a Gateway", func(t *testing.T) { reclassed(t, a, w) })
	t.Run("a ListenerSet", func(t *testing.T) { regrouped(t, a, w) })
	t.Run("a ReferenceGrant", func(t *testing.T) { ungranted(t, a, w) })
}

// told dry-runs a command until the replica knows what makes it say the parts,
// and then runs it for good, which must say the same.
func (a *admission) told(t *testing.T, refused bool, arguments []string, parts ...string) {
	t.Helper()
	on := &admission{TB: t, plane: a.plane}
	said := on.asked("the answer to "+strings.Join(arguments, " "), "", dry(arguments...), func(said string, err error) bool {
		for _, part := range parts {
			if !strings.Contains(said, part) {
				return false
			}
		}
		return (err != nil) == refused
	})
	t.Logf("a person reads: %s", said)
	forReal, err := on.kubectl("", arguments...)
	if (err != nil) != refused || forReal != strings.ReplaceAll(said, " (server dry run)", "") {
		t.Errorf("for real it says %s (%v)", forReal, err)
	}
}

func merge(kind, name, patch string) []string {
	return []string{"patch", kind, name, "-n", "infra", "--type", "merge", "-p", patch}
}

// relabelled needs no edit but of metadata to bring routes under a guardrail.
func relabelled(t *testing.T, a *admission, p *process) {
	a.told(t, true, []string{"label", "namespace", "labs", "env=prod", "--overwrite"},
		`admission webhook "namespaces.attache.dev" denied the request: Namespace labs is refused by guardrail timeout-at-most-60s-in-prod:`,
		"HTTPRoute labs/trial rules[0] on infra/open#http: in production a request takes at most 60s; write request: 60s or less instead of 2m",
		"; to fix it, have request of TimeoutPolicy labs/trial changed")

	reviews := func() float64 { return p.metric(t, "attache_admission_requests_total") }
	for _, edit := range []struct {
		arguments []string
		reviewed  float64
	}{
		{[]string{"label", "namespace", "labs", "team=labs"}, 1},
		{[]string{"annotate", "namespace", "labs", "example.com/owner=labs"}, 0},
	} {
		before := reviews()
		said, err := a.kubectl("", edit.arguments...)
		if err != nil || strings.Contains(said, "Warning") {
			t.Errorf("%s: %v: %s", edit.arguments, err, said)
		}
		if got := reviews() - before; got != edit.reviewed {
			t.Errorf("%s: %v reviews, want %v", edit.arguments, got, edit.reviewed)
		}
	}
	labs := a.as(a.plane.Config, "").object("Namespace.v1.", "labs")
	if got := labs.GetLabels(); got["env"] != "dev" || got["team"] != "labs" || labs.GetAnnotations()["example.com/owner"] != "labs" {
		t.Errorf("it has the labels %v and the annotations %v", got, labs.GetAnnotations())
	}
}

// reclassed moves a Gateway, with the routes on it and on its ListenerSet, under
// the override of another class.
func reclassed(t *testing.T, a *admission, w *world) {
	class := func() any { return w.object("Gateway", "public").Object["spec"].(map[string]any)["gatewayClassName"] }
	a.told(t, true, merge("gateway", "public", `{"spec": {"gatewayClassName": "loose"}}`),
		`admission webhook "gateway-api.attache.dev" denied the request: Gateway infra/public is refused by guardrail timeout-at-most-60s-in-prod:`,
		"HTTPRoute prod/checkout rule pay on infra/public#http: in production a request takes at most 60s; write request: 60s or less instead of 90s",
		"TimeoutPolicy prod/checkout")
	if class() != "edge" {
		t.Errorf("after the refusal its class is %v", class())
	}
	a.told(t, false, merge("gateway", "public", `{"spec": {"gatewayClassName": "relaxed"}}`),
		" changes 3 routes in 2 namespaces and 1 Gateway",
		"Warning: HTTPRoute labs/first: TimeoutPolicy request 30s → 45s (override of TimeoutPolicy infra/relaxed); and 2 more routes: kubectl effective-policy diff -f FILE")
	if class() != "relaxed" {
		t.Errorf("its class is %v", class())
	}
}

// regrouped gives a ListenerSet another Gateway, and takes a listener from it.
func regrouped(t *testing.T, a *admission, w *world) {
	a.told(t, false, merge("listenerset", "extra", `{"spec": {"parentRef": {"name": "open"}}}`),
		" changes 2 routes in 1 namespace and 1 Gateway\n",
		"Warning: HTTPRoute labs/first: TimeoutPolicy request 45s → not set (was override of TimeoutPolicy infra/relaxed)",
		"Warning: HTTPRoute labs/second: TimeoutPolicy request 45s → not set (was override of TimeoutPolicy infra/relaxed)")
	a.told(t, false, merge("listenerset", "extra", `{"spec": {"parentRef": {"name": "public"}}}`),
		" changes 2 routes in 1 namespace and 1 Gateway\n",
		"Warning: HTTPRoute labs/first: TimeoutPolicy request not set → 45s (override of TimeoutPolicy infra/relaxed)")
	a.told(t, false, merge("listenerset", "extra",
		`{"spec": {"listeners": [{"name": "first", "port": 8081, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}]}}`),
		" changes 1 route in 1 namespace and 1 Gateway\n",
		"Warning: HTTPRoute labs/second: TimeoutPolicy request 45s → not set (was override of TimeoutPolicy infra/relaxed)")
	if listeners := w.object("ListenerSet", "extra").Object["spec"].(map[string]any)["listeners"].([]any); len(listeners) != 1 {
		t.Errorf("it has the listeners %v", listeners)
	}
}

// ungranted deletes a grant on which a policy of another namespace stands.
func ungranted(t *testing.T, a *admission, w *world) {
	a.told(t, false, []string{"delete", "referencegrant", "from-infra", "-n", "labs"},
		" changes 1 route in 1 namespace; HTTPRoute labs/guest: TimeoutPolicy request 5s → not set (was override of TimeoutPolicy infra/guest)\n",
		`Warning: TimeoutPolicy infra/guest loses HTTPRoute labs/guest: no ReferenceGrant in namespace "labs" lets a TimeoutPolicy`)
	if a.as(a.plane.Config, "labs").exists("ReferenceGrant", "from-infra") {
		t.Error("it is there")
	}
	if !w.exists("TimeoutPolicy", "guest") {
		t.Error("the policy went with it")
	}
}
