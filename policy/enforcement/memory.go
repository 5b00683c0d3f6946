package enforcement

import (
	"maps"
	"reflect"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/export"
)

// Memory is what was made of a route the last time, for who asks again. The nil Memory is that of
// nothing. It is never changed once somebody else has it.
type Memory struct {
	kept []Kept
	// target and seen are what results were made of; the target is nil where they are not kept.
	target  *effective.Target
	seen    seen
	results []Result
	// entries are those of read, which are results with what data planes said.
	entries []Entry
	read    []Result
}

// mostKeptPaths is how many paths a route may have whose parts are kept: each takes a quarter of a
// kilobyte. Parts of more are put together anew, and their projections are kept all the same.
const mostKeptPaths = 64

// seen is what parts are put together of, beside the route's result and our live objects. Graphs and
// indexes are never changed, so that the same pointers are the same content.
type seen struct {
	graph   *hierarchy.Graph
	foreign *export.ForeignIndex
	fields  export.StandardFields
	schemas Schemas
	version string
	config  Config
}

func (s *seen) same(other *seen) bool {
	return s.graph == other.graph && s.foreign == other.foreign && s.fields == other.fields && s.schemas == other.schemas &&
		s.version == other.version && s.config.All == other.config.All && s.config.To == other.config.To &&
		slices.Equal(s.config.Enabled, other.config.Enabled) && maps.Equal(s.config.Parameters, other.config.Parameters)
}

// Look is what exporters make of a route, and what to remember of it. What nothing has changed for
// since the last time is that of the last time.
func (w World) Look(t *effective.Target, last *Memory) ([]Result, *Memory) {
	if last == nil {
		last = &Memory{}
	}
	now := seen{graph: w.Graph, foreign: w.Foreign, fields: w.Fields, schemas: w.Schemas, config: w.Config}
	if w.Version != nil {
		now.version = w.Version(t.Target)
	}
	if last.target == t && last.seen.same(&now) && w.stillHolds(last.results) {
		copied := *last
		return slices.Clone(last.results), &copied
	}
	results, kept := Project(w.Parts(t), last.kept)
	memory := &Memory{kept: kept}
	paths := 0
	for i := range results {
		paths += len(results[i].Input.Paths)
	}
	if paths <= mostKeptPaths {
		memory.target, memory.seen, memory.results = t, now, slices.Clone(results)
	}
	return results, memory
}

// stillHolds says whether our live objects, and what is installed, are what results were made with.
func (w World) stillHolds(results []Result) bool {
	for i := range results {
		r := &results[i]
		if r.Registration.Exporter == nil {
			continue
		}
		name := r.Registration.Name()
		if w.Held != nil && !maps.Equal(w.Held(name, r.Input.Route), r.Input.Held) ||
			w.Installed != nil && w.Installed(name) == r.Input.MissingCRD {
			return false
		}
	}
	return true
}

// Entries are those of results that Look gave with the memory, and may have been read since.
func (m *Memory) Entries(t *effective.Target, results []Result) []Entry {
	if m.target != t || m.entries == nil || !sameReadings(m.read, results) {
		m.entries, m.read = Entries(t, results), slices.Clone(results)
	}
	return m.entries
}

// sameReadings says whether data planes said the same of results that are the same.
func sameReadings(before, now []Result) bool {
	return slices.EqualFunc(before, now, func(a, b Result) bool {
		return reflect.DeepEqual(a.Readings, b.Readings) && reflect.DeepEqual(a.Route, b.Route)
	})
}
