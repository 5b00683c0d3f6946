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
	choice     Choice
	from       origin
	beside     []pathOrigin
	input      export.Input // without rules and paths, which from represents
	schemas    Schemas
	projection export.Projection
}

// Project returns the projections of parts, like Part.Project, and what to keep of them. If nothing
// that a projection depends on has changed since kept, it is taken from there.
func Project(parts []Part, kept []Kept) ([]Result, []Kept) {
	results, keep := make([]Result, len(parts)), make([]Kept, len(parts))
	for i := range parts {
		p := &parts[i]
		k := p.dependsOn(parts)
		at := slices.IndexFunc(kept, func(old Kept) bool { return old.same(&k) })
		if at >= 0 {
			k = kept[at]
		} else {
			k.projection = p.Project()
		}
		results[i], keep[i] = Result{Part: *p, Projection: k.projection}, k
	}
	return results, keep
}

// dependsOn returns what the projection of a part depends on.
func (p *Part) dependsOn(all []Part) Kept {
	k := Kept{choice: p.Choice, from: p.from, input: p.Input, schemas: p.schemas}
	k.input.Rules, k.input.Paths, k.input.Beside = nil, nil, nil
	for i := range all {
		if &all[i] != p {
			k.beside = append(k.beside, all[i].from.paths...)
		}
	}
	return k
}

// same reports whether two projections must be equal.
func (k *Kept) same(other *Kept) bool {
	a, b := &k.input, &other.input
	return k.from.route == other.from.route && k.choice == other.choice && k.schemas == other.schemas &&
		slices.Equal(k.from.paths, other.from.paths) && slices.Equal(k.beside, other.beside) &&
		a.UID == b.UID && a.Version == b.Version && a.Fields == b.Fields && a.Parameters == b.Parameters &&
		a.ParametersDiffer == b.ParametersDiffer && a.MissingCRD == b.MissingCRD &&
		slices.Equal(a.Foreign, b.Foreign) && maps.Equal(a.Held, b.Held) && maps.Equal(a.Taken, b.Taken) &&
		maps.Equal(a.ParentGenerations, b.ParentGenerations)
}
