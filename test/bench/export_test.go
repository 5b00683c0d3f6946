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
			b.Run(fmt.Sprintf("exporter=%s/routes=%d", exporter, n), func(b *testing.B) { exportAll(b, exporter, n, false) })
		}
	}
}

// BenchmarkExportAgain is BenchmarkExport when nothing has changed since the last time, which is
// the case for most routes in the controller.
func BenchmarkExportAgain(b *testing.B) {
	for _, n := range sizes(100, 10000) {
		b.Run(fmt.Sprintf("exporter=%s/routes=%d", export.EnvoyGateway, n), func(b *testing.B) { exportAll(b, export.EnvoyGateway, n, true) })
	}
}

func exportAll(b *testing.B, exporter string, routes int, again bool) {
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
	kept := map[hierarchy.Ref]*enforcement.Memory{}
	pass := func() (outcomes int) {
		world.Shared = enforcement.NewShared()
		for t := range resolution.All() {
			if t.Target.GroupKind == hierarchy.GatewayKind {
				continue
			}
			results, memory := world.Look(t, kept[t.Target])
			if again {
				kept[t.Target] = memory
			}
			for _, e := range memory.Entries(t, results) {
				outcomes += len(e.Outcomes)
			}
		}
		return outcomes
	}
	if again {
		pass()
	}
	used := processor(b)
	for b.Loop() {
		if outcomes := pass(); outcomes < routes && exporter != "none" {
			b.Fatalf("%d outcomes of %d routes", outcomes, routes)
		}
	}
	used()
}
