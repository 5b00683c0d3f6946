package effective

import (
	"encoding/binary"
	"hash/maphash"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// seed is drawn once per process. Nothing observable depends on it: what has one hash is compared.
var seed = maphash.MakeSeed()

// memory is what a resolver has folded, and those that share it (Resolver.On).
type memory struct {
	// routes numbers the route kinds from 1.
	routes map[schema.GroupKind]int
	// generation is what was folded or asked for since the last Forget, before what was until then.
	generation
	before generation
	mark   *mark
	// index is of the graph that was resolved last as a whole, in which there were as many results of
	// paths.
	index         *index
	resultsBefore int

	// What is made once and used again: the rules of a route, what is folded on a path, and how.
	below   []pathKey
	keys    []foldKey
	folding folding
}

// generation is what is remembered from one Forget to the next.
type generation struct {
	folds map[foldKey]*Policy
	// values are the effective values, by hash as readings are.
	values map[uint64]*value
	// readings are the first of all results that read the same, those of all folds among them, by hash:
	// the hash itself, or the next number that was free.
	readings map[uint64]*Policy
}

// mark is the identity of a memory between one Forget and the next. Results have it, which are not to keep
// the memory itself. It has a field because pointers to distinct values of size zero may be equal.
type mark struct{ _ byte }

func newMemory() *memory {
	return &memory{routes: map[schema.GroupKind]int{}, generation: newGeneration(0), mark: new(mark)}
}

// newGeneration is an empty one with room for as many folds as there were before: most are asked for
// again.
func newGeneration(folds int) generation {
	return generation{
		folds:    make(map[foldKey]*Policy, folds),
		values:   map[uint64]*value{},
		readings: make(map[uint64]*Policy, folds),
	}
}

// Forget forgets what was not asked for since it was called last.
func (r *Resolver) Forget() {
	m := r.memory
	m.before, m.generation, m.mark = m.generation, newGeneration(len(m.folds)), new(mark)
}

// recall finds a fold.
func (m *memory) recall(key *foldKey) *Policy {
	if p, known := m.folds[*key]; known {
		return p
	}
	p := m.before.folds[*key]
	if p != nil {
		m.folds[*key] = p
		m.register(p.reading)
	}
	return p
}

// register enters the first of those that read the same, again.
func (m *memory) register(p *Policy) {
	at := p.digest
	for m.readings[at] != nil && m.readings[at] != p {
		at++
	}
	m.readings[at] = p
}

// routeKind numbers the route kinds.
func (m *memory) routeKind(gk schema.GroupKind) int {
	n, ok := m.routes[gk]
	if !ok {
		n = len(m.routes) + 1
		m.routes[gk] = n
	}
	return n
}

// value is an effective value and what its schema says to it. Results with the same leaves share it.
type value struct {
	kind    *policy.Kind
	leaves  []statement
	object  map[string]any
	invalid []crd.Broken
}

// statement is a value at a path.
type statement struct {
	path  crd.Path
	value any
}

// settle gives a result the value that its origins say, and finds what reads the same.
func (m *memory) settle(p *Policy) {
	digest := uint64(len(p.Origins))
	for i := range p.Origins {
		digest = merge.Mix(digest, p.Origins[i].digest)
	}
	at, v := m.findValue(digest, p)
	if v == nil {
		if _, v = m.before.findValue(digest, p); v == nil {
			v = newValue(p)
		}
		m.values[at] = v
	}
	p.Value, p.Invalid, p.mark, p.digest = v.object, v.invalid, m.mark, p.digestReading(digest)
	at, first := m.find(p.digest, p)
	if first == nil {
		if _, first = m.before.find(p.digest, p); first == nil {
			first = p
		}
		m.readings[at] = first
	}
	p.reading = first
}

// find finds the first of all results that read the same as one, or where to put it.
func (g *generation) find(hash uint64, p *Policy) (at uint64, first *Policy) {
	for at = hash; ; at++ {
		if first = g.readings[at]; first == nil || readsSame(first, p) {
			return at, first
		}
	}
}

// findValue finds the value with the same leaves as a result, or where to put it.
func (g *generation) findValue(hash uint64, p *Policy) (at uint64, v *value) {
	for at = hash; ; at++ {
		if v = g.values[at]; v == nil || v.isOf(p) {
			return at, v
		}
	}
}

// isOf says whether a result has a value.
func (v *value) isOf(p *Policy) bool {
	if v.kind != p.Kind || len(v.leaves) != len(p.Origins) {
		return false
	}
	for i := range v.leaves {
		l, o := &v.leaves[i], &p.Origins[i]
		if !slices.Equal(l.path, o.Path) || !equalValue(l.value, o.Value) {
			return false
		}
	}
	return true
}

func newValue(p *Policy) *value {
	v := &value{kind: p.Kind, leaves: make([]statement, len(p.Origins)), object: objectOf(p.Origins)}
	for i := range p.Origins {
		v.leaves[i] = statement{p.Origins[i].Path, p.Origins[i].Value}
	}
	if p.Kind.Validator != nil && len(v.object) > 0 {
		v.invalid = p.Kind.Validator.Validate(v.object)
	}
	return v
}

// appendLeaves writes the value in force, different for all that are different.
func (m *Policy) appendLeaves(b []byte) []byte {
	for i := range m.Origins {
		b = appendLeaf(b, m.Origins[i].Path, m.Origins[i].Value)
	}
	return b
}

// digestReading is a hash of what a reader can see, the same for all that read the same, given that of
// the values in force.
func (m *Policy) digestReading(h uint64) uint64 {
	for i := range m.Origins {
		o := &m.Origins[i]
		from, target := o.Digests()
		h = merge.Mix(merge.Mix(h, from), target)
		if len(o.Beat) == 0 {
			continue
		}
		h = merge.Mix(h, o.beaten)
		for j := range o.Beat {
			from, _ = o.Beat[j].Digests()
			h = merge.Mix(h, from)
		}
	}
	for i := range m.NotSet {
		n := &m.NotSet[i]
		h = merge.Mix(merge.Mix(h, merge.Digest(n.Path, n.Value)), maphash.Comparable(seed, n.From))
	}
	return h
}

// objectOf is the value that origins come to. It is a new one throughout.
func objectOf(origins []Origin) map[string]any {
	object := make(map[string]any, len(origins))
	for i := range origins {
		v := origins[i].Value
		if _, isObject := v.(map[string]any); isObject {
			v = map[string]any{} // objects are leaves when they are empty
		}
		put(object, origins[i].Path, v)
	}
	return object
}

// appendLeaf writes a leaf so that different ones are written differently.
func appendLeaf(b []byte, path []string, value any) []byte {
	b = binary.AppendUvarint(b, uint64(len(path)))
	for _, key := range path {
		b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
	}
	return appendTyped(b, value)
}

// Same says whether two results of one kind read the same.
func (m *Policy) Same(other *Policy) bool {
	switch {
	case m == other, m.reading != nil && m.reading == other.reading:
		return true
	case m.mark != nil && m.mark == other.mark:
		return false
	}
	return readsSame(m, other)
}

// readsSame compares everything that a reader can see. The value is in the origins.
func readsSame(a, b *Policy) bool {
	return a.Kind.Name() == b.Kind.Name() &&
		sameAll(a.Origins, b.Origins, sameOrigin) &&
		sameAll(a.NotSet, b.NotSet, sameNotSet) &&
		slices.EqualFunc(a.NotApplicable, b.NotApplicable, slices.Equal[crd.Path]) &&
		slices.EqualFunc(a.Ignored, b.Ignored, func(x, y IgnoredBound) bool { return x.String() == y.String() }) &&
		slices.EqualFunc(a.Invalid, b.Invalid, func(x, y crd.Broken) bool { return x.Message == y.Message })
}

// sameAll is slices.EqualFunc for what is too large to be copied.
func sameAll[E any](a, b []E, same func(a, b *E) bool) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !same(&a[i], &b[i]) {
			return false
		}
	}
	return true
}

