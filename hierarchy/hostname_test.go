package hierarchy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
)

// The table of R24, as it is written there. "-" is no hostname.
var hostnameTable = []struct {
	listener, route string
	want            string // the shared hostname; "" is none, "*" every host
}{
	{"-", "-", "*"},
	{"-", "first.com", "first.com"},
	{"www.example.com", "-", "www.example.com"},
	{"www.example.com", "www.example.com", "www.example.com"},
	{"www.example.com", "foo.example.com", ""},
	{"*.example.com", "www.example.com", "www.example.com"},
	{"*.example.com", "sub.domain.example.com", "sub.domain.example.com"},
	{"*.example.com", "example.com", ""},
	{"*.example.com", "test.example.net", ""},
	{"www.example.com", "*.example.com", "www.example.com"},
	{"sub.domain.example.com", "*.example.com", "sub.domain.example.com"},
	{"example.com", "*.example.com", ""},
	{"*.example.com", "*.example.com", "*.example.com"},
	{"*.com", "*.example.com", "*.example.com"},
	{"*.example.com", "*.com", "*.example.com"},
	{"*.foo.example.com", "*.example.com", "*.foo.example.com"},
	{"*.example.com", "*.example.org", ""},
	{"*.ample.com", "foo.example.com", ""},
	{"*.wildcard.io", "wildcard.io", ""},
}

// R24, for every kind and protocol to which hostnames mean something (R21).
func TestHostnamesIntersectAsTheTableSays(t *testing.T) {
	for _, on := range []struct{ kind, protocol string }{
		{"HTTPRoute", "HTTP"}, {"HTTPRoute", "HTTPS"}, {"GRPCRoute", "HTTP"}, {"GRPCRoute", "HTTPS"}, {"TLSRoute", "TLS"},
	} {
		for _, row := range hostnameTable {
			t.Run(strings.Join([]string{on.kind, on.protocol, row.listener, row.route}, " "), func(t *testing.T) {
				g := hostnameGraph(t, on.kind, on.protocol, row.listener, row.route)
				b := g.Bindings(routeRef(on.kind, "infra", "r"))[0]
				if row.want == "" {
					if b.Accepted || b.Reason != hierarchy.ReasonNoMatchingListenerHostname || len(b.Listeners) != 0 {
						t.Fatalf("got %s, want NoMatchingListenerHostname", outcome(b))
					}
					want := fmt.Sprintf("hostname %q of the route does not intersect %q of listener l", row.route, row.listener)
					if b.Message != want {
						t.Errorf("message %q, want %q", b.Message, want)
					}
					return
				}
				if !b.Accepted || len(b.Listeners) != 1 {
					t.Fatalf("got %s: %s, want it bound", outcome(b), b.Message)
				}
				var want []string
				if row.want != "*" {
					want = []string{row.want}
				}
				if got := b.Listeners[0].Hostnames; !slices.Equal(got, want) {
					t.Errorf("shared hostnames %q, want %q", got, want)
				}
			})
		}
	}
}

func hostnameGraph(t *testing.T, kind, protocol, listener, route string) *hierarchy.Graph {
	t.Helper()
	l, r := "", ""
	if listener != "-" {
		l = fmt.Sprintf(", hostname: %q", listener)
	}
	if route != "-" {
		r = fmt.Sprintf(", hostnames: [%q]", route)
	}
	return build(t, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec: {gatewayClassName: edge, listeners: [{name: l, port: 443, protocol: %s%s}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: %s
metadata: {name: r, namespace: infra}
spec: {parentRefs: [{name: g}]%s}
`, protocol, l, kind, r))
}

// R21: there is nothing in a TCP or UDP connection to match a hostname with.
func TestHostnamesMeanNothingToTCPAndUDP(t *testing.T) {
	for _, protocol := range []string{"TCP", "UDP"} {
		g := hostnameGraph(t, protocol+"Route", protocol, "a.example.com", "b.example.org")
		wantOutcomes(t, g, routeRef(protocol+"Route", "infra", "r"), "Gateway infra/g Accepted l")
	}
}

// R24: hostnames are alternatives. Those that do not intersect are left out, and equal results are
// listed once.
func TestOnlyTheHostnamesThatIntersectCount(t *testing.T) {
	g := build(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: any, port: 80, protocol: HTTP}
  - {name: one, port: 81, protocol: HTTP, hostname: www.example.com}
  - {name: wild, port: 82, protocol: HTTP, hostname: "*.example.com"}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: infra}
spec:
  parentRefs: [{name: g}]
  hostnames: ["*.com", other.example.org, www.example.com]
`)
	wantOutcomes(t, g, routeRef("HTTPRoute", "infra", "r"),
		"Gateway infra/g Accepted any=*.com,other.example.org,www.example.com one=www.example.com wild=*.example.com,www.example.com")
}

func TestTheMessageNamesEveryHostnameOfTheRoute(t *testing.T) {
	g := build(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec: {gatewayClassName: edge, listeners: [{name: https, port: 443, protocol: HTTPS, hostname: "*.example.com"}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: infra}
spec: {parentRefs: [{name: g}], hostnames: [example.com, a.example.org]}
`)
	wantMessage(t, g, routeRef("HTTPRoute", "infra", "r"),
		`none of the route's hostnames "example.com", "a.example.org" intersects "*.example.com" of listener https`)
}

// A TLSRoute may have a thousand hostnames; the message has three.
func TestALongMessageIsCutShort(t *testing.T) {
	g := build(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: a, port: 443, protocol: TLS, hostname: a.example.com}
  - {name: b, port: 443, protocol: TLS, hostname: b.example.com}
  - {name: c, port: 443, protocol: TLS, hostname: c.example.com}
  - {name: d, port: 443, protocol: TLS, hostname: d.example.com}
  - {name: e, port: 443, protocol: TLS, hostname: e.example.com}
---
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TLSRoute
metadata: {name: many, namespace: infra}
spec: {parentRefs: [{name: g, sectionName: a}], hostnames: [v.org, w.org, x.org, y.org, z.org]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: TLSRoute
metadata: {name: wide, namespace: infra}
spec: {parentRefs: [{name: g}], hostnames: [x.org]}
`)
	wantMessage(t, g, routeRef("TLSRoute", "infra", "many"),
		`none of the route's hostnames "v.org", "w.org", "x.org" and 2 more intersects "a.example.com" of listener a`)
	wantMessage(t, g, routeRef("TLSRoute", "infra", "wide"),
		`hostname "x.org" of the route does not intersect "a.example.com" of listener a; `+
			`hostname "x.org" of the route does not intersect "b.example.com" of listener b; `+
			`hostname "x.org" of the route does not intersect "c.example.com" of listener c; and 2 more`)
}
