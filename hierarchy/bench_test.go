package hierarchy_test

import (
	"fmt"
	"runtime"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
)

// The size that the engine is built for: routes with two rules and two
// parentRefs, on 500 Gateways with four listeners.
const (
	benchRoutes   = 10_000
	benchGateways = 500
)

func benchGateway(i int, hostname string) *unstructured.Unstructured {
	var listeners []any
	for l := range int64(4) {
		listeners = append(listeners, map[string]any{
			"name": fmt.Sprintf("https-%d", l), "port": 443 + l, "protocol": "HTTPS", "hostname": hostname,
			"allowedRoutes": map[string]any{"namespaces": map[string]any{"from": "All"}},
		})
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
		"metadata": map[string]any{"name": fmt.Sprintf("gateway-%d", i), "namespace": "infra", "uid": fmt.Sprintf("uid-%d", i)},
		"spec":     map[string]any{"gatewayClassName": "edge", "listeners": listeners},
	}}
}

func benchRoute(i int) *unstructured.Unstructured {
	parent := func(n int, section string) map[string]any {
		p := map[string]any{"name": fmt.Sprintf("gateway-%d", n%benchGateways), "namespace": "infra"}
		if section != "" {
			p["sectionName"] = section
		}
		return p
	}
	rule := func(name string) map[string]any {
		return map[string]any{
			"name":        name,
			"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/" + name}}},
			"backendRefs": []any{map[string]any{"name": "backend", "port": int64(80)}},
		}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
		"metadata": map[string]any{"name": fmt.Sprintf("route-%d", i), "namespace": fmt.Sprintf("team-%d", i%100)},
		"spec": map[string]any{
			// One whole Gateway (four listeners) and one listener of another.
			"parentRefs": []any{parent(i, ""), parent(i+1, "https-0")},
			"hostnames":  []any{fmt.Sprintf("host-%d.example.com", i)},
			"rules":      []any{rule("read"), rule("write")},
		},
	}}
}

func benchWorld(b *testing.B, routes int) []hierarchy.Object {
	b.Helper()
	var objects []hierarchy.Object
	add := func(u *unstructured.Unstructured) {
		o, problems := decode.Object(u, nil)
		if len(problems) > 0 {
			b.Fatal(problems)
		}
		objects = append(objects, o)
	}
	for i := range benchGateways {
		add(benchGateway(i, "*.example.com"))
	}
	for i := range routes {
		add(benchRoute(i))
	}
	return objects
}

func BenchmarkDecodeRoute(b *testing.B) {
	u := benchRoute(7)
	b.ReportAllocs()
	for b.Loop() {
		decode.Object(u, nil)
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, routes := range []int{benchRoutes, 2 * benchRoutes} {
		b.Run(fmt.Sprint(routes), func(b *testing.B) {
			objects := benchWorld(b, routes)
			b.ReportAllocs()
			for b.Loop() {
				hierarchy.Build(objects)
			}
		})
	}
}

// BenchmarkMemory reports what the engine keeps of a cluster.
func BenchmarkMemory(b *testing.B) {
	var before, decoded, built runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	objects := benchWorld(b, benchRoutes)
	runtime.GC()
	runtime.ReadMemStats(&decoded)
	g := hierarchy.Build(objects)
	runtime.GC()
	runtime.ReadMemStats(&built)
	for b.Loop() {
		g.BoundTo(hierarchy.Ref{})
	}
	b.ReportMetric(float64(decoded.HeapAlloc-before.HeapAlloc)/1e6, "MB-objects")
	b.ReportMetric(float64(built.HeapAlloc-decoded.HeapAlloc)/1e6, "MB-derived")
	runtime.KeepAlive(objects)
	runtime.KeepAlive(g)
}

func benchmarkWith(b *testing.B, versions ...*unstructured.Unstructured) {
	b.Helper()
	g := hierarchy.Build(benchWorld(b, benchRoutes))
	var objects []hierarchy.Object
	for _, u := range versions {
		o, _ := decode.Object(u, nil)
		objects = append(objects, o)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		g = g.With(objects[i%len(objects)])
		i++
	}
}

func BenchmarkWithRoute(b *testing.B) {
	moved := benchRoute(4321)
	moved.Object["spec"].(map[string]any)["parentRefs"] = []any{map[string]any{"name": "gateway-77", "namespace": "infra"}}
	benchmarkWith(b, benchRoute(4321), moved)
}

// A Gateway whose listeners change, with the 40 routes that name it.
func BenchmarkWithGateway(b *testing.B) {
	benchmarkWith(b, benchGateway(7, "*.example.com"), benchGateway(7, "*.com"))
}

// A Gateway whose status alone was written.
func BenchmarkWithGatewayUnchanged(b *testing.B) {
	benchmarkWith(b, benchGateway(7, "*.example.com"))
}

func BenchmarkWithoutRoute(b *testing.B) {
	g := hierarchy.Build(benchWorld(b, benchRoutes))
	ref := routeRef("HTTPRoute", "team-21", "route-4321")
	b.ReportAllocs()
	for b.Loop() {
		g.Without(ref)
	}
}

func BenchmarkBoundTo(b *testing.B) {
	g := hierarchy.Build(benchWorld(b, benchRoutes))
	ref := routeRef("HTTPRoute", "team-21", "route-4321")
	b.ReportAllocs()
	for b.Loop() {
		g.BoundTo(ref)
	}
}

func BenchmarkThrough(b *testing.B) {
	g := hierarchy.Build(benchWorld(b, benchRoutes))
	for _, ref := range []hierarchy.Ref{routeRef("HTTPRoute", "team-21", "route-4321"), hierarchy.GatewayRef("infra", "gateway-7"), hierarchy.GatewayClassRef("edge")} {
		b.Run(ref.Kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for range g.Through(ref) {
					n++
				}
				b.ReportMetric(float64(n), "paths")
			}
		})
	}
}

func BenchmarkTouchedGateway(b *testing.B) {
	g := hierarchy.Build(benchWorld(b, benchRoutes))
	b.ReportAllocs()
	for b.Loop() {
		g.Touched(hierarchy.GatewayRef("infra", "gateway-7"))
	}
}

// Ten thousand routes on one listener, and one of them changes.
func BenchmarkWithRouteOnACrowdedListener(b *testing.B) {
	var objects []hierarchy.Object
	gateway, _ := decode.Object(benchGateway(0, ""), nil)
	objects = append(objects, gateway)
	for i := range benchRoutes {
		u := benchRoute(i)
		u.Object["spec"].(map[string]any)["parentRefs"] = []any{map[string]any{"name": "gateway-0", "namespace": "infra", "sectionName": "https-0"}}
		o, _ := decode.Object(u, nil)
		objects = append(objects, o)
	}
	g := hierarchy.Build(objects)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		g = g.With(objects[1+i%benchRoutes])
	}
}
