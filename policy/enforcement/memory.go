package enforcement

import (
	"maps"
	"reflect"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/export"
)

// Memory is the last result for a route, so that it can be reused. A nil Memory is empty. It is
// never changed once it was returned.
type Memory struct {
	kept []Kept
	// target and seen are what results were computed from; the target is nil if they are not kept.
	target  *effective.Target
	seen    *seen
	results []Result
	// entries are the entries of read, which are results with the data planes' status.
	entries []Entry
	read    []Result
}

// mostKeptPaths is the maximum number of paths of a route whose parts are kept: each takes 150
// bytes. For routes with more paths, parts are computed again, but their
// projections are kept.
const mostKeptPaths = 64

// seen is what parts are computed from, in addition to the route's result and our live objects.
// Graphs and indexes are never changed, so equal pointers mean equal content.
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

// Look returns the results of exporters for a route, and what to remember of them. Results whose
// inputs have not changed since the last time are reused.
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
	results, kept, shared := w.shared(t, &now)
	if !shared {
		results, kept = Project(w.Parts(t), last.kept)
		w.share(t, results, kept)
	}
	memory := &Memory{kept: kept}
	paths := 0
	for i := range results {
		paths += len(results[i].Input.Paths)
	}
	if paths <= mostKeptPaths {
		memory.target, memory.seen, memory.results = t, w.Shared.seen(&now), slices.Clone(results)
		return results, memory
	}
	memory.kept = make([]Kept, len(kept))
	for i := range kept {
		memory.kept[i] = kept[i].trimmed()
	}
	return results, memory
}

// stillHolds reports whether our live objects, and the installed CRDs, are those that the results
// were computed with.
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

// Entries returns the entries of results that Look returned with the memory, and that may have been
// read since.
func (m *Memory) Entries(t *effective.Target, results []Result) []Entry {
	if m.target != t || m.entries == nil || !sameReadings(m.read, results) {
		m.entries, m.read = Entries(t, results), slices.Clone(results)
	}
	return m.entries
}

// sameReadings reports whether data planes have the same status for equal results.
func sameReadings(before, now []Result) bool {
	return slices.EqualFunc(before, now, func(a, b Result) bool {
		return reflect.DeepEqual(a.Readings, b.Readings) && reflect.DeepEqual(a.Route, b.Route)
	})
}
