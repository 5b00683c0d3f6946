package hierarchy_test

import (
	"fmt"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
)

func streamGateway(protocol string) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec: {gatewayClassName: edge, listeners: [{name: l, port: 5432, protocol: %s, allowedRoutes: {namespaces: {from: All}}}]}
---
`, protocol)
}

func streamRoute(kind, namespace, name, created string) string {
	if created != "" {
		created = fmt.Sprintf(", creationTimestamp: %q", created)
	}
	return fmt.Sprintf("apiVersion: gateway.networking.k8s.io/v1\nkind: %s\nmetadata: {name: %s, namespace: %s%s}\nspec: {parentRefs: [{name: g, namespace: infra}, {name: g, namespace: infra, port: 5432}]}\n---\n",
		kind, name, namespace, created)
}

// R29, R30: all are bound and counted, the oldest carries the traffic. When it is deleted the next
// takes over, and an older one that is created takes its place.
func TestOfRoutesThatCannotBeToldApartTheOldestIsActive(t *testing.T) {
	for _, c := range []struct{ kind, protocol string }{{"TCPRoute", "TCP"}, {"UDPRoute", "UDP"}} {
		const on, off = "Gateway infra/g Accepted l", "Gateway infra/g Accepted (l)"
		const on2, off2 = "Gateway infra/g:5432 Accepted l", "Gateway infra/g:5432 Accepted (l)"
		g := build(t, streamGateway(c.protocol)+
			streamRoute(c.kind, "b", "second", "2026-01-02T00:00:00Z")+
			streamRoute(c.kind, "z", "manifest", "")+
			streamRoute(c.kind, "a", "second", "2026-01-02T00:00:00Z")+
			streamRoute(c.kind, "c", "first", "2026-01-01T00:00:00Z"))
		listener := hierarchy.GatewayRef("infra", "g").WithSection("l")
		if n := g.AttachedRoutes(listener); n != 4 {
			t.Errorf("%s: attachedRoutes = %d, want 4", c.kind, n)
		}
		order := []hierarchy.Ref{routeRef(c.kind, "c", "first"), routeRef(c.kind, "a", "second"), routeRef(c.kind, "b", "second"), routeRef(c.kind, "z", "manifest")}
		before := g
		for i, active := range order {
			wantOutcomes(t, g, active, on, on2)
			for _, waiting := range order[i+1:] {
				wantOutcomes(t, g, waiting, off, off2)
			}
			g = g.Without(active)
		}
		if n := g.AttachedRoutes(listener); n != 0 {
			t.Errorf("%s: attachedRoutes = %d after all have gone", c.kind, n)
		}
		wantOutcomes(t, before, order[0], on, on2)
		for _, waiting := range order[1:] {
			wantOutcomes(t, before, waiting, off, off2)
		}
		older := before.With(decoded(t, streamRoute(c.kind, "x", "zeroth", "2025-01-01T00:00:00Z"))...)
		wantOutcomes(t, older, order[0], off, off2)
		wantOutcomes(t, older, routeRef(c.kind, "x", "zeroth"), on, on2)
	}
}

// R33: routes that a listener can tell apart are all active, however they overlap otherwise.
func TestRoutesThatCanBeToldApartAreAllActive(t *testing.T) {
	g := build(t, public+route("{parentRefs: [{name: public, namespace: infra, sectionName: http}]}")+`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: other, namespace: shop}
spec: {parentRefs: [{name: public, namespace: infra, sectionName: http}]}
`)
	wantOutcomes(t, g, checkout, "Gateway infra/public#http Accepted http=*.example.com")
	wantOutcomes(t, g, routeRef("HTTPRoute", "shop", "other"), "Gateway infra/public#http Accepted http=*.example.com")
}

// R30, R38: on a conflicted listener not even the oldest is active.
func TestNobodyIsActiveOnAConflictedListener(t *testing.T) {
	g := build(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: l, port: 5432, protocol: TCP, allowedRoutes: {namespaces: {from: All}}}
  - {name: web, port: 5432, protocol: HTTP}
---
`+streamRoute("TCPRoute", "a", "only", "2026-01-01T00:00:00Z"))
	only := routeRef("TCPRoute", "a", "only")
	b := g.Bindings(only)[1]
	if !b.Accepted || len(b.Listeners) != 1 || b.Listeners[0].Active {
		t.Errorf("got %s, want it bound and not active", outcome(b))
	}
	g = g.With(decoded(t, streamGateway("TCP"))...)
	wantOutcomes(t, g, only, "Gateway infra/g Accepted l", "Gateway infra/g:5432 Accepted l")
}
