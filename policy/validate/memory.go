package validate

import (
	"crypto/sha256"
	"sync"

	"github.com/attache-dev/attache/policy/crd"
)

// remembered is how many verdicts a generation of a memory holds. A cluster has
// far fewer distinct merged values than scopes, so this is seldom full.
const remembered = 4096

// memory remembers verdicts by content, in two generations: when the young one
// is full it becomes the old one, and the old one is forgotten. So the size is
// bounded and what is in use stays.
type memory struct {
	mu         sync.Mutex
	young, old map[[sha256.Size]byte][]crd.Broken
}

func newMemory() *memory {
	return &memory{young: map[[sha256.Size]byte][]crd.Broken{}}
}

func (m *memory) recall(key [sha256.Size]byte) ([]crd.Broken, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if broken, ok := m.young[key]; ok {
		return broken, true
	}
	broken, ok := m.old[key]
	if ok {
		m.put(key, broken)
	}
	return broken, ok
}

func (m *memory) keep(key [sha256.Size]byte, broken []crd.Broken) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, broken)
}

func (m *memory) put(key [sha256.Size]byte, broken []crd.Broken) {
	if len(m.young) >= remembered {
		m.young, m.old = make(map[[sha256.Size]byte][]crd.Broken, remembered), m.young
	}
	m.young[key] = broken
}
