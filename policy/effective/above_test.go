package effective_test

import (
	"testing"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
)

func TestAboveLeavesOutWhatOwnersSay(t *testing.T) {
	s := world(t, `
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw, namespace: infra}, spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: shop}, spec: {parentRefs: [{name: gw, namespace: infra}], rules: [{name: a, timeouts: {request: 10m}}, {}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: gw, namespace: infra}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: gw}, default: {request: 5s}, override: {connect: 1s}}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: r, namespace: shop}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}, default: {idle: 9m}}}
`)
	route := hierarchy.NewRef("gateway.networking.k8s.io", "HTTPRoute", "shop", "r")
	above := effective.NewResolver(s).Above(route)
	if len(above.Scopes) != 1 {
		t.Fatalf("%d scopes", len(above.Scopes))
	}
	m, _ := above.Scopes[0].Result.Kind("TimeoutPolicy")
	if len(m.Value) != 2 || m.Value["request"] != "5s" || m.Value["connect"] != "1s" {
		t.Errorf("got %v", m.Value)
	}
	if effective.NewResolver(s).Above(hierarchy.GatewayRef("infra", "gw")) != nil {
		t.Error("a Gateway is no route")
	}
}
