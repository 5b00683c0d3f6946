package hierarchy

import (
	"iter"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Objects iterates over the objects of a kind in a namespace, in no particular
// order; with no namespace over all of the kind.
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

// Exists says whether there is such an object. A Namespace is there, too, when
// something in it is: manifests rarely have the Namespaces themselves.
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
