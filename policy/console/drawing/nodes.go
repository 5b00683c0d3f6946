package drawing

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/effective"
)

// nodes makes the nodes from what was folded and ordered.
func (s *sheet) nodes() drawing {
	var out drawing
	var first [columns]int
	routes := s.routesThrough()
	for c := range columns {
		first[c] = len(out.Nodes)
		out.Columns = append(out.Columns, column{ColumnNames[c], len(s.refs[c]), len(s.groups[c])})
		for at := range s.groups[c] {
			n := s.drawn(c, at)
			n.Routes = routes[c][at]
			if c == routeColumn {
				n.Via = s.via(at, first[listenerColumn])
			}
			out.Nodes = append(out.Nodes, n)
		}
	}
	seen := map[[2]int]bool{}
	for c := range columns - 1 {
		for link := range s.links[c] {
			edge := [2]int{first[c] + s.node[c][link[0]], first[c+1] + s.node[c+1][link[1]]}
			if !seen[edge] {
				seen[edge] = true
				out.Edges = append(out.Edges, edge)
			}
		}
	}
	slices.SortFunc(out.Edges, func(a, b [2]int) int { return cmp.Or(a[0]-b[0], a[1]-b[1]) })
	if out.Nodes == nil {
		out.Nodes = []drawn{}
	}
	if out.Edges == nil {
		out.Edges = [][2]int{}
	}
	return out
}

// via are the nodes of the listeners that the routes of a node are on.
func (s *sheet) via(at, first int) []int {
	var places []int
	for _, i := range s.groups[routeColumn][at] {
		for _, listener := range s.through[i][listenerColumn] {
			places = append(places, first+s.node[listenerColumn][listener])
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// routesThrough counts the routes through each node.
func (s *sheet) routesThrough() [columns][]int {
	var counts [columns][]int
	for c := range columns {
		counts[c] = make([]int, len(s.groups[c]))
	}
	for _, on := range s.through {
		for c := range columns {
			for i, at := range on[c] {
				node := s.node[c][at]
				if !slices.ContainsFunc(on[c][:i], func(other int) bool { return s.node[c][other] == node }) {
					counts[c][node]++
				}
			}
		}
	}
	return counts
}

// drawn is a node of a column.
func (s *sheet) drawn(c, at int) drawn {
	members := s.groups[c][at]
	n := drawn{Column: c, Row: s.rows[c][at], Count: len(members)}
	for _, i := range members {
		ref := s.refs[c][i]
		if len(members) > 1 && len(n.Members) < maxMembers {
			n.Members = append(n.Members, view.IDOf(ref))
		}
		if it := s.ByRef[ref]; it != nil {
			n.Findings += it.Remarks
			n.Mixed = n.Mixed || it.Mixed()
			if len(s.Changes[ref]) > 0 {
				n.Changed++
			}
		}
	}
	n.Values = s.valuesOf(c, members)
	if len(members) > 1 {
		n.ID = "fold-" + strconv.Itoa(c) + "-" + strconv.Itoa(at)
		n.Kind, n.Name = ColumnNames[c], strconv.Itoa(len(members))+" "+pluralOf(c)
		if at == s.rest[c] {
			n.Name = strconv.Itoa(len(members)) + " more " + pluralOf(c)
		}
		return n
	}
	ref := s.refs[c][members[0]]
	n.ID, n.Kind, n.Namespace, n.Name = view.IDOf(ref), ref.Kind, ref.Namespace, ref.Name
	n.Policies = s.Chips[ref]
	s.detail(c, ref, &n)
	if len(n.Policies) > maxChips {
		n.Detail = strings.TrimSpace(n.Detail + " +" + strconv.Itoa(len(n.Policies)-maxChips) + " policies")
		n.Policies = n.Policies[:maxChips]
	}
	return n
}

// detail adds what only objects of one column have.
func (s *sheet) detail(c int, ref hierarchy.Ref, n *drawn) {
	g := s.Snapshot.Graph()
	switch c {
	case GatewayColumn:
		n.Findings = len(g.Findings(ref))
	case listenerColumn:
		n.Name = ref.Section
		if l, ok := g.Listener(ref); ok {
			n.Detail = view.ListensOn(l)
			if !l.ListenerSet.IsZero() {
				n.Policies = slices.Concat(n.Policies, s.Chips[l.ListenerSet])
			}
		}
	case routeColumn:
		if it := s.ByRef[ref]; it != nil {
			n.Detail = strings.Join(it.Route.Hostnames, ", ")
			if len(it.Scopes) == 0 {
				n.Detail = "bound to no listener"
			}
		}
	case ruleColumn:
		n.Name = ref.Section
	}
}

// valuesOf are the values that all paths through a node have in common, for nodes of
// routes and of rules.
func (s *sheet) valuesOf(c int, members []int) []view.Cell {
	var same *effective.PathPolicies
	for n, i := range members {
		var result *effective.PathPolicies
		switch c {
		case routeColumn:
			result = sameResult(s.matches[i])
		case ruleColumn:
			result = ruleResult(s.matches[s.rules[i]], s.refs[c][i].Section)
		}
		if result == nil || n > 0 && result != same {
			return nil
		}
		same = result
	}
	if same == nil {
		return nil
	}
	return view.CellsOf(same, s.filter)
}

// ruleResult is the one result of a rule on all listeners; nil when there are
// several.
func ruleResult(m *view.Match, rule string) *effective.PathPolicies {
	var same *effective.PathPolicies
	index := slices.Index(m.Rules, rule)
	for i := range m.Scopes {
		scope := &m.Scopes[i]
		if !scope.Rules.Has(index) {
			continue
		}
		if same != nil && same != scope.Result {
			return nil
		}
		same = scope.Result
	}
	return same
}

// pluralOf is the name for several objects of a column.
func pluralOf(c int) string {
	return [...]string{"classes", "Gateways", "listeners", "namespaces", "routes", "rules"}[c]
}
