package request_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	"github.com/attache-dev/attache/policy/request"
)

func ask(t testing.TB, x *request.Index, text string, headers ...string) request.Answer {
	t.Helper()
	r, err := request.Parse(text, headers...)
	if err != nil {
		t.Fatal(err)
	}
	answers := x.Ask(&request.Question{Request: r})
	if len(answers) != 1 {
		t.Fatalf("%q: %d answers: %s", text, len(answers), lines(answers))
	}
	return answers[0]
}

const shopGateway = head + `Gateway
metadata: {name: g, namespace: shop}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
`

// route is one HTTPRoute of shop with the given rest of its metadata and spec.
func route(name, metadata, spec string) string {
	return head + "HTTPRoute\nmetadata: {name: " + name + ", namespace: shop" + metadata + "}\nspec: {parentRefs: [{name: g}], " + spec + "}\n---\n"
}

// Q8: each runner-up names the one criterion by which it lost.
func TestRunnersUpSayByWhatTheyLost(t *testing.T) {
	const old, young = `, creationTimestamp: "2026-01-01T00:00:00Z"`, `, creationTimestamp: "2026-02-01T00:00:00Z"`
	for _, c := range []struct {
		name, winner, loser, path string
		want                      request.Criterion
	}{
		{"hostname", "hostnames: [a.example.com], rules: [{}]", `hostnames: ["*.example.com"], rules: [{matches: [{path: {type: Exact, value: /a}}]}]`, "/a", request.ByHostname},
		{"exact", "rules: [{matches: [{path: {type: Exact, value: /a}}]}]", `rules: [{matches: [{path: {value: /a}, method: GET}]}]`, "/a", request.ByPathExact},
		{"regex", `rules: [{matches: [{path: {type: RegularExpression, value: "/a.*"}}]}]`, `rules: [{matches: [{path: {value: /a}, method: GET}]}]`, "/a", request.ByPathRegex},
		{"length", "rules: [{matches: [{path: {value: /a/}}]}]", "rules: [{matches: [{path: {value: /a}, method: GET}]}]", "/a", request.ByPathLength},
		{"method", "rules: [{matches: [{method: GET}]}]", "rules: [{matches: [{headers: [{name: x, value: a}]}]}]", "/", request.ByMethod},
		{"headers", "rules: [{matches: [{headers: [{name: x, value: a}]}]}]", "rules: [{matches: [{queryParams: [{name: q, value: b}, {name: r, value: b}]}]}]", "/?q=b&r=b", request.ByHeaders},
		{"query", "rules: [{matches: [{queryParams: [{name: q, value: b}]}]}]", "rules: [{}]", "/?q=b", request.ByQuery},
		{"name", "rules: [{}]", "rules: [{}]", "/", request.ByName},
	} {
		x := index(t, shopGateway+route("a", young, c.winner)+route("b", young, c.loser))
		a := ask(t, x, "http://a.example.com"+c.path, "x: a")
		if a.Hit.Route == nil || a.Hit.Route.Meta().Ref.Name != "a" || len(a.RunnersUp) != 1 || a.RunnersUp[0].LostBy != c.want {
			t.Errorf("%s: %+v, runners-up %+v", c.name, a.Hit, a.RunnersUp)
		}
	}
	x := index(t, shopGateway+route("z", old, "rules: [{}, {}]")+route("b", young, "rules: [{}]"))
	a := ask(t, x, "http://a.example.com/")
	want := "z 0, z 1 RuleOrder, b 0 Age"
	got := fmt.Sprintf("%s %d, %s %d %s, %s %d %s", a.Hit.Route.Meta().Ref.Name, a.Hit.Rule,
		a.RunnersUp[0].Route.Meta().Ref.Name, a.RunnersUp[0].Rule, a.RunnersUp[0].LostBy, a.RunnersUp[1].Route.Meta().Ref.Name, a.RunnersUp[1].Rule, a.RunnersUp[1].LostBy)
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Q8: routes that match and are not bound are reported with the reason.
func TestRoutesThatAreNotBoundAreSaid(t *testing.T) {
	x := index(t, head+`Gateway
metadata: {name: g, namespace: infra}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}, {name: tls, port: 443, protocol: HTTPS}]}
---
`+head+`HTTPRoute
metadata: {name: foreign, namespace: shop}
spec: {parentRefs: [{name: g, namespace: infra}], rules: [{name: pay, matches: [{path: {value: /pay}}]}]}
---
`+head+`HTTPRoute
metadata: {name: misspelt, namespace: shop}
spec: {parentRefs: [{name: gg, namespace: infra}], rules: [{matches: [{path: {value: /pay}}]}]}
---
`+head+`HTTPRoute
metadata: {name: elsewhere, namespace: infra}
spec: {parentRefs: [{name: g, sectionName: tls}], rules: [{matches: [{path: {value: /pay}}]}]}
---
`+head+`HTTPRoute
metadata: {name: other-path, namespace: shop}
spec: {parentRefs: [{name: g, namespace: infra}], rules: [{matches: [{path: {value: /other}}]}]}`)
	a := ask(t, x, "http://a.example.com/pay")
	var got []string
	for _, n := range a.NotBound {
		got = append(got, n.Route.Meta().Ref.Name+" "+n.Reason)
	}
	want := []string{"elsewhere NoMatchingParent", "foreign NotAllowedByListeners", "misspelt ParentNotFound"}
	if diff := cmp.Diff(want, got); diff != "" || a.Result != request.NoRoute {
		t.Errorf("%s, not bound (-want +got):\n%s", a.Result, diff)
	}
}

// Q3, Q4, Q5, Q6: what a person should know is in the notes.
func TestNotes(t *testing.T) {
	for _, c := range []struct {
		name, routes, question string
		reason                 request.NoteReason
	}{
		{"a regular expression", route("a", "", `rules: [{matches: [{path: {type: RegularExpression, value: "/a.*"}}]}]`), "http://a.example.com/a", request.NoteRegex},
		{"a less specific hostname", route("a", "", `hostnames: [a.example.com], rules: [{matches: [{path: {value: /x}}]}]`) + route("b", "", `rules: [{}]`), "http://a.example.com/a", request.NoteFallthrough},
		{"a path that is not normal", route("a", "", "rules: [{}]"), "http://a.example.com/a/../b", request.NotePath},
		{"a call that is none", head + "GRPCRoute\nmetadata: {name: a, namespace: shop}\nspec: {parentRefs: [{name: g}], rules: [{}]}", "http://a.example.com/shop.Cart/Add", request.NoteGRPC},
		{"no backend", route("a", "", "rules: [{}]"), "http://a.example.com/", request.NoteBackends},
		{"no grant", route("a", "", "rules: [{backendRefs: [{name: b, namespace: data, port: 80}]}]"), "http://a.example.com/", request.NoteGrant},
		{"a stranger", "apiVersion: queue.example.com/v1\nkind: QueueRoute\nmetadata: {name: a, namespace: shop}\nspec: {parentRefs: [{name: g}]}", "http://a.example.com/", request.NoteStranger},
		{"nobody", route("a", "", "rules: [{}]"), "https://a.example.com/", request.NoteNoListener},
	} {
		a := ask(t, index(t, shopGateway+c.routes), c.question)
		found := false
		for _, n := range a.Notes {
			found = found || n.Reason == c.reason && n.Message != ""
		}
		if !found {
			t.Errorf("%s: %+v", c.name, a.Notes)
		}
	}
}

// Q6: shares are in per cent, and 500 is reported where there is no backend.
func TestShares(t *testing.T) {
	x := index(t, shopGateway+route("a", "", "rules: [{backendRefs: [{name: a, port: 80, weight: 1}, {name: b, port: 81, weight: 2}, {name: c, port: 80, weight: 0}]}]"))
	var got []string
	for _, b := range ask(t, x, "http://a.example.com/").Backends {
		got = append(got, fmt.Sprintf("%s:%d %g", b.To.Place(), b.Port, b.Share))
	}
	if diff := cmp.Diff([]string{"shop/a:80 33.3", "shop/b:81 66.7", "shop/c:80 0"}, got); diff != "" {
		t.Errorf("backends (-want +got):\n%s", diff)
	}
}

// Q1: without a host, the request is tried for every hostname that the Gateway serves.
func TestEveryHostOfAGateway(t *testing.T) {
	x := index(t, shopGateway+route("a", "", "hostnames: [a.example.com, '*.example.org'], rules: [{}]")+route("b", "", "rules: [{matches: [{path: {value: /pay}}]}]"))
	r, err := request.Parse("/pay")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range x.Ask(&request.Question{Request: r, Gateway: hierarchy.GatewayRef("shop", "g")}) {
		got = append(got, a.Host+" "+a.Hit.Route.Meta().Ref.Name)
	}
	if diff := cmp.Diff([]string{"* b", "*.example.org a", "a.example.com a"}, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

// Q11: the next index answers for the next graph, and shares the rest.
func TestNextSharesWhatDidNotChange(t *testing.T) {
	g := build(t, parse(t, shopGateway+route("a", "", "rules: [{}]")+head+`Gateway
metadata: {name: other, namespace: shop}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP, hostname: other.example.com}]}`))
	before := request.New(g)
	ask(t, before, "http://a.example.com/")
	after := g.With(decoded(t, route("a", "", "rules: [{matches: [{path: {value: /b}}]}]"))...)
	if a := ask(t, before.Next(after), "http://a.example.com/"); a.Result != request.NoRoute {
		t.Errorf("after the change: %s", a.Result)
	}
	if a := ask(t, before, "http://a.example.com/"); a.Result != request.Matched {
		t.Errorf("before the change: %s", a.Result)
	}
	r := request.Request{Method: "GET", Scheme: "http", Host: "a.example.com", Port: 80, Path: "/"}
	same := before.Next(g.With(decoded(t, head+"HTTPRoute\nmetadata: {name: b, namespace: shop}\nspec: {parentRefs: [{name: other}]}")...))
	if n := testing.AllocsPerRun(10, func() { same.Match(hierarchy.GatewayRef("shop", "g"), &r) }); n > 0 {
		t.Errorf("the first question allocates %v times: the part of the Gateway was built anew", n)
	}
}

func decoded(t testing.TB, manifests string) []hierarchy.Object {
	t.Helper()
	var objects []hierarchy.Object
	for _, u := range parse(t, strings.TrimSuffix(manifests, "\n---\n")) {
		o, problems := decode.Object(u, isRoute)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		objects = append(objects, o)
	}
	return objects
}

// Q12: how the matches of two routes relate to each other.
func TestOverlaps(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want request.Relation
	}{
		{"{path: {value: /a}}", "{path: {value: /a/}}", request.Equal},
		{"{path: {value: /a/b}}", "{path: {value: /a}}", request.Inside},
		{"{path: {value: /a}}", "{path: {type: Exact, value: /a/b}}", request.Contains},
		{"{path: {value: /ab}}", "{path: {value: /a}}", request.Disjoint},
		{"{path: {type: Exact, value: /a}}", "{path: {type: Exact, value: /a}, method: GET}", request.Contains},
		{"{method: GET}", "{method: POST}", request.Disjoint},
		{"{method: GET}", "{path: {value: /a}}", request.Partial},
		{"{headers: [{name: x, value: a}]}", "{headers: [{name: X, value: b}]}", request.Disjoint},
		{"{headers: [{name: x, value: a}]}", "{headers: [{name: z, value: b}]}", request.Partial},
		{"{headers: [{name: x, value: a}]}", `{headers: [{name: x, type: RegularExpression, value: "a.*"}]}`, request.Unknown},
		{`{path: {type: RegularExpression, value: "/a"}}`, "{path: {value: /a}}", request.Unknown},
		{`{path: {type: RegularExpression, value: "/a"}}`, "{path: {value: /}}", request.Inside},
		{`{path: {type: RegularExpression, value: "/a"}, method: GET}`, "{method: PUT}", request.Disjoint},
		{"{queryParams: [{name: q, value: a}]}", "{}", request.Inside},
	} {
		x := index(t, shopGateway+route("a", "", "rules: [{matches: ["+c.a+"]}]")+route("b", "", "rules: [{matches: ["+c.b+"]}]"))
		got := request.Disjoint
		for _, o := range x.Overlaps(hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "a")) {
			got = o.Relation
		}
		if got != c.want {
			t.Errorf("%s to %s: %s, want %s", c.a, c.b, got, c.want)
		}
	}
}

// Q12: a rule that no request reaches is found, with the rule that hides it.
func TestHiddenRules(t *testing.T) {
	for name, c := range map[string]struct{ routes, want string }{
		"a rule after a catch-all": {route("a", "", "rules: [{}, {matches: [{path: {value: /}}]}]"), "a 1 by a 0"},
		"an equal match of an older route": {route("a", `, creationTimestamp: "2026-02-01T00:00:00Z"`, "rules: [{matches: [{path: {value: /x}}]}]") +
			route("b", `, creationTimestamp: "2026-01-01T00:00:00Z"`, "rules: [{matches: [{path: {value: /x}}]}]"), "a 0 by b 0"},
		"a final slash":                {route("a", "", "rules: [{matches: [{path: {value: /x}, method: GET}]}, {matches: [{path: {value: /x/}}]}]"), "a 0 by a 1"},
		"a longer path":                {route("a", "", "rules: [{matches: [{path: {value: /x}}]}, {matches: [{path: {value: /x/y}}]}]"), ""},
		"one of two matches":           {route("a", "", "rules: [{}, {matches: [{path: {value: /}}, {path: {value: /y}}]}]"), ""},
		"two that take one match each": {route("a", "", "rules: [{matches: [{path: {value: /y}}]}, {matches: [{path: {type: Exact, value: /x}}]}, {matches: [{path: {value: /y}}, {path: {type: Exact, value: /x}}]}]"), "a 2 by a 1 a 0"},
		"another hostname":             {route("a", "", "hostnames: [a.example.com], rules: [{}]") + route("b", "", "hostnames: ['*.example.com'], rules: [{}]"), ""},
		"a regular expression":         {route("a", "", `rules: [{matches: [{path: {type: RegularExpression, value: "/.*"}}]}, {matches: [{path: {value: /a}}]}]`), ""},
	} {
		x := index(t, shopGateway+c.routes)
		var got []string
		for _, h := range x.Hidden(hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "a")) {
			text := fmt.Sprintf("a %d by", h.Rule)
			for _, by := range h.By {
				text += fmt.Sprintf(" %s %d", by.Route.Meta().Ref.Name, by.Rule)
			}
			got = append(got, text)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// On random worlds, a hidden rule is never the answer, and a rule without overlap is never a
// runner-up.
func TestHiddenRulesNeverServe(t *testing.T) {
	found := 0
	for i := range 300 {
		r := newRand(uint64(i))
		x := index(t, draw(r))
		hidden := map[string]bool{}
		for rt := range x.Graph().Routes() {
			for _, h := range x.Hidden(rt.Meta().Ref) {
				hidden[fmt.Sprintf("%s %s %d", h.Listener.Ref, rt.Meta().Ref, h.Rule)] = true
				found++
			}
		}
		for range 30 {
			q := drawQuestion(r)
			for _, a := range x.Ask(&q) {
				if a.Hit.Route != nil && hidden[fmt.Sprintf("%s %s %d", a.Hit.Listener.Ref, a.Hit.Route.Meta().Ref, a.Hit.Rule)] {
					t.Fatalf("a hidden rule serves %+v: %+v", q, a.Hit)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d hidden rules: the random worlds do not show much", found)
	}
}
