package hierarchy

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Touched returns the Routes and Gateways whose paths go through a Ref or whose binding depends on
// it, as whole objects, sorted. Only objects in the Graph are returned, so a comparison of two
// Graphs must ask both. A listener touches what is bound to it and nothing else; a rule touches its
// route.
func (g *Graph) Touched(ref Ref) []Ref {
	switch {
	case (ref.GroupKind == GatewayKind || ref.GroupKind == ListenerSetKind) && ref.Section != "":
		return g.boundTo(ref).refs()
	case !isAbove(ref.GroupKind):
		s, ok := g.routes.Get(ref.Object())
		if !ok {
			return []Ref{}
		}
		if s.row.distinguishable {
			return []Ref{*s.id}
		}
	}
	t := make(touched)
	switch ref.GroupKind {
	case GatewayClassKind:
		gateways, _ := g.gatewaysOf.Get(ref.Object())
		for _, id := range gateways {
			t.gateway(g, *id)
		}
	case GatewayKind:
		t.gateway(g, ref)
	case ListenerSetKind:
		t.set(g, ref)
	case NamespaceKind:
		t.namespace(g, ref.Name)
	default:
		t.route(g, ref.Object())
	}
	return t.sorted().refs()
}

// isAbove reports whether objects of a kind are above routes.
func isAbove(kind schema.GroupKind) bool {
	switch kind {
	case GatewayClassKind, GatewayKind, ListenerSetKind, NamespaceKind:
		return true
	}
	return false
}

// refs are the Refs of members.
func (m members) refs() []Ref {
	refs := make([]Ref, len(m))
	for i, id := range m {
		refs[i] = *id
	}
	return refs
}

// touched collects the identities of objects.
type touched map[*Ref]struct{}

func (t touched) sorted() members {
	ids := make(members, 0, len(t))
	for id := range t {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareRefs)
	return ids
}

func (t touched) members(ids members) {
	for _, id := range ids {
		t[id] = struct{}{}
	}
}

// gateway adds a Gateway, if it exists, and the routes that name it or a ListenerSet of it. This
// includes the routes of a ListenerSet that it does not admit, because this is why they are not
// bound.
func (t touched) gateway(g *Graph, ref Ref) {
	if s, ok := g.gateways.Get(ref); ok {
		t[s.id] = struct{}{}
		if s.gateway.DefaultScope == FromAll {
			routes, _ := g.defaulted.Get(defaultedRoutes)
			t.members(routes)
		}
	}
	routes, _ := g.routesOf.Get(ref)
	t.members(routes)
	t.setsOf(g, ref)
}

func (t touched) setsOf(g *Graph, gateway Ref) {
	sets, _ := g.setsOf.Get(gateway)
	for _, id := range sets {
		routes, _ := g.routesOf.Get(*id)
		t.members(routes)
	}
}

// set adds the routes that name a ListenerSet, its Gateway, and the routes of the Gateway's other
// ListenerSets: it can take a port from them (R37), but never from the Gateway itself.
func (t touched) set(g *Graph, ref Ref) {
	routes, _ := g.routesOf.Get(ref)
	t.members(routes)
	s, ok := g.sets.Get(ref)
	if !ok {
		return
	}
	if gateway, ok := g.gateways.Get(s.set.Parent); ok {
		t[gateway.id] = struct{}{}
	}
	t.setsOf(g, s.set.Parent)
}

// namespace adds what depends on a Namespace's labels (R15, R34).
func (t touched) namespace(g *Graph, name string) {
	routes, _ := g.routesIn.Get(name)
	t.members(routes)
	sets, _ := g.setsIn.Get(name)
	for _, id := range sets {
		t.set(g, *id)
	}
}

// route adds a route, and the routes that it competes with where a listener cannot tell them apart
// (R30).
func (t touched) route(g *Graph, ref Ref) {
	s, ok := g.routes.Get(ref)
	if !ok {
		return
	}
	t[s.id] = struct{}{}
	if s.row.distinguishable {
		return
	}
	for _, l := range s.boundTo {
		rivals, _ := g.bound.Get(l.id)
		for _, id := range rivals {
			if r, ok := g.routes.Get(*id); ok && !r.row.distinguishable {
				t[id] = struct{}{}
			}
		}
	}
}
