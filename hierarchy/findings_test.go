package hierarchy_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
)

func findingLines(g *hierarchy.Graph, ref hierarchy.Ref) []string {
	var lines []string
	for _, p := range g.Findings(ref) {
		lines = append(lines, p.Field+": "+p.Message)
	}
	return lines
}

func wantFindings(t *testing.T, g *hierarchy.Graph, ref hierarchy.Ref, want ...string) {
	t.Helper()
	if got := findingLines(g, ref); !slices.Equal(got, want) {
		t.Errorf("findings about %s:\n got %s\nwant %s", ref, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func grant(from, to string) string {
	return "\n---\napiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: grant, namespace: data}\nspec: {from: [" + from + "], to: [" + to + "]}\n"
}

// R44, R46: every field of a grant counts, one at a time.
func TestAGrantPermitsExactlyWhatItSays(t *testing.T) {
	const from = "{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}"
	for _, c := range []struct {
		why, from, to string
		want          bool
	}{
		{"everything fits", from, "{group: '', kind: Service}", true},
		{"the name fits", from, "{group: '', kind: Service, name: orders}", true},
		{"one of several", "{group: a, kind: b, namespace: c}, " + from, "{group: '', kind: Secret}, {group: '', kind: Service}", true},
		{"another name", from, "{group: '', kind: Service, name: other}", false},
		{"another kind", from, "{group: '', kind: Secret}", false},
		{"another group", from, "{group: core, kind: Service}", false},
		{"from another namespace", "{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: infra}", "{group: '', kind: Service}", false},
		{"from another kind", "{group: gateway.networking.k8s.io, kind: GRPCRoute, namespace: shop}", "{group: '', kind: Service}", false},
		{"from another group", "{group: networking.k8s.io, kind: HTTPRoute, namespace: shop}", "{group: '', kind: Service}", false},
		{"no wildcards", "{group: '*', kind: '*', namespace: '*'}", "{group: '*', kind: '*'}", false},
		{"nobody", "", "{group: '', kind: Service}", false},
	} {
		g := build(t, strings.TrimPrefix(grant(c.from, c.to), "\n---\n"))
		route := schema.GroupKind{Group: hierarchy.Group, Kind: "HTTPRoute"}
		if got := g.Permits(route, "shop", hierarchy.NewRef("", "Service", "data", "orders")); got != c.want {
			t.Errorf("%s: Permits = %v", c.why, got)
		}
		if !g.Permits(route, "data", hierarchy.NewRef("", "Service", "data", "orders")) {
			t.Errorf("%s: a reference in its own namespace is not permitted", c.why)
		}
		if g.Permits(route, "shop", hierarchy.NewRef("", "Service", "infra", "orders")) {
			t.Errorf("%s: the grant of one namespace permits references to another", c.why)
		}
		if g.Permits(route, "shop", hierarchy.GatewayClassRef("edge")) {
			t.Errorf("%s: a reference to a cluster-scoped object is permitted", c.why)
		}
	}
}

// R43, R45: a route with a forbidden backend stays accepted. Taking the grant
// away forbids again.
func TestABackendInAnotherNamespaceNeedsAGrant(t *testing.T) {
	world := public + route(`
  parentRefs: [{name: public, namespace: infra, sectionName: http}]
  rules:
  - backendRefs: [{name: here}, {name: orders, namespace: data}]
    filters: [{requestMirror: {backendRef: {name: mirror, namespace: data}}}, {externalAuth: {backendRef: {group: example.com, kind: Auth, name: a, namespace: data}}}]`)
	g := build(t, world)
	const lacks = ` is in another namespace, and no ReferenceGrant in "data" permits HTTPRoute in "shop" to refer to it`
	mirror := "spec.rules[0].filters[0].requestMirror.backendRef: RefNotPermitted: Service data/mirror" + lacks
	auth := "spec.rules[0].filters[1].externalAuth.backendRef: RefNotPermitted: Auth data/a" + lacks
	wantFindings(t, g, checkout, "spec.rules[0].backendRefs[1]: RefNotPermitted: Service data/orders"+lacks, mirror, auth)
	wantOutcomes(t, g, checkout, "Gateway infra/public#http Accepted http=*.example.com")
	granted := g.With(decoded(t, grant("{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}", "{group: '', kind: Service}"))...)
	wantFindings(t, granted, checkout, auth)
	wantFindings(t, granted.Without(hierarchy.NewRef(hierarchy.Group, "ReferenceGrant", "data", "grant")), checkout,
		"spec.rules[0].backendRefs[1]: RefNotPermitted: Service data/orders"+lacks, mirror, auth)
}

// R43: the mesh does not ask for grants, a Gateway does.
func TestBackendsOfAMeshRouteNeedNoGrant(t *testing.T) {
	const rules = ", rules: [{backendRefs: [{name: orders, namespace: data}]}]}"
	g := build(t, public+route("{parentRefs: [{group: '', kind: Service, name: a}]"+rules))
	wantFindings(t, g, checkout)
	g = build(t, public+route("{parentRefs: [{group: '', kind: Service, name: a}, {name: public, namespace: infra}]"+rules))
	if n := len(g.Findings(checkout)); n != 1 {
		t.Errorf("%d findings about a route that is on a Gateway too, want 1", n)
	}
}

// R40: a grant to a Gateway is not a grant to its ListenerSets, nor the other way round.
func TestGrantsAreNotInherited(t *testing.T) {
	world := strings.Replace(gatewayWith(allListeners), "hostname: a.example.com", "hostname: a.example.com, tls: {certificateRefs: [{name: cert, namespace: data}]}", 1) +
		set("shop", "extra", "", "{name: team, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert, namespace: data}]}}")
	gateway, extra := hierarchy.GatewayRef("infra", "public"), hierarchy.ListenerSetRef("shop", "extra")
	ofGateway := `spec.listeners[0].tls.certificateRefs[0]: RefNotPermitted: Secret data/cert is in another namespace, and no ReferenceGrant in "data" permits Gateway in "infra" to refer to it`
	ofExtra := `spec.listeners[0].tls.certificateRefs[0]: RefNotPermitted: Secret data/cert is in another namespace, and no ReferenceGrant in "data" permits ListenerSet in "shop" to refer to it`
	g := build(t, world+grant("{group: gateway.networking.k8s.io, kind: Gateway, namespace: infra}", "{group: '', kind: Secret}"))
	wantFindings(t, g, gateway)
	wantFindings(t, g, extra, ofExtra)
	g = build(t, world+grant("{group: gateway.networking.k8s.io, kind: ListenerSet, namespace: shop}", "{group: '', kind: Secret}"))
	wantFindings(t, g, gateway, ofGateway)
	wantFindings(t, g, extra)
}

func TestAGatewaysOwnCertificatesNeedGrants(t *testing.T) {
	g := build(t, gatewayHead+"spec: {gatewayClassName: c, tls: {backend: {clientCertificateRef: {name: client, namespace: data}}}}")
	wantFindings(t, g, hierarchy.GatewayRef("infra", "g"),
		`spec.tls.backend.clientCertificateRef: RefNotPermitted: Secret data/client is in another namespace, and no ReferenceGrant in "data" permits Gateway in "infra" to refer to it`)
}

// R17, R37: what is wrong with listeners.
func TestWhatIsWrongWithListeners(t *testing.T) {
	g := build(t, gatewayHead+`
spec:
  gatewayClassName: c
  listeners:
  - {name: a, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}, {kind: TCPRoute}, {kind: InvalidRoute}, {group: example.com, kind: Any}]}}
  - {name: b, port: 81, protocol: example.com/mq}
  - {name: c, port: 82, protocol: HTTP}
  - {name: d, port: 82, protocol: TCP}
`)
	wantFindings(t, g, hierarchy.GatewayRef("infra", "g"),
		"spec.listeners[0].allowedRoutes.kinds[1]: InvalidRouteKinds: protocol HTTP cannot serve TCPRoute",
		"spec.listeners[0].allowedRoutes.kinds[2]: InvalidRouteKinds: protocol HTTP cannot serve InvalidRoute",
		`spec.listeners[1].protocol: UnsupportedProtocol: no route kinds are known for protocol "example.com/mq"`,
		"spec.listeners[2]: ProtocolConflict: port 82 is in use by a listener that protocol HTTP cannot share it with",
		"spec.listeners[3]: ProtocolConflict: port 82 is in use by a listener that protocol TCP cannot share it with")
}

// R52.
func TestTwoRulesWithOneName(t *testing.T) {
	g := build(t, town).Without(townEmpty)
	wantFindings(t, g, checkout, `spec.rules[2].name: "pay" is the name of rules[0] too: no policy can target either of them`)
}

// R32, undecided upstream: both are bound, and both get a finding.
func TestAnHTTPRouteAndAGRPCRouteShareAHostname(t *testing.T) {
	grpc := func(hostnames string) string {
		return "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: api, namespace: shop}\nspec: {hostnames: [" + hostnames + "], parentRefs: [{name: public, namespace: infra}]}\n---\n"
	}
	api := routeRef("GRPCRoute", "shop", "api")
	const parents = "parentRefs: [{name: public, namespace: infra, sectionName: https}]"
	g := build(t, public+route("{hostnames: [a.example.com, b.example.com], "+parents+"}")+grpc("'*.example.com'"))
	wantFindings(t, g, checkout, "spec.hostnames: GRPCRoute shop/api has a hostname in common with this route on Gateway infra/public#https: an implementation may accept only the older of the two")
	wantFindings(t, g, api, "spec.hostnames: HTTPRoute shop/checkout has a hostname in common with this route on Gateway infra/public#https: an implementation may accept only the older of the two")
	for _, r := range []hierarchy.Ref{checkout, api} {
		if !g.Bindings(r)[0].Accepted {
			t.Errorf("%s is not accepted", r)
		}
	}
	g = build(t, public+route("{hostnames: [a.example.com], "+parents+"}")+grpc("c.example.com"))
	wantFindings(t, g, checkout)
	wantFindings(t, g, api)
	g = build(t, public+route("{"+parents+"}")+strings.Replace(route("{"+parents+"}"), "checkout", "other", 1))
	wantFindings(t, g, checkout)
}

// R49.
func TestRoutesOfTwoKindsOnOneService(t *testing.T) {
	mesh := func(kind, namespace, parent string) string {
		return "apiVersion: gateway.networking.k8s.io/v1\nkind: " + kind + "\nmetadata: {name: r, namespace: " + namespace + "}\nspec: {parentRefs: [{group: '', kind: Service, namespace: shop, name: backend" + parent + "}]}\n---\n"
	}
	const loses = "spec.parentRefs[0]: Conflicted: GRPCRoute shop/r is attached to Service shop/backend too, and GRPCRoute goes before HTTPRoute"
	g := build(t, mesh("HTTPRoute", "shop", "")+mesh("GRPCRoute", "shop", ", port: 80")+mesh("UDPRoute", "shop", ""))
	wantFindings(t, g, routeRef("HTTPRoute", "shop", "r"), loses)
	wantFindings(t, g, routeRef("GRPCRoute", "shop", "r"))
	wantFindings(t, g, routeRef("UDPRoute", "shop", "r"))
	g = build(t, mesh("HTTPRoute", "shop", ", port: 81")+mesh("GRPCRoute", "shop", ", port: 80"))
	wantFindings(t, g, routeRef("HTTPRoute", "shop", "r"))
	g = build(t, mesh("HTTPRoute", "other", "")+mesh("GRPCRoute", "shop", ""))
	wantFindings(t, g, routeRef("HTTPRoute", "other", "r"))
}
