package hierarchy_test

import (
	"testing"
)

const public = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: http, port: 80, protocol: HTTP, hostname: "*.example.com", allowedRoutes: {namespaces: {from: All}}}
  - {name: https, port: 443, protocol: HTTPS, hostname: "*.example.com", allowedRoutes: {namespaces: {from: All}}}
  - {name: inner, port: 8443, protocol: HTTPS}
---
`

func TestARouteBindsToEveryListenerThatTakesIt(t *testing.T) {
	g := build(t, public+`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop}
spec:
  parentRefs:
  - {name: public, namespace: infra}
  hostnames: [shop.example.com, other.example.org]
`)
	wantOutcomes(t, g, routeRef("HTTPRoute", "shop", "checkout"),
		"Gateway infra/public Accepted http=shop.example.com https=shop.example.com")
}
