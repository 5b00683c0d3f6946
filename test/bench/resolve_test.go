package bench

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// sizes are the numbers of routes that benchmarks are run with. "go test -short" runs the
// smallest alone: to see that nothing fails, not how fast it is.
func sizes(of ...int) []int {
	if testing.Short() {
		return of[:1]
	}
	return of
}

var allSizes = []int{100, 1000, 10000, 50000}

// ready resolves everything once, so that the rules of schemas are compiled, as they are in a
// process that runs.
func ready(b *testing.B, s *policy.Snapshot) *policy.Snapshot {
	b.Helper()
	effective.ResolveAll(s)
	return s
}

// BenchmarkBuild reads all objects into a snapshot.
func BenchmarkBuild(b *testing.B) {
	for _, n := range sizes(allSizes...) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			objs := cluster(n)
			used := processor(b)
			for b.Loop() {
				policy.NewSnapshot(options).With(objs...)
			}
			used()
		})
	}
}

// BenchmarkResolveListenerSets computes every effective policy of 2,500 ListenerSets with 40,000
// routes, sixteen on each.
func BenchmarkResolveListenerSets(b *testing.B) {
	for _, sets := range sizes(25, 2500) {
		b.Run(fmt.Sprintf("routes=%d", 16*sets), func(b *testing.B) {
			s := ready(b, read(b, listenerSets(sets)))
			used := processor(b)
			for b.Loop() {
				if got := effective.ResolveAll(s).Len(); got < 16*sets {
					b.Fatalf("resolved %d", got)
				}
			}
			used()
			all := effective.ResolveAll(s)
			measured(b, "resident-MB", resident(b))
			runtime.KeepAlive(all)
		})
	}
}

// BenchmarkResolve computes every effective policy of a cluster.
func BenchmarkResolve(b *testing.B) {
	for _, n := range sizes(allSizes...) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			s := ready(b, snapshot(b, n))
			used := processor(b)
			for b.Loop() {
				if got := effective.ResolveAll(s).Len(); got < n {
					b.Fatalf("resolved %d of %d", got, n)
				}
			}
			used()
		})
	}
}

// edit measures an edit as the controller carries it out: the new object into the snapshot, what it
// touches resolved, and what that differs in from before. The resolution before is at hand, and what
// was folded for it, and so are the objects, which are read elsewhere.
func edit(b *testing.B, routes int, object func(i int) *unstructured.Unstructured, least int) {
	s := ready(b, snapshot(b, routes))
	objs := make([]*unstructured.Unstructured, 1000)
	for i := range objs {
		objs[i] = object(i)
	}
	ref := hierarchy.RefOf(objs[0])
	resolver := effective.NewResolver(s)
	before := resolver.Resolve(s.Touched(ref)...)
	folds := resolver.Folds()
	used := processor(b)
	for i := 0; b.Loop(); i++ {
		next, _ := s.With(objs[i%len(objs)])
		touched := next.Touched(ref)
		if resolver.Folds() > folds+folds/4+500 { // as the controller does
			resolver.Forget()
		}
		changes := effective.Diff(before, resolver.On(next).Resolve(touched...))
		if len(touched) < least || len(changes) < least {
			b.Fatalf("touched %d, changed %d, want at least %d", len(touched), len(changes), least)
		}
	}
	used()
}

// edited is a policy that states another value each time, of a field that no other policy states.
func edited(namespace, kind, name string) func(i int) *unstructured.Unstructured {
	return func(i int) *unstructured.Unstructured {
		u := policies(namespace, place{kind: kind, name: name}, "default", 0)[0]
		_ = unstructured.SetNestedField(u.Object, fmt.Sprintf("%ds", 1000+i%1000), "spec", "default", "idle")
		return u
	}
}

// BenchmarkEditOneRoute edits a policy that touches one route.
func BenchmarkEditOneRoute(b *testing.B) {
	for _, n := range sizes(allSizes...) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) { edit(b, n, edited("team-0", "HTTPRoute", "route-0"), 1) })
	}
}

// BenchmarkEditGateway edits a policy that touches the forty routes of a Gateway.
func BenchmarkEditGateway(b *testing.B) {
	for _, n := range sizes(allSizes...) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) { edit(b, n, edited(infra, "Gateway", "gateway-0"), 10) })
	}
}

// BenchmarkEditClass edits a policy on the class of all Gateways, which touches every route. The
// resolution before it and its folds are available, as in the controller.
func BenchmarkEditClass(b *testing.B) {
	for _, n := range sizes(allSizes...) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			s := read(b, world{routes: n, classes: 1}.objects())
			resolver := effective.NewResolver(s)
			before := resolver.ResolveAll()
			folds := resolver.Folds()
			object := edited(infra, "GatewayClass", "class-0")
			used := processor(b)
			for i := 0; b.Loop(); i++ {
				next, _ := s.With(object(i))
				if resolver.Folds() > folds+folds/4+500 { // as the controller does
					resolver.Forget()
				}
				if changes := effective.Diff(before, resolver.On(next).ResolveAll()); len(changes) < n {
					b.Fatalf("%d changes", len(changes))
				}
			}
			used()
		})
	}
}

// BenchmarkRouteWrite writes one route, as its admission does.
func BenchmarkRouteWrite(b *testing.B) {
	for _, n := range sizes(allSizes...) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			s := snapshot(b, n)
			u := httpRoute("team-0", "new", 3, max(1, n/20))
			used := processor(b)
			for b.Loop() {
				next, _ := s.With(u)
				if e := effective.Resolve(next, hierarchy.RefOf(u)).Get(hierarchy.RefOf(u)); !e.Reached() {
					b.Fatal("no policy reaches the route")
				}
			}
			used()
		})
	}
}

// BenchmarkMemory reports what a snapshot and its resolution keep alive.
func BenchmarkMemory(b *testing.B) {
	for _, n := range sizes(allSizes...) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			for b.Loop() {
				base := heap()
				s := snapshot(b, n)
				kept := heap()
				r := effective.ResolveAll(s)
				all := heap()
				measured(b, "snapshot-MiB", float64(kept-base)/(1<<20))
				measured(b, "resolution-MiB", float64(all-kept)/(1<<20))
				runtime.KeepAlive(s)
				runtime.KeepAlive(r)
			}
		})
	}
}

// resident is how much memory the process has of the machine, once it has given back what it does not
// use.
func resident(b *testing.B) float64 {
	b.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0 // this machine does not say
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / 1e6
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
