package effective_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// TestDiffersSaysWhetherThereAreChanges: for targets on both sides or on one, whose rules and
// listeners come and go.
func TestDiffersSaysWhetherThereAreChanges(t *testing.T) {
	kinds := ourKinds(t)
	rapid.Check(t, func(r *rapid.T) {
		one, _ := policy.NewSnapshot(policy.Options{}).With(append(kinds, objects(t, drawWorld(r))...)...)
		other, _ := one.With(objects(t, drawWorld(r))...)
		resolver := effective.NewResolver(one)
		before, after := resolver.ResolveAll(), resolver.On(other).ResolveAll()
		differ := effective.NewDiffer()
		seen := map[hierarchy.Ref]bool{}
		for _, side := range []effective.Resolution{before, after} {
			for e := range side.All() {
				ref := e.Target
				if seen[ref] {
					continue
				}
				seen[ref] = true
				sides := [][2]*effective.Target{{before.Get(ref), after.Get(ref)}, {nil, after.Get(ref)}, {before.Get(ref), nil}}
				for _, s := range sides {
					changes := differ.Target(ref, s[0], s[1])
					displaces := slices.ContainsFunc(changes, func(c effective.Change) bool { return c.Before != nil })
					if got := differ.Differs(s[0], s[1]); got != (len(changes) > 0) {
						r.Fatalf("%s differs: %t, with changes %v", ref, got, changes)
					}
					if got := differ.Displaces(s[0], s[1]); got != displaces {
						r.Fatalf("something of %s is displaced: %t, with changes %v", ref, got, changes)
					}
				}
			}
		}
	})
}
