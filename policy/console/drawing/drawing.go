package drawing

import (
	"context"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/console/view"
)

// drawing is the map: columns from the GatewayClass to the rule, nodes and edges.
type drawing struct {
	Columns []column `json:"columns"`
	Nodes   []drawn  `json:"nodes"`
	// Edges are pairs of indexes in Nodes.
	Edges [][2]int `json:"edges"`
	// Routes is the number of routes that pass the filter, out of All; Paths is the
	// number of their paths.
	Routes int `json:"routes"`
	Paths  int `json:"paths"`
	All    int `json:"all"`
}

// column is one level of the map. Total counts the objects on it, all of which its
// nodes stand for.
type column struct {
	Level string `json:"level"`
	Total int    `json:"total"`
	Nodes int    `json:"nodes"`
}

// drawn is one node: an object, or several that are folded into one.
type drawn struct {
	// ID is the address of the object; that of a fold names no object.
	ID        string `json:"id"`
	Column    int    `json:"column"`
	Row       int    `json:"row"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Detail    string `json:"detail,omitempty"`
	// Count is how many objects it stands for, Members the first of them.
	Count   int      `json:"count"`
	Members []string `json:"members,omitempty"`
	// Routes counts the routes whose paths go through it.
	Routes   int         `json:"routes"`
	Findings int         `json:"findings,omitempty"`
	Changed  int         `json:"changed,omitempty"`
	Mixed    bool        `json:"mixed,omitempty"`
	Policies []view.Chip `json:"policies,omitempty"`
	// Via are the indexes in Nodes of the listeners that a route is on.
	Via []int `json:"via,omitempty"`
	// Values are what applies, where it is the same on all paths through it.
	Values []view.Cell `json:"values,omitempty"`
}

// The columns.
const (
	classColumn = iota
	GatewayColumn
	listenerColumn
	namespaceColumn
	routeColumn
	ruleColumn
	columns
)

// ColumnNames are the headings of the columns, from left to right.
var ColumnNames = [columns]string{"GatewayClass", "Gateway", "Listener", "Namespace", "Route", "Rule"}

// MaxNodes is the maximum number of nodes on a map.
const MaxNodes = 400

// room is how many nodes a column has before it folds. Together they are MaxNodes.
var room = [columns]int{20, 40, 60, 40, 110, 130}

// maxMembers is how many objects a fold names.
const maxMembers = 100

// maxChips is how many policies a node shows.
const maxChips = 4

// Answer answers GET /api/v1/map?FILTER&open=. The open object has a node of its own, even where
// similar ones are folded.
func Answer(ctx context.Context, v *view.View, p view.Parameters) (any, error) {
	if v.Published != nil {
		return nil, view.NotKnown()
	}
	f, err := v.Filter(p)
	if err != nil {
		return nil, err
	}
	found, err := v.Matches(ctx, f)
	if err != nil {
		return nil, err
	}
	open, err := v.Named(p.Get("open"))
	if err != nil { // it is not on the map
		open = hierarchy.Ref{}
	}
	return draw(v, found, f, open), nil
}

// draw makes the map of the routes that pass.
func draw(v *view.View, found []view.Match, f *view.Filter, open hierarchy.Ref) drawing {
	s := newSheet(v, f)
	s.open = open
	if f.All() {
		s.addAll()
	}
	for i := range found {
		s.add(&found[i])
	}
	s.fold()
	s.order()
	out := s.nodes()
	out.Routes, out.All = len(found), len(v.Items)
	for i := range found {
		out.Paths += found[i].Paths()
	}
	return out
}

// sheet collects what is drawn.
type sheet struct {
	*view.View
	filter *view.Filter
	// open is the object that has a node of its own; zero for none.
	open hierarchy.Ref
	// refs are the objects of each column in the order of their arrival; at has their
	// indexes.
	refs [columns][]hierarchy.Ref
	at   [columns]map[hierarchy.Ref]int
	// links are pairs of objects in neighbouring columns, by the column of the first.
	links [columns]map[[2]int]bool
	// matches are the routes behind the route column; rules says to which of them each
	// rule belongs.
	matches []*view.Match
	rules   []int
	// through has, for each match, the indexes in each column that it goes through.
	through [][columns][]int
	// node is which node stands for each object; groups are the nodes' members.
	node   [columns][]int
	groups [columns][][]int
	// rest is the node that stands for what there was no room for; -1 for none.
	rest [columns]int
	rows [columns][]int
}

func newSheet(v *view.View, f *view.Filter) *sheet {
	s := &sheet{View: v, filter: f}
	for c := range columns {
		s.at[c], s.links[c] = map[hierarchy.Ref]int{}, map[[2]int]bool{}
	}
	return s
}

// put adds an object to a column once.
func (s *sheet) put(c int, ref hierarchy.Ref) int {
	i, known := s.at[c][ref]
	if !known {
		i = len(s.refs[c])
		s.at[c][ref] = i
		s.refs[c] = append(s.refs[c], ref)
	}
	return i
}

// addAll also adds the objects without routes.
func (s *sheet) addAll() {
	g := s.Snapshot.Graph()
	for c := range g.GatewayClasses() {
		s.put(classColumn, c.Meta().Ref)
	}
	for gateway := range g.Gateways() {
		ref := gateway.Meta().Ref
		at := s.put(GatewayColumn, ref)
		s.links[classColumn][[2]int{s.put(classColumn, hierarchy.GatewayClassRef(gateway.Class)), at}] = true
		for _, l := range g.Listeners(ref) {
			s.links[GatewayColumn][[2]int{at, s.put(listenerColumn, l.Ref)}] = true
		}
	}
}

// add adds a route with everything that its paths go through.
func (s *sheet) add(m *view.Match) {
	var on [columns][]int
	route := s.put(routeColumn, m.Ref)
	namespace := s.put(namespaceColumn, hierarchy.NamespaceRef(m.Ref.Namespace))
	on[routeColumn], on[namespaceColumn] = []int{route}, []int{namespace}
	s.links[namespaceColumn][[2]int{namespace, route}] = true
	for i := range m.Scopes {
		for _, l := range m.Scopes[i].Parents {
			class, gateway, listener := s.put(classColumn, l.Class), s.put(GatewayColumn, l.Gateway), s.put(listenerColumn, l.Ref)
			s.links[classColumn][[2]int{class, gateway}] = true
			s.links[GatewayColumn][[2]int{gateway, listener}] = true
			s.links[listenerColumn][[2]int{listener, namespace}] = true
			on[classColumn] = append(on[classColumn], class)
			on[GatewayColumn] = append(on[GatewayColumn], gateway)
			on[listenerColumn] = append(on[listenerColumn], listener)
		}
	}
	for _, name := range m.RulesIn() {
		rule := s.put(ruleColumn, m.Ref.WithSection(name))
		s.links[routeColumn][[2]int{route, rule}] = true
		s.rules = append(s.rules, len(s.matches))
		on[ruleColumn] = append(on[ruleColumn], rule)
	}
	s.matches = append(s.matches, m)
	s.through = append(s.through, on)
}
