package persistent

import (
	"hash/maphash"
	"iter"
)

// seed is drawn once per process: an attacker who chooses object names cannot know which of them
// collide. Nothing observable depends on it, because the order of All is unspecified.
var seed = maphash.MakeSeed()

const (
	// width is the number of bits of the hash that choose a slot of a node.
	width = 5
	mask  = 1<<width - 1
	// exhausted is the first shift at which the hash has no bits left. Keys
	// that agree that far are kept in one list.
	exhausted = 65
)

// Map is an immutable map. Its zero value is the empty map, ready to use. A
// Map is small and is passed by value; any number of goroutines may read it.
type Map[K comparable, V any] struct {
	root *node[K, V]
	// recent are the latest changes, which are not in the trie yet; nil for none.
	recent *recent[K, V]
	size   int
}

// node is one node of the trie. Of its 32 slots, those in filled hold an entry and those in branched a
// node further down; entries and children have what they hold, in the order of the slots. Two lists
// of pointers are half as large as one list of either, and a change copies a node at each level. Below
// the last bit of the hash there are no slots, and entries is a plain list.
type node[K comparable, V any] struct {
	// owner is the Builder that may still change this node in place; if it is nil or another
	// Builder, the node is shared and must be copied.
	owner            *owner
	filled, branched uint32
	entries          []*entry[K, V]
	children         []*node[K, V]
}

type entry[K comparable, V any] struct {
	hash  uint64
	key   K
	value V
}

// owner is an identity. It has a field because pointers to distinct values of
// size zero may be equal.
type owner struct{ _ byte }

// Len is the number of entries.
func (m Map[K, V]) Len() int { return m.size }

// Get returns the value of a key, and whether there is one.
func (m Map[K, V]) Get(key K) (V, bool) {
	if m.root != nil || m.recent != nil {
		if e := find(m.root, m.recent, maphash.Comparable(seed, key), key); e != nil {
			return e.value, true
		}
	}
	var none V
	return none, false
}

// find returns the entry of a key, or nil.
func find[K comparable, V any](root *node[K, V], r *recent[K, V], hash uint64, key K) *entry[K, V] {
	if i := r.find(hash, key); i >= 0 {
		if r.isGone(i) {
			return nil
		}
		return r.entries[i]
	}
	if root == nil {
		return nil
	}
	return root.find(hash, 0, key)
}

// With returns a map that has the value under the key and is the same
// otherwise.
func (m Map[K, V]) With(key K, value V) Map[K, V] {
	b := Builder[K, V]{root: m.root, recent: m.recent, size: m.size}
	b.Set(key, value)
	return b.Map()
}

// Without returns a map that does not have the key and is the same otherwise;
// the map itself when it never had the key.
func (m Map[K, V]) Without(key K) Map[K, V] {
	b := Builder[K, V]{root: m.root, recent: m.recent, size: m.size}
	b.Delete(key)
	return b.Map()
}

// Settled returns the same map with all changes in the trie. A map that many others are made of is to
// be settled, so that they do not have to do it.
func (m Map[K, V]) Settled() Map[K, V] {
	if m.recent == nil {
		return m
	}
	b := Builder[K, V]{root: m.root, recent: m.recent, size: m.size}
	b.flush()
	return b.Map()
}

// IsSettled reports whether Settled has nothing to do.
func (m Map[K, V]) IsSettled() bool { return m.recent == nil }

// All iterates over the entries in no particular order.
func (m Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		m.each(func(e *entry[K, V]) bool { return yield(e.key, e.value) })
	}
}

// Keys iterates over the keys in no particular order.
func (m Map[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		m.each(func(e *entry[K, V]) bool { return yield(e.key) })
	}
}

func (m Map[K, V]) each(yield func(*entry[K, V]) bool) {
	if r := m.recent; r != nil {
		for i := range r.n {
			if !r.isGone(i) && !yield(r.entries[i]) {
				return
			}
		}
		of := yield
		yield = func(e *entry[K, V]) bool { return r.find(e.hash, e.key) >= 0 || of(e) }
	}
	if m.root != nil {
		m.root.each(yield)
	}
}

// Builder returns a Builder that starts with the entries of m and leaves m as
// it is.
func (m Map[K, V]) Builder() *Builder[K, V] {
	return &Builder[K, V]{root: m.root, recent: m.recent, size: m.size}
}

// Builder makes many changes cheaply: it modifies what it created itself in place. Its zero value
// starts from the empty map. Unlike a Map it is not safe for concurrent use.
type Builder[K comparable, V any] struct {
	root   *node[K, V]
	recent *recent[K, V]
	size   int
	owner  *owner
	// direct says that there were too many changes to keep them apart, so they go into the trie.
	direct bool
}

// Len is the number of entries.
func (b *Builder[K, V]) Len() int { return b.size }

// Get returns the value of a key, and whether there is one.
func (b *Builder[K, V]) Get(key K) (V, bool) {
	return Map[K, V]{root: b.root, recent: b.recent}.Get(key)
}

// Set puts the value under the key.
func (b *Builder[K, V]) Set(key K, value V) {
	e := &entry[K, V]{hash: maphash.Comparable(seed, key), key: key, value: value}
	i := b.recent.find(e.hash, key)
	switch {
	case b.direct:
		b.insert(e)
	case i >= 0:
		if b.own(); b.recent.isGone(i) {
			b.size++
		}
		b.recent.put(i, e)
	case b.recent.full():
		b.flush()
		b.insert(e)
	default:
		if b.root == nil || b.root.find(e.hash, 0, key) == nil {
			b.size++
		}
		b.own()
		b.recent.append(e)
	}
}

// Delete removes the key, if it is there.
func (b *Builder[K, V]) Delete(key K) {
	hash := maphash.Comparable(seed, key)
	if find(b.root, b.recent, hash, key) == nil {
		return
	}
	b.size--
	i := b.recent.find(hash, key)
	switch {
	case b.direct:
		b.root, _ = b.root.without(b.own(), 0, hash, key)
	case i >= 0:
		b.own()
		b.recent.remove(i, b.root != nil && b.root.find(hash, 0, key) != nil)
	case b.recent.full():
		b.flush()
		b.root, _ = b.root.without(b.own(), 0, hash, key)
	default:
		b.own()
		b.recent.append(b.root.find(hash, 0, key))
		b.recent.remove(b.recent.n-1, true)
	}
}

// insert puts an entry into the trie.
func (b *Builder[K, V]) insert(e *entry[K, V]) {
	root, added := b.root.with(b.own(), 0, e)
	b.root, b.size = root, b.size+added
}

// own makes sure that the recent changes may be changed in place, and returns the owner.
func (b *Builder[K, V]) own() *owner {
	if b.owner == nil {
		b.owner = new(owner)
	}
	if !b.direct {
		b.recent = b.recent.own(b.owner)
	}
	return b.owner
}

// flush puts the recent changes into the trie, where all others follow.
func (b *Builder[K, V]) flush() {
	r := b.recent
	b.recent, b.direct = nil, true
	o := b.own()
	for i := range r.n {
		if e := r.entries[i]; r.isGone(i) {
			b.root, _ = b.root.without(o, 0, e.hash, e.key)
		} else {
			b.root, _ = b.root.with(o, 0, e)
		}
	}
}

// Map returns what was built so far. The Builder may be used further, without effect on the
// returned Map.
func (b *Builder[K, V]) Map() Map[K, V] {
	b.owner = nil
	return Map[K, V]{root: b.root, recent: b.recent, size: b.size}
}
