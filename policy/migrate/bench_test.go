package migrate_test

import (
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/verify"
)

// manyIngresses are 2,000 Ingresses with 8,000 paths on 2,000 hosts in 100 namespaces
// (M93).
func manyIngresses() []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for i := range 2000 {
		annotations := map[string]string{}
		for name, value := range habits[i%len(habits)] {
			annotations[nginx+name] = value
		}
		var paths []any
		for _, path := range []string{"/", "/api", "/api/v2", "/static/"} {
			paths = append(paths, map[string]any{"path": path, "pathType": "Prefix", "backend": serviceOf("web")})
		}
		host := fmt.Sprintf("app-%04d.example.com", i)
		spec := map[string]any{"rules": []any{map[string]any{"host": host, "http": map[string]any{"paths": paths}}}}
		if i%2 == 0 {
			spec["tls"] = []any{map[string]any{"hosts": []any{host}, "secretName": "tls"}}
		}
		list = append(list, ingressOf(fmt.Sprintf("team-%02d", i%100), fmt.Sprintf("app-%04d", i), annotations, spec))
	}
	return list
}

// processor starts to count the processor time of the process: on a shared machine it says
// more than the time on the clock.
func processor(b *testing.B) func() {
	b.Helper()
	spent := func() int64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	start := spent()
	return func() { b.ReportMetric(float64(spent()-start)/float64(b.N)/1e6, "cpu-ms/op") }
}

func BenchmarkMigrate2000(b *testing.B) {
	world := manyIngresses()
	b.ReportAllocs()
	defer processor(b)()
	for b.Loop() {
		_ = convert(b, world, toNewGateway())
	}
}

func BenchmarkVerify2000(b *testing.B) {
	r := registry(b)
	world := manyIngresses()
	c := convert(b, world, toNewGateway())
	snapshot, _ := kinds(r).With(prepared(b, r, c.result.Objects)...)
	b.ReportAllocs()
	report := processor(b)
	requests := 0
	for b.Loop() {
		old, err := oldside.Read(objectsOf(world), c.options)
		if err != nil {
			b.Fatal(err)
		}
		result := verify.Compare(old, snapshot, verify.Options{Report: c.result.Findings})
		requests = result.Totals.Requests
		if result.Totals.Different > 0 {
			b.Fatalf("%d requests differ", result.Totals.Different)
		}
	}
	report()
	b.ReportMetric(float64(requests), "requests")
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB-live")
}

func BenchmarkLift2000(b *testing.B) {
	r := registry(b)
	world := manyIngresses()
	options := lifted(r, toNewGateway(), option.LiftAll)
	defer processor(b)()
	for b.Loop() {
		_ = convert(b, world, options)
	}
}
