package hierarchy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
)

// gatewayWith is Gateway infra/public with one HTTP listener and this
// allowedListeners.
func gatewayWith(allowed string) string {
	return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners: [{name: http, port: 80, protocol: HTTP, hostname: a.example.com}]
` + allowed + "\n---\n"
}

// set is a ListenerSet that joins Gateway infra/public.
func set(namespace, name, created, listeners string) string {
	if created != "" {
		created = ", creationTimestamp: \"" + created + "\""
	}
	return fmt.Sprintf(`apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: %s, namespace: %s%s}
spec: {parentRef: {name: public, namespace: infra}, listeners: [%s]}
---
`, name, namespace, created, listeners)
}

// setRoute is an HTTPRoute r that names a ListenerSet in its own namespace.
func setRoute(namespace, parent string) string {
	return fmt.Sprintf(`apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: %s}
spec: {parentRefs: [%s]}
---
`, namespace, parent)
}

const (
	allListeners = "  allowedListeners: {namespaces: {from: All}}"
	ownListener  = "{name: team, port: 80, protocol: HTTP, hostname: b.example.com}"
)

func listenerNames(listeners []*hierarchy.Listener) []string {
	var names []string
	for _, l := range listeners {
		names = append(names, strings.TrimSpace(l.Ref.String()+" "+l.Conflicted))
	}
	return names
}

func wantListeners(t *testing.T, g *hierarchy.Graph, want ...string) {
	t.Helper()
	if got := listenerNames(g.Listeners(hierarchy.GatewayRef("infra", "public"))); !slices.Equal(got, want) {
		t.Errorf("listeners of the Gateway:\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// R34, R42: who may join, and the reason for a route to a refused ListenerSet.
func TestAGatewayAdmitsListenerSets(t *testing.T) {
	for _, c := range []struct{ allowed, namespace, reason, message string }{
		{"", "infra", "NotAllowed", "Gateway infra/public does not admit the ListenerSet: spec.allowedListeners.namespaces.from is None"},
		{"  allowedListeners: {namespaces: {}}", "infra", "NotAllowed", "Gateway infra/public does not admit the ListenerSet: spec.allowedListeners.namespaces.from is None"},
		{"  allowedListeners: {namespaces: {from: Same}}", "infra", "Accepted", "every listener is valid"},
		{"  allowedListeners: {namespaces: {from: Same}}", "shop", "NotAllowed", `Gateway infra/public does not admit the ListenerSet: spec.allowedListeners.namespaces.from is Same, which is "infra", and this is in "shop"`},
		{allListeners, "shop", "Accepted", "every listener is valid"},
		{"  allowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {tier: web}}}}", "shop", "Accepted", "every listener is valid"},
		{"  allowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {tier: web}}}}", "data", "NotAllowed", `Gateway infra/public does not admit the ListenerSet: spec.allowedListeners.namespaces.selector "tier=web" does not select namespace "data", whose labels are "kubernetes.io/metadata.name=data,tier=db"`},
	} {
		t.Run(c.allowed+" "+c.namespace, func(t *testing.T) {
			g := build(t, namespaces+gatewayWith(c.allowed)+set(c.namespace, "extra", "", ownListener)+setRoute(c.namespace, "{kind: ListenerSet, name: extra}"))
			ref := hierarchy.ListenerSetRef(c.namespace, "extra")
			accepted, reason, message := g.ListenerSetStatus(ref)
			if accepted != (c.reason == "Accepted") || reason != c.reason || message != c.message {
				t.Errorf("accepted %v, reason %s, message %q; want %s, %q", accepted, reason, message, c.reason, c.message)
			}
			r := routeRef("HTTPRoute", c.namespace, "r")
			attached, listenerSets := 0, 0
			if accepted {
				attached, listenerSets = 1, 1
				wantListeners(t, g, "Gateway infra/public#http", ref.String()+"#team")
				wantOutcomes(t, g, r, ref.String()+" Accepted team=b.example.com")
			} else {
				wantListeners(t, g, "Gateway infra/public#http")
				wantOutcomes(t, g, r, ref.String()+" ParentNotAccepted")
				wantMessage(t, g, r, ref.String()+" is not part of its Gateway: "+c.message)
			}
			if n := g.AttachedRoutes(ref.WithSection("team")); n != attached {
				t.Errorf("attachedRoutes = %d, want %d", n, attached)
			}
			if n := g.AttachedListenerSets(hierarchy.GatewayRef("infra", "public")); n != listenerSets {
				t.Errorf("attachedListenerSets = %d, want %d", n, listenerSets)
			}
		})
	}
}

// R42 when the parent is not an existing Gateway.
func TestAListenerSetWithoutItsGateway(t *testing.T) {
	g := build(t, set("shop", "extra", "", ownListener)+setRoute("shop", "{kind: ListenerSet, name: extra}"))
	ref := hierarchy.ListenerSetRef("shop", "extra")
	if accepted, reason, message := g.ListenerSetStatus(ref); accepted || reason != "ParentNotFound" || message != "spec.parentRef names Gateway infra/public, which does not exist" {
		t.Errorf("accepted %v, reason %s, message %q", accepted, reason, message)
	}
	wantOutcomes(t, g, routeRef("HTTPRoute", "shop", "r"), "ListenerSet shop/extra ParentNotAccepted")
	wantOutcomes(t, g.Without(ref), routeRef("HTTPRoute", "shop", "r"), "ListenerSet shop/extra ParentNotFound")

	g = build(t, strings.Replace(set("shop", "extra", "", ownListener), "parentRef: {", "parentRef: {kind: Service, ", 1))
	if _, reason, _ := g.ListenerSetStatus(ref); reason != "UnknownParentKind" {
		t.Errorf("reason %s for a Service", reason)
	}
	if accepted, reason, message := g.ListenerSetStatus(hierarchy.ListenerSetRef("shop", "none")); accepted || reason != "" || message != "" {
		t.Errorf("a ListenerSet that is not there has a status: %v %s %s", accepted, reason, message)
	}
}

// R35: a Gateway parentRef stays with the Gateway's own listeners.
func TestAGatewayParentRefNeverReachesAListenerSet(t *testing.T) {
	world := gatewayWith(allListeners) + set("infra", "extra", "", ownListener)
	r := routeRef("HTTPRoute", "infra", "r")
	g := build(t, world+setRoute("infra", "{name: public}, {name: public, sectionName: team}, {kind: ListenerSet, name: extra, sectionName: team}, {kind: ListenerSet, name: extra, sectionName: http}"))
	wantOutcomes(t, g, r,
		"Gateway infra/public Accepted http=a.example.com",
		"Gateway infra/public#team NoMatchingParent",
		"ListenerSet infra/extra#team Accepted team=b.example.com",
		"ListenerSet infra/extra#http NoMatchingParent")
}

// R14: to a ListenerSet's listener, Same is the ListenerSet's namespace.
func TestSameIsTheNamespaceOfWhoHoldsTheListener(t *testing.T) {
	world := gatewayWith(allListeners) + set("shop", "extra", "", ownListener)
	g := build(t, world+setRoute("shop", "{kind: ListenerSet, name: extra}")+setRoute("infra", "{kind: ListenerSet, name: extra, namespace: shop}"))
	wantOutcomes(t, g, routeRef("HTTPRoute", "shop", "r"), "ListenerSet shop/extra Accepted team=b.example.com")
	wantOutcomes(t, g, routeRef("HTTPRoute", "infra", "r"), "ListenerSet shop/extra NotAllowedByListeners")
}

// R36: one name in three objects is three listeners.
func TestListenersAreToldApartByTheirHolder(t *testing.T) {
	g := build(t, gatewayWith(allListeners)+
		set("shop", "extra", "", "{name: http, port: 80, protocol: HTTP, hostname: b.example.com}")+
		set("data", "extra", "", "{name: http, port: 80, protocol: HTTP, hostname: c.example.com}")+
		setRoute("shop", "{kind: ListenerSet, name: extra}"))
	wantListeners(t, g, "Gateway infra/public#http", "ListenerSet data/extra#http", "ListenerSet shop/extra#http")
	for ref, want := range map[hierarchy.Ref]int{
		hierarchy.GatewayRef("infra", "public"):     0,
		hierarchy.ListenerSetRef("shop", "extra"):   1,
		hierarchy.ListenerSetRef("data", "extra"):   0,
		hierarchy.ListenerSetRef("infra", "public"): 0,
	} {
		if n := g.AttachedRoutes(ref.WithSection("http")); n != want {
			t.Errorf("attachedRoutes of %s = %d, want %d", ref, n, want)
		}
	}
	l := g.BoundTo(routeRef("HTTPRoute", "shop", "r"))[0]
	if l.Gateway != hierarchy.GatewayRef("infra", "public") || l.ListenerSet != hierarchy.ListenerSetRef("shop", "extra") {
		t.Errorf("the listener is on %s through %s", l.Gateway, l.ListenerSet)
	}
}

// R37: the Gateway first, then ListenerSets by age, then by name. One that has
// no time (a manifest) is the youngest.
func TestTheFirstInMergeOrderKeepsThePort(t *testing.T) {
	const wanted = "{name: team, port: 443, protocol: HTTPS, hostname: b.example.com}"
	world := gatewayWith(allListeners) +
		set("shop", "manifest", "", wanted) +
		set("shop", "young", "2026-02-02T00:00:00Z", wanted) +
		set("shop", "old", "2026-02-01T00:00:00Z", wanted) +
		set("data", "young", "2026-02-02T00:00:00Z", wanted)
	g := build(t, world)
	winners := func(g *hierarchy.Graph) []string {
		var won []string
		for s := range g.ListenerSets() {
			if accepted, reason, message := g.ListenerSetStatus(s.Meta().Ref); accepted {
				won = append(won, s.Meta().Ref.Place())
			} else if reason != "ListenersNotValid" || message != `no listener is valid: listener "team": HostnameConflict: port 443 is in use by another HTTPS listener for hostname "b.example.com"` {
				t.Errorf("%s: %s, %q", s.Meta().Ref, reason, message)
			}
		}
		return won
	}
	for _, winner := range []string{"shop/old", "data/young", "shop/young", "shop/manifest"} {
		if won := winners(g); !slices.Equal(won, []string{winner}) {
			t.Fatalf("%v won, want %s", won, winner)
		}
		namespace, name, _ := strings.Cut(winner, "/")
		g = g.Without(hierarchy.ListenerSetRef(namespace, name))
	}
	taken := build(t, world+strings.Replace(gatewayWith(allListeners), "port: 80, protocol: HTTP, hostname: a", "port: 443, protocol: HTTPS, hostname: b", 1))
	if won := winners(taken); len(won) != 0 {
		t.Errorf("%v won against the Gateway itself", won)
	}
}

// R38: what makes listeners distinct.
func TestWhenListenersConflict(t *testing.T) {
	for _, c := range []struct{ why, first, second, want string }{
		{"another port", "port: 80, protocol: HTTP", "port: 81, protocol: HTTP", ""},
		{"another hostname", "port: 80, protocol: HTTP, hostname: a.example.com", "port: 80, protocol: HTTP, hostname: b.example.com", ""},
		{"a wildcard is another hostname", "port: 80, protocol: HTTP, hostname: a.example.com", "port: 80, protocol: HTTP, hostname: '*.example.com'", ""},
		{"no hostname twice", "port: 80, protocol: HTTP", "port: 80, protocol: HTTP", "HostnameConflict"},
		{"one hostname twice", "port: 80, protocol: HTTP, hostname: a.example.com", "port: 80, protocol: HTTP, hostname: a.example.com", "HostnameConflict"},
		{"HTTP next to HTTPS is distinct by key", "port: 80, protocol: HTTP", "port: 80, protocol: HTTPS", ""},
		{"tls makes no difference", "port: 443, protocol: TLS, tls: {mode: Passthrough}", "port: 443, protocol: TLS, tls: {mode: Terminate}", "HostnameConflict"},
		{"TCP twice", "port: 80, protocol: TCP", "port: 80, protocol: TCP", "ProtocolConflict"},
		{"UDP twice", "port: 80, protocol: UDP", "port: 80, protocol: UDP", "ProtocolConflict"},
		{"TCP with HTTP", "port: 80, protocol: TCP", "port: 80, protocol: HTTP", "ProtocolConflict"},
		{"HTTPS with TCP", "port: 80, protocol: HTTPS, hostname: a.example.com", "port: 80, protocol: TCP", "ProtocolConflict"},
		{"TLS with TCP", "port: 80, protocol: TLS", "port: 80, protocol: TCP", "ProtocolConflict"},
		{"UDP with TCP", "port: 80, protocol: UDP", "port: 80, protocol: TCP", ""},
		{"UDP with HTTP", "port: 80, protocol: UDP", "port: 80, protocol: HTTP", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			gateway := strings.Replace(gatewayWith(allListeners), "port: 80, protocol: HTTP, hostname: a.example.com", c.first, 1)
			g := build(t, gateway+set("shop", "extra", "", "{name: team, "+c.second+"}"))
			wantListeners(t, g, "Gateway infra/public#http", strings.TrimSpace("ListenerSet shop/extra#team "+c.want))

			// Inside one object nobody wins.
			both := strings.Replace(gatewayWith(""), "{name: http, port: 80, protocol: HTTP, hostname: a.example.com}",
				"{name: one, "+c.first+"}, {name: two, "+c.second+"}", 1)
			wantListeners(t, build(t, both),
				strings.TrimSpace("Gateway infra/public#one "+c.want), strings.TrimSpace("Gateway infra/public#two "+c.want))
		})
	}
}

// R37, undecided upstream: whether the losers of a conflict still conflict with others.
func TestWhoStandsInTheWayOfLaterListeners(t *testing.T) {
	// Two listeners of the Gateway lose to each other. Their port does not
	// fall to a tenant.
	gateway := strings.Replace(gatewayWith(allListeners), "{name: http, port: 80, protocol: HTTP, hostname: a.example.com}",
		"{name: one, port: 80, protocol: TCP}, {name: two, port: 80, protocol: HTTP}", 1)
	g := build(t, gateway+set("shop", "extra", "", ownListener))
	wantListeners(t, g, "Gateway infra/public#one ProtocolConflict", "Gateway infra/public#two ProtocolConflict", "ListenerSet shop/extra#team ProtocolConflict")

	// A tenant's listener loses to the Gateway's. It does not stand in the way
	// of another tenant's.
	g = build(t, gatewayWith(allListeners)+
		set("shop", "greedy", "2026-01-01T00:00:00Z", "{name: tcp, port: 80, protocol: TCP}")+
		set("shop", "modest", "2026-01-02T00:00:00Z", ownListener))
	wantListeners(t, g, "Gateway infra/public#http", "ListenerSet shop/greedy#tcp ProtocolConflict", "ListenerSet shop/modest#team")
}

// R29, R30, R38, R39: a conflicted entry has routes but serves none of them.
func TestARouteOnAConflictedListenerIsBoundButNotActive(t *testing.T) {
	g := build(t, gatewayWith(allListeners)+
		set("shop", "extra", "", "{name: lost, port: 80, protocol: HTTP, hostname: a.example.com}, "+ownListener)+
		setRoute("shop", "{kind: ListenerSet, name: extra}"))
	r := routeRef("HTTPRoute", "shop", "r")
	extra := hierarchy.ListenerSetRef("shop", "extra")
	wantOutcomes(t, g, r, "ListenerSet shop/extra Accepted (lost=a.example.com) team=b.example.com")
	if n := g.AttachedRoutes(extra.WithSection("lost")); n != 1 {
		t.Errorf("attachedRoutes = %d, want 1", n)
	}
	accepted, _, message := g.ListenerSetStatus(extra)
	if want := `1 of 2 listeners are valid: listener "lost": HostnameConflict: port 80 is in use by another HTTP listener for hostname "a.example.com"`; !accepted || message != want {
		t.Errorf("accepted %v, %q; want %q", accepted, message, want)
	}
	// Without a single valid entry the ListenerSet is refused; its routes are
	// still counted.
	g = g.With(decoded(t, set("shop", "extra", "", "{name: lost, port: 80, protocol: HTTP, hostname: a.example.com}"))...)
	if accepted, reason, _ := g.ListenerSetStatus(extra); accepted || reason != "ListenersNotValid" {
		t.Errorf("accepted %v, reason %s", accepted, reason)
	}
	wantOutcomes(t, g, r, "ListenerSet shop/extra Accepted (lost=a.example.com)")
	if n := g.AttachedRoutes(extra.WithSection("lost")); n != 1 {
		t.Errorf("attachedRoutes = %d, want 1", n)
	}
	// The Gateway lets go of the hostname, and the route becomes active.
	g = g.With(decoded(t, strings.Replace(gatewayWith(allListeners), "a.example.com", "z.example.com", 1))...)
	wantOutcomes(t, g, r, "ListenerSet shop/extra Accepted lost=a.example.com")
}

func TestAListenerSetOfUnknownProtocolsOnlyIsNotValid(t *testing.T) {
	g := build(t, gatewayWith(allListeners)+set("shop", "extra", "", "{name: mq, port: 5672, protocol: example.com/amqp}"))
	if _, reason, message := g.ListenerSetStatus(hierarchy.ListenerSetRef("shop", "extra")); reason != "ListenersNotValid" || message != `no listener is valid: listener "mq": protocol "example.com/amqp" is not supported` {
		t.Errorf("%s, %q", reason, message)
	}
}

// The merge order decides about ports; what is shown is sorted by name.
func TestListenersAreSortedByName(t *testing.T) {
	g := build(t, gatewayWith(allListeners)+
		set("shop", "first", "2026-01-01T00:00:00Z", "{name: b, port: 81, protocol: HTTP}, {name: a, port: 82, protocol: HTTP}")+
		set("data", "second", "2026-01-02T00:00:00Z", "{name: b, port: 83, protocol: HTTP}, {name: a, port: 84, protocol: HTTP}")+
		setRoute("shop", "{kind: ListenerSet, name: first, sectionName: b}, {kind: ListenerSet, name: first}"))
	wantListeners(t, g, "Gateway infra/public#http",
		"ListenerSet data/second#a", "ListenerSet data/second#b", "ListenerSet shop/first#a", "ListenerSet shop/first#b")
	r := routeRef("HTTPRoute", "shop", "r")
	if got, want := listenerNames(g.BoundTo(r)), []string{"ListenerSet shop/first#a", "ListenerSet shop/first#b"}; !slices.Equal(got, want) {
		t.Errorf("bound to %v, want %v", got, want)
	}
	if got, want := pathLines(g, r), []string{"edge public first first#a shop r r[0]", "edge public first first#b shop r r[0]"}; !slices.Equal(got, want) {
		t.Errorf("paths %v, want %v", got, want)
	}
}

// A ListenerSet moves from one Gateway to another, and its routes with it.
func TestAListenerSetMovesToAnotherGateway(t *testing.T) {
	other := strings.Replace(gatewayWith(allListeners), "name: public", "name: other", 1)
	extra := set("shop", "extra", "", ownListener)
	g := build(t, gatewayWith(allListeners)+other+extra+setRoute("shop", "{kind: ListenerSet, name: extra}"))
	g = g.With(decoded(t, strings.Replace(extra, "name: public", "name: other", 1))...)
	wantListeners(t, g, "Gateway infra/public#http")
	if l := g.BoundTo(routeRef("HTTPRoute", "shop", "r"))[0]; l.Gateway != hierarchy.GatewayRef("infra", "other") {
		t.Errorf("the route is on %s", l.Gateway)
	}
}
