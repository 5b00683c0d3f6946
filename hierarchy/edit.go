package hierarchy

import (
	"maps"
	"slices"

	"github.com/attache-dev/attache/hierarchy/persistent"
)

// Build returns the Graph of a set of objects. If two objects have the same Ref, the later one
// counts.
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

// edit builds the next Graph. First, objects are put and removed, which only records what depends
// on them. Then everything recorded is derived again, once, in the order of dependencies: Gateways
// with their ListenerSets, routes, and which of several competing routes is active. The result is
// the same as deriving everything from nothing.
type edit struct {
	base *Graph

	classes    persistent.Builder[Ref, *GatewayClass]
	gateways   persistent.Builder[Ref, *gatewayState]
	sets       persistent.Builder[Ref, *setState]
	routes     persistent.Builder[Ref, *routeState]
	namespaces persistent.Builder[string, *Namespace]
	grants     persistent.Builder[Ref, *ReferenceGrant]

	routesOf, setsOf, gatewaysOf          index[Ref]
	bound                                 index[*Ref]
	routesIn, setsIn, grantsIn, defaulted index[string]

	// staleGateways are to be derived again, whether they exist or not.
	staleGateways map[Ref]struct{}
	// holders are the Gateways and ListenerSets whose listeners may have
	// changed, and with them the routes that name them.
	holders map[Ref]struct{}
	// staleRoutes are to be bound again, whether they still exist or not. One may be there repeatedly.
	staleRoutes []*Ref
	// contested are listeners where another route may have become the active one.
	contested map[*Ref]struct{}
}

func newEdit(g *Graph) *edit {
	return &edit{
		base:       g,
		classes:    *g.classes.Builder(),
		gateways:   *g.gateways.Builder(),
		sets:       *g.sets.Builder(),
		routes:     *g.routes.Builder(),
		namespaces: *g.namespaces.Builder(),
		grants:     *g.grants.Builder(),

		routesOf:   index[Ref]{base: g.routesOf},
		setsOf:     index[Ref]{base: g.setsOf},
		gatewaysOf: index[Ref]{base: g.gatewaysOf},
		bound:      index[*Ref]{base: g.bound},
		routesIn:   index[string]{base: g.routesIn},
		setsIn:     index[string]{base: g.setsIn},
		grantsIn:   index[string]{base: g.grantsIn},
		defaulted:  index[string]{base: g.defaulted},
	}
}

