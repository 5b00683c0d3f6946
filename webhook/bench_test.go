package webhook

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
