package cluster

import (
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// event is one message of the API server.
type event struct {
	op op
	// from is the watch that saw it; nil for the two answers on definitions.
	from *watched
	// objects are those set or removed: one, or all for opReplace.
	objects []*unstructured.Unstructured
	// crd names the definition that was read; objects has it, unless it is gone.
	crd string
	err error
	// times is how often in a row a kind was refused.
	times int
}

type op int

const (
	// opSet and opRemove are about one object.
	opSet op = iota
	opRemove
	// opReplace is about all objects of a kind.
	opReplace
	// opDefine is the answer to a request for a CRD.
	opDefine
	// opRefused means that a kind cannot be listed or watched, with the reason.
	opRefused
)

// queue receives the events of watches, which never wait; one goroutine takes all events at once.
// So a batch has all events that arrived while the previous one was processed.
type queue struct {
	mu     sync.Mutex
	events []event
	filled chan struct{} // holds one token while there is something
}

func newQueue() *queue { return &queue{filled: make(chan struct{}, 1)} }

func (q *queue) put(e event) {
	q.mu.Lock()
	q.events = append(q.events, e)
	q.mu.Unlock()
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

func (q *queue) take() []event {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := q.events
	q.events = nil
	return events
}
