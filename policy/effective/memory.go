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
	folds  map[foldKey]*Policy
	values map[valueKey]*value
	// readings are the first of all results that read the same, by hash: the hash itself, or the
	// next number that was free.
	readings map[uint64]*Policy
	mark     *mark

	// What is made for one fold and used again for the next: where keys are written, what is folded
	// on a path, and how.
	scratch []byte
	keys    []foldKey
	folding folding
}

// mark is the identity of a memory. Results have it, which are not to keep the memory itself. It has a
// field because pointers to distinct values of size zero may be equal.
type mark struct{ _ byte }

func newMemory() *memory {
	return &memory{
		routes:   map[schema.GroupKind]int{},
		folds:    map[foldKey]*Policy{},
		values:   map[valueKey]*value{},
		readings: map[uint64]*Policy{},
		mark:     new(mark),
	}
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
	scratch := m.scratch[:0]
	for i := range p.Origins {
		scratch = appendLeaf(scratch, p.Origins[i].Path, p.Origins[i].Value)
	}
	v, known := m.values[valueKey{p.Kind, string(scratch)}]
	if !known {
		v = &value{object: objectOf(p.Origins)}
		if p.Kind.Validator != nil && len(v.object) > 0 {
			v.invalid = p.Kind.Validator.Validate(v.object)
		}
		m.values[valueKey{p.Kind, string(scratch)}] = v
	}
	p.Value, p.Invalid = v.object, v.invalid
	scratch = p.appendReading(scratch)
	m.scratch = scratch
	p.mark = m.mark
	for at := maphash.Bytes(seed, scratch); p.reading == nil; at++ {
		switch same := m.readings[at]; {
		case same == nil:
			p.reading, p.number = p, uint32(len(m.readings))
			m.readings[at] = p
		case readsSame(same, p):
			p.reading, p.number = same, same.number
		}
	}
}

// appendReading writes what a reader can see beside the values in force, as far as it tells apart what
// there are many of: results that differ in nothing else may be written the same.
func (m *Policy) appendReading(b []byte) []byte {
	for i := range m.Origins {
		o := &m.Origins[i]
		b = append(append(appendName(b, &o.From), byte(o.Block)), o.Target.Section...)
		b = appendName(b, &o.Target)
		if !o.ClampedBy.IsZero() {
			b = appendTyped(appendName(b, &o.ClampedBy), o.Stated)
		}
		for j := range o.Beat {
			b = appendTyped(appendName(b, &o.Beat[j].From), o.Beat[j].Value)
		}
	}
	for i := range m.NotSet {
		n := &m.NotSet[i]
		b = appendTyped(appendName(appendName(b, &n.From), &n.By), n.Value)
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
	case m == other:
		return true
	case m.mark != nil && m.mark == other.mark:
		return m.reading == other.reading
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
