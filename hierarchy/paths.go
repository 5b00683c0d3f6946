package hierarchy

import (
	"cmp"
	"iter"
	"slices"
)

// Through iterates over every path through the object or section that a Ref names. Each path leads
// down to a rule (or to a route that has none). The order is always the same: by Gateway,
// ListenerSet, listener, route, and rules as the route lists them. There is a path for every
// listener that a route is bound to, active or not. The paths through a Namespace are those of the
// routes in it.
func (g *Graph) Through(ref Ref) iter.Seq[Path] {
	return func(yield func(Path) bool) {
		switch ref.GroupKind {
		case GatewayClassKind:
			if ref.Section != "" {
				return
			}
			gateways, _ := g.gatewaysOf.Get(ref)
			for _, gateway := range gateways {
				if !g.throughListeners(g.Listeners(*gateway), yield) {
					return
				}
			}
		case GatewayKind:
			if ref.Section == "" {
				g.throughListeners(g.Listeners(ref), yield)
				return
			}
			g.throughListener(ref, yield)
		case ListenerSetKind:
			if ref.Section == "" {
				g.throughListeners(g.listenersOf(ref), yield)
				return
			}
			g.throughListener(ref, yield)
		case NamespaceKind:
			routes, _ := g.routesIn.Get(ref.Name)
			for _, route := range routes {
				if ref.Section == "" && !g.throughRoute(*route, yield) {
					return
				}
			}
		default:
			g.throughRoute(ref, yield)
		}
	}
}

func (g *Graph) throughListener(ref Ref, yield func(Path) bool) {
	if l, ok := g.Listener(ref); ok {
		g.throughListeners([]*Listener{l}, yield)
	}
}

// throughListeners yields the paths through listeners, and reports whether to continue.
func (g *Graph) throughListeners(listeners []*Listener, yield func(Path) bool) bool {
	below := make(map[*Ref][]Node)
	for _, l := range listeners {
		bound, _ := g.bound.Get(l.id)
		for _, id := range bound {
			nodes, ok := below[id]
			if !ok {
				s, _ := g.routes.Get(*id)
				nodes = s.route.nodes()
				below[id] = nodes
			}
			if !l.paths(nodes, "", yield) {
				return false
			}
		}
	}
	return true
}

// throughRoute yields the paths through a route, and reports whether to continue.
func (g *Graph) throughRoute(ref Ref, yield func(Path) bool) bool {
	s, ok := g.routes.Get(ref.Object())
	if !ok {
		return true
	}
	nodes := s.route.nodes()
	for _, l := range s.boundTo {
		if !l.paths(nodes, ref.Section, yield) {
			return false
		}
	}
	return true
}

// nodes returns the Node of a route's Namespace, and of the route, followed by those
// of its rules.
func (o *Route) nodes() []Node {
	nodes := make([]Node, 2+len(o.Rules))
	nodes[0] = Node{Ref: NamespaceRef(o.meta.Ref.Namespace), Level: NamespaceLevel, Rule: -1}
	nodes[1] = Node{Ref: o.meta.Ref, Level: RouteLevel, Rule: -1}
	for i := range o.Rules {
		nodes[i+2] = Node{Ref: o.meta.Ref.WithSection(o.Rules[i].Name), Level: RouteRuleLevel, Rule: i}
	}
	return nodes
}

// paths yields the paths through a listener and a route, all of them or those
// through the rules of one name.
func (l *Listener) paths(nodes []Node, section string, yield func(Path) bool) bool {
	namespace, route, rules := &nodes[0], &nodes[1], nodes[2:]
	if len(rules) == 0 {
		return section != "" || yield(append(slices.Clip(Path(l.above)), namespace, route))
	}
	for i := range rules {
		if section != "" && rules[i].Ref.Section != section {
			continue
		}
		if !yield(append(slices.Clip(Path(l.above)), namespace, route, &rules[i])) {
			return false
		}
	}
	return true
}

// Above returns the objects above an object, or above a section of it, on any path: the highest
// level first, sorted within each level. The object itself is above its sections. A ListenerSet
// that its Gateway does not admit has nothing above it.
func (g *Graph) Above(ref Ref) []Ref {
	object, ok := g.Get(ref)
	if !ok {
		return nil
	}
	var up upper
	level := RouteLevel
	switch o := object.(type) {
	case *Gateway:
		level = GatewayLevel
		up.add(GatewayClassLevel, GatewayClassRef(o.Class))
	case *ListenerSet:
		level = ListenerSetLevel
		if s, _ := g.sets.Get(o.meta.Ref); s != nil && s.admitted {
			up.add(GatewayLevel, o.Parent)
			if gateway, _ := g.gateways.Get(o.Parent); gateway != nil {
				up.add(GatewayClassLevel, GatewayClassRef(gateway.gateway.Class))
			}
		}
	case *Route:
		for _, l := range g.BoundTo(ref) {
			up.add(GatewayClassLevel, l.Class)
			up.add(GatewayLevel, l.Gateway)
			up.add(ListenerSetLevel, l.ListenerSet)
			up.add(ListenerLevel, l.Ref)
			up.add(NamespaceLevel, NamespaceRef(ref.Namespace))
		}
	}
	if ref.Section != "" {
		up.add(level, ref.Object())
	}
	return up.refs()
}

// upper collects Refs by level.
type upper []leveled

type leveled struct {
	level Level
	ref   Ref
}

func (u *upper) add(level Level, ref Ref) {
	if !ref.IsZero() {
		*u = append(*u, leveled{level, ref})
	}
}

func (u *upper) refs() []Ref {
	refs := make([]Ref, 0, len(*u))
	slices.SortFunc(*u, func(a, b leveled) int {
		return cmp.Or(cmp.Compare(a.level, b.level), Compare(a.ref, b.ref))
	})
	for _, entry := range *u {
		refs = append(refs, entry.ref)
	}
	return slices.Compact(refs)
}
