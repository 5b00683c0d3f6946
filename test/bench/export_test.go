package bench

import (
	"fmt"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
)

// BenchmarkExport projects every route of a cluster onto one data plane, and sums
// the outcomes up as EffectivePolicy objects show them.
func BenchmarkExport(b *testing.B) {
	for _, exporter := range []string{"none", export.EnvoyGateway, export.Traefik, export.Standard} {
		for _, n := range sizes(100, 10000) {
			b.Run(fmt.Sprintf("exporter=%s/routes=%d", exporter, n), func(b *testing.B) { exportAll(b, exporter, n) })
		}
	}
}

func exportAll(b *testing.B, exporter string, routes int) {
	s := snapshot(b, routes)
	resolution := effective.ResolveAll(s)
	config := enforcement.Config{All: true, To: exporter}
	if exporter == "none" {
		config = enforcement.Config{}
	}
	world := enforcement.World{
		Graph: s.Graph(), Config: config,
		Fields: export.StandardFields{Timeouts: true, Retry: true, FiltersMax: 16},
	}
	used := processor(b)
	for b.Loop() {
		outcomes := 0
		for t := range resolution.All() {
			if t.Target.GroupKind == hierarchy.GatewayKind {
				continue
			}
			var results []enforcement.Result
			for _, part := range world.Parts(t) {
				results = append(results, enforcement.Result{Part: part, Projection: part.Project()})
			}
			for _, e := range enforcement.Entries(t, results) {
				outcomes += len(e.Outcomes)
			}
		}
		if outcomes < routes && exporter != "none" {
			b.Fatalf("%d outcomes of %d routes", outcomes, routes)
		}
	}
	used()
}
