package hierarchy_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
)

// town has a route on two listeners of one Gateway, one on a ListenerSet of
// it, one without rules, one that is bound to nothing, and another Gateway of
// another class.
const town = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec: {controllerName: example.com/gateway}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  allowedListeners: {namespaces: {from: All}}
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: https, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: private, namespace: infra}
spec: {gatewayClassName: inner, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: extra, namespace: shop}
spec: {parentRef: {name: public, namespace: infra}, listeners: [{name: team, port: 8080, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop}
spec:
  parentRefs: [{name: public, namespace: infra}, {name: extra, kind: ListenerSet}]
  rules: [{name: pay}, {}, {name: pay}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: empty, namespace: shop}
spec: {parentRefs: [{name: public, namespace: infra, sectionName: http}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: refused, namespace: shop}
spec: {parentRefs: [{name: private, namespace: infra}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: lost, namespace: data}
spec: {parentRefs: [{name: gone, namespace: infra}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: data}
`

// pathLine is a path in one line.
func pathLine(p hierarchy.Path) string {
	var parts []string
	for _, n := range p {
		name := n.Ref.Name
		if n.Ref.Section != "" {
			name += "#" + n.Ref.Section
		}
		if n.Rule >= 0 {
			name += "[" + strconv.Itoa(n.Rule) + "]"
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, " ")
}

func pathLines(g *hierarchy.Graph, ref hierarchy.Ref) []string {
	var lines []string
	for p := range g.Through(ref) {
		lines = append(lines, pathLine(p))
	}
	return lines
}

var (
	townPublic  = hierarchy.GatewayRef("infra", "public")
	townPrivate = hierarchy.GatewayRef("infra", "private")
	townExtra   = hierarchy.ListenerSetRef("shop", "extra")
	townEmpty   = routeRef("GRPCRoute", "shop", "empty")
	townRefused = routeRef("HTTPRoute", "shop", "refused")
	townLost    = routeRef("HTTPRoute", "data", "lost")
)

func TestThroughYieldsEveryPathInOrder(t *testing.T) {
	g := build(t, town)
	onHTTP := []string{
		"edge public public#http shop empty",
		"edge public public#http shop checkout checkout#pay[0]",
		"edge public public#http shop checkout checkout[1]",
		"edge public public#http shop checkout checkout#pay[2]",
	}
	onHTTPS := []string{
		"edge public public#https shop checkout checkout#pay[0]",
		"edge public public#https shop checkout checkout[1]",
		"edge public public#https shop checkout checkout#pay[2]",
	}
	onExtra := []string{
		"edge public extra extra#team shop checkout checkout#pay[0]",
		"edge public extra extra#team shop checkout checkout[1]",
		"edge public extra extra#team shop checkout checkout#pay[2]",
	}
	all := slices.Concat(onHTTP, onHTTPS, onExtra)
	for _, c := range []struct {
		ref  hierarchy.Ref
		want []string
	}{
		{hierarchy.GatewayClassRef("edge"), all},
		{hierarchy.GatewayClassRef("inner"), nil},
		{townPublic, all},
		{townPublic.WithSection("http"), onHTTP},
		{townPublic.WithSection("https"), onHTTPS},
		{townPublic.WithSection("team"), nil},
		{townExtra, onExtra},
		{townExtra.WithSection("team"), onExtra},
		{checkout, slices.Concat(onHTTP[1:], onHTTPS, onExtra)},
		{checkout.WithSection("pay"), []string{onHTTP[1], onHTTP[3], onHTTPS[0], onHTTPS[2], onExtra[0], onExtra[2]}},
		{checkout.WithSection("rules-1"), nil},
		{townEmpty, onHTTP[:1]},
		{townEmpty.WithSection("pay"), nil},
		{townRefused, nil},
		{hierarchy.NamespaceRef("shop"), all},
		{hierarchy.NamespaceRef("data"), nil},
		{hierarchy.NewRef("", "Service", "shop", "backend"), nil},
	} {
		if got := pathLines(g, c.ref); !slices.Equal(got, c.want) {
			t.Errorf("through %s:\n got %s\nwant %s", c.ref, strings.Join(got, "\n     "), strings.Join(c.want, "\n     "))
		}
	}
}

func TestThePathsKnowTheirLevels(t *testing.T) {
	var levels []hierarchy.Level
	for p := range build(t, town).Through(townExtra) {
		for _, n := range p {
			levels = append(levels, n.Level)
		}
		break
	}
	want := []hierarchy.Level{hierarchy.GatewayClassLevel, hierarchy.GatewayLevel, hierarchy.ListenerSetLevel, hierarchy.ListenerLevel, hierarchy.NamespaceLevel, hierarchy.RouteLevel, hierarchy.RouteRuleLevel}
	if !slices.Equal(levels, want) {
		t.Errorf("levels %v, want %v", levels, want)
	}
	if hierarchy.RouteRuleLevel.String() != "RouteRule" || hierarchy.Levels.String() != "unknown level" {
		t.Errorf("levels are called %s and %s", hierarchy.RouteRuleLevel, hierarchy.Levels)
	}
}

// What Through yields may be kept and extended without effect on other paths.
func TestAPathCanBeAppendedTo(t *testing.T) {
	g := build(t, town+`
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: also-empty, namespace: infra}
spec: {parentRefs: [{name: public}]}
`)
	want := pathLines(g, townPublic)
	var kept []hierarchy.Path
	for p := range g.Through(townPublic) {
		_ = append(p, &hierarchy.Node{Ref: townLost, Rule: -1})
		p[len(p)-1] = &hierarchy.Node{Ref: checkout.WithSection("mine"), Rule: len(kept)}
		kept = append(kept, p)
	}
	for i, p := range kept {
		if line, end := pathLine(p), fmt.Sprintf("checkout#mine[%d]", i); !strings.HasSuffix(line, end) {
			t.Errorf("path %d became %q, want it to end in %q", i, line, end)
		}
	}
	if got := pathLines(g, townPublic); !slices.Equal(got, want) {
		t.Errorf("the Graph's paths changed:\n%s", strings.Join(got, "\n"))
	}
}

func TestWhatAnObjectTouches(t *testing.T) {
	g := build(t, town)
	for _, c := range []struct {
		why  string
		ref  hierarchy.Ref
		want []hierarchy.Ref
	}{
		{"a route touches itself", checkout, []hierarchy.Ref{checkout}},
		{"a rule touches its route", checkout.WithSection("pay"), []hierarchy.Ref{checkout}},
		{"a Gateway touches itself and who names it or its ListenerSets", townPublic, []hierarchy.Ref{townEmpty, townPublic, checkout}},
		{"whether they are bound or not", townPrivate, []hierarchy.Ref{townPrivate, townRefused}},
		{"a Gateway that is not there touches who names it", hierarchy.GatewayRef("infra", "gone"), []hierarchy.Ref{townLost}},
		{"a class touches its Gateways and theirs", hierarchy.GatewayClassRef("edge"), []hierarchy.Ref{townEmpty, townPublic, checkout}},
		{"there or not", hierarchy.GatewayClassRef("inner"), []hierarchy.Ref{townPrivate, townRefused}},
		{"a ListenerSet touches its Gateway and who names it", townExtra, []hierarchy.Ref{townPublic, checkout}},
		{"a listener touches what is on it", townPublic.WithSection("https"), []hierarchy.Ref{checkout}},
		{"and nothing else", townPrivate.WithSection("http"), []hierarchy.Ref{}},
		{"a ListenerSet's listener too", townExtra.WithSection("team"), []hierarchy.Ref{checkout}},
		{"a Namespace touches what its labels decide", hierarchy.NewRef("", "Namespace", "", "shop"), []hierarchy.Ref{townEmpty, townPublic, checkout, townRefused}},
		{"a Namespace without ListenerSets", hierarchy.NewRef("", "Namespace", "", "data"), []hierarchy.Ref{townLost}},
		{"a Service touches nothing", hierarchy.NewRef("", "Service", "shop", "backend"), []hierarchy.Ref{}},
		{"a route that is not there touches nothing", routeRef("HTTPRoute", "shop", "none"), []hierarchy.Ref{}},
	} {
		got := g.Touched(c.ref)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %s touches %v, want %v", c.why, c.ref, got, c.want)
		}
	}
}

// R30, R31, R37: dependencies that no parentRef shows.
func TestWhatAnObjectTouchesWithoutBeingNamed(t *testing.T) {
	g := build(t, streamGateway("TCP")+streamRoute("TCPRoute", "a", "one", "")+streamRoute("TCPRoute", "b", "two", ""))
	one, two := routeRef("TCPRoute", "a", "one"), routeRef("TCPRoute", "b", "two")
	if got := g.Touched(one); !slices.Equal(got, []hierarchy.Ref{one, two}) {
		t.Errorf("a TCPRoute touches %v, want its competitors too", got)
	}
	g = build(t, strings.Replace(public, "gatewayClassName", "defaultScope: All\n  gatewayClassName", 1)+route("{useDefaultGateways: All}"))
	if got := g.Touched(hierarchy.GatewayRef("infra", "public")); !slices.Equal(got, []hierarchy.Ref{hierarchy.GatewayRef("infra", "public"), checkout}) {
		t.Errorf("a default Gateway touches %v, want what it claims too", got)
	}
	g = build(t, gatewayWith(allListeners)+set("shop", "a", "", ownListener)+set("data", "b", "", ownListener)+setRoute("shop", "{kind: ListenerSet, name: a}"))
	if got, want := g.Touched(hierarchy.ListenerSetRef("data", "b")), []hierarchy.Ref{hierarchy.GatewayRef("infra", "public"), routeRef("HTTPRoute", "shop", "r")}; !slices.Equal(got, want) {
		t.Errorf("a ListenerSet touches %v, want %v", got, want)
	}
}

// R52, R53.
func TestHowManyThingsASectionNames(t *testing.T) {
	g := build(t, town)
	for _, c := range []struct {
		ref  hierarchy.Ref
		want int
	}{
		{checkout, 1}, {checkout.WithSection("pay"), 2}, {checkout.WithSection("rule-1"), 0}, {checkout.WithSection("rules[1]"), 0},
		{townPublic, 1}, {townPublic.WithSection("http"), 1}, {townPublic.WithSection("team"), 0},
		{townExtra.WithSection("team"), 1}, {hierarchy.GatewayClassRef("edge"), 1}, {hierarchy.GatewayClassRef("edge").WithSection("x"), 0},
		{hierarchy.GatewayClassRef("inner"), 0}, {hierarchy.NewRef("", "Namespace", "", "data"), 1}, {routeRef("HTTPRoute", "shop", "none").WithSection("pay"), 0},
	} {
		if got := g.Sections(c.ref); got != c.want {
			t.Errorf("Sections(%s) = %d, want %d", c.ref, got, c.want)
		}
	}
}

func TestGetIgnoresTheSection(t *testing.T) {
	g := build(t, town+"\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: ReferenceGrant\nmetadata: {name: g, namespace: shop}\nspec: {}\n")
	for _, ref := range []hierarchy.Ref{checkout, townPublic, townExtra, hierarchy.GatewayClassRef("edge"), hierarchy.NewRef("", "Namespace", "", "data"),
		hierarchy.NewRef(hierarchy.Group, "ReferenceGrant", "shop", "g")} {
		if o, ok := g.Get(ref.WithSection("any")); !ok || o.Meta().Ref != ref {
			t.Errorf("Get(%s) = %v, %v", ref, o, ok)
		}
		gone := g.Without(ref.WithSection("any"))
		if _, ok := gone.Get(ref); ok {
			t.Errorf("%s is still there after Without", ref)
		}
		if _, ok := g.Get(ref); !ok {
			t.Errorf("%s is gone from the version before", ref)
		}
	}
	if o, ok := new(hierarchy.Graph).Get(checkout); ok {
		t.Errorf("the empty Graph has %v", o)
	}
}
