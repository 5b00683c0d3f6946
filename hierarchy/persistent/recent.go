package persistent

// mostRecent is how many changes are kept apart from the trie.
const mostRecent = 8

// recent are the latest changes of a map. A change of the trie copies a node at each level, so changes
// go into the trie together, when there are too many to look through: most versions are only read, and
// what they share of the trie is all of it.
type recent[K comparable, V any] struct {
	// owner is as that of a node.
	owner *owner
	n     int8
	// gone has a bit for each entry that was removed from the trie.
	gone    uint8
	hashes  [mostRecent]uint64
	entries [mostRecent]*entry[K, V]
}

// find returns the index of a key, -1 if it did not change.
func (r *recent[K, V]) find(hash uint64, key K) int8 {
	if r == nil {
		return -1
	}
	for i := range r.n {
		if r.hashes[i] == hash && r.entries[i].key == key {
			return i
		}
	}
	return -1
}

func (r *recent[K, V]) isGone(i int8) bool { return r.gone&(1<<i) != 0 }

func (r *recent[K, V]) full() bool { return r != nil && r.n == mostRecent }

// own returns changes with the same content that o may change in place.
func (r *recent[K, V]) own(o *owner) *recent[K, V] {
	if r == nil {
		return &recent[K, V]{owner: o}
	}
	if r.owner == o {
		return r
	}
	c := *r
	c.owner = o
	return &c
}

func (r *recent[K, V]) append(e *entry[K, V]) {
	r.hashes[r.n] = e.hash
	r.n++
	r.put(r.n-1, e)
}

// put puts an entry in place of one with the same key.
func (r *recent[K, V]) put(i int8, e *entry[K, V]) {
	r.entries[i] = e
	r.gone &^= 1 << i
}

// remove removes an entry. If the trie has its key, it is remembered as gone.
func (r *recent[K, V]) remove(i int8, inTrie bool) {
	if inTrie {
		r.gone |= 1 << i
		return
	}
	r.n--
	last := r.n
	gone := r.isGone(last)
	r.hashes[i] = r.hashes[last]
	r.put(i, r.entries[last])
	if r.entries[last] = nil; gone {
		r.gone |= 1 << i
	}
	r.gone &^= 1 << last
}
