package controller

import (
	"maps"
	"reflect"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// renewed returns the changed routes of which only the generation is another one: what admission put into
// their rules is not their owner's, and is not in the graph. Policies count them as before.
func renewed(before, after *policy.Snapshot, changed refs) refs {
	same := refs{}
	for ref := range changed {
		was, is := routeOf(before, ref), routeOf(after, ref)
		if was != nil && is != nil && sameRoute(was, is) {
			same.add(ref)
		}
	}
	return same
}

func routeOf(s *policy.Snapshot, ref hierarchy.Ref) *hierarchy.Route {
	object, _ := s.Graph().Get(ref)
	route, _ := object.(*hierarchy.Route)
	return route
}

func sameRoute(a, b *hierarchy.Route) bool {
	one, other := a.Meta(), b.Meta()
	return one.UID == other.UID && one.Created.Equal(other.Created) && maps.Equal(one.Labels, other.Labels) &&
		a.UseDefaultGateways == b.UseDefaultGateways && reflect.DeepEqual(a.Parents, b.Parents) &&
		reflect.DeepEqual(a.Hostnames, b.Hostnames) && reflect.DeepEqual(a.Rules, b.Rules)
}

// without returns the refs that are not among others.
func without(all, others refs) refs {
	if len(others) == 0 {
		return all
	}
	rest := maps.Clone(all)
	for ref := range others {
		delete(rest, ref)
	}
	return rest
}
