package controller

import (
	"maps"
	"slices"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// The order in which what is to be looked at takes its turn. Nobody who has just written a route waits
// until ten thousand others are written because somebody edited a policy above them all.
const (
	urgencyWidely = 0 // what an edit reaches together with very many others
	urgencyEdit   = 1 // what was edited, and what an edit of it reaches
	urgencyRoute  = 2 // a route that was itself written
)

// narrowly is how much an edit may reach so that all of it is looked at before what wide edits reach.
const narrowly = 100

// urgency is that of one object among those that a pass found dirty.
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

// enqueue puts what a pass found dirty into the queue: the urgent first, and among equals namespaces in
// turn, so that none waits for all of another's.
func enqueue(queue workqueue.TypedRateLimitingInterface[hierarchy.Ref], s *policy.Snapshot, dirty, changed refs) {
	for _, ref := range inTurn(slices.Collect(maps.Keys(dirty))) {
		addUrgently(queue, ref, urgency(ref, s, changed, len(dirty)))
	}
}

// addUrgently adds one object, where a queue knows urgencies.
func addUrgently(queue workqueue.TypedRateLimitingInterface[hierarchy.Ref], ref hierarchy.Ref, urgency int) {
	ranked, ranks := queue.(priorityqueue.PriorityQueue[hierarchy.Ref])
	if !ranks {
		queue.Add(ref)
		return
	}
	ranked.AddWithOpts(priorityqueue.AddOpts{Priority: &urgency}, ref)
}
