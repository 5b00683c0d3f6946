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
	size int
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
	if m.root != nil {
		if e := m.root.find(maphash.Comparable(seed, key), 0, key); e != nil {
			return e.value, true
		}
	}
	var none V
	return none, false
}

// With returns a map that has the value under the key and is the same
// otherwise.
func (m Map[K, V]) With(key K, value V) Map[K, V] {
	e := &entry[K, V]{hash: maphash.Comparable(seed, key), key: key, value: value}
	root, added := m.root.with(nil, 0, e)
	return Map[K, V]{root: root, size: m.size + added}
}

// Without returns a map that does not have the key and is the same otherwise;
// the map itself when it never had the key.
func (m Map[K, V]) Without(key K) Map[K, V] {
	if m.root == nil {
		return m
	}
	root, removed := m.root.without(nil, 0, maphash.Comparable(seed, key), key)
	if !removed {
		return m
	}
	return Map[K, V]{root: root, size: m.size - 1}
}

// All iterates over the entries in no particular order.
func (m Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if m.root != nil {
			m.root.each(yield)
		}
	}
}

// Keys iterates over the keys in no particular order.
func (m Map[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		if m.root != nil {
			m.root.each(func(key K, _ V) bool { return yield(key) })
		}
	}
}

// Builder returns a Builder that starts with the entries of m and leaves m as
// it is.
func (m Map[K, V]) Builder() *Builder[K, V] {
	return &Builder[K, V]{root: m.root, size: m.size}
}

// Builder makes many changes cheaply: it modifies the nodes that it created itself in place. Its
// zero value starts from the empty map. Unlike a Map it is not safe for concurrent use.
type Builder[K comparable, V any] struct {
	root  *node[K, V]
	size  int
	owner *owner
}

// Len is the number of entries.
func (b *Builder[K, V]) Len() int { return b.size }

// Get returns the value of a key, and whether there is one.
func (b *Builder[K, V]) Get(key K) (V, bool) { return Map[K, V]{root: b.root}.Get(key) }

// Set puts the value under the key.
func (b *Builder[K, V]) Set(key K, value V) {
	if b.owner == nil {
		b.owner = new(owner)
	}
	e := &entry[K, V]{hash: maphash.Comparable(seed, key), key: key, value: value}
	root, added := b.root.with(b.owner, 0, e)
	b.root, b.size = root, b.size+added
}

// Delete removes the key, if it is there.
func (b *Builder[K, V]) Delete(key K) {
	if b.root == nil {
		return
	}
	if b.owner == nil {
		b.owner = new(owner)
	}
	root, removed := b.root.without(b.owner, 0, maphash.Comparable(seed, key), key)
	if removed {
		b.root, b.size = root, b.size-1
	}
}

// Map returns what was built so far. The Builder may be used further, without effect on the
// returned Map.
func (b *Builder[K, V]) Map() Map[K, V] {
	b.owner = nil
	return Map[K, V]{root: b.root, size: b.size}
}
