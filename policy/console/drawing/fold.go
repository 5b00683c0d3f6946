package drawing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/effective"
)

// fold decides which node stands for each object. A column that has room shows each
// object; in one that has not, similar objects share a node. Nothing is left out.
func (s *sheet) fold() {
	for c := range columns {
		s.rest[c] = -1
		n := len(s.refs[c])
		s.node[c] = make([]int, n)
		if n <= room[c] {
			for i := range n {
				s.node[c][i] = i
				s.groups[c] = append(s.groups[c], []int{i})
			}
			continue
		}
		s.gather(c)
	}
}

// gather groups the objects of a column by their keys. If there are still
// too many groups, the last node stands for the smallest of them.
func (s *sheet) gather(c int) {
	above := s.above(c)
	byKey := map[string]int{}
	var groups, alone [][]int
	for i := range s.refs[c] {
		if len(alone) < room[c]/2 && s.isOpen(c, s.refs[c][i]) {
			alone = append(alone, []int{i})
			continue
		}
		key := s.key(c, i, above)
		at, known := byKey[key]
		if !known {
			at = len(groups)
			byKey[key] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], i)
	}
	if most := room[c] - len(alone); len(groups) > most {
		slices.SortStableFunc(groups, func(a, b []int) int {
			return cmp.Or(s.weight(c, b)-s.weight(c, a), len(b)-len(a))
		})
		groups[most-1] = slices.Concat(groups[most-1:]...)
		groups = groups[:most]
		s.rest[c] = most - 1
	}
	groups = append(groups, alone...)
	for at, members := range groups {
		for _, i := range members {
			s.node[c][i] = at
		}
	}
	s.groups[c] = groups
}

// isOpen reports whether an object is the open one, or a rule of it.
func (s *sheet) isOpen(c int, ref hierarchy.Ref) bool {
	return !s.open.IsZero() && (ref == s.open || c >= routeColumn && ref.Object() == s.open.Object())
}

// weight is greater for what people look for: changes and findings.
func (s *sheet) weight(c int, group []int) int {
	most := 0
	for _, i := range group {
		ref := s.refs[c][i]
		switch it := s.ByRef[ref.Object()]; {
		case len(s.Changes[ref.Object()]) > 0:
			return 2
		case it != nil && it.Remarks > 0, len(s.Chips[ref]) > 0:
			most = 1
		}
	}
	return most
}

// above are, for each object of a column, the nodes in the column before it.
func (s *sheet) above(c int) [][]int {
	above := make([][]int, len(s.refs[c]))
	if c == classColumn {
		return above
	}
	for link := range s.links[c-1] {
		above[link[1]] = append(above[link[1]], s.node[c-1][link[0]])
	}
	for i := range above {
		slices.Sort(above[i])
		above[i] = slices.Compact(above[i])
	}
	return above
}

// key is equal for objects that fold into one node: Gateways of one class, listeners
// of one Gateway, routes of one namespace on the same listeners with the same result,
// and their rules.
func (s *sheet) key(c, i int, above [][]int) string {
	switch c {
	case classColumn, namespaceColumn:
		return ""
	case routeColumn:
		var listeners []int
		for _, at := range s.through[i][listenerColumn] {
			listeners = append(listeners, s.node[listenerColumn][at])
		}
		slices.Sort(listeners)
		return fmt.Sprint(above[i], slices.Compact(listeners), resultKey(s.matches[i]))
	}
	return fmt.Sprint(above[i])
}

// resultKey is equal for routes with the same result.
func resultKey(m *view.Match) string {
	var b strings.Builder
	for i := range m.Scopes {
		fmt.Fprintf(&b, "%p%v,", m.Scopes[i].Result, m.Scopes[i].Rules)
	}
	return b.String()
}

// order sorts the nodes of each column so that few lines cross: first by name, then
// twice by the middle of the nodes to which they are joined.
func (s *sheet) order() {
	for c := range columns {
		places := make([]int, len(s.groups[c]))
		for i := range places {
			places[i] = i
		}
		slices.SortStableFunc(places, func(a, b int) int { return s.compareNodes(c, a, b) })
		s.rows[c] = make([]int, len(places))
		for row, at := range places {
			s.rows[c][at] = row
		}
	}
	for c := 1; c < columns; c++ {
		s.sweep(c, c-1, func(link [2]int) (int, int) { return s.node[c][link[1]], s.node[c-1][link[0]] })
	}
	for c := columns - 2; c >= 0; c-- {
		s.sweep(c, c, func(link [2]int) (int, int) { return s.node[c][link[0]], s.node[c+1][link[1]] })
	}
	for c := 1; c < columns; c++ {
		s.sweep(c, c-1, func(link [2]int) (int, int) { return s.node[c][link[1]], s.node[c-1][link[0]] })
	}
}

func (s *sheet) compareNodes(c, a, b int) int {
	if a == s.rest[c] || b == s.rest[c] {
		return last(a == s.rest[c]) - last(b == s.rest[c])
	}
	x, y := s.groups[c][a][0], s.groups[c][b][0]
	if c == ruleColumn { // rules keep the order of their route
		return cmp.Compare(x, y)
	}
	return strings.Compare(view.IDOf(s.refs[c][x]), view.IDOf(s.refs[c][y]))
}

// last is the rank of what comes after everything else.
func last(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// sweep sorts a column by the mean row of its neighbours in links of one column.
func (s *sheet) sweep(c, links int, ends func([2]int) (here, there int)) {
	sum, n := make([]float64, len(s.groups[c])), make([]float64, len(s.groups[c]))
	other := c + 1
	if links < c {
		other = c - 1
	}
	for link := range s.links[links] {
		here, there := ends(link)
		sum[here] += float64(s.rows[other][there])
		n[here]++
	}
	places := make([]int, len(s.groups[c]))
	for i, row := range s.rows[c] {
		places[row] = i
	}
	mean := func(i int) float64 {
		switch {
		case i == s.rest[c]:
			return float64(1 << 30)
		case n[i] == 0:
			return float64(s.rows[c][i])
		}
		return sum[i] / n[i]
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(mean(a), mean(b)) })
	for row, i := range places {
		s.rows[c][i] = row
	}
}

// sameResult is the one result of a route's paths; nil when there are several.
func sameResult(m *view.Match) *effective.PathPolicies {
	if len(m.Scopes) == 0 {
		return nil
	}
	for i := range m.Scopes {
		if m.Scopes[i].Result != m.Scopes[0].Result {
			return nil
		}
	}
	return m.Scopes[0].Result
}
