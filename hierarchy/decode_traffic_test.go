package hierarchy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/hierarchy"
)

func TestTheMatchesOfAnHTTPRoute(t *testing.T) {
	r := decodeOne(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: shop}
spec:
  rules:
  - matches:
    - {path: {type: Exact, value: /pay}, method: POST}
    - path: {type: RegularExpression, value: "/v[0-9]+"}
      headers: [{name: X-Tier, value: gold}, {name: x-tier, value: silver}, {name: x-tenant, type: RegularExpression, value: a+}]
      queryParams: [{name: a, value: "1"}, {name: A, value: "2"}, {name: a, value: "3"}]
  - matches: [{path: {type: PathPrefix, value: /}}]
`).(*hierarchy.Route)
	want := [][]hierarchy.Match{{
		{PathType: "Exact", Path: "/pay", Method: "POST"},
		{
			PathType: "RegularExpression", Path: "/v[0-9]+",
			Headers: []hierarchy.FieldMatch{{Type: "Exact", Name: "X-Tier", Value: "gold"}, {Type: "RegularExpression", Name: "x-tenant", Value: "a+"}},
			Query:   []hierarchy.FieldMatch{{Type: "Exact", Name: "a", Value: "1"}, {Type: "Exact", Name: "A", Value: "2"}},
		},
	}, {{PathType: "PathPrefix", Path: "/"}}}
	if diff := cmp.Diff(want, [][]hierarchy.Match{r.Rules[0].Matches, r.Rules[1].Matches}); diff != "" {
		t.Errorf("matches (-want +got):\n%s", diff)
	}
}

func TestTheMatchesOfAGRPCRoute(t *testing.T) {
	r := decodeOne(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: r, namespace: shop}
spec:
  rules:
  - matches:
    - {method: {service: shop.Cart, method: Add}, headers: [{name: x, value: "y"}]}
    - {method: {type: RegularExpression, method: "Get.*"}}
    - {headers: [{name: x, value: z}]}
  - {}
`).(*hierarchy.Route)
	want := [][]hierarchy.Match{{
		{RPCType: "Exact", Service: "shop.Cart", Method: "Add", Headers: []hierarchy.FieldMatch{{Type: "Exact", Name: "x", Value: "y"}}},
		{RPCType: "RegularExpression", Method: "Get.*"},
		{Headers: []hierarchy.FieldMatch{{Type: "Exact", Name: "x", Value: "z"}}},
	}, {{}}}
	if diff := cmp.Diff(want, [][]hierarchy.Match{r.Rules[0].Matches, r.Rules[1].Matches}); diff != "" {
		t.Errorf("matches (-want +got):\n%s", diff)
	}
}

func TestTheFiltersAndWeightsOfARule(t *testing.T) {
	r := decodeOne(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: shop}
spec:
  rules:
  - filters:
    - {type: RequestRedirect, requestRedirect: {scheme: https, port: 8443, path: {type: ReplacePrefixMatch, replacePrefixMatch: ""}}}
    - {type: URLRewrite, urlRewrite: {hostname: inner.example.com, path: {type: ReplaceFullPath, replaceFullPath: /x}}}
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}], add: [{name: c, value: d}], remove: [e]}}
    - {type: ResponseHeaderModifier, responseHeaderModifier: {remove: [f]}}
    - {type: CORS, cors: {allowOrigins: ["*"]}}
    backendRefs:
    - {name: a, port: 80, weight: 0}
    - {name: c, port: 81}
    - {name: b, weight: 9}
`).(*hierarchy.Route)
	want := []hierarchy.Filter{
		{Type: "RequestRedirect", Redirect: &hierarchy.Redirect{Scheme: "https", Port: 8443, Code: 302, Path: &hierarchy.PathChange{}}},
		{Type: "URLRewrite", Rewrite: &hierarchy.Rewrite{Hostname: "inner.example.com", Path: &hierarchy.PathChange{Full: true, Value: "/x"}}},
		{Type: "RequestHeaderModifier", Headers: &hierarchy.HeaderEdit{Set: []hierarchy.Header{{Name: "a", Value: "b"}}, Add: []hierarchy.Header{{Name: "c", Value: "d"}}, Remove: []string{"e"}}},
		{Type: "ResponseHeaderModifier", Headers: &hierarchy.HeaderEdit{Remove: []string{"f"}}},
		{Type: "CORS", Other: map[string]any{"cors": map[string]any{"allowOrigins": []any{"*"}}}},
	}
	if diff := cmp.Diff(want, r.Rules[0].Filters); diff != "" {
		t.Errorf("filters (-want +got):\n%s", diff)
	}
	forwards := []hierarchy.Forward{{Backend: 0, Port: 80}, {Backend: 1, Port: 81, Weight: 1}, {Backend: 2, Weight: 9}}
	if diff := cmp.Diff(forwards, r.Rules[0].Forwards); diff != "" {
		t.Errorf("backendRefs (-want +got):\n%s", diff)
	}
}

func TestRefusalSaysWhyARouteIsNotOnAListener(t *testing.T) {
	g := build(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: inner, port: 81, protocol: HTTP}
  - {name: named, port: 82, protocol: HTTP, hostname: a.example.com, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: shop}
spec: {parentRefs: [{name: g, namespace: infra}], hostnames: [b.example.com]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: section, namespace: shop}
spec: {parentRefs: [{name: g, namespace: infra, sectionName: named}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: lost, namespace: shop}
spec: {parentRefs: [{name: gg, namespace: infra}]}
`)
	for _, c := range []struct{ route, listener, reason, message string }{
		{"r", "http", "", ""},
		{"r", "inner", "NotAllowedByListeners", `listener inner: allowedRoutes.namespaces.from is Same, which is "infra", and this is in "shop"`},
		{"r", "named", "NoMatchingListenerHostname", `hostname "b.example.com" of the route does not intersect "a.example.com" of listener named`},
		{"section", "http", "NoMatchingParent", `sectionName "named" does not select listener "http" (port 80)`},
		{"lost", "http", "ParentNotFound", "Gateway infra/gg does not exist"},
	} {
		l, ok := g.Listener(hierarchy.GatewayRef("infra", "g").WithSection(c.listener))
		if !ok {
			t.Fatalf("no listener %s", c.listener)
		}
		reason, message := g.Refusal(routeRef("HTTPRoute", "shop", c.route), l)
		if reason != c.reason || message != c.message {
			t.Errorf("%s on %s: %s: %s", c.route, c.listener, reason, message)
		}
	}
}

func TestSameTrafficNoticesWhatChangesRequests(t *testing.T) {
	const gateway = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: shop}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}
`
	route := func(name, parent, path string) hierarchy.Object {
		return decoded(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: `+name+`, namespace: shop}
spec: {parentRefs: [{name: `+parent+`}], rules: [{matches: [{path: {value: `+path+`}}]}]}`)[0]
	}
	ref := hierarchy.GatewayRef("shop", "g")
	before := build(t, gateway).With(route("a", "g", "/a"))
	for name, c := range map[string]struct {
		after *hierarchy.Graph
		same  bool
	}{
		"a route of another Gateway": {before.With(route("b", "other", "/b")), true},
		"another match":              {before.With(route("a", "g", "/b")), false},
		"another route":              {before.With(route("b", "g", "/b")), false},
		"a route less":               {before.Without(routeRef("HTTPRoute", "shop", "a")), false},
		"no Gateway":                 {before.Without(ref), false},
	} {
		if got := c.after.SameTraffic(before, ref); got != c.same {
			t.Errorf("%s: the same: %t", name, got)
		}
	}
}
