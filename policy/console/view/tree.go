package view

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
)

// Children are those of one node of the tree.
type Children struct {
	Parent string `json:"parent"`
	// Total counts the children, Routes the routes below the parent that pass the
	// filter.
	Total    int    `json:"total"`
	Routes   int    `json:"routes"`
	Offset   int    `json:"offset"`
	Next     int    `json:"next,omitempty"`
	Children []node `json:"children"`
}

// node is one of the children. Its ID is the parent to ask for next: the address of
// an object, and below a listener also the namespace and the route on it.
type node struct {
	ID     string `json:"id"`
	Object string `json:"object,omitempty"`
	Level  string `json:"level"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"`
	// Routes counts the routes below that pass, Children the nodes that opening it
	// shows.
	Routes   int    `json:"routes"`
	Children int    `json:"children"`
	Findings int    `json:"findings,omitempty"`
	Policies []Chip `json:"policies,omitempty"`
	Values   []Cell `json:"values,omitempty"`
}

// separator is between the parts of an ID below a listener. No name contains it.
const separator = "|"

// nowhere is the ID of the node above the routes that are bound to nothing.
const nowhere = "unbound"

// Tree answers GET /api/v1/tree?parent=&FILTER&offset=&limit=.
func (v *View) Tree(ctx context.Context, p Parameters) (any, error) {
	if v.Published != nil {
		return nil, NotKnown()
	}
	f, err := v.Filter(p)
	if err != nil {
		return nil, err
	}
	found, err := v.Matches(ctx, f)
	if err != nil {
		return nil, err
	}
	b := &branches{View: v, filter: f, found: found, open: f.All()}
	list, routes, err := b.below(p.Get("parent"))
	if err != nil {
		return nil, err
	}
	part, offset, next, err := page(list, p)
	if err != nil {
		return nil, err
	}
	return Children{Parent: p.Get("parent"), Total: len(list), Routes: routes, Offset: offset, Next: next, Children: part}, nil
}

// branches finds the children of one node. open says that nothing is filtered:
// then nodes without routes are there, too.
type branches struct {
	*View
	filter *Filter
	found  []Match
	open   bool
}

// below lists the children of a node, and counts the routes below it.
func (b *branches) below(parent string) (list []node, routes int, err error) {
	if parent == "" {
		return b.classes(), len(b.found), nil
	}
	parts := strings.SplitN(parent, separator, 3)
	if parts[0] == nowhere {
		return b.unbound()
	}
	ref, err := b.Named(parts[0])
	if err != nil {
		return nil, 0, err
	}
	switch {
	case len(parts) == 3:
		return b.rulesOn(ref, parts[2])
	case len(parts) == 2:
		return b.routesOn(ref, parts[1])
	case ref.Section != "":
		return b.namespaces(ref)
	case ref.GroupKind == hierarchy.GatewayClassKind:
		return b.gateways(ref)
	case ref.GroupKind == hierarchy.GatewayKind || ref.GroupKind == hierarchy.ListenerSetKind:
		return b.listeners(ref)
	}
	return nil, 0, NotFound("nothing is below " + parent)
}

// through counts the routes that pass, once for each node above them.
func (b *branches) through(above func(*hierarchy.Listener) hierarchy.Ref) map[hierarchy.Ref]int {
	counts := map[hierarchy.Ref]int{}
	for i := range b.found {
		seen := map[hierarchy.Ref]bool{}
		for _, s := range b.found[i].Scopes {
			for _, l := range s.Parents {
				if ref := above(l); !seen[ref] {
					seen[ref] = true
					counts[ref]++
				}
			}
		}
	}
	return counts
}

