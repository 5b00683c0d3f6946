package webhook

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy"
)

// BenchmarkReview answers reviews in a cluster of 10,000 routes.
func BenchmarkReview(b *testing.B) {
	s := world(b)
	var routes []*unstructured.Unstructured
	for i := range 10_000 {
		namespace := fmt.Sprintf("team-%d", i%500)
		routes = append(routes, object(b, strings.NewReplacer("checkout", fmt.Sprintf("r%d", i), "namespace: shop", "namespace: "+namespace).Replace(checkout)))
	}
	s, _ = s.With(routes...)
	h := handlersOf(b, s)
	onGateway := "kind: Gateway, name: public"
	for _, test := range []struct {
		name    string
		handler http.Handler
		ask     ask
	}{
		{"Mutate/route", h.Mutate(), create(b, checkout)},
		{"Validate/route", h.Validate(), create(b, checkout)},
		{"Validate/routePolicy", h.Validate(), create(b, timeout("shop", onCart, tenS))},
		{"Validate/gatewayPolicyOf10000routes", h.Validate(), update(b, strings.Replace(timeout("infra", onGateway, "default: {request: 10s}"), "name: p,", "name: public,", 1), strings.Replace(timeout("infra", onGateway, "default: {request: 20s}"), "name: p,", "name: public,", 1))},
	} {
		b.Run(test.name, func(b *testing.B) {
			body := test.ask.body(b)
			b.ReportAllocs()
			for b.Loop() {
				if answer := post(test.handler, body); answer.StatusCode != http.StatusOK {
					b.Fatal(answer.Status)
				}
			}
		})
	}
}

// wideWorld is 800 routes of a tenant, of 16 rules each, on 64 listeners of the
// platform's Gateway: 819,200 paths.
func wideWorld(b testing.TB) (gateway, class string, s *policy.Snapshot) {
	b.Helper()
	var listeners, rules strings.Builder
	for i := range 64 {
		fmt.Fprintf(&listeners, "{name: l%d, port: %d, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}},", i, 8000+i)
	}
	for i := range 16 {
		fmt.Fprintf(&rules, "{name: r%d, timeouts: {request: %ds}},", i, 20+i)
	}
	gateway = strings.Replace(timeout("infra", "kind: Gateway, name: wide", "default: {idle: 9s}"), "name: p,", "name: wide,", 1)
	class = strings.Replace(timeout("infra", "kind: GatewayClass, name: edge", "default: {backend: 9s}"), "name: p,", "name: edge,", 1)
	s = world(b, "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: wide, namespace: infra}, spec: {gatewayClassName: edge, listeners: ["+listeners.String()+"]}}", gateway, class)
	var routes []*unstructured.Unstructured
	for i := range 800 {
		routes = append(routes, object(b, fmt.Sprintf("{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: big%d, namespace: shop}, spec: {parentRefs: [{name: wide, namespace: infra}], hostnames: [big%d.example.com], rules: [%s]}}", i, i, rules.String())))
	}
	s, _ = s.With(routes...)
	return gateway, class, s
}

// readsNames is a guardrail that has to be asked about each path.
const readsNames = `
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: perpath}
spec:
  cel: [{expression: "rule.name != 'x' && route.name != 'x' && listener.name != 'x'", message: not x}]
`

// later is a policy of wideWorld with another value.
func later(text string) string { return strings.Replace(text, ": 9s}", ": 8s}", 1) }

// BenchmarkReviewOfManyPaths measures edits and deletions of the platform's policies above very
// many paths of a tenant.
func BenchmarkReviewOfManyPaths(b *testing.B) {
	gateway, class, s := wideWorld(b)
	for _, guardrails := range []struct {
		name    string
		options []func(*Options)
	}{
		{"none", nil},
		{"names", []func(*Options){with(b, object(b, readsNames))}},
	} {
		h := handlersOf(b, s, append(guardrails.options, func(o *Options) { o.MaxPaths, o.Deadline = 50_000, time.Hour })...)
		for _, test := range []struct {
			name string
			ask  ask
		}{
			{"edit/Gateway", update(b, gateway, later(gateway))},
			{"edit/GatewayClass", update(b, class, later(class))},
			{"delete/Gateway", remove(b, gateway)},
			{"delete/GatewayClass", remove(b, class)},
		} {
			b.Run("guardrail="+guardrails.name+"/"+test.name, func(b *testing.B) {
				body := test.ask.body(b)
				b.ReportAllocs()
				for b.Loop() {
					if answer := post(h.Validate(), body); answer.StatusCode != http.StatusOK {
						b.Fatal(statusOf(b, answer).Message)
					}
				}
			})
		}
	}
}

// BenchmarkTurnedAway measures the cost of turning a review away.
func BenchmarkTurnedAway(b *testing.B) {
	h := handlersOf(b, world(b), func(o *Options) { o.Concurrency, o.Queue = 1, 1 })
	for range 2 {
		h.limiter.Arrive(1)
	}
	handler, body := h.Validate(), create(b, checkout).body(b)
	b.ReportAllocs()
	for b.Loop() {
		if answer := post(handler, body); answer.StatusCode != http.StatusServiceUnavailable {
			b.Fatal(answer.Status)
		}
	}
}
