package webhook

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/status"
)

// onTraefik is a rate limit on a class of Traefik, whose Middlewares rules have to name.
const onTraefik = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec: {controllerName: traefik.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: attache.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: ceiling, namespace: infra}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}
  override: {requestsPerSecond: "10"}
`

const traefikRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop, uid: first, labels: {attache.dev/inject: "true"}}
spec:
  parentRefs: [{name: public, namespace: infra}]
  rules:
  - {name: pay, backendRefs: [{name: pay, port: 80}]}
`

// An object in the cache may have been deleted since, or be so new that the data plane has not seen it.
// So a write of the route's owner does not name it, unless the stored route does (E8.5): then the
// controller does not delete it. When it can be named, the controller touches the route. That an object
// of the same name belongs to a route that is gone, and goes with it, is seen in the cache.
func TestOnlyTheControllersTouchNamesAFilterAnew(t *testing.T) {
	const ours = "attache-checkout-"
	there := true
	injector := &status.Injector{
		Exists: func(_ hierarchy.Ref, route types.UID) bool { return there && route == "first" },
		World: func(g *hierarchy.Graph) enforcement.World {
			return enforcement.World{Graph: g, Config: enforcement.Config{Enabled: []string{export.Traefik}}, Fields: export.StandardFields{FiltersMax: 16}}
		},
	}
	h := handlersOf(t, world(t, onTraefik, traefikRoute), func(o *Options) { o.Injector = injector })
	named := func(a ask, want bool) *unstructured.Unstructured {
		t.Helper()
		stored := patched(t, a, answerTo(t, h.Mutate(), a))
		rules, _, _ := unstructured.NestedSlice(stored.Object, "spec", "rules")
		filters, _, _ := unstructured.NestedSlice(rules[0].(map[string]any), "filters")
		got := slices.ContainsFunc(filters, func(f any) bool {
			name, _, _ := unstructured.NestedString(f.(map[string]any), "extensionRef", "name")
			return strings.HasPrefix(name, ours)
		})
		if got != want {
			t.Errorf("the filters are %v; a Middleware is among them: want %t", filters, want)
		}
		return stored
	}
	touch := func(a ask) ask { a.manager = status.InjectOwner; return a }
	stored := named(create(t, traefikRoute), false)
	asStored := func(old, object *unstructured.Unstructured) ask {
		return ask{operation: "UPDATE", old: old, object: object}
	}
	named(asStored(stored, stored), false)
	named(update(t, traefikRoute, strings.Replace(traefikRoute, "port: 80}]", "port: 81}]", 1)), false)
	names := named(touch(asStored(stored, stored)), true)
	named(asStored(names, object(t, traefikRoute)), true) // the owner applies the manifest again
	again := names.DeepCopy()
	again.SetUID("second")
	named(touch(asStored(again, again)), false)
	there = false
	named(touch(asStored(stored, stored)), false)
}
