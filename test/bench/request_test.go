package bench

import (
	"fmt"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
)

// BenchmarkAsk asks which route serves a request. The index is there already.
func BenchmarkAsk(b *testing.B) {
	for _, n := range sizes(100, 10000) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			index := request.New(snapshot(b, n).Graph())
			at := 7 % max(1, n/20)
			q := request.Question{
				Request: request.Request{Method: "POST", Scheme: "http", Host: "route-7.example.com", Port: 8080, Path: "/write/x"},
				Gateway: hierarchy.GatewayRef(infra, fmt.Sprintf("gateway-%d", at)),
			}
			index.Ask(&q)
			used := processor(b)
			for b.Loop() {
				if a := index.Ask(&q); len(a) == 0 || a[0].Result != request.Matched {
					b.Fatal(a)
				}
			}
			used()
		})
	}
}
