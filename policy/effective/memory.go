package effective

import (
	"encoding/binary"
	"hash/maphash"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
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
	// count is how many readings there have been.
	count uint64
	mark  *mark

	// What is made once and used again: where keys are written, the rules of a route, what is folded
	// on a path, and how.
	scratch []byte
	below   []pathKey
	keys    []foldKey
	folding folding
}

// generation is what is remembered from one Forget to the next.
type generation struct {
	folds  map[foldKey]*Policy
	values map[valueKey]*value
	// readings are the first of all results that read the same, those of all folds among them, by hash:
	// the hash itself, or the next number that was free.
	readings map[uint64]*Policy
}

// mark is the identity of a memory between one Forget and the next. Results have it, which are not to keep
// the memory itself. It has a field because pointers to distinct values of size zero may be equal.
type mark struct{ _ byte }

func newMemory() *memory {
	return &memory{routes: map[schema.GroupKind]int{}, generation: newGeneration(), mark: new(mark)}
}

func newGeneration() generation {
	return generation{folds: map[foldKey]*Policy{}, values: map[valueKey]*value{}, readings: map[uint64]*Policy{}}
}

// Forget forgets what was not asked for since it was called last.
func (r *Resolver) Forget() {
	m := r.memory
	m.before, m.generation, m.mark = m.generation, newGeneration(), new(mark)
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
	m.scratch = p.appendReading(m.scratch[:0])
	at := maphash.Bytes(seed, m.scratch)
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

// valueKey is all leaves of an effective value of a kind.
type valueKey struct {
	kind *policy.Kind
	text string
}

// value is an effective value and what its schema says to it. Results with the same leaves share it.
type value struct {
	object  map[string]any
	invalid []crd.Broken
}

// settle gives a result the value that its origins say, and finds what reads the same.
func (m *memory) settle(p *Policy) {
	m.scratch = p.appendLeaves(m.scratch[:0])
	v := m.values[valueKey{p.Kind, string(m.scratch)}]
	if v == nil {
		if v = m.before.values[valueKey{p.Kind, string(m.scratch)}]; v == nil {
			v = newValue(p)
		}
		m.values[valueKey{p.Kind, string(m.scratch)}] = v
	}
	p.Value, p.Invalid, p.mark = v.object, v.invalid, m.mark
	m.scratch = p.appendReading(m.scratch[:0])
	hash := maphash.Bytes(seed, m.scratch)
	at, first := m.find(hash, p)
	if first == nil {
		if _, first = m.before.find(hash, p); first == nil {
			first = p
			p.number = m.count
			m.count++
		}
		m.readings[at] = first
	}
	p.reading, p.number = first, first.number
}

// find finds the first of all results that read the same as one, or where to put it.
func (g *generation) find(hash uint64, p *Policy) (at uint64, first *Policy) {
	for at = hash; ; at++ {
		if first = g.readings[at]; first == nil || readsSame(first, p) {
			return at, first
		}
	}
}

func newValue(p *Policy) *value {
	v := &value{object: objectOf(p.Origins)}
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

// appendReading writes what a reader can see, the same for all that read the same: most of it, so that
// little else is written the same.
func (m *Policy) appendReading(b []byte) []byte {
	for i := range m.Origins {
		o := &m.Origins[i]
		b = appendName(appendAlike(append(b, byte(o.Block)), o.Value), &o.From)
		b = append(appendName(b, &o.Target), o.Target.Section...)
		if !o.ClampedBy.IsZero() {
			b = appendAlike(appendName(b, &o.ClampedBy), o.Stated)
		}
		for j := range o.Beat {
			b = appendAlike(appendName(b, &o.Beat[j].From), o.Beat[j].Value)
		}
	}
	for i := range m.NotSet {
		n := &m.NotSet[i]
		b = appendAlike(appendName(appendName(b, &n.From), &n.By), n.Value)
	}
	return b
}

func appendName(b []byte, r *hierarchy.Ref) []byte {
	return append(append(append(b, r.Namespace...), '/'), r.Name...)
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
	return slices.Equal(a.Path, b.Path) && a.Block == b.Block && a.From == b.From && a.Target == b.Target &&
		sameValue(a.Value, b.Value) && sameAll(a.Beat, b.Beat, sameBeaten) && a.ClampedBy == b.ClampedBy &&
		(a.ClampedBy.IsZero() || slices.Equal(a.Switch, b.Switch) && sameValue(a.Stated, b.Stated))
}

func sameBeaten(a, b *Beaten) bool {
	return a.From == b.From && a.Level == b.Level && a.Block == b.Block && sameValue(a.Value, b.Value)
}

func sameNotSet(a, b *NotSet) bool {
	return slices.Equal(a.Path, b.Path) && a.From == b.From && a.Level == b.Level && a.Block == b.Block &&
		a.Rule == b.Rule && a.By == b.By && sameValue(a.Value, b.Value)
}
