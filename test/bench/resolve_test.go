package bench

import (
	"fmt"
	"runtime"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

var sizes = []int{1000, 5000, 10000, 20000}

// BenchmarkBuild reads all objects into a snapshot.
func BenchmarkBuild(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			objs := cluster(n)
			b.ReportAllocs()
			for b.Loop() {
				policy.NewSnapshot(policy.Options{}).With(objs...)
			}
		})
	}
}

// BenchmarkResolve computes every effective policy of a cluster.
func BenchmarkResolve(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			s := snapshot(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if got := effective.ResolveAll(s).Len(); got < n {
					b.Fatalf("resolved %d of %d", got, n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/route")
		})
	}
}

// edit measures an edit as admission and the controller carry it out: the new
// object into the snapshot, what it touches resolved before and after, and the
// two compared.
func edit(b *testing.B, routes int, object func(i int) *unstructured.Unstructured, least int) {
	s := snapshot(b, routes)
	ref := hierarchy.RefOf(object(0))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		next, _ := s.With(object(i))
		touched := next.Touched(ref)
		changes := effective.Diff(effective.Resolve(s, touched...), effective.Resolve(next, touched...))
		if len(touched) < least || len(changes) < least {
			b.Fatalf("touched %d, changed %d, want at least %d", len(touched), len(changes), least)
		}
	}
}

// edited is a policy that states another value each time.
func edited(namespace, kind, name string) func(i int) *unstructured.Unstructured {
	return func(i int) *unstructured.Unstructured {
		u := policies(namespace, kind, name, 0)[0]
		_ = unstructured.SetNestedField(u.Object, fmt.Sprintf("%ds", 1000+i%1000), "spec", "override", "request")
		return u
	}
}

// BenchmarkEditOneRoute edits a policy that touches one route.
func BenchmarkEditOneRoute(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) { edit(b, n, edited("team-0", "HTTPRoute", "route-0"), 1) })
	}
}

// BenchmarkEditGateway edits a policy that touches the forty routes of a Gateway.
func BenchmarkEditGateway(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) { edit(b, n, edited("infra", "Gateway", "gateway-7"), 20) })
	}
}

// BenchmarkEditClass edits a policy on one of five classes, which touches two
// fifths of the routes (each has two Gateways).
func BenchmarkEditClass(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) { edit(b, n, edited("infra", "GatewayClass", "class-0"), n/5) })
	}
}

// BenchmarkEditAllClasses edits policies on all classes at once, and so touches
// every route.
func BenchmarkEditAllClasses(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			s := snapshot(b, n)
			before := effective.ResolveAll(s)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				var objs []*unstructured.Unstructured
				for c := range 5 {
					objs = append(objs, edited("infra", "GatewayClass", fmt.Sprintf("class-%d", c))(i))
				}
				next, _ := s.With(objs...)
				if changes := effective.Diff(before, effective.ResolveAll(next)); len(changes) < n {
					b.Fatalf("%d changes", len(changes))
				}
			}
		})
	}
}

// BenchmarkRouteWrite writes one route, as its admission does.
func BenchmarkRouteWrite(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			s := snapshot(b, n)
			u := httpRoute("team-0", "new", 3, n/20)
			b.ReportAllocs()
			for b.Loop() {
				next, _ := s.With(u)
				if e := effective.Resolve(next, hierarchy.RefOf(u)).Get(hierarchy.RefOf(u)); !e.Reached() {
					b.Fatal("no policy reaches the route")
				}
			}
		})
	}
}

// BenchmarkMemory reports what a snapshot and its resolution keep alive.
func BenchmarkMemory(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			for b.Loop() {
				base := heap()
				s := snapshot(b, n)
				kept := heap()
				r := effective.ResolveAll(s)
				all := heap()
				b.ReportMetric(float64(kept-base)/(1<<20), "snapshot-MiB")
				b.ReportMetric(float64(all-kept)/(1<<20), "resolution-MiB")
				runtime.KeepAlive(s)
				runtime.KeepAlive(r)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
