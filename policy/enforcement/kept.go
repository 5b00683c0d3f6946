package enforcement

import (
	"maps"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/export"
)

// origin is what the input of a part was computed from. Objects of the graph and results are never
// changed, so equal pointers mean equal content.
type origin struct {
	route *hierarchy.Route
	paths []pathOrigin
}

type pathOrigin struct {
	result     *effective.PathPolicies
	listener   *hierarchy.Listener
	controller string
	hostnames  int
	rule       int
	consents   bool
	sole       bool
}

// Kept is the projection of a part with everything that it depends on, so that it can be reused.
type Kept struct {
	part *Part
	// beside are where the paths of the other parts come from.
	beside []pathOrigin
	// raw is the projection of the exporter, of which projection leaves out what is refused.
	raw, projection export.Projection
}

// Project returns the projections of parts, like Part.Project, and what to keep of them. If nothing
// that a projection depends on has changed since kept, it is taken from there.
func Project(parts []Part, kept []Kept) ([]Result, []Kept) {
	results, keep := make([]Result, len(parts)), make([]Kept, len(parts))
	for i := range parts {
		p := &parts[i]
		k := Kept{part: p, beside: beside(parts, p)}
		at := slices.IndexFunc(kept, func(old Kept) bool { return old.same(&k) })
		if at >= 0 {
			k.raw, k.projection = kept[at].raw, kept[at].projection
		} else {
			k.raw = p.raw()
			k.projection = p.settle(k.raw)
		}
		results[i], keep[i] = Result{Part: p, Projection: k.projection}, k
	}
	return results, keep
}

// beside returns where the paths of the parts beside one come from.
func beside(all []Part, one *Part) []pathOrigin {
	var paths []pathOrigin
	for i := range all {
		if &all[i] != one {
			paths = append(paths, all[i].from.paths...)
		}
	}
	return paths
}

// trimmed returns what is kept of a route with very many paths: without those, which the part's origin
// represents.
func (k Kept) trimmed() Kept {
	part := *k.part
	part.Input.Rules, part.Input.Paths, part.Input.Beside, part.order = nil, nil, nil, nil
	k.part = &part
	return k
}

// same reports whether two projections must be equal.
func (k *Kept) same(other *Kept) bool {
	x, y := k.part, other.part
	a, b := &x.Input, &y.Input
	return x.from.route == y.from.route && x.Choice == y.Choice && x.schemas == y.schemas &&
		slices.Equal(x.from.paths, y.from.paths) && slices.Equal(k.beside, other.beside) &&
		a.UID == b.UID && a.Version == b.Version && a.Fields == b.Fields && a.Parameters == b.Parameters &&
		a.ParametersDiffer == b.ParametersDiffer && a.MissingCRD == b.MissingCRD &&
		slices.Equal(a.Foreign, b.Foreign) && maps.Equal(a.Held, b.Held) && maps.Equal(a.Taken, b.Taken) &&
		maps.Equal(a.ParentGenerations, b.ParentGenerations)
}