func (b *branches) classes() []node {
	counts := b.through(func(l *hierarchy.Listener) hierarchy.Ref { return l.Class })
	gateways := map[hierarchy.Ref]int{}
	for g := range b.Snapshot.Graph().Gateways() {
		gateways[hierarchy.GatewayClassRef(g.Class)]++
	}
	if b.open {
		for c := range b.Snapshot.Graph().GatewayClasses() {
			counts[c.Meta().Ref] += 0
		}
		for class := range gateways {
			counts[class] += 0
		}
	}
	var list []node
	for _, ref := range sorted(counts) {
		list = append(list, b.node(ref, hierarchy.GatewayClassLevel, counts[ref], gateways[ref]))
	}
	lost := 0
	for i := range b.found {
		if len(b.found[i].item.Scopes) == 0 {
			lost++
		}
	}
	if lost > 0 {
		list = append(list, node{ID: nowhere, Level: "Unbound", Kind: "Unbound", Name: "bound to no listener", Routes: lost, Children: lost})
	}
	return list
}

func (b *branches) unbound() ([]node, int, error) {
	var list []node
	for i := range b.found {
		if m := &b.found[i]; len(m.item.Scopes) == 0 {
			n := b.node(m.Ref, hierarchy.RouteLevel, 1, 0)
			n.ID, n.Findings = nowhere+separator+separator+IDOf(m.Ref), m.Remarks
			list = append(list, n)
		}
	}
	return list, len(list), nil
}

func (b *branches) gateways(class hierarchy.Ref) ([]node, int, error) {
	counts := b.through(func(l *hierarchy.Listener) hierarchy.Ref { return l.Gateway })
	under := b.through(func(l *hierarchy.Listener) hierarchy.Ref { return l.Class })[class]
	var list []node
	for g := range b.Snapshot.Graph().Gateways() {
		ref := g.Meta().Ref
		if g.Class != class.Name || !b.open && counts[ref] == 0 {
			continue
		}
		sets := map[hierarchy.Ref]bool{}
		for _, l := range b.Snapshot.Graph().Listeners(ref) {
			sets[l.ListenerSet] = true
		}
		delete(sets, hierarchy.Ref{})
		list = append(list, b.node(ref, hierarchy.GatewayLevel, counts[ref], len(g.Listeners)+len(sets)))
	}
	slices.SortFunc(list, func(x, y node) int { return strings.Compare(x.ID, y.ID) })
	return list, under, nil
}

// listeners are the own listeners of a Gateway or a ListenerSet, and the ListenerSets
// of a Gateway.
func (b *branches) listeners(holder hierarchy.Ref) ([]node, int, error) {
	g := b.Snapshot.Graph()
	counts := b.through(func(l *hierarchy.Listener) hierarchy.Ref { return l.Ref })
	inSet := b.through(func(l *hierarchy.Listener) hierarchy.Ref { return l.ListenerSet })
	namespaces := b.namespacesOf()
	gateway := holder
	if object, _ := g.Get(holder); holder.GroupKind == hierarchy.ListenerSetKind {
		set, isSet := object.(*hierarchy.ListenerSet)
		if !isSet {
			return nil, 0, NotFound("there is no ListenerSet " + holder.Place())
		}
		gateway = set.Parent
	}
	var list []node
	sets := map[hierarchy.Ref]int{}
	for _, l := range g.Listeners(gateway) {
		switch {
		case l.Ref.Object() != holder:
			sets[l.ListenerSet]++
		case b.open || counts[l.Ref] > 0:
			n := b.node(l.Ref, hierarchy.ListenerLevel, counts[l.Ref], len(namespaces[l.Ref]))
			n.Detail = ListensOn(l)
			list = append(list, n)
		}
	}
	routes := inSet[holder]
	if holder == gateway {
		routes = b.through(func(l *hierarchy.Listener) hierarchy.Ref { return l.Gateway })[holder]
		for _, ref := range sorted(sets) {
			if b.open || inSet[ref] > 0 {
				list = append(list, b.node(ref, hierarchy.ListenerSetLevel, inSet[ref], sets[ref]))
			}
		}
	}
	return list, routes, nil
}

// ListensOn is "HTTPS 443 *.example.com".
func ListensOn(l *hierarchy.Listener) string {
	text := l.Spec.Protocol + " " + strconv.Itoa(int(l.Spec.Port))
	if l.Spec.Hostname != "" {
		text += " " + l.Spec.Hostname
	}
	if l.Conflicted != "" {
		text += ", " + l.Conflicted
	}
	return text
}

