package hierarchy

import (
	"slices"
)

// settleContests marks, on every listener where that may have changed, the
// oldest of the routes that it cannot tell apart as the active one (R30).
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

// withActive returns the state in which the route is active on a listener, or
// is not; s itself when it is that already. A conflicted listener carries
// nobody's traffic.
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
