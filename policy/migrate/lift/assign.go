package lift

import (
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// assignment is where one unit is stated.
type assignment struct {
	at     map[hierarchy.Ref]map[string]any
	routes map[hierarchy.Ref]map[string]any
}

// liftPath is one path above one route.
type liftPath struct {
	route *liftRoute
	nodes []hierarchy.Ref
	// inherits is what the nodes that were decided so far give the path, as text.
	inherits string
}

// assign decides where a unit is stated (M60). It goes from the Gateway downwards: a
// node states what holds on all paths below it or, with most, on most of them; what
// is below states only what it does not get from above. That is the same as
// values that rise step by step, for what holds on a path never changes.
func (l *lifting) assign(u unit) assignment {
	a := assignment{at: map[hierarchy.Ref]map[string]any{}, routes: map[hierarchy.Ref]map[string]any{}}
	var paths []*liftPath
	for i := range l.routes {
		for _, nodes := range l.routes[i].above {
			paths = append(paths, &liftPath{route: &l.routes[i], nodes: nodes})
		}
	}
	for depth := range 4 {
		below, order := map[hierarchy.Ref][]*liftPath{}, []hierarchy.Ref(nil)
		for _, p := range paths {
			if node, ok := p.at(depth); ok {
				if below[node] == nil {
					order = append(order, node)
				}
				below[node] = append(below[node], p)
			}
		}
		for _, node := range order {
			if fields := l.decide(node, u, below[node]); fields != nil {
				a.at[node] = fields
				for _, p := range below[node] {
					p.inherits = statement.JSON(fields)
				}
			}
		}
	}
	for _, p := range paths {
		want := p.route.want[u]
		if want != nil && p.inherits != statement.JSON(want) {
			a.routes[p.route.Ref] = want
		}
	}
	for i := range l.routes { // a route that nothing takes keeps what it states
		if r := &l.routes[i]; len(r.above) == 0 && r.states[u] {
			a.routes[r.Ref] = r.want[u]
		}
	}
	l.prune(&a, paths)
	return a
}

// at is the node of a path at a depth: Gateway, ListenerSet, listener, Namespace.
func (p *liftPath) at(depth int) (hierarchy.Ref, bool) {
	n := len(p.nodes)
	switch depth {
	case 0:
		return p.nodes[0], true
	case 1:
		return p.nodes[1], n == 4
	case 2:
		return p.nodes[n-2], true
	}
	return p.nodes[n-1], true
}

// decide says what a node states of a unit; nil for nothing.
func (l *lifting) decide(node hierarchy.Ref, u unit, below []*liftPath) map[string]any {
	old := byUnit(l.defaults[node])[u]
	if liftRank(node) > liftLimit(l.Options) || l.notAt[nodeUnit{node, u}] {
		return old
	}
	votes, first := map[string]int{}, map[string]map[string]any{}
	var order []string
	stated, lacks := map[hierarchy.Ref]bool{}, false
	lacking := map[string]bool{} // values that some path does not get from above
	counted := map[hierarchy.Ref]bool{}
	for _, p := range below {
		want := p.route.want[u]
		if want == nil { // nothing that is stated above could be taken back for it
			lacks = true
			continue
		}
		text := statement.JSON(want)
		if first[text] == nil {
			first[text] = want
			order = append(order, text)
		}
		if !counted[p.route.Ref] && p.route.Forwards {
			votes[text]++
		}
		counted[p.route.Ref] = true
		if p.route.states[u] {
			stated[p.route.Ref] = true
		}
		lacking[text] = lacking[text] || p.inherits != text
	}
	if lacks || len(stated) == 0 || liftRank(node) == 1 && len(stated) < 2 { // a listener of one route shares nothing
		return old
	}
	best := order[0]
	for _, text := range order[1:] {
		if votes[text] > votes[best] {
			best = text
		}
	}
	if l.Options.Lift == option.LiftAll && len(order) > 1 || !lacking[best] {
		return old
	}
	return first[best]
}

// prune leaves out what is stated above routes that all state something themselves.
func (l *lifting) prune(a *assignment, paths []*liftPath) {
	for depth := 3; depth > 0; depth-- {
		needed := map[hierarchy.Ref]bool{}
		for _, p := range paths {
			node, ok := p.at(depth)
			if !ok || a.routes[p.route.Ref] != nil {
				continue
			}
			nearer := false
			for deeper := depth + 1; deeper < 4; deeper++ {
				other, has := p.at(deeper)
				nearer = nearer || has && a.at[other] != nil
			}
			needed[node] = needed[node] || !nearer
		}
		for _, p := range paths {
			if node, ok := p.at(depth); ok && !needed[node] {
				delete(a.at, node)
			}
		}
	}
}
