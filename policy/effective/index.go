package effective

import (
	"slices"
	"sync"

	"github.com/attache-dev/attache/hierarchy"
)

// index has all routes and Gateways of a graph. Resolutions of the graph share it, and have their
// targets at the same places. Sorting and finding are prepared when they are asked for.
type index struct {
	graph   *hierarchy.Graph
	members []member

	sortOnce, placeOnce sync.Once
	sorted              []int32
	places              map[hierarchy.Ref]int32
}

// member is a route with the listeners that it is bound to, or a Gateway.
type member struct {
	meta      *hierarchy.Meta
	route     *hierarchy.Route
	listeners []*hierarchy.Listener
	rules     []hierarchy.RuleRef
	// plain says that no rule states values of its own.
	plain   bool
	gateway *hierarchy.Gateway
}

func newIndex(graph *hierarchy.Graph) *index {
	x := &index{graph: graph, members: make([]member, 0, graph.Targets())}
	for route, listeners := range graph.AllBound() {
		x.members = append(x.members, member{
			meta: route.Meta(), route: route, listeners: listeners,
			rules: ruleRefs(route), plain: !inline(route),
		})
	}
	for gateway := range graph.Gateways() {
		x.members = append(x.members, member{meta: gateway.Meta(), gateway: gateway})
	}
	return x
}

// inline says whether a rule of a route states values of its own.
func inline(route *hierarchy.Route) bool {
	for i := range route.Rules {
		if route.Rules[i].Inline != nil {
			return true
		}
	}
	return false
}

// inOrder are the places of all members, sorted by target.
func (x *index) inOrder() []int32 {
	x.sortOnce.Do(func() {
		x.sorted = make([]int32, len(x.members))
		for i := range x.sorted {
			x.sorted[i] = int32(i)
		}
		slices.SortFunc(x.sorted, func(a, b int32) int {
			return hierarchy.Compare(x.members[a].meta.Ref, x.members[b].meta.Ref)
		})
	})
	return x.sorted
}

// find finds the place of a target.
func (x *index) find(target hierarchy.Ref) (int32, bool) {
	x.placeOnce.Do(func() {
		x.places = make(map[hierarchy.Ref]int32, len(x.members))
		for i := range x.members {
			x.places[x.members[i].meta.Ref] = int32(i)
		}
	})
	i, found := x.places[target]
	return i, found
}

// rulesOf is rules for a route that is one of a graph.
func (r *Resolver) rulesOf(m *member) []pathKey {
	ref := &m.meta.Ref
	place := r.s.Place(*ref)
	if !m.plain || place.Sectioned() {
		return r.rules(m.route)
	}
	own := pathKey{namespace: r.namespace(ref.Namespace), route: place.InForce(""), kind: r.routeKind(ref.GroupKind)}
	r.below = r.below[:0]
	for range m.rules {
		r.below = append(r.below, own)
	}
	return r.below
}
