package validate

import (
	"crypto/sha256"

	"k8s.io/utils/lru"

	"github.com/attache-dev/attache/policy/crd"
)

// remembered is the capacity of a memory. A cluster has far fewer distinct merged values than
// paths, so this is seldom full.
const remembered = 8192

// memory caches verdicts by content. When it is full, the least recently used ones are dropped.
type memory struct{ verdicts *lru.Cache }

func newMemory() *memory { return &memory{lru.New(remembered)} }

func (m *memory) recall(key [sha256.Size]byte) (broken []crd.Broken, known bool) {
	value, known := m.verdicts.Get(key)
	broken, _ = value.([]crd.Broken)
	return broken, known
}

func (m *memory) keep(key [sha256.Size]byte, broken []crd.Broken) { m.verdicts.Add(key, broken) }
