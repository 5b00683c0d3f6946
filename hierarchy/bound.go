package hierarchy

import "iter"

// Bound iterates over the routes that are bound to a listener, sorted, each with the hostnames that
// it shares with the listener. A route is yielded once, no matter how many parentRefs bind it.
func (g *Graph) Bound(l *Listener) iter.Seq2[*Route, BoundListener] {
	return func(yield func(*Route, BoundListener) bool) {
		bound, _ := g.bound.Get(l.id)
		for _, id := range bound {
			s, ok := g.routes.Get(*id)
			if !ok {
				continue
			}
			if b, ok := s.on(l); ok && !yield(s.route, b) {
				return
			}
		}
	}
}

// SoleRoute returns the route that all of a Gateway's traffic goes to, which is the only one bound
// to any of its listeners. It returns false when there is no such route, or more than one.
func (g *Graph) SoleRoute(gateway Ref) (Ref, bool) {
	var sole Ref
	for _, l := range g.Listeners(gateway) {
		bound, _ := g.bound.Get(l.id)
		for _, id := range bound {
			if !sole.IsZero() && sole != *id {
				return Ref{}, false
			}
			sole = *id
		}
	}
	return sole, !sole.IsZero()
}

// on returns how a route is bound to a listener.
func (s *routeState) on(l *Listener) (BoundListener, bool) {
	for i := range s.bindings {
		for _, b := range s.bindings[i].Listeners {
			if b.Listener.id == l.id {
				return b, true
			}
		}
	}
	return BoundListener{}, false
}

// SameTraffic reports whether a Gateway's listeners, the routes that name it or its ListenerSets,
// and what they are bound to, are the same in two Graphs, one of which was derived from the other.
// It compares pointers, so an object that was put again unchanged counts as changed.
func (g *Graph) SameTraffic(other *Graph, gateway Ref) bool {
	a, ok := g.gateways.Get(gateway)
	b, was := other.gateways.Get(gateway)
	if !ok || !was || len(a.all) != len(b.all) {
		return false
	}
	for i := range a.all {
		if a.all[i] != b.all[i] || !g.sameBound(other, a.all[i]) {
			return false
		}
	}
	return g.sameMembers(other, gateway)
}

func (g *Graph) sameBound(other *Graph, l *Listener) bool {
	a, _ := g.bound.Get(l.id)
	b, _ := other.bound.Get(l.id)
	return g.sameRoutes(other, a, b)
}

// sameRoutes reports whether two sets of routes are equal, and each route is bound as before.
func (g *Graph) sameRoutes(other *Graph, a, b members) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
		s, _ := g.routes.Get(*a[i])
		t, _ := other.routes.Get(*b[i])
		if s != t {
			return false
		}
	}
	return true
}

// sameMembers compares the routes that name a Gateway or a ListenerSet of it,
// bound or not.
func (g *Graph) sameMembers(other *Graph, gateway Ref) bool {
	sets, _ := g.setsOf.Get(gateway)
	before, _ := other.setsOf.Get(gateway)
	if len(sets) != len(before) {
		return false
	}
	same := func(parent Ref) bool {
		a, _ := g.routesOf.Get(parent)
		b, _ := other.routesOf.Get(parent)
		return g.sameRoutes(other, a, b)
	}
	for i, id := range sets {
		if before[i] != id || !same(*id) {
			return false
		}
	}
	return same(gateway)
}

// Naming iterates over the routes that name a Gateway or a ListenerSet of it as a parent, bound or
// not. A route that names several of them is yielded several times.
func (g *Graph) Naming(gateway Ref) iter.Seq[*Route] {
	return func(yield func(*Route) bool) {
		sets, _ := g.setsOf.Get(gateway)
		for _, parent := range append([]*Ref{&gateway}, sets...) {
			routes, _ := g.routesOf.Get(*parent)
			for _, id := range routes {
				if s, ok := g.routes.Get(*id); ok && !yield(s.route) {
					return
				}
			}
		}
	}
}

// Refusal says why a route is not bound to a listener, in the words of a
// Binding; the reason is empty when it is bound there, or does not exist. A
// route that names neither the listener's Gateway nor its ListenerSet gets the
// first reason for which it is bound to nothing.
func (g *Graph) Refusal(route Ref, l *Listener) (reason, message string) {
	s, ok := g.routes.Get(route.Object())
	if !ok {
		return "", ""
	}
	if _, bound := s.on(l); bound {
		return "", ""
	}
	b := &binder{
		gateway:         func(ref Ref) *gatewayState { state, _ := g.gateways.Get(ref); return state },
		set:             func(ref Ref) *setState { state, _ := g.sets.Get(ref); return state },
		namespaceLabels: g.NamespaceLabels,
	}
	best := notSelected
	for i := range s.bindings {
		parent := s.bindings[i].Parent
		if parent.Ref.Object() != l.Ref.Object() {
			continue
		}
		if reason == "" {
			reason, message = ReasonNoMatchingParent, parent.asks()+" does not select listener "+l.described()
		}
		if !parent.selects(l) {
			continue
		}
		if reached, _ := b.try(s, l); reached > best {
			best, reason, message = reached, stageReasons[reached], b.refusal(s, l, reached)
		}
	}
	for i := range s.bindings {
		if reason == "" && !s.bindings[i].Accepted {
			reason, message = s.bindings[i].Reason, s.bindings[i].Message
		}
	}
	if reason == "" {
		return ReasonNoMatchingParent, "no parentRef names " + l.Ref.Object().String()
	}
	return reason, message
}

// CompareAge orders two objects by precedence in Gateway API: the older first, then by namespace
// and name. An object without a creation time has not been created yet, so it is younger than every
// other.
func CompareAge(a, b *Meta) int { return older(a, b) }
