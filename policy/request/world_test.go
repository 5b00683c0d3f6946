package request_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	"github.com/attache-dev/attache/policy/request"
)

// isRoute knows one kind of route that is not Gateway API's.
func isRoute(gk schema.GroupKind) bool {
	return gk == schema.GroupKind{Group: "queue.example.com", Kind: "QueueRoute"}
}

// parse reads manifests as a person would write them.
func parse(t testing.TB, manifests string) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for doc := range strings.SplitSeq(manifests, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if len(u.Object) > 0 {
			objects = append(objects, u)
		}
	}
	return objects
}

func build(t testing.TB, objects []*unstructured.Unstructured) *hierarchy.Graph {
	t.Helper()
	var decoded []hierarchy.Object
	for _, u := range objects {
		o, problems := decode.Object(u, isRoute)
		if len(problems) > 0 || o == nil {
			t.Fatalf("%s %s: %v", u.GetKind(), u.GetName(), problems)
		}
		decoded = append(decoded, o)
	}
	return hierarchy.Build(decoded)
}

func index(t testing.TB, manifests string) *request.Index {
	t.Helper()
	return request.New(build(t, parse(t, manifests)))
}

const head = "apiVersion: gateway.networking.k8s.io/v1\nkind: "

// draw makes a random world of a few Gateways and routes that get in each
// other's way.
func draw(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	maybe := func(text string) string { return pick("", text) }
	var docs []string
	gateways := 1 + r.IntN(2)
	for g := range gateways {
		var listeners []string
		for i := range 1 + r.IntN(4) {
			protocol := pick("HTTP", "HTTP", "HTTPS", "HTTPS", "TLS", "TCP")
			l := fmt.Sprintf("{name: l%d, port: %s, protocol: %s", i, pick("80", "443", "8080"), protocol)
			if protocol != "TCP" {
				l += pick("", "", ", hostname: a.example.com", `, hostname: "*.example.com"`, `, hostname: "*.com"`)
			}
			if protocol == "TLS" {
				l += ", tls: {mode: " + pick("Passthrough", "Terminate") + "}"
			}
			listeners = append(listeners, l+"}")
		}
		docs = append(docs, head+fmt.Sprintf("Gateway\nmetadata: {name: g%d, namespace: shop}\nspec: {gatewayClassName: edge, listeners: [%s]}", g, strings.Join(listeners, ", ")))
	}
	for i := range 1 + r.IntN(9) {
		kind := pick("HTTPRoute", "HTTPRoute", "HTTPRoute", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
		created := pick("", "", `, creationTimestamp: "2026-01-01T00:00:00Z"`, `, creationTimestamp: "2026-01-02T00:00:00Z"`)
		spec := fmt.Sprintf("parentRefs: [{name: g%d%s}]", r.IntN(gateways), pick("", "", ", sectionName: l0", ", sectionName: l1", ", port: 80"))
		if kind == "TLSRoute" || kind != "TCPRoute" && r.IntN(3) > 0 {
			spec += fmt.Sprintf(", hostnames: [%s%s]", pick("a.example.com", `"*.example.com"`, "b.a.example.com", "A.example.com"), maybe(`, "*.a.example.com"`))
		}
		var rules []string
		for range 1 + r.IntN(3) {
			rules = append(rules, "{"+drawRule(r, pick, kind)+"}")
		}
		if kind == "TLSRoute" || kind == "TCPRoute" {
			rules = []string{"{backendRefs: [{name: b, port: 80}]}"}
		}
		docs = append(docs, head+fmt.Sprintf("%s\nmetadata: {name: r%d, namespace: shop%s}\nspec: {%s, rules: [%s]}", kind, i, created, spec, strings.Join(rules, ", ")))
	}
	return strings.Join(docs, "\n---\n")
}

func drawRule(r *rand.Rand, pick func(...string) string, kind string) string {
	headers := func() string {
		return pick("", "", `, headers: [{name: X-Tier, value: gold}]`, `, headers: [{name: x-tier, type: RegularExpression, value: "g.*"}, {name: x-b, value: "1"}]`,
			`, headers: [{name: x-tier, value: gold}, {name: X-TIER, value: silver}]`)
	}
	var matches []string
	for range r.IntN(3) {
		switch kind {
		case "GRPCRoute":
			matches = append(matches, "{"+pick("method: {service: shop.Cart}", "method: {service: shop.Cart, method: Add}", "method: {method: Add}",
				`method: {type: RegularExpression, service: "shop.*"}`, "method: {service: shop.CartX}", `headers: [{name: x-b, value: "1"}]`)+"}")
		default:
			m := pick("path: {value: /}", "path: {value: /a}", "path: {value: /a/}", "path: {value: /a/b}", "path: {type: Exact, value: /a}",
				"path: {type: Exact, value: /a/b}", `path: {type: RegularExpression, value: "/a.*"}`, `path: {type: RegularExpression, value: "/."}`, "path: {value: /shop.Cart}")
			m += pick("", "", ", method: GET", ", method: POST") + headers()
			m += pick("", "", `, queryParams: [{name: q, value: "1"}]`, `, queryParams: [{name: q, type: RegularExpression, value: "[0-9]"}, {name: p, value: x y}]`)
			matches = append(matches, "{"+m+"}")
		}
	}
	rule := "matches: [" + strings.Join(matches, ", ") + "]"
	rule += pick("", ", backendRefs: [{name: b, port: 80}]", ", backendRefs: [{name: b, port: 80}, {name: c, port: 80, weight: 3}]", ", backendRefs: [{name: b, port: 80, weight: 0}]")
	if kind == "HTTPRoute" {
		rule += pick("", "", "", ", filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]")
	}
	return rule
}

// drawQuestion makes a random question that has a chance to hit something.
func drawQuestion(r *rand.Rand) request.Question {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	q := request.Question{
		Request: request.Request{
			Method: pick("GET", "GET", "POST"),
			Scheme: pick("http", "http", "https", "", "grpc", "grpcs"),
			Host:   pick("a.example.com", "b.example.com", "b.a.example.com", "example.com", "other.org"),
			Path:   pick("/", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "/c", "/shop.Cart/Add", "//a", "/a//b"),
			Query:  pick("", "", "q=1", "q=2&q=1", "p=x+y&q=7", "p=x%20y&q=%zz", "&&=&q"),
		},
		NoIsolation: r.IntN(4) == 0,
		Fallthrough: r.IntN(4) == 0,
	}
	switch pick("", "", "80", "443") {
	case "80":
		q.Request.Port = 80
	case "443":
		q.Request.Port = 443
	}
	if q.Request.GRPC() {
		q.Request.Method, q.Request.Path = "POST", pick("/shop.Cart/Add", "/shop.Cart/Get", "/shop.CartX/Add")
	}
	for _, h := range []hierarchy.Header{{Name: "x-tier", Value: pick("gold", "silver")}, {Name: "x-b", Value: "1"}, {Name: "content-type", Value: pick("application/grpc+proto", "text/plain")}} {
		if r.IntN(2) == 0 {
			q.Request.Headers = append(q.Request.Headers, h)
		}
	}
	if r.IntN(3) == 0 {
		q.Gateway = hierarchy.GatewayRef("shop", pick("g0", "g1"))
	}
	return q
}
