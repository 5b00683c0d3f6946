package controller

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// soleOf are, for every route, the Gateways of which it is the only route.
func soleOf(s *policy.Snapshot) map[hierarchy.Ref]hierarchy.Ref {
	sole := map[hierarchy.Ref]hierarchy.Ref{}
	for gateway := range s.Graph().Gateways() {
		var routes []hierarchy.Ref
		for route := range s.Graph().Routes() {
			for _, l := range s.Graph().BoundTo(route.Meta().Ref) {
				if l.Gateway == gateway.Meta().Ref {
					routes = append(routes, route.Meta().Ref)
					break
				}
			}
		}
		if len(routes) == 1 {
			sole[gateway.Meta().Ref] = routes[0]
		}
	}
	return sole
}

// TestARouteThatIsLeftAloneIsLookedAt: after any edits, the routes that have become the only one
// of a Gateway, or no longer are, are among those to check.
func TestARouteThatIsLeftAloneIsLookedAt(t *testing.T) {
	turned := 0
	rapid.Check(t, func(t *rapid.T) {
		s, objects := newState(none), map[hierarchy.Ref]bool{}
		snapshot, _ := policy.NewSnapshot(policy.Options{}).With(object(timeoutCRD))
		s.begin(t.Context(), snapshot, nil, newMemory())
		for step := range rapid.IntRange(1, 30).Draw(t, "steps") {
			u := draw(t, step+1)
			ref := hierarchy.RefOf(u)
			before := soleOf(snapshot)
			if objects[ref] && rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
				delete(objects, ref)
				snapshot = snapshot.Without(ref)
			} else {
				objects[ref] = true
				snapshot, _ = snapshot.With(u)
			}
			after := soleOf(snapshot)
			dirty, _ := s.settle(t.Context(), snapshot, refs{ref: {}}, refs{}, true)
			for gateway := range snapshot.Graph().Gateways() {
				at := gateway.Meta().Ref
				if found, _ := snapshot.Graph().SoleRoute(at); found != after[at] {
					t.Fatalf("%s is said to have the one route %s, and has %s", at, found, after[at])
				}
				for _, route := range [...]hierarchy.Ref{before[at], after[at]} {
					if _, looked := dirty[route]; before[at] != after[at] && !route.IsZero() && !looked {
						t.Fatalf("after a change of %s, %s is not looked at: the only route of %s was %s and is %s", ref, route, at, before[at], after[at])
					}
				}
				if before[at] != after[at] {
					turned++
				}
			}
		}
	})
	if turned == 0 {
		t.Error("no Gateway got or lost its only route")
	}
}