func sameOrigin(a, b *Origin) bool {
	return slices.Equal(a.Path, b.Path) &&
		(a.Source == b.Source || a.Block == b.Block && a.From == b.From && a.Target == b.Target) &&
		sameValue(a.Value, b.Value) && sameAll(a.Beat, b.Beat, sameBeaten) &&
		(a.Detail == b.Detail || sameClamp(a.Detail, b.Detail))
}

func sameClamp(a, b *Detail) bool {
	return a.ClampedBy == b.ClampedBy &&
		(a.ClampedBy.IsZero() || slices.Equal(a.Switch, b.Switch) && sameValue(a.Stated, b.Stated))
}

func sameBeaten(a, b *Beaten) bool {
	return (a.Source == b.Source || a.From == b.From && a.Level == b.Level && a.Block == b.Block) && sameValue(a.Value, b.Value)
}

func sameNotSet(a, b *NotSet) bool {
	return slices.Equal(a.Path, b.Path) && a.From == b.From && a.Level == b.Level && a.Block == b.Block &&
		a.Rule == b.Rule && a.By == b.By && sameValue(a.Value, b.Value)
}

// table is a map that is a list as long as it has few entries: most resolvers and differs see little.
type table[K comparable, V any] struct {
	few []tableEntry[K, V]
	all map[K]V
}

type tableEntry[K comparable, V any] struct {
	key   K
	value V
}

// fewEntries are so few that searching them costs less than a map of them.
const fewEntries = 8

func (t *table[K, V]) get(key K) (value V, known bool) {
	if t.all != nil {
		value, known = t.all[key]
		return value, known
	}
	for i := range t.few {
		if t.few[i].key == key {
			return t.few[i].value, true
		}
	}
	return value, false
}

// add adds a key that is not there yet.
func (t *table[K, V]) add(key K, value V) {
	switch {
	case t.all != nil:
		t.all[key] = value
	case t.few == nil:
		t.few = append(make([]tableEntry[K, V], 0, fewEntries/2), tableEntry[K, V]{key, value})
	case len(t.few) < fewEntries:
		t.few = append(t.few, tableEntry[K, V]{key, value})
	default:
		t.grow(4 * fewEntries)
		t.all[key] = value
	}
}

// grow makes a map of what there is, in which a number of entries has room.
func (t *table[K, V]) grow(size int) {
	t.all = make(map[K]V, size)
	for i := range t.few {
		t.all[t.few[i].key] = t.few[i].value
	}
	t.few = nil
}

func (t *table[K, V]) len() int { return len(t.few) + len(t.all) }