// namespacesOf counts routes by listener and namespace.
func (b *branches) namespacesOf() map[hierarchy.Ref]map[string]int {
	counts := map[hierarchy.Ref]map[string]int{}
	for i := range b.found {
		seen := map[hierarchy.Ref]bool{}
		for _, s := range b.found[i].Scopes {
			for _, l := range s.Parents {
				if seen[l.Ref] {
					continue
				}
				seen[l.Ref] = true
				if counts[l.Ref] == nil {
					counts[l.Ref] = map[string]int{}
				}
				counts[l.Ref][b.found[i].Ref.Namespace]++
			}
		}
	}
	return counts
}

func (b *branches) namespaces(listener hierarchy.Ref) ([]node, int, error) {
	counts := b.namespacesOf()[listener]
	names := make([]string, 0, len(counts))
	routes := 0
	for name, n := range counts {
		names = append(names, name)
		routes += n
	}
	slices.Sort(names)
	var list []node
	for _, name := range names {
		n := b.node(hierarchy.NamespaceRef(name), hierarchy.NamespaceLevel, counts[name], counts[name])
		n.ID, n.Detail = IDOf(listener)+separator+name, prose.Count(counts[name], "route")
		list = append(list, n)
	}
	return list, routes, nil
}

func (b *branches) routesOn(listener hierarchy.Ref, namespace string) ([]node, int, error) {
	var list []node
	for i := range b.found {
		m := &b.found[i]
		if m.Ref.Namespace != namespace || !m.on(listener) {
			continue
		}
		n := b.node(m.Ref, hierarchy.RouteLevel, 1, len(m.Rules))
		n.ID, n.Findings = strings.Join([]string{IDOf(listener), namespace, IDOf(m.Ref)}, separator), m.Remarks
		n.Detail = strings.Join(m.Route.Hostnames, ", ")
		list = append(list, n)
	}
	return list, len(list), nil
}

func (m *Match) on(listener hierarchy.Ref) bool {
	for _, s := range m.Scopes {
		if slices.ContainsFunc(s.Parents, func(l *hierarchy.Listener) bool { return l.Ref == listener }) {
			return true
		}
	}
	return false
}

func (b *branches) rulesOn(listener hierarchy.Ref, route string) ([]node, int, error) {
	i := slices.IndexFunc(b.found, func(m Match) bool { return IDOf(m.Ref) == route })
	if i < 0 {
		return nil, 0, NotFound("there is no route " + route)
	}
	m := &b.found[i]
	var list []node
	for index, name := range m.Rules {
		for _, s := range m.Scopes {
			here := slices.ContainsFunc(s.Parents, func(l *hierarchy.Listener) bool { return l.Ref == listener })
			if !here || !s.Rules.Has(index) {
				continue
			}
			n := b.node(m.Ref.WithSection(name), hierarchy.RouteRuleLevel, 0, 0)
			n.Values = CellsOf(s.Result, b.filter)
			list = append(list, n)
			break
		}
	}
	return list, 1, nil
}

// node is an object or a section as the tree shows it.
func (b *branches) node(ref hierarchy.Ref, level hierarchy.Level, routes, below int) node {
	n := node{
		ID: IDOf(ref), Object: IDOf(ref), Level: level.String(), Kind: ref.Kind, Name: ref.Name,
		Routes: routes, Children: below, Policies: b.Chips[ref],
	}
	switch {
	case ref.Section != "":
		n.Name = ref.Section
	case ref.Namespace != "":
		n.Name = ref.Namespace + "/" + ref.Name
	}
	return n
}

func sorted[T any](refs map[hierarchy.Ref]T) []hierarchy.Ref {
	list := make([]hierarchy.Ref, 0, len(refs))
	for ref := range refs {
		if !ref.IsZero() {
			list = append(list, ref)
		}
	}
	slices.SortFunc(list, hierarchy.Compare)
	return list
}
