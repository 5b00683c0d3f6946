package controller

import (
	"fmt"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// A route that is created while an edit above thousands is written out is written next, then the
// routes of a small edit, and then the rest, where no namespace waits for all routes of another.
func TestWhoWritesARouteDoesNotWaitForAFanOut(t *testing.T) {
	queue := priorityqueue.New[hierarchy.Ref]("order")
	defer queue.ShutDown()
	s := policy.NewSnapshot(policy.Options{})
	edited := hierarchy.NewRef("attache.dev", "TimeoutPolicy", "infra", "above-all")
	wide := refs{edited: {}}
	for i := range 3 * narrowly {
		wide.add(ref("big", fmt.Sprint("r", i)))
	}
	wide.add(ref("small", "only"))
	enqueue(queue, s, wide, refs{edited: {}})
	small := hierarchy.NewRef("attache.dev", "TimeoutPolicy", "shop", "checkout")
	enqueue(queue, s, refs{small: {}, ref("shop", "checkout"): {}}, refs{small: {}})
	created := ref("shop", "new")
	enqueue(queue, s, refs{created: {}}, refs{created: {}})

	var got []hierarchy.Ref
	for range len(wide) + 3 {
		item, _ := queue.Get()
		got = append(got, item)
	}
	place := map[hierarchy.Ref]int{}
	for i, item := range got {
		place[item] = i
	}
	if place[created] != 0 {
		t.Errorf("the new route is in place %d", place[created])
	}
	for _, soon := range []hierarchy.Ref{edited, small, ref("shop", "checkout")} {
		if place[soon] > 3 {
			t.Errorf("%v is in place %d, behind a fan-out", soon, place[soon])
		}
	}
	if at := place[ref("small", "only")]; at > 6 {
		t.Errorf("the only route of a namespace waits for %d of another's", at)
	}
}
