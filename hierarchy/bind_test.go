package hierarchy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
)

// public is a Gateway that most stories begin with.
const public = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: http, port: 80, protocol: HTTP, hostname: "*.example.com", allowedRoutes: {namespaces: {from: All}}}
  - {name: https, port: 443, protocol: HTTPS, hostname: "*.example.com", allowedRoutes: {namespaces: {from: All}}}
  - {name: inner, port: 443, protocol: HTTPS}
---
`

// route is the manifest of an HTTPRoute shop/checkout with this spec.
func route(spec string) string {
	return "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: checkout, namespace: shop}\nspec: " + spec + "\n---\n"
}

var checkout = routeRef("HTTPRoute", "shop", "checkout")

// R5-R7, R18, R27: what a parentRef selects, and with what result.
func TestAParentRefSelectsByNameAndByPort(t *testing.T) {
	for _, c := range []struct{ why, parent, want string }{
		{"neither selects all that admit the route", `{name: public, namespace: infra}`,
			"Gateway infra/public Accepted http=a.example.com https=a.example.com"},
		{"sectionName selects one", `{name: public, namespace: infra, sectionName: https}`,
			"Gateway infra/public#https Accepted https=a.example.com"},
		{"port selects every listener on it", `{name: public, namespace: infra, port: 443}`,
			"Gateway infra/public:443 Accepted https=a.example.com"},
		{"both are AND", `{name: public, namespace: infra, sectionName: http, port: 80}`,
			"Gateway infra/public#http:80 Accepted http=a.example.com"},
		{"both, contradicting each other", `{name: public, namespace: infra, sectionName: http, port: 443}`,
			"Gateway infra/public#http:443 NoMatchingParent"},
		{"a name that there is not", `{name: public, namespace: infra, sectionName: h2c}`,
			"Gateway infra/public#h2c NoMatchingParent"},
		{"a port that there is not", `{name: public, namespace: infra, port: 8080}`,
			"Gateway infra/public:8080 NoMatchingParent"},
		{"a listener that does not admit the namespace", `{name: public, namespace: infra, sectionName: inner}`,
			"Gateway infra/public#inner NotAllowedByListeners"},
		{"a Gateway that there is not", `{name: public}`,
			"Gateway shop/public ParentNotFound"},
	} {
		t.Run(c.why, func(t *testing.T) {
			g := build(t, public+route("{hostnames: [a.example.com], parentRefs: ["+c.parent+"]}"))
			wantOutcomes(t, g, checkout, c.want)
		})
	}
}

// R7, R28: one parentRef says nothing about another, and the whole Gateway is
// not all of its listeners.
func TestEveryParentRefIsDecidedByItself(t *testing.T) {
	g := build(t, public+route(`
  hostnames: [a.example.com]
  parentRefs:
  - {name: public, namespace: infra, sectionName: nothing}
  - {name: public, namespace: infra}
  - {name: public, namespace: infra, sectionName: http}
  - {name: absent}`))
	wantOutcomes(t, g, checkout,
		"Gateway infra/public#nothing NoMatchingParent",
		"Gateway infra/public Accepted http=a.example.com https=a.example.com",
		"Gateway infra/public#http Accepted http=a.example.com",
		"Gateway shop/absent ParentNotFound")
	var bound []string
	for _, l := range g.BoundTo(checkout) {
		bound = append(bound, listenerName(l))
	}
	if want := []string{"Gateway infra/public#http", "Gateway infra/public#https"}; !slices.Equal(bound, want) {
		t.Errorf("bound to %v, want each listener once: %v", bound, want)
	}
	if got := g.Bindings(checkout)[1].Message; got != "bound to 2 of the 3 listeners that the parentRef selects" {
		t.Errorf("message of the second: %s", got)
	}
}

func TestMessagesNameTheStageAndBothSides(t *testing.T) {
	for _, c := range []struct{ parent, hostname, want string }{
		{`{name: public, namespace: infra, sectionName: h2c, port: 80}`, "a.example.com",
			`sectionName "h2c" and port 80 selects no listener: Gateway infra/public has "http" (port 80), "https" (port 443), "inner" (port 443)`},
		{`{name: public, namespace: infra, sectionName: inner}`, "a.example.com",
			`listener inner: allowedRoutes.namespaces.from is Same, which is "infra", and this is in "shop"`},
		{`{name: public, namespace: infra, sectionName: https}`, "shop.example.org",
			`hostname "shop.example.org" of the route does not intersect "*.example.com" of listener https`},
		{`{name: public}`, "a.example.com", `Gateway shop/public does not exist`},
	} {
		g := build(t, public+route("{hostnames: ["+c.hostname+"], parentRefs: ["+c.parent+"]}"))
		wantMessage(t, g, checkout, c.want)
	}
}

// R27, undecided upstream: listeners that fail at different stages are
// reported by the latest.
func TestTheLatestStageThatAnyListenerReachedGivesTheReason(t *testing.T) {
	g := build(t, public+route("{hostnames: [shop.example.org], parentRefs: [{name: public, namespace: infra, port: 443}]}"))
	wantOutcomes(t, g, checkout, "Gateway infra/public:443 NoMatchingListenerHostname")
	wantMessage(t, g, checkout, `hostname "shop.example.org" of the route does not intersect "*.example.com" of listener https`)
}

// R4.
func TestARouteWithoutParentRefsIsBoundToNothing(t *testing.T) {
	g := build(t, public+route("{hostnames: [a.example.com]}"))
	wantOutcomes(t, g, checkout)
	if bound := g.BoundTo(checkout); len(bound) != 0 {
		t.Errorf("bound to %d listeners", len(bound))
	}
}

// R3, R10: to CEL these are three parents, to the route they are the same.
func TestTheSameParentWrittenDifferentlyIsOneParent(t *testing.T) {
	g := build(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: own, namespace: shop}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
`+route(`
  parentRefs:
  - {name: own}
  - {name: own, namespace: shop}
  - {name: own, namespace: shop, group: gateway.networking.k8s.io, kind: Gateway}
  - {name: own, port: 80}`))
	wantOutcomes(t, g, checkout, "Gateway shop/own Accepted http", "Gateway shop/own:80 Accepted http")
	if i := g.Bindings(checkout)[1].Parent.Index; i != 3 {
		t.Errorf("the second distinct parentRef is spec.parentRefs[%d], want 3", i)
	}
	if n := g.AttachedRoutes(hierarchy.GatewayRef("shop", "own").WithSection("http")); n != 1 {
		t.Errorf("attachedRoutes = %d, want 1: the same route through two parentRefs counts once (R29)", n)
	}
}

