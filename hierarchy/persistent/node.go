package persistent

import (
	"math/bits"
	"slices"
)

// place is the bit of a hash in the bitmap of a node, and the index of its
// slot among those in use.
func (n *node[K, V]) place(hash uint64, shift uint) (bit uint32, index int) {
	bit = 1 << (hash >> shift & mask)
	return bit, bits.OnesCount32(n.bitmap & (bit - 1))
}

// find returns the entry of a key, or nil.
func (n *node[K, V]) find(hash uint64, shift uint, key K) *entry[K, V] {
	for ; shift < exhausted; shift += width {
		bit, i := n.place(hash, shift)
		if n.bitmap&bit == 0 {
			return nil
		}
		s := &n.slots[i]
		if s.child == nil {
			if s.entry.hash == hash && s.entry.key == key {
				return s.entry
			}
			return nil
		}
		n = s.child
	}
	for i := range n.slots {
		if n.slots[i].entry.key == key {
			return n.slots[i].entry
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
	return &node[K, V]{owner: o, bitmap: n.bitmap, slots: slices.Clone(n.slots)}
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
	bit, i := n.place(e.hash, shift)
	if n.bitmap&bit == 0 {
		return n.inserted(o, bit, i, slot[K, V]{entry: e}), 1
	}
	old := n.slots[i]
	var replacement slot[K, V]
	added := 1
	switch {
	case old.child != nil:
		replacement.child, added = old.child.with(o, shift+width, e)
	case old.entry.hash == e.hash && old.entry.key == e.key:
		replacement.entry, added = e, 0
	default:
		// Two keys in one slot: both go one level down, where with either
		// tells them apart or pushes them further.
		child, _ := (*node[K, V])(nil).with(o, shift+width, old.entry)
		replacement.child, _ = child.with(o, shift+width, e)
	}
	n = n.own(o)
	n.slots[i] = replacement
	return n, added
}

// withListed is with below the last bit of the hash.
func (n *node[K, V]) withListed(o *owner, e *entry[K, V]) (*node[K, V], int) {
	n = n.own(o)
	for i := range n.slots {
		if n.slots[i].entry.key == e.key {
			n.slots[i].entry = e
			return n, 0
		}
	}
	n.slots = append(n.slots, slot[K, V]{entry: e})
	return n, 1
}

// inserted returns n with one more slot. It copies once where own and insert would copy twice.
func (n *node[K, V]) inserted(o *owner, bit uint32, i int, s slot[K, V]) *node[K, V] {
	if o != nil && n.owner == o {
		n.bitmap |= bit
		n.slots = slices.Insert(n.slots, i, s)
		return n
	}
	grown := make([]slot[K, V], len(n.slots)+1)
	copy(grown, n.slots[:i])
	grown[i] = s
	copy(grown[i+1:], n.slots[i:])
	return &node[K, V]{owner: o, bitmap: n.bitmap | bit, slots: grown}
}

// without returns n without the key, nil when nothing is left, and whether
// the key was there.
func (n *node[K, V]) without(o *owner, shift uint, hash uint64, key K) (*node[K, V], bool) {
	if shift >= exhausted {
		for i := range n.slots {
			if n.slots[i].entry.key == key {
				return n.cut(o, 0, i), true
			}
		}
		return n, false
	}
	bit, i := n.place(hash, shift)
	if n.bitmap&bit == 0 {
		return n, false
	}
	old := n.slots[i]
	if old.child == nil {
		if old.entry.hash != hash || old.entry.key != key {
			return n, false
		}
		return n.cut(o, bit, i), true
	}
	child, removed := old.child.without(o, shift+width, hash, key)
	if !removed {
		return n, false
	}
	if child == nil {
		return n.cut(o, bit, i), true
	}
	n = n.own(o)
	if len(child.slots) == 1 && child.slots[0].child == nil {
		// A node for a single entry is unnecessary: keep the entry here.
		n.slots[i] = child.slots[0]
	} else {
		n.slots[i] = slot[K, V]{child: child}
	}
	return n, true
}

// cut returns n without slot i, or nil when that was the last.
func (n *node[K, V]) cut(o *owner, bit uint32, i int) *node[K, V] {
	if len(n.slots) == 1 {
		return nil
	}
	n = n.own(o)
	n.bitmap &^= bit
	n.slots = slices.Delete(n.slots, i, i+1)
	return n
}

// each yields every entry and reports whether to continue.
func (n *node[K, V]) each(yield func(K, V) bool) bool {
	for i := range n.slots {
		s := &n.slots[i]
		if s.child != nil {
			if !s.child.each(yield) {
				return false
			}
		} else if !yield(s.entry.key, s.entry.value) {
			return false
		}
	}
	return true
}
