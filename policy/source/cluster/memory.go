package cluster

import (
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/publish"
)

// memory holds the records of all objects, and which kinds are watched. It is written by the
// reducer and by writers to the cluster, and read by planners.
type memory struct {
	mu      sync.RWMutex
	watches map[schema.GroupKind]*watched
	// listed are the kinds of which all objects are known.
	listed  map[schema.GroupKind]bool
	records map[schema.GroupKind]map[types.NamespacedName]*record
}

func newMemory() *memory {
	return &memory{
		watches: map[schema.GroupKind]*watched{},
		listed:  map[schema.GroupKind]bool{},
		records: map[schema.GroupKind]map[types.NamespacedName]*record{},
	}
}

// watch makes w the current watch of its kind.
func (m *memory) watch(w *watched) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watches[w.GroupKind] = w
	if m.records[w.GroupKind] == nil {
		m.records[w.GroupKind] = map[types.NamespacedName]*record{}
	}
}

// current reports whether w is the current watch: a stopped watch may have left events behind.
func (m *memory) current(w *watched) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.watches[w.GroupKind] == w
}

// drop removes a kind and returns what was known about it.
func (m *memory) drop(gk schema.GroupKind) []hierarchy.Ref {
	refs := m.refs(gk)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.watches, gk)
	delete(m.listed, gk)
	delete(m.records, gk)
	return refs
}

// list records that all objects of a kind are known, and reports whether this is new.
func (m *memory) list(gk schema.GroupKind) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	news := !m.listed[gk]
	m.listed[gk] = true
	return news
}

func (m *memory) refs(gk schema.GroupKind) []hierarchy.Ref {
	m.mu.RLock()
	defer m.mu.RUnlock()
	refs := make([]hierarchy.Ref, 0, len(m.records[gk]))
	for name := range m.records[gk] {
		refs = append(refs, hierarchy.Ref{GroupKind: gk, NamespacedName: name})
	}
	return refs
}

// set records what a watch saw, and reports whether the relevant part of the object changed, and
// whether the part that we write changed. A write of our own may be recorded already when the watch
// still delivers the previous state.
func (m *memory) set(ref hierarchy.Ref, r *record) (means, writes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.records[ref.GroupKind][ref.NamespacedName]
	if old == nil {
		m.records[ref.GroupKind][ref.NamespacedName] = r
		return true, true
	}
	means = old.meaning != r.meaning
	if old.uid == r.uid && older(r.version, old.version) {
		r.version, r.written = old.version, old.written
	}
	m.records[ref.GroupKind][ref.NamespacedName] = r
	return means, !old.written.equal(r.written)
}

// remove removes an object and reports whether it was known.
func (m *memory) remove(ref hierarchy.Ref) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, known := m.records[ref.GroupKind][ref.NamespacedName]
	delete(m.records[ref.GroupKind], ref.NamespacedName)
	return known || ref.GroupKind == publish.EffectivePolicyKind
}

// get finds a record and its kind.
func (m *memory) get(ref hierarchy.Ref) (*record, kind, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, ok := m.records[ref.GroupKind][ref.NamespacedName]
	if !ok {
		return nil, kind{}, false
	}
	return r, m.watches[ref.GroupKind].kind, true
}

// kind returns how a kind is watched; ok is false until its objects are known.
func (m *memory) kind(gk schema.GroupKind) (k kind, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if !m.listed[gk] {
		return kind{}, false
	}
	return m.watches[gk].kind, true
}

// count returns the number of objects of each kind.
func (m *memory) count() map[schema.GroupKind]int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	counts := make(map[schema.GroupKind]int, len(m.records))
	for gk, records := range m.records {
		counts[gk] = len(records)
	}
	return counts
}

// wrote records the answer to a write of our own, if it is new.
func (m *memory) wrote(ref hierarchy.Ref, r *record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	records := m.records[ref.GroupKind]
	old := records[ref.NamespacedName]
	switch {
	case records == nil:
	case old == nil:
		// Everything except EffectivePolicies comes from others, and is left to the watch.
		if ref.GroupKind == publish.EffectivePolicyKind {
			records[ref.NamespacedName] = r
		}
	case older(old.version, r.version):
		// Its relevant part is left to the watch.
		r.meaning = old.meaning
		records[ref.NamespacedName] = r
	}
}
