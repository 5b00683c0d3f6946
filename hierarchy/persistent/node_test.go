package persistent

import "testing"

// Real hashes of 64 bits do not collide in a test, so this one chooses them:
// equal hashes, and hashes that differ only in the last bits.
func TestKeysWhoseHashesCollideAreKeptApart(t *testing.T) {
	hashes := []uint64{7, 7, 7, 7 | 1<<63, 7 | 1<<60, 7 | 1<<59, 8}
	for _, o := range []*owner{nil, new(owner)} {
		var root *node[int, int]
		for key, hash := range hashes {
			var added int
			root, added = root.with(o, 0, &entry[int, int]{hash: hash, key: key, value: key})
			if added != 1 {
				t.Fatalf("key %d replaced another", key)
			}
		}
		for key, hash := range hashes {
			if _, added := root.with(nil, 0, &entry[int, int]{hash: hash, key: key}); added != 0 {
				t.Errorf("key %d was added twice", key)
			}
		}
		if root.find(7, 0, 99) != nil {
			t.Error("found a key that is not there by its hash")
		}
		if _, removed := root.without(o, 0, 7, 99); removed {
			t.Error("removed a key that is not there by its hash")
		}
		for key, hash := range hashes {
			if e := root.find(hash, 0, key); e == nil || e.value != key {
				t.Fatalf("find(%d) = %v", key, e)
			}
			var removed bool
			root, removed = root.without(o, 0, hash, key)
			if !removed {
				t.Fatalf("key %d was not removed", key)
			}
			left := 0
			if root != nil {
				root.each(func(*entry[int, int]) bool { left++; return true })
				if root.find(hash, 0, key) != nil {
					t.Errorf("key %d is still there", key)
				}
			}
			if want := len(hashes) - key - 1; left != want {
				t.Errorf("%d keys left, want %d", left, want)
			}
		}
		if root != nil {
			t.Error("a map without keys keeps nodes")
		}
	}
}
