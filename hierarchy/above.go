package hierarchy

import (
	"cmp"
	"slices"
)

// Above returns what is above an object, or above a section of it, on any path: the highest level
// first, and sorted within a level. The object itself is above its sections. A ListenerSet that its
// Gateway does not admit has nothing above it.
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
