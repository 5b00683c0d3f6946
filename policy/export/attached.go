package export

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
)

// foreignAt are the foreign policies at one place, the one that counts first:
// the oldest, and of the same age the first by namespace and name.
func (in *Input) foreignAt(target hierarchy.Ref) []*Foreign {
	var found []*Foreign
	for i := range in.Foreign {
		if in.Foreign[i].Target == target {
			found = append(found, &in.Foreign[i])
		}
	}
	slices.SortStableFunc(found, func(a, b *Foreign) int { return compareAge(a.Object, b.Object) })
	return found
}

// compareAge orders by creation; what has no creation is the youngest.
func compareAge(a, b *unstructured.Unstructured) int {
	x, y := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	switch {
	case x.IsZero() != y.IsZero():
		if x.IsZero() {
			return 1
		}
		return -1
	case !x.Equal(&y):
		return x.Compare(y.Time)
	}
	return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
}

// older says whether our live object of that name was there before a foreign
// one (E11.2).
func (in *Input) older(name string, foreign *Foreign) bool {
	live := in.Held[name]
	return live != nil && compareAge(live, foreign.Object) < 0
}

// above is the foreign policy that a path would have without ours: that of the
// listener, else of the ListenerSet, else of the Gateway.
func (in *Input) above(p *Path) *Foreign {
	for _, place := range [...]hierarchy.Ref{p.Listener, p.Gateway.WithSection(p.Listener.Section), p.Listener.Object(), p.Gateway} {
		if found := in.foreignAt(place); len(found) > 0 {
			return found[0]
		}
	}
	return nil
}
