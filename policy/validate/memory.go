package validate

import (
	"crypto/sha256"
	"sync"
)

// remembered is how many verdicts a generation of a memory holds. A cluster has
// far fewer distinct merged values than scopes, so this is seldom full.
const remembered = 4096

// memory remembers verdicts by content, in two generations: when the young one
// is full it becomes the old one, and the old one is forgotten. So the size is
// bounded and what is in use stays.
type memory struct {
	mu         sync.Mutex
	young, old map[[sha256.Size]byte][]string
}

func newMemory() *memory {
	return &memory{young: map[[sha256.Size]byte][]string{}}
}

func (m *memory) recall(key [sha256.Size]byte) ([]string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if messages, ok := m.young[key]; ok {
		return messages, true
	}
	messages, ok := m.old[key]
	if ok {
		m.put(key, messages)
	}
	return messages, ok
}

func (m *memory) keep(key [sha256.Size]byte, messages []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, messages)
}

func (m *memory) put(key [sha256.Size]byte, messages []string) {
	if len(m.young) >= remembered {
		m.young, m.old = make(map[[sha256.Size]byte][]string, remembered), m.young
	}
	m.young[key] = messages
}
