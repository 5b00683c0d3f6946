package hierarchy

import (
	"github.com/attache-dev/attache/hierarchy/persistent"
)

// Build returns the Graph of a set of objects. Of two objects with one Ref the
// later counts.
func Build(objects []Object) *Graph { return new(Graph).With(objects...) }

// With returns a Graph that has the objects, in place of those with the same
// Refs.
func (g *Graph) With(objects ...Object) *Graph {
	if len(objects) == 0 {
		return g
	}
	e := newEdit(g)
	for _, o := range objects {
		e.put(o)
	}
	return e.graph()
}

// Without returns a Graph that does not have the objects that the Refs name.
// Sections of Refs are ignored.
func (g *Graph) Without(refs ...Ref) *Graph {
	if len(refs) == 0 {
		return g
	}
	e := newEdit(g)
	for _, ref := range refs {
		e.remove(ref.Object())
	}
	return e.graph()
}

// The keys of Graph.defaulted.
const (
	defaultedGateways = "gateways"
	defaultedRoutes   = "routes"
)

// edit is the making of the next Graph. First the objects are put and removed,
// which only notes what depends on them; then everything noted is derived
// again, once, in the order in which things depend on each other: Gateways
// with their ListenerSets, routes, and which of competing routes is active.
// The result is the same as deriving everything from nothing.
type edit struct {
	base *Graph

	classes    *persistent.Builder[Ref, *GatewayClass]
	gateways   *persistent.Builder[Ref, *gatewayState]
	sets       *persistent.Builder[Ref, *setState]
	routes     *persistent.Builder[Ref, *routeState]
	namespaces *persistent.Builder[string, *Namespace]
	grants     *persistent.Builder[Ref, *ReferenceGrant]

	routesOf, setsOf, gatewaysOf          index[Ref]
	bound                                 index[*Ref]
	routesIn, setsIn, grantsIn, defaulted index[string]

	// staleGateways are to be derived again, existing or not.
	staleGateways map[Ref]struct{}
	// holders are the Gateways and ListenerSets whose listeners may have
	// changed, and with them the routes that name them.
	holders map[Ref]struct{}
	// staleRoutes are to be bound again; gone or not.
	staleRoutes map[*Ref]struct{}
	// contested are listeners where another route may have become the active one.
	contested map[*Ref]struct{}
}

func newEdit(g *Graph) *edit {
	return &edit{
		base:       g,
		classes:    g.classes.Builder(),
		gateways:   g.gateways.Builder(),
		sets:       g.sets.Builder(),
		routes:     g.routes.Builder(),
		namespaces: g.namespaces.Builder(),
		grants:     g.grants.Builder(),

		routesOf:   index[Ref]{base: g.routesOf},
		setsOf:     index[Ref]{base: g.setsOf},
		gatewaysOf: index[Ref]{base: g.gatewaysOf},
		bound:      index[*Ref]{base: g.bound},
		routesIn:   index[string]{base: g.routesIn},
		setsIn:     index[string]{base: g.setsIn},
		grantsIn:   index[string]{base: g.grantsIn},
		defaulted:  index[string]{base: g.defaulted},

		staleGateways: make(map[Ref]struct{}),
		holders:       make(map[Ref]struct{}),
		staleRoutes:   make(map[*Ref]struct{}),
		contested:     make(map[*Ref]struct{}),
	}
}

// graph derives what is stale and returns the next Graph.
func (e *edit) graph() *Graph {
	e.deriveGateways()
	e.bindRoutes()
	e.settleContests()
	return &Graph{
		classes: e.classes.Map(), gateways: e.gateways.Map(), sets: e.sets.Map(),
		routes: e.routes.Map(), namespaces: e.namespaces.Map(), grants: e.grants.Map(),
		routesOf: e.routesOf.done(), setsOf: e.setsOf.done(), gatewaysOf: e.gatewaysOf.done(), bound: e.bound.done(),
		routesIn: e.routesIn.done(), setsIn: e.setsIn.done(), grantsIn: e.grantsIn.done(), defaulted: e.defaulted.done(),
	}
}