// mark adds a key to a set, which most edits leave empty.
func mark[K comparable](set *map[K]struct{}, key K) {
	if *set == nil {
		*set = make(map[K]struct{})
	}
	(*set)[key] = struct{}{}
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

func (e *edit) put(o Object) {
	switch o := o.(type) {
	case *GatewayClass:
		e.classes.Set(o.meta.Ref, o)
	case *Gateway:
		e.putGateway(o.meta.Ref, o)
	case *ListenerSet:
		e.putSet(o.meta.Ref, o)
	case *Route:
		e.putRoute(o.meta.Ref, o)
	case *Namespace:
		e.putNamespace(o.meta.Ref.Name, o)
	case *ReferenceGrant:
		e.putGrant(o.meta.Ref, o)
	}
}

func (e *edit) remove(ref Ref) {
	switch ref.GroupKind {
	case GatewayClassKind:
		e.classes.Delete(ref)
	case GatewayKind:
		e.putGateway(ref, nil)
	case ListenerSetKind:
		e.putSet(ref, nil)
	case NamespaceKind:
		e.putNamespace(ref.Name, nil)
	case ReferenceGrantKind:
		e.putGrant(ref, nil)
	default:
		e.putRoute(ref, nil)
	}
}

// putGateway puts a Gateway, or removes it when it is nil.
func (e *edit) putGateway(ref Ref, gateway *Gateway) {
	old, existed := e.gateways.Get(ref)
	if !existed && gateway == nil {
		return
	}
	mark(&e.staleGateways, ref)
	mark(&e.holders, ref)
	var id *Ref
	if existed {
		id = old.id
		e.gatewaysOf.remove(GatewayClassRef(old.gateway.Class), id)
		if old.gateway.DefaultScope == FromAll {
			e.defaulted.remove(defaultedGateways, id)
		}
	}
	if gateway == nil {
		e.gateways.Delete(ref)
		return
	}
	if id == nil {
		id = identity(ref)
	}
	e.gateways.Set(ref, &gatewayState{id: id, gateway: gateway})
	e.gatewaysOf.add(GatewayClassRef(gateway.Class), id)
	if gateway.DefaultScope == FromAll {
		e.defaulted.add(defaultedGateways, id)
	}
}

// putSet puts a ListenerSet, or removes it when it is nil.
func (e *edit) putSet(ref Ref, set *ListenerSet) {
	old, existed := e.sets.Get(ref)
	if !existed && set == nil {
		return
	}
	mark(&e.holders, ref)
	var id *Ref
	if existed {
		id = old.id
		mark(&e.staleGateways, old.set.Parent)
		e.setsOf.remove(old.set.Parent, id)
	}
	if set == nil {
		e.setsIn.remove(ref.Namespace, id)
		e.sets.Delete(ref)
		return
	}
	if id == nil {
		id = identity(ref)
		e.setsIn.add(ref.Namespace, id)
	}
	e.sets.Set(ref, &setState{id: id, set: set})
	e.setsOf.add(set.Parent, id)
	mark(&e.staleGateways, set.Parent)
}

// putRoute puts a route, or removes it when it is nil. The indexes are touched
// only where the new version differs: most versions of a route keep their
// parents.
func (e *edit) putRoute(ref Ref, route *Route) {
	old, existed := e.routes.Get(ref)
	var id *Ref
	switch {
	case existed:
		id = old.id
	case route == nil:
		return
	default:
		id = identity(ref)
		e.routesIn.add(ref.Namespace, id)
	}
	e.staleRoutes = append(e.staleRoutes, id)
	var before *Route
	if existed {
		before = old.route
	}
	if route == nil {
		e.routesIn.remove(ref.Namespace, id)
		e.routes.Delete(ref)
	} else {
		e.routes.Set(ref, &routeState{id: id, route: route})
	}
	if !sameParents(before, route) {
		e.moveRoute(id, before, route)
	}
	if was, is := before.claimed(), route.claimed(); was && !is {
		e.defaulted.remove(defaultedRoutes, id)
	} else if is && !was {
		e.defaulted.add(defaultedRoutes, id)
	}
}

func sameParents(a, b *Route) bool { return a != nil && b != nil && slices.Equal(a.Parents, b.Parents) }

// claimed reports whether default Gateways claim a route (R31).
func (o *Route) claimed() bool { return o != nil && o.UseDefaultGateways == FromAll }

// moveRoute enters a route with the parents that it names now.
func (e *edit) moveRoute(id *Ref, before, now *Route) {
	if before != nil {
		for i := range before.Parents {
			e.routesOf.remove(before.Parents[i].Ref.Object(), id)
		}
	}
	if now != nil {
		for i := range now.Parents {
			e.routesOf.add(now.Parents[i].Ref.Object(), id)
		}
	}
}

// putNamespace puts a Namespace, or removes it when it is nil. Its contents are stale only if its
// labels changed (R15).
func (e *edit) putNamespace(name string, namespace *Namespace) {
	before := e.namespaceLabels(name)
	if namespace == nil {
		e.namespaces.Delete(name)
	} else {
		e.namespaces.Set(name, namespace)
	}
	if maps.Equal(before, e.namespaceLabels(name)) {
		return
	}
	e.staleRoutes = append(e.staleRoutes, e.routesIn.all(name)...)
	for _, id := range e.setsIn.all(name) {
		if s, ok := e.sets.Get(*id); ok {
			mark(&e.staleGateways, s.set.Parent)
		}
	}
}

// putGrant puts a ReferenceGrant, or removes it when it is nil. Grants do not affect bindings
// (R43).
func (e *edit) putGrant(ref Ref, grant *ReferenceGrant) {
	old, existed := e.grants.Get(ref)
	if existed {
		e.grantsIn.remove(ref.Namespace, &old.meta.Ref)
	}
	if grant == nil {
		e.grants.Delete(ref)
		return
	}
	e.grants.Set(ref, grant)
	e.grantsIn.add(ref.Namespace, &grant.meta.Ref)
}
