package policy_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/test/worldtest"
)

// TestHasAnObjectJustAsItIs: and in no other version of which anything is read.
func TestHasAnObjectJustAsItIs(t *testing.T) {
	const manifests = `
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: a}}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge, generation: 1}, spec: {controllerName: example.com/gateway}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: shop, generation: 1, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {gatewayClassName: edge, listeners: [{name: http, protocol: HTTP, port: 80, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: a}}}}}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: checkout, namespace: shop, uid: u, labels: {tier: a}}, spec: {parentRefs: [{name: public}], rules: [{name: pay, timeouts: {request: 2s}, backendRefs: [{name: pay, port: 80}]}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: edge, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}, strategy: Patch, default: {request: 30s}, bounds: {request: {max: 60s}}}}
---
{apiVersion: attache.dev/v1alpha1, kind: RetryPolicy, metadata: {name: all, namespace: shop}, spec: {targetSelectors: [{group: gateway.networking.k8s.io, kind: HTTPRoute, matchLabels: {tier: a}}], strategy: Patch, default: {maxRetries: 2}}}`
	s, read := world(t, manifests), worldtest.Objects(t, manifests)
	changes := map[string]func(u *unstructured.Unstructured){
		"nothing":        func(*unstructured.Unstructured) {},
		"a label":        func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{"team": "b"}) },
		"the generation": func(u *unstructured.Unstructured) { u.SetGeneration(7) },
		"the uid":        func(u *unstructured.Unstructured) { u.SetUID("other") },
		"the name":       func(u *unstructured.Unstructured) { u.SetName("other") },
		"the spec":       func(u *unstructured.Unstructured) { u.Object["spec"] = map[string]any{} },
	}
	for i := range read {
		if !s.Has(read[i]) {
			t.Errorf("%s is not as it was given", hierarchy.RefOf(read[i]))
		}
		for what, change := range changes {
			u := read[i].DeepCopy()
			change(u)
			after, problems := s.With(u)
			if len(problems) == 0 && !after.Has(u) {
				t.Errorf("%s with a change of %s is not as it was given", hierarchy.RefOf(u), what)
			}
			if s.Has(u) && !after.Has(read[i]) {
				t.Errorf("%s with a change of %s is said to be there, and is another version", hierarchy.RefOf(u), what)
			}
		}
	}
	for i, what := range map[int]string{0: "a label", 1: "the spec", 2: "the spec", 3: "a label", 4: "the spec", 5: "the spec"} {
		u := read[i].DeepCopy()
		if changes[what](u); s.Has(u) {
			t.Errorf("%s is said to be there with a change of %s", hierarchy.RefOf(u), what)
		}
	}
	if s.Has(worldtest.Object(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop}}`)) {
		t.Error("an object that nobody gave is there")
	}
}
