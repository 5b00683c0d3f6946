package hierarchy

import (
	"iter"

	"github.com/attache-dev/attache/hierarchy/persistent"
)

// index is the next version of a map from keys to members while it is being
// made. Only the keys that are touched are opened; a key without members is
// dropped.
type index[K comparable] struct {
	base persistent.Map[K, members]
	open map[K]*persistent.Builder[*Ref, struct{}]
}

// edit returns the members of a key for changing.
func (x *index[K]) edit(key K) *persistent.Builder[*Ref, struct{}] {
	b, ok := x.open[key]
	if !ok {
		if x.open == nil {
			x.open = make(map[K]*persistent.Builder[*Ref, struct{}])
		}
		m, _ := x.base.Get(key)
		b = m.Builder()
		x.open[key] = b
	}
	return b
}

func (x *index[K]) add(key K, id *Ref) { x.edit(key).Set(id, struct{}{}) }

func (x *index[K]) remove(key K, id *Ref) { x.edit(key).Delete(id) }

func (x *index[K]) has(key K, id *Ref) bool {
	if b, ok := x.open[key]; ok {
		_, has := b.Get(id)
		return has
	}
	m, _ := x.base.Get(key)
	return m.Has(id)
}

// all iterates over the members of a key, in no particular order. They may be
// changed meanwhile: it sees those there were.
func (x *index[K]) all(key K) iter.Seq[*Ref] {
	if b, ok := x.open[key]; ok {
		return b.Map().Keys()
	}
	m, _ := x.base.Get(key)
	return m.Keys()
}

// done returns the next version.
func (x *index[K]) done() persistent.Map[K, members] {
	if len(x.open) == 0 {
		return x.base
	}
	next := x.base.Builder()
	for key, b := range x.open {
		if m := b.Map(); m.Len() == 0 {
			next.Delete(key)
		} else {
			next.Set(key, m)
		}
	}
	return next.Map()
}
