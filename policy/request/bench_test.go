package request_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
)

func newRand(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 17)) }

// crowd is one Gateway with routes, each of a hostname of its own, or all of
// one hostname.
func crowd(b *testing.B, routes int, oneHost bool) *hierarchy.Graph {
	b.Helper()
	objects := decoded(b, shopGateway)
	for i := range routes {
		host, path := fmt.Sprintf("host-%d.example.com", i), "/pay"
		if oneHost {
			host, path = "a.example.com", fmt.Sprintf("/team-%d/pay", i)
		}
		objects = append(objects, decoded(b, route(fmt.Sprintf("r%d", i), "", fmt.Sprintf(
			"hostnames: [%s], rules: [{matches: [{path: {value: %s}}]}, {matches: [{path: {value: %s}, method: POST, headers: [{name: x, value: a}]}]}, {}]", host, path, path)))...)
	}
	return hierarchy.Build(objects)
}

func BenchmarkIndex(b *testing.B) {
	for _, routes := range []int{100, 1_000, 10_000} {
		g := crowd(b, routes, false)
		b.Run(fmt.Sprintf("routes=%d", routes), func(b *testing.B) {
			r := request.Request{Method: "GET", Scheme: "http", Host: "host-1.example.com", Port: 80, Path: "/pay"}
			for b.Loop() {
				if _, _, ok := request.New(g).Match(hierarchy.GatewayRef("shop", "g"), &r); !ok {
					b.Fatal("nothing serves it")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(routes), "ns/route")
		})
	}
}

func BenchmarkAsk(b *testing.B) {
	for name, oneHost := range map[string]bool{"own-hosts": false, "one-host": true} {
		for _, routes := range []int{100, 10_000} {
			x := request.New(crowd(b, routes, oneHost))
			r := request.Request{Method: "POST", Scheme: "http", Host: "host-7.example.com", Path: "/pay/x", Headers: []hierarchy.Header{{Name: "x", Value: "a"}}}
			if oneHost {
				r.Host, r.Path = "a.example.com", "/team-7/pay/x"
			}
			q := request.Question{Request: r}
			x.Ask(&q)
			b.Run(fmt.Sprintf("%s/routes=%d", name, routes), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if a := x.Ask(&q); a[0].Result != request.Matched {
						b.Fatal(a[0].Result)
					}
				}
			})
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	x := request.New(crowd(b, 10_000, true))
	r := request.Request{Method: "POST", Scheme: "http", Host: "a.example.com", Port: 80, Path: "/team-7/pay/x", Headers: []hierarchy.Header{{Name: "x", Value: "a"}}}
	ref := hierarchy.GatewayRef("shop", "g")
	x.Match(ref, &r) // builds the part of the Gateway
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := x.Match(ref, &r); !ok {
			b.Fatal("nothing serves it")
		}
	}
}
