package hierarchy

import (
	"iter"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy/persistent"
)

// Get returns the object that a Ref names, whatever its section.
func (g *Graph) Get(ref Ref) (Object, bool) {
	ref = ref.Object()
	switch ref.GroupKind {
	case GatewayClassKind:
		if o, ok := g.classes.Get(ref); ok {
			return o, true
		}
	case GatewayKind:
		if s, ok := g.gateways.Get(ref); ok {
			return s.gateway, true
		}
	case ListenerSetKind:
		if s, ok := g.sets.Get(ref); ok {
			return s.set, true
		}
	case NamespaceKind:
		if o, ok := g.namespaces.Get(ref.Name); ok && ref.Namespace == "" {
			return o, true
		}
	case ReferenceGrantKind:
		if o, ok := g.grants.Get(ref); ok {
			return o, true
		}
	default:
		if s, ok := g.routes.Get(ref); ok {
			return s.route, true
		}
	}
	return nil, false
}

// Sections returns how many things a Ref names in its object: how many
// listeners or rules carry its section as their name, or 1 for an object as a
// whole. It is 0 for what does not exist, and more than 1 when two rules share
// the name (R52).
func (g *Graph) Sections(ref Ref) int {
	object, ok := g.Get(ref)
	if !ok {
		return 0
	}
	if ref.Section == "" {
		return 1
	}
	n := 0
	switch o := object.(type) {
	case *Gateway:
		n = countListeners(o.Listeners, ref.Section)
	case *ListenerSet:
		n = countListeners(o.Listeners, ref.Section)
	case *Route:
		for i := range o.Rules {
			if o.Rules[i].Name == ref.Section {
				n++
			}
		}
	}
	return n
}

func countListeners(listeners []ListenerSpec, name string) int {
	n := 0
	for i := range listeners {
		if listeners[i].Name == name {
			n++
		}
	}
	return n
}

// values iterates over results derived from the values of a map, in no particular order.
func values[V, T any](m persistent.Map[Ref, V], of func(V) T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, v := range m.All() {
			if !yield(of(v)) {
				return
			}
		}
	}
}

// Routes iterates over the routes of every kind, in no particular order.
func (g *Graph) Routes() iter.Seq[*Route] {
	return values(g.routes, func(s *routeState) *Route { return s.route })
}

// AllBound iterates over the routes of every kind with the listeners that each is bound to, in no
// particular order. Routes that are bound to the same often share one list (see BoundTo).
func (g *Graph) AllBound() iter.Seq2[*Route, []*Listener] {
	return func(yield func(*Route, []*Listener) bool) {
		for _, s := range g.routes.All() {
			if !yield(s.route, s.boundTo) {
				return
			}
		}
	}
}

// Targets is how many routes and Gateways there are.
func (g *Graph) Targets() int { return g.routes.Len() + g.gateways.Len() }

// Gateways iterates over the Gateways, in no particular order.
func (g *Graph) Gateways() iter.Seq[*Gateway] {
	return values(g.gateways, func(s *gatewayState) *Gateway { return s.gateway })
}

// GatewayClasses iterates over the GatewayClasses, in no particular order.
func (g *Graph) GatewayClasses() iter.Seq[*GatewayClass] {
	return values(g.classes, func(c *GatewayClass) *GatewayClass { return c })
}

// ListenerSets iterates over the ListenerSets, in no particular order.
func (g *Graph) ListenerSets() iter.Seq[*ListenerSet] {
	return values(g.sets, func(s *setState) *ListenerSet { return s.set })
}

// ReferenceGrants iterates over the ReferenceGrants, in no particular order.
func (g *Graph) ReferenceGrants() iter.Seq[*ReferenceGrant] {
	return values(g.grants, func(o *ReferenceGrant) *ReferenceGrant { return o })
}

// Bindings returns the Binding of every distinct parentRef of a route, in the order of its spec.
// The claims of default Gateways (R31) follow, sorted, with a Parent.Index of -1.
func (g *Graph) Bindings(route Ref) []Binding {
	if s, ok := g.routes.Get(route.Object()); ok {
		return s.bindings
	}
	return nil
}

// BoundTo returns the listeners that a route is bound to through any
// parentRef, sorted by Gateway, ListenerSet and name. Routes that are bound to
// one listener get the same pointer.
func (g *Graph) BoundTo(route Ref) []*Listener {
	if s, ok := g.routes.Get(route.Object()); ok {
		return s.boundTo
	}
	return nil
}

// Listeners returns the listeners of a Gateway, its own and those of the
// ListenerSets that it admits, sorted by ListenerSet (its own first) and name.
func (g *Graph) Listeners(gateway Ref) []*Listener {
	if s, ok := g.gateways.Get(gateway.Object()); ok {
		return s.all
	}
	return nil
}

// Listener returns the listener that a Ref with a section names. A listener of
// a ListenerSet that did not join its Gateway is not there.
func (g *Graph) Listener(ref Ref) (*Listener, bool) {
	listeners := g.listenersOf(ref.Object())
	i, ok := slices.BinarySearchFunc(listeners, ref.Section, func(l *Listener, name string) int {
		return strings.Compare(l.Spec.Name, name)
	})
	if !ok {
		return nil, false
	}
	return listeners[i], true
}

// ListenerSetStatus returns whether a ListenerSet is accepted, with Gateway
// API's reason for its Accepted condition (or ParentNotFound or
// UnknownParentKind, which are ours) and a message. The reason is empty when
// there is no such ListenerSet.
func (g *Graph) ListenerSetStatus(ref Ref) (accepted bool, reason, message string) {
	s, ok := g.sets.Get(ref.Object())
	if !ok {
		return false, "", ""
	}
	return s.accepted, s.reason, s.message
}

