package controller

import (
	"maps"
	"slices"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// The order in which queued objects are processed. The author of a route does not wait until ten
// thousand others are written because of an edit of a policy above all of them.
const (
	urgencyWidely = 0 // an object that an edit reaches together with very many others
	urgencyEdit   = 1 // an object that was edited, or that an edit with few effects reaches
	urgencyRoute  = 2 // a route that was itself written
)

// narrowly is the maximum number of objects that an edit may reach so that they are processed
// before those that wide edits reach.
const narrowly = 100

// urgency returns the urgency of one object among those that a pass found dirty.
func urgency(ref hierarchy.Ref, s *policy.Snapshot, changed refs, dirty int) int {
	_, written := changed[ref]
	switch {
	case written && s.IsRoute(ref.GroupKind):
		return urgencyRoute
	case written, dirty <= narrowly:
		return urgencyEdit
	}
	return urgencyWidely
}

// enqueue puts what a pass found dirty into the queue: the urgent objects first, and among equals
// the namespaces in turn, so that no namespace waits for all objects of another.
func enqueue(queue workqueue.TypedRateLimitingInterface[hierarchy.Ref], s *policy.Snapshot, dirty, changed refs) {
	for _, ref := range inTurn(slices.Collect(maps.Keys(dirty))) {
		addUrgently(queue, ref, urgency(ref, s, changed, len(dirty)))
	}
}

// addUrgently adds one object, if the queue supports urgencies.
func addUrgently(queue workqueue.TypedRateLimitingInterface[hierarchy.Ref], ref hierarchy.Ref, urgency int) {
	ranked, ranks := queue.(priorityqueue.PriorityQueue[hierarchy.Ref])
	if !ranks {
		queue.Add(ref)
		return
	}
	ranked.AddWithOpts(priorityqueue.AddOpts{Priority: &urgency}, ref)
}
