package hierarchy

import (
	"iter"
	"slices"
)

// Through iterates over every path through what a Ref names, each down to a
// rule (or to a route that has none), always in the same order: by Gateway,
// ListenerSet, listener, route, and rules as the route lists them. A path is
// there for every listener that a route is bound to, active or not.
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

// throughListeners yields the paths through listeners, and says whether to go on.
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

func (g *Graph) throughRoute(ref Ref, yield func(Path) bool) {
	s, ok := g.routes.Get(ref.Object())
	if !ok {
		return
	}
	nodes := s.route.nodes()
	for _, l := range s.boundTo {
		if !l.paths(nodes, ref.Section, yield) {
			return
		}
	}
}

// nodes returns the Node of a route followed by those of its rules.
func (o *Route) nodes() []Node {
	nodes := make([]Node, 1+len(o.Rules))
	nodes[0] = Node{Ref: o.meta.Ref, Level: RouteLevel, Rule: -1}
	for i := range o.Rules {
		nodes[i+1] = Node{Ref: o.meta.Ref.WithSection(o.Rules[i].Name), Level: RouteRuleLevel, Rule: i}
	}
	return nodes
}

// paths yields the paths through a listener and a route, all of them or those
// through the rules of one name.
func (l *Listener) paths(nodes []Node, section string, yield func(Path) bool) bool {
	route, rules := &nodes[0], nodes[1:]
	if len(rules) == 0 {
		return section != "" || yield(append(slices.Clip(Path(l.above)), route))
	}
	for i := range rules {
		if section != "" && rules[i].Ref.Section != section {
			continue
		}
		if !yield(append(slices.Clip(Path(l.above)), route, &rules[i])) {
			return false
		}
	}
	return true
}