// AttachedListenerSets returns how many accepted ListenerSets a Gateway has
// (R39).
func (g *Graph) AttachedListenerSets(gateway Ref) int {
	n := 0
	sets, _ := g.setsOf.Get(gateway.Object())
	for _, id := range sets {
		if s, ok := g.sets.Get(*id); ok && s.accepted {
			n++
		}
	}
	return n
}

// AttachedRoutes returns how many distinct routes are bound to a listener,
// active or not (R29).
func (g *Graph) AttachedRoutes(listener Ref) int {
	return len(g.boundTo(listener))
}

// boundTo returns the routes that are bound to a listener.
func (g *Graph) boundTo(listener Ref) members {
	l, ok := g.Listener(listener)
	if !ok {
		return nil
	}
	bound, _ := g.bound.Get(l.id)
	return bound
}

// Permits reports whether an object of a kind in a namespace may refer to an object: always in its
// own namespace, and across namespaces when a ReferenceGrant there permits it (R44). A
// cluster-scoped object has no namespace for a grant, so a reference to it from a namespace is
// never permitted.
func (g *Graph) Permits(from schema.GroupKind, fromNamespace string, to Ref) bool {
	if fromNamespace == to.Namespace {
		return true
	}
	grants, _ := g.grantsIn.Get(to.Namespace)
	for _, id := range grants {
		if grant, ok := g.grants.Get(*id); ok && grant.permits(from, fromNamespace, to) {
			return true
		}
	}
	return false
}

// permits evaluates one ReferenceGrant: any entry of from together with any entry of to.
func (o *ReferenceGrant) permits(from schema.GroupKind, fromNamespace string, to Ref) bool {
	return o.grantsFrom(GrantFrom{Group: from.Group, Kind: from.Kind, Namespace: fromNamespace}) && o.grantsTo(to)
}

func (o *ReferenceGrant) grantsFrom(from GrantFrom) bool {
	for _, f := range o.From {
		if f == from {
			return true
		}
	}
	return false
}

func (o *ReferenceGrant) grantsTo(to Ref) bool {
	for _, t := range o.To {
		if t.Group == to.GroupKind.Group && t.Kind == to.Kind && (t.Name == "" || t.Name == to.Name) {
			return true
		}
	}
	return false
}

// NamespaceLabels returns the labels of a Namespace. kubernetes.io/metadata.name
// is always among them, also when the Namespace itself is not in the Graph (R15).
func (g *Graph) NamespaceLabels(ns string) map[string]string {
	if n, ok := g.namespaces.Get(ns); ok {
		return n.meta.Labels
	}
	return map[string]string{NamespaceNameLabel: ns}
}

// listenersOf returns the listeners of a Gateway's own, or of a ListenerSet.
func (g *Graph) listenersOf(ref Ref) []*Listener {
	if ref.GroupKind == ListenerSetKind {
		if s, ok := g.sets.Get(ref); ok {
			return s.listeners
		}
	} else if s, ok := g.gateways.Get(ref); ok {
		return s.own
	}
	return nil
}

// Objects iterates over the objects of a kind in a namespace, in no particular order; without a
// namespace, over all objects of the kind.
func (g *Graph) Objects(kind schema.GroupKind, namespace string) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		switch kind {
		case GatewayClassKind:
			for _, o := range g.classes.All() {
				if !yield(o) {
					return
				}
			}
		case NamespaceKind:
			for _, o := range g.namespaces.All() {
				if !yield(o) {
					return
				}
			}
		case GatewayKind:
			for ref, s := range g.gateways.All() {
				if (namespace == "" || ref.Namespace == namespace) && !yield(s.gateway) {
					return
				}
			}
		case ListenerSetKind:
			for ref, s := range g.sets.All() {
				if (namespace == "" || ref.Namespace == namespace) && !yield(s.set) {
					return
				}
			}
		default:
			g.routesOfKind(kind, namespace, yield)
		}
	}
}

// routesOfKind uses the index of namespaces: there may be very many routes.
func (g *Graph) routesOfKind(kind schema.GroupKind, namespace string, yield func(Object) bool) {
	if namespace == "" {
		for ref, s := range g.routes.All() {
			if ref.GroupKind == kind && !yield(s.route) {
				return
			}
		}
		return
	}
	ids, _ := g.routesIn.Get(namespace)
	for _, id := range ids {
		if id.GroupKind != kind {
			continue
		}
		if s, ok := g.routes.Get(*id); ok && !yield(s.route) {
			return
		}
	}
}

// Exists reports whether an object exists. A Namespace also counts as existing if it contains an
// object: manifests rarely include the Namespaces themselves.
func (g *Graph) Exists(ref Ref) bool {
	if g.Sections(ref.Object()) > 0 {
		return true
	}
	if ref.GroupKind != NamespaceKind {
		return false
	}
	routes, _ := g.routesIn.Get(ref.Name)
	sets, _ := g.setsIn.Get(ref.Name)
	return len(routes) > 0 || len(sets) > 0
}

// SectionNames are the names of the listeners or the rules of an object, in the
// order of its spec; those without a name are left out.
func SectionNames(object Object) []string {
	var names []string
	add := func(name string) {
		if name != "" {
			names = append(names, name)
		}
	}
	switch o := object.(type) {
	case *Gateway:
		for i := range o.Listeners {
			add(o.Listeners[i].Name)
		}
	case *ListenerSet:
		for i := range o.Listeners {
			add(o.Listeners[i].Name)
		}
	case *Route:
		for i := range o.Rules {
			add(o.Rules[i].Name)
		}
	}
	return names
}
