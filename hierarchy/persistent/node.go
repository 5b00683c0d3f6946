package persistent

import (
	"math/bits"
	"slices"
)

// bitOf is the bit of the slot that a hash has in a node.
func bitOf(hash uint64, shift uint) uint32 { return 1 << (hash >> shift & mask) }

// rank is the index of a slot among those that are in use in the same way.
func rank(bitmap, bit uint32) int { return bits.OnesCount32(bitmap & (bit - 1)) }

// find returns the entry of a key, or nil.
func (n *node[K, V]) find(hash uint64, shift uint, key K) *entry[K, V] {
	for ; shift < exhausted; shift += width {
		bit := bitOf(hash, shift)
		if n.branched&bit != 0 {
			n = n.children[rank(n.branched, bit)]
			continue
		}
		if n.filled&bit == 0 {
			return nil
		}
		if e := n.entries[rank(n.filled, bit)]; e.hash == hash && e.key == key {
			return e
		}
		return nil
	}
	for _, e := range n.entries {
		if e.key == key {
			return e
		}
	}
	return nil
}

// own returns a node with the same content that o may change in place. A nil
// o owns nothing, so it always gets a copy.
func (n *node[K, V]) own(o *owner) *node[K, V] {
	if o != nil && n.owner == o {
		return n
	}
	return &node[K, V]{
		owner: o, filled: n.filled, branched: n.branched,
		entries: slices.Clone(n.entries), children: slices.Clone(n.children),
	}
}

// with returns n with the entry in it, and how many entries that added (0 when
// it replaced one). A nil n is the empty node.
func (n *node[K, V]) with(o *owner, shift uint, e *entry[K, V]) (*node[K, V], int) {
	if n == nil {
		n = &node[K, V]{owner: o}
	}
	if shift >= exhausted {
		return n.withListed(o, e)
	}
	bit := bitOf(e.hash, shift)
	switch {
	case n.branched&bit != 0:
		i := rank(n.branched, bit)
		child, added := n.children[i].with(o, shift+width, e)
		n = n.own(o)
		n.children[i] = child
		return n, added
	case n.filled&bit == 0:
		return n.inserted(o, bit, e), 1
	}
	i := rank(n.filled, bit)
	old := n.entries[i]
	if old.hash == e.hash && old.key == e.key {
		n = n.own(o)
		n.entries[i] = e
		return n, 0
	}
	// Two keys in one slot: both go one level down, where with either
	// tells them apart or pushes them further.
	child, _ := (*node[K, V])(nil).with(o, shift+width, old)
	child, _ = child.with(o, shift+width, e)
	n = n.own(o)
	n.entries = slices.Delete(n.entries, i, i+1)
	n.children = slices.Insert(n.children, rank(n.branched, bit), child)
	n.filled, n.branched = n.filled&^bit, n.branched|bit
	return n, 1
}

// withListed is with below the last bit of the hash.
func (n *node[K, V]) withListed(o *owner, e *entry[K, V]) (*node[K, V], int) {
	n = n.own(o)
	for i := range n.entries {
		if n.entries[i].key == e.key {
			n.entries[i] = e
			return n, 0
		}
	}
	n.entries = append(n.entries, e)
	return n, 1
}

// inserted returns n with an entry in a slot that is not in use. It copies once where own and insert
// would copy twice.
func (n *node[K, V]) inserted(o *owner, bit uint32, e *entry[K, V]) *node[K, V] {
	i := rank(n.filled, bit)
	if o != nil && n.owner == o {
		n.filled |= bit
		n.entries = slices.Insert(n.entries, i, e)
		return n
	}
	grown := make([]*entry[K, V], len(n.entries)+1)
	copy(grown, n.entries[:i])
	grown[i] = e
	copy(grown[i+1:], n.entries[i:])
	return &node[K, V]{owner: o, filled: n.filled | bit, branched: n.branched, entries: grown, children: slices.Clone(n.children)}
}

// without returns n without the key, nil when nothing is left, and whether
// the key was there.
func (n *node[K, V]) without(o *owner, shift uint, hash uint64, key K) (*node[K, V], bool) {
	if shift >= exhausted {
		for i, e := range n.entries {
			if e.key == key {
				return n.cut(o, 0, i), true
			}
		}
		return n, false
	}
	bit := bitOf(hash, shift)
	if n.branched&bit != 0 {
		return n.withoutBelow(o, shift, hash, key)
	}
	if n.filled&bit == 0 {
		return n, false
	}
	i := rank(n.filled, bit)
	if e := n.entries[i]; e.hash != hash || e.key != key {
		return n, false
	}
	return n.cut(o, bit, i), true
}

// withoutBelow is without for a key whose slot has a node further down. At least one entry is left of
// that node, because nodes have two at least.
func (n *node[K, V]) withoutBelow(o *owner, shift uint, hash uint64, key K) (*node[K, V], bool) {
	bit := bitOf(hash, shift)
	i := rank(n.branched, bit)
	child, removed := n.children[i].without(o, shift+width, hash, key)
	if !removed {
		return n, false
	}
	n = n.own(o)
	if len(child.children) > 0 || len(child.entries) > 1 {
		n.children[i] = child
		return n, true
	}
	// A node for a single entry is unnecessary: keep the entry here.
	n.children = slices.Delete(n.children, i, i+1)
	n.entries = slices.Insert(n.entries, rank(n.filled, bit), child.entries[0])
	n.filled, n.branched = n.filled|bit, n.branched&^bit
	return n, true
}

// cut returns n without one of its entries, or nil when nothing is left.
func (n *node[K, V]) cut(o *owner, bit uint32, i int) *node[K, V] {
	if len(n.entries) == 1 && len(n.children) == 0 {
		return nil
	}
	n = n.own(o)
	n.filled &^= bit
	n.entries = slices.Delete(n.entries, i, i+1)
	return n
}

// each yields every entry and reports whether to continue.
func (n *node[K, V]) each(yield func(*entry[K, V]) bool) bool {
	for _, e := range n.entries {
		if !yield(e) {
			return false
		}
	}
	for _, child := range n.children {
		if !child.each(yield) {
			return false
		}
	}
	return true
}