// R3, R8, R47, R50.
func TestParentsThatAreNotGateways(t *testing.T) {
	g := build(t, public+route(`
  hostnames: [a.example.com]
  parentRefs:
  - {group: "", kind: Service, name: backend}
  - {kind: Service, name: backend}
  - {group: example.com, kind: Gateway, name: public, namespace: infra}
  - {name: public, namespace: infra, sectionName: http}`))
	wantOutcomes(t, g, checkout,
		"Service shop/backend MeshParent",
		"Service shop/backend UnknownParentKind",
		"Gateway infra/public UnknownParentKind",
		"Gateway infra/public#http Accepted http=a.example.com")
	if g.Bindings(checkout)[0].Accepted {
		t.Error("a mesh parent is accepted as a way through a Gateway")
	}
	if got := g.Bindings(checkout)[1].Message; got != `Service shop/backend of group "gateway.networking.k8s.io" is not a Gateway, a ListenerSet (group "gateway.networking.k8s.io") or a Service (group ""); did you mean group: ""?` {
		t.Errorf("message: %s", got)
	}
}

const namespaces = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {tier: web}}
---
apiVersion: v1
kind: Namespace
metadata: {name: data, labels: {tier: db, kubernetes.io/metadata.name: data}}
---
`

// R12-R15.
func TestWhichNamespacesAListenerAdmits(t *testing.T) {
	for _, c := range []struct {
		why, allowed string
		admitted     []string
	}{
		{"allowedRoutes is missing", ``, []string{"infra"}},
		{"namespaces is missing", `, allowedRoutes: {kinds: [{kind: HTTPRoute}]}`, []string{"infra"}},
		{"from is missing", `, allowedRoutes: {namespaces: {}}`, []string{"infra"}},
		{"a selector without from is ignored", `, allowedRoutes: {namespaces: {selector: {matchLabels: {tier: web}}}}`, []string{"infra"}},
		{"Same", `, allowedRoutes: {namespaces: {from: Same}}`, []string{"infra"}},
		{"All", `, allowedRoutes: {namespaces: {from: All}}`, []string{"data", "infra", "shop"}},
		{"Selector", `, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {tier: web}}}}`, []string{"shop"}},
		{"an empty selector selects everything", `, allowedRoutes: {namespaces: {from: Selector, selector: {}}}`, []string{"data", "infra", "shop"}},
		{"matchExpressions", `, allowedRoutes: {namespaces: {from: Selector, selector: {matchExpressions: [{key: tier, operator: NotIn, values: [web]}]}}}`, []string{"data", "infra"}},
		{"the name label is there although nobody wrote it", `, allowedRoutes: {namespaces: {from: Selector, selector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [shop, infra]}]}}}`, []string{"infra", "shop"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			manifests := namespaces + `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec: {gatewayClassName: edge, listeners: [{name: l, port: 80, protocol: HTTP` + c.allowed + "}]}\n"
			for _, ns := range []string{"data", "infra", "shop"} {
				manifests += "---\n" + routeIn(ns, "HTTPRoute", "g")
			}
			g := build(t, manifests)
			var admitted []string
			for _, ns := range []string{"data", "infra", "shop"} {
				b := g.Bindings(routeRef("HTTPRoute", ns, "r"))[0]
				if b.Accepted {
					admitted = append(admitted, ns)
				} else if b.Reason != hierarchy.ReasonNotAllowedByListeners {
					t.Errorf("%s: reason %s", ns, b.Reason)
				}
			}
			if !slices.Equal(admitted, c.admitted) {
				t.Errorf("admits %v, want %v", admitted, c.admitted)
			}
		})
	}
}

// routeIn is a route of a kind, r in a namespace, on Gateway infra/gateway.
func routeIn(namespace, kind, gateway string) string {
	group := hierarchy.Group
	if kind == "QueueRoute" {
		group = "queue.example.com"
	}
	return fmt.Sprintf("apiVersion: %s/v1\nkind: %s\nmetadata: {name: r, namespace: %s}\nspec: {parentRefs: [{name: %s, namespace: infra}]}\n",
		group, kind, namespace, gateway)
}

// R15: labels decide, so a change of labels binds and unbinds.
func TestALabelOnANamespaceBindsItsRoutes(t *testing.T) {
	g := build(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec: {gatewayClassName: edge, listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {tier: web}}}}}]}
---
`+routeIn("shop", "HTTPRoute", "g"))
	r := routeRef("HTTPRoute", "shop", "r")
	wantOutcomes(t, g, r, "Gateway infra/g NotAllowedByListeners")
	wantMessage(t, g, r, `listener l: allowedRoutes.namespaces.selector "tier=web" does not select namespace "shop", whose labels are "kubernetes.io/metadata.name=shop"`)
	labelled := g.With(decoded(t, namespaces)...)
	wantOutcomes(t, labelled, r, "Gateway infra/g Accepted l")
	wantOutcomes(t, labelled.Without(hierarchy.NewRef("", "Namespace", "", "shop")), r, "Gateway infra/g NotAllowedByListeners")
	wantOutcomes(t, g, r, "Gateway infra/g NotAllowedByListeners")
}

// R16-R18: the protocol table, with and without a list of kinds. A custom kind
// goes where HTTPRoute goes, and wherever it is listed.
func TestWhichKindsAListenerAdmits(t *testing.T) {
	all := []string{"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "QueueRoute"}
	const custom = `, allowedRoutes: {kinds: [{group: queue.example.com, kind: QueueRoute}]}`
	for _, c := range []struct {
		listener            string
		supported, admitted []string
	}{
		{`protocol: HTTP`, []string{"HTTPRoute", "GRPCRoute"}, []string{"HTTPRoute", "GRPCRoute", "QueueRoute"}},
		{`protocol: HTTPS`, []string{"HTTPRoute", "GRPCRoute"}, []string{"HTTPRoute", "GRPCRoute", "QueueRoute"}},
		{`protocol: TLS, tls: {mode: Passthrough}`, []string{"TLSRoute"}, []string{"TLSRoute"}},
		{`protocol: TLS, tls: {mode: Terminate}`, []string{"TLSRoute", "TCPRoute"}, []string{"TLSRoute", "TCPRoute"}},
		{`protocol: TLS, allowedRoutes: {kinds: [{kind: TCPRoute}]}`, []string{"TCPRoute"}, []string{"TCPRoute"}},
		{`protocol: TCP`, []string{"TCPRoute"}, []string{"TCPRoute"}},
		{`protocol: UDP`, []string{"UDPRoute"}, []string{"UDPRoute"}},
		{`protocol: example.com/amqp`, nil, nil},
		{`protocol: example.com/amqp` + custom, nil, nil},
		{`protocol: HTTP, allowedRoutes: {kinds: [{kind: GRPCRoute}, {kind: TCPRoute}, {kind: GRPCRoute}]}`, []string{"GRPCRoute"}, []string{"GRPCRoute"}},
		{`protocol: TLS, tls: {mode: Passthrough}, allowedRoutes: {kinds: [{kind: TCPRoute}]}`, nil, nil},
		{`protocol: HTTP, allowedRoutes: {kinds: [{kind: InvalidRoute}]}`, nil, nil},
		{`protocol: HTTP, allowedRoutes: {kinds: [{group: example.com, kind: HTTPRoute}]}`, []string{"HTTPRoute"}, nil},
		{`protocol: HTTP` + custom, []string{"QueueRoute"}, []string{"QueueRoute"}},
		{`protocol: HTTPS` + custom, []string{"QueueRoute"}, []string{"QueueRoute"}},
		{`protocol: TLS` + custom, []string{"QueueRoute"}, []string{"QueueRoute"}},
		{`protocol: TCP` + custom, []string{"QueueRoute"}, []string{"QueueRoute"}},
		{`protocol: UDP` + custom, []string{"QueueRoute"}, []string{"QueueRoute"}},
	} {
		t.Run(c.listener, func(t *testing.T) {
			manifests := `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec: {gatewayClassName: edge, listeners: [{name: l, port: 80, ` + c.listener + "}]}\n"
			for _, kind := range all {
				manifests += "---\n" + routeIn("infra", kind, "g")
			}
			g := build(t, manifests)
			var supported, admitted []string
			for _, k := range g.Listeners(hierarchy.GatewayRef("infra", "g"))[0].Supported {
				supported = append(supported, k.Kind)
			}
			for r := range g.Routes() {
				if b := g.Bindings(r.Meta().Ref)[0]; b.Accepted {
					admitted = append(admitted, r.Meta().Ref.Kind)
				} else if b.Reason != hierarchy.ReasonNotAllowedByListeners || !strings.HasPrefix(b.Message, "listener l ") {
					t.Errorf("%s: %s, %q", r.Meta().Ref, b.Reason, b.Message)
				}
			}
			slices.SortFunc(admitted, func(a, b string) int { return slices.Index(all, a) - slices.Index(all, b) })
			if !slices.Equal(supported, c.supported) {
				t.Errorf("supports %v, want %v", supported, c.supported)
			}
			if !slices.Equal(admitted, c.admitted) {
				t.Errorf("admits %v, want %v", admitted, c.admitted)
			}
		})
	}
}

func TestTheMessageSaysWhyAKindIsNotAdmitted(t *testing.T) {
	for _, c := range []struct{ listener, want string }{
		{`protocol: TCP`, "listener l does not admit HTTPRoute: its protocol TCP serves TCPRoute"},
		{`protocol: HTTP, allowedRoutes: {kinds: [{kind: GRPCRoute}, {group: queue.example.com, kind: QueueRoute}]}`,
			"listener l does not admit HTTPRoute: its allowedRoutes.kinds are GRPCRoute, QueueRoute.queue.example.com"},
		{`protocol: TLS, allowedRoutes: {kinds: [{kind: HTTPRoute}]}`,
			"listener l lists HTTPRoute in allowedRoutes.kinds, but its protocol TLS cannot serve it"},
		{`protocol: example.com/amqp`, `listener l has protocol "example.com/amqp", for which no route kinds are known`},
	} {
		g := build(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec: {gatewayClassName: edge, listeners: [{name: l, port: 80, `+c.listener+"}]}\n---\n"+routeIn("infra", "HTTPRoute", "g"))
		wantMessage(t, g, routeRef("HTTPRoute", "infra", "r"), c.want)
	}
}

// R31: claims follow the parentRefs, obey every other rule, and do not repeat
// what the route says itself.
func TestDefaultGatewaysClaimRoutesThatAskForOne(t *testing.T) {
	gateways := `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: b, namespace: infra}
spec: {gatewayClassName: edge, defaultScope: All, listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: a, namespace: infra}
spec: {gatewayClassName: edge, defaultScope: All, listeners: [{name: l, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: quiet, namespace: infra}
spec: {gatewayClassName: edge, defaultScope: None, listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}
---
`
	g := build(t, gateways+route("{useDefaultGateways: All}"))
	wantOutcomes(t, g, checkout, "Gateway infra/a NotAllowedByListeners", "Gateway infra/b Accepted l")
	if i := g.Bindings(checkout)[0].Parent.Index; i != -1 {
		t.Errorf("the claim has index %d of spec.parentRefs, want -1", i)
	}
	g = build(t, gateways+route("{useDefaultGateways: All, parentRefs: [{name: b, namespace: infra}, {name: a, namespace: infra, sectionName: l}]}"))
	wantOutcomes(t, g, checkout, "Gateway infra/b Accepted l", "Gateway infra/a#l NotAllowedByListeners", "Gateway infra/a NotAllowedByListeners")
	g = build(t, gateways+route("{useDefaultGateways: None}"))
	wantOutcomes(t, g, checkout)

	// The Gateway stops being a default Gateway, and comes back.
	g = build(t, gateways+route("{useDefaultGateways: All}"))
	gone := g.Without(hierarchy.GatewayRef("infra", "b"))
	wantOutcomes(t, gone, checkout, "Gateway infra/a NotAllowedByListeners")
	wantOutcomes(t, gone.With(decoded(t, gateways)...), checkout, "Gateway infra/a NotAllowedByListeners", "Gateway infra/b Accepted l")
	off := strings.ReplaceAll(gateways, "defaultScope: All", "defaultScope: None")
	wantOutcomes(t, g.With(decoded(t, off)...), checkout)
}

// A GatewayClass need not exist: binding is from spec alone.
func TestAListenerNamesItsClassWhetherItExistsOrNot(t *testing.T) {
	g := build(t, public)
	for _, l := range g.Listeners(hierarchy.GatewayRef("infra", "public")) {
		if l.Class != hierarchy.GatewayClassRef("edge") {
			t.Errorf("listener %s has class %s", l.Ref, l.Class)
		}
	}
	if _, ok := g.Get(hierarchy.GatewayClassRef("edge")); ok {
		t.Error("the class exists")
	}
}

// Routes bound to one listener are given the same pointer, and a version of a
// Gateway that says the same keeps it.
func TestAListenerIsOnePointer(t *testing.T) {
	g := build(t, public+route("{parentRefs: [{name: public, namespace: infra, sectionName: http}]}")+routeIn("infra", "HTTPRoute", "public"))
	shared := g.BoundTo(checkout)[0]
	if other := g.BoundTo(routeRef("HTTPRoute", "infra", "r"))[0]; other != shared {
		t.Error("two routes have two pointers to one listener")
	}
	if got, ok := g.Listener(hierarchy.GatewayRef("infra", "public").WithSection("http")); !ok || got != shared {
		t.Error("the Graph has another pointer")
	}
	written := g.With(decoded(t, strings.Replace(public, "metadata: {", "metadata: {generation: 2, ", 1))...)
	if written.BoundTo(checkout)[0] != shared {
		t.Error("a Gateway whose listeners did not change got new ones")
	}
}

// Whatever a new version of a Gateway says differently reaches the routes, and
// the version before keeps saying what it said.
func TestAChangeOfAListenerReachesItsRoutes(t *testing.T) {
	const before = "name: http, port: 80, protocol: HTTP, hostname: a.example.com, allowedRoutes: {namespaces: {from: All}}"
	gateway := func(class, listener string) string {
		return gatewayHead + "spec: {gatewayClassName: " + class + ", listeners: [{" + listener + "}]}\n---\n"
	}
	r := routeRef("HTTPRoute", "shop", "r")
	g := build(t, gateway("edge", before)+routeIn("shop", "HTTPRoute", "g"))
	old := g.BoundTo(r)[0]
	for _, c := range []struct{ class, from, to, want string }{
		{"edge", "http", "web", "Gateway infra/g Accepted web=a.example.com"},
		{"edge", "80", "81", "Gateway infra/g Accepted http=a.example.com"},
		{"edge", "HTTP", "HTTPS", "Gateway infra/g Accepted http=a.example.com"},
		{"edge", "HTTP", "TCP", "Gateway infra/g NotAllowedByListeners"},
		{"edge", "a.example.com", "b.example.com", "Gateway infra/g Accepted http=b.example.com"},
		{"edge", "from: All", "from: Same", "Gateway infra/g NotAllowedByListeners"},
		{"edge", "from: All", "from: Selector, selector: {}", "Gateway infra/g Accepted http=a.example.com"},
		{"edge", "{namespaces", "{kinds: [{kind: GRPCRoute}], namespaces", "Gateway infra/g NotAllowedByListeners"},
		{"edge", "protocol", "tls: {certificateRefs: [{name: cert}]}, protocol", "Gateway infra/g Accepted http=a.example.com"},
		{"inner", "", "", "Gateway infra/g Accepted http=a.example.com"},
	} {
		next := g.With(decoded(t, gateway(c.class, strings.Replace(before, c.from, c.to, 1)))...)
		wantOutcomes(t, next, r, c.want)
		if bound := next.BoundTo(r); len(bound) > 0 && bound[0] == old {
			t.Errorf("%s to %s, class %s: the route is still on the old listener", c.from, c.to, c.class)
		}
		wantOutcomes(t, g, r, "Gateway infra/g Accepted http=a.example.com")
	}
	selector := func(value string) string {
		return strings.Replace(before, "from: All", "from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: "+value+"}}", 1)
	}
	g = g.With(decoded(t, gateway("edge", selector("shop")))...)
	wantOutcomes(t, g, r, "Gateway infra/g Accepted http=a.example.com")
	wantOutcomes(t, g.With(decoded(t, gateway("edge", selector("data")))...), r, "Gateway infra/g NotAllowedByListeners")

	certificate := func(name string) string {
		return gateway("edge", strings.Replace(before, "protocol: HTTP", "protocol: HTTPS, tls: {certificateRefs: [{name: "+name+"}]}", 1))
	}
	g = g.With(decoded(t, certificate("old"))...)
	if l := g.With(decoded(t, certificate("new"))...).BoundTo(r)[0]; l.Spec.Certificates[0].To.Name != "new" {
		t.Errorf("the route is on a listener with certificate %s", l.Spec.Certificates[0].To)
	}
}
