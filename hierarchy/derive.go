package hierarchy

import "slices"

func (e *edit) namespaceLabels(name string) map[string]string {
	if n, ok := e.namespaces.Get(name); ok {
		return n.meta.Labels
	}
	return map[string]string{NamespaceNameLabel: name}
}

// deriveGateways derives the stale Gateways, and finds the routes that this
// makes stale.
func (e *edit) deriveGateways() {
	for ref := range e.staleGateways {
		var sets []*setState
		for _, id := range e.setsOf.all(ref) {
			if s, ok := e.sets.Get(*id); ok {
				sets = append(sets, s)
			}
		}
		gateway, _ := e.gateways.Get(ref)
		d := derive(ref, gateway, sets, e.namespaceLabels, e.base.listenersOf)
		if d.gateway != nil {
			e.gateways.Set(ref, d.gateway)
		}
		mark(&e.holders, ref)
		for _, s := range d.sets {
			e.sets.Set(s.set.meta.Ref, s)
			mark(&e.holders, s.set.meta.Ref)
		}
	}
	defaultsChanged := false
	for ref := range e.holders {
		if e.sameHolder(ref) {
			continue
		}
		e.staleRoutes = append(e.staleRoutes, e.routesOf.all(ref)...)
		defaultsChanged = defaultsChanged || e.isDefault(ref)
	}
	if defaultsChanged {
		e.staleRoutes = append(e.staleRoutes, e.defaulted.all(defaultedRoutes)...)
	}
}

// isDefault reports whether a Gateway is, or was, a default Gateway.
func (e *edit) isDefault(ref Ref) bool {
	if now, ok := e.gateways.Get(ref); ok && now.gateway.DefaultScope == FromAll {
		return true
	}
	before, ok := e.base.gateways.Get(ref)
	return ok && before.gateway.DefaultScope == FromAll
}

// sameHolder reports whether a Gateway or a ListenerSet looks the same to its routes as before.
func (e *edit) sameHolder(ref Ref) bool {
	if ref.GroupKind == ListenerSetKind {
		before, existed := e.base.sets.Get(ref)
		now, exists := e.sets.Get(ref)
		return existed && exists && before.admitted == now.admitted && before.message == now.message &&
			slices.Equal(before.listeners, now.listeners)
	}
	before, existed := e.base.gateways.Get(ref)
	now, exists := e.gateways.Get(ref)
	return existed && exists && before.gateway.DefaultScope == now.gateway.DefaultScope && slices.Equal(before.own, now.own)
}

// bindRoutes binds the stale routes in sorted order, so that their index entries are sorted too.
func (e *edit) bindRoutes() {
	b := binder{
		gateway:         func(ref Ref) *gatewayState { g, _ := e.gateways.Get(ref); return g },
		set:             func(ref Ref) *setState { s, _ := e.sets.Get(ref); return s },
		namespaceLabels: e.namespaceLabels,
		defaults:        e.defaulted.all(defaultedGateways),
	}
	slices.SortFunc(e.staleRoutes, compareRefs)
	stale := slices.Compact(e.staleRoutes)
	if len(stale) > 1 {
		b.lists = make(map[uint64][]*Listener)
	}
	for _, id := range stale {
		before, _ := e.base.routes.Get(*id)
		now, exists := e.routes.Get(*id)
		if exists {
			if now.row != nil {
				// Bound already, so it belongs to the version before.
				now = &routeState{id: id, route: now.route}
				e.routes.Set(*id, now)
			}
			b.bind(now)
			if before != nil && slices.Equal(before.boundTo, now.boundTo) {
				now.boundTo = before.boundTo
			}
		}
		e.rebind(id, before, now)
	}
}

// rebind moves a route from the listeners of its old bindings to those of its new ones; before or
// now is nil when there is no such route.
func (e *edit) rebind(id *Ref, before, now *routeState) {
	var old, fresh []*Listener
	if before != nil {
		old = before.boundTo
	}
	if now != nil {
		fresh = now.boundTo
	}
	contest := before != nil && !before.row.distinguishable || now != nil && !now.row.distinguishable
	for _, l := range old {
		if !holds(fresh, l) {
			e.bound.remove(l.id, id)
		}
		if contest {
			mark(&e.contested, l.id)
		}
	}
	for _, l := range fresh {
		if !holds(old, l) {
			e.bound.add(l.id, id)
		}
		if contest {
			mark(&e.contested, l.id)
		}
	}
}

// holds reports whether a listener, or what it was before, is among others.
func holds(listeners []*Listener, l *Listener) bool {
	return slices.ContainsFunc(listeners, func(other *Listener) bool { return other.id == l.id })
}

// settleContests marks the oldest of the routes that a listener cannot tell apart as the active one
// (R30), on every listener where this may have changed.
func (e *edit) settleContests() {
	for listener := range e.contested {
		var rivals []*routeState
		var oldest *routeState
		for _, id := range e.bound.all(listener) {
			s, ok := e.routes.Get(*id)
			if !ok || s.row.distinguishable {
				continue
			}
			rivals = append(rivals, s)
			if oldest == nil || older(&s.route.meta, &oldest.route.meta) < 0 {
				oldest = s
			}
		}
		for _, s := range rivals {
			if changed := s.withActive(listener, s == oldest); changed != s {
				e.routes.Set(*s.id, changed)
			}
		}
	}
}

// withActive returns the state in which the route is active on a listener, or is not; s itself when
// it is that already. A conflicted listener carries no traffic.
func (s *routeState) withActive(listener *Ref, active bool) *routeState {
	changed := s
	for i := range s.bindings {
		for j := range s.bindings[i].Listeners {
			bound := &s.bindings[i].Listeners[j]
			want := active && bound.Listener.Conflicted == ""
			if bound.Listener.id != listener || bound.Active == want {
				continue
			}
			if changed == s {
				c := *s
				c.bindings = slices.Clone(s.bindings)
				for k := range c.bindings {
					c.bindings[k].Listeners = slices.Clone(c.bindings[k].Listeners)
				}
				changed = &c
			}
			changed.bindings[i].Listeners[j].Active = want
		}
	}
	return changed
}
