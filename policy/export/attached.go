package export

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
)

// ForeignAt returns the foreign policies attached at one place, by precedence: the oldest first, and
// those of the same age by namespace and name.
func (in *Input) ForeignAt(target hierarchy.Ref) []*Foreign {
	if len(in.Foreign) == 0 {
		return nil
	}
	var found []*Foreign
	for i := range in.Foreign {
		if in.Foreign[i].Target == target {
			found = append(found, &in.Foreign[i])
		}
	}
	slices.SortStableFunc(found, func(a, b *Foreign) int { return compareAge(a.Object, b.Object) })
	return found
}

// compareAge orders by creation timestamp. An object without one is the youngest.
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

// Older reports whether our live object of that name is older than a foreign one (E11.2).
func (in *Input) Older(name string, foreign *Foreign) bool {
	live := in.Held[name]
	return live != nil && compareAge(live, foreign.Object) < 0
}

// Above returns the foreign policy that would apply to a path without ours: the one on the listener,
// else on the ListenerSet, else on the Gateway.
func (in *Input) Above(p *Path) *Foreign {
	if len(in.Foreign) == 0 {
		return nil
	}
	for _, place := range [...]hierarchy.Ref{p.Listener.Ref, p.Listener.Gateway.WithSection(p.Listener.Ref.Section), p.Listener.Ref.Object(), p.Listener.Gateway} {
		if found := in.ForeignAt(place); len(found) > 0 {
			return found[0]
		}
	}
	return nil
}
