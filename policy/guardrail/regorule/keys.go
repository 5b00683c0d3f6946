package regorule

import (
	"hash/maphash"

	"github.com/open-policy-agent/opa/v1/ast"
)

// keys counts the work of finding keys in hash tables. OPA's numbers are their own hash, and the
// hash of a list is the sum of its elements' hashes, so an attacker can choose keys that collide in
// one run of a table, which each look-up traverses. All keys of an evaluation are counted as if
// they were in one table with linear probing: no table of the evaluation has a longer run.
type keys struct {
	seed maphash.Seed
	seen map[uint64]bool
	// next leads from a used cell towards the next free one; row is the number of used cells before
	// a free one.
	next, row map[int]int
	longest   int
}

func newKeys() *keys {
	return &keys{seed: maphash.MakeSeed(), seen: map[uint64]bool{}, next: map[int]int{}, row: map[int]int{}}
}

// add returns how many keys are compared to insert this one.
func (k *keys) add(key ast.Value) int {
	home := key.Hash()
	free := k.free(home)
	// The text of a key and not its hash says whether it is a new one.
	if digest := maphash.String(k.seed, key.String()); !k.seen[digest] {
		k.seen[digest] = true
		k.next[free] = free + 1
		end := k.free(free + 1)
		k.row[end] += k.row[free] + 1
		delete(k.row, free)
		k.longest = max(k.longest, k.row[end])
	}
	return free - home
}

// free is the first free cell from a cell on.
func (k *keys) free(cell int) int {
	end := cell
	for {
		next, taken := k.next[end]
		if !taken {
			break
		}
		end = next
	}
	for cell != end {
		cell, k.next[cell] = k.next[cell], end
	}
	return end
}
