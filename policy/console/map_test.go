package console_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/attache-dev/attache/test/worldtest"
)

// many are manifests of a number of routes on Gateways, of which some state
// something themselves.
func many(classes, gateways, namespaces, routes int) string {
	var b strings.Builder
	for i := range classes {
		fmt.Fprintf(&b, "---\n{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: c%d}, spec: {controllerName: example.com/c}}\n", i)
	}
	for i := range gateways {
		fmt.Fprintf(&b, "---\n{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g%d, namespace: infra}, spec: {gatewayClassName: c%d, listeners: ["+
			"{name: a, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}, {name: b, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}\n", i, i%classes)
		fmt.Fprintf(&b, "---\n{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: g%d, namespace: infra}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: g%d}, default: {request: %ds}}}\n", i, i, 1+i%3)
	}
	for i := range routes {
		fmt.Fprintf(&b, "---\n{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r%d, namespace: n%d}, spec: {parentRefs: [{name: g%d, namespace: infra}, {name: g%d, namespace: infra, sectionName: a}], rules: [{name: read}, {name: write}]}}\n",
			i, i%namespaces, i%(gateways+1), i*7%gateways) // g<gateways> does not exist
		if i%9 == 0 {
			fmt.Fprintf(&b, "---\n{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: r%d, namespace: n%d}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: r%d, sectionName: read}, default: {request: %ds}}}\n", i, i%namespaces, i, i)
		}
	}
	return b.String()
}

type drawnMap struct {
	Columns []struct {
		Level        string
		Total, Nodes int
	}
	Nodes              []drawnNode
	Edges              [][2]int
	Routes, Paths, All int
}

type drawnNode struct {
	ID               string
	Column, Row      int
	Count, Routes    int
	Members          []string
	Name, Kind, Text string
}

// check holds a map to what is promised of it.
func (m *drawnMap) check(t interface{ Errorf(string, ...any) }) {
	if len(m.Nodes) > 400 {
		t.Errorf("%d nodes", len(m.Nodes))
	}
	for c, column := range m.Columns {
		sum, nodes := 0, 0
		var rows []int
		for _, n := range m.Nodes {
			if n.Column == c {
				sum += n.Count
				nodes++
				rows = append(rows, n.Row)
			}
		}
		if sum != column.Total || nodes != column.Nodes {
			t.Errorf("%s: %d nodes stand for %d, and there are %d nodes for %d", column.Level, nodes, sum, column.Nodes, column.Total)
		}
		slices.Sort(rows)
		for i, row := range rows {
			if row != i {
				t.Errorf("%s: rows %v", column.Level, rows)
				break
			}
		}
	}
	for _, e := range m.Edges {
		if m.Nodes[e[0]].Column+1 != m.Nodes[e[1]].Column {
			t.Errorf("an edge from column %d to %d", m.Nodes[e[0]].Column, m.Nodes[e[1]].Column)
		}
	}
}

func TestAMapLeavesNothingOut(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		gateways := rapid.IntRange(1, 60).Draw(r, "gateways")
		s := worldtest.Snapshot(t, many(rapid.IntRange(1, 3).Draw(r, "classes"), gateways,
			rapid.IntRange(1, 60).Draw(r, "namespaces"), rapid.IntRange(0, 140).Draw(r, "routes")))
		h, _ := handlerOf(s)
		c := enter(t, h)
		var summary struct {
			Counts struct{ Classes, Gateways, Listeners, Routes, Paths int }
		}
		c.get("summary", &summary)
		var m drawnMap
		c.get("map", &m)
		m.check(r)
		n := summary.Counts
		if m.Columns[0].Total != n.Classes || m.Columns[1].Total != n.Gateways || m.Columns[2].Total != n.Listeners || m.Columns[4].Total != n.Routes ||
			m.Routes != n.Routes || m.Paths != n.Paths || m.Columns[5].Total != 2*n.Routes {
			r.Errorf("the map has %+v, the summary %+v", m.Columns, n)
		}
		// What a filter shows, too.
		var some, rows drawnMap
		filter := "?gateway=infra/g0&kind=TimeoutPolicy"
		c.get("map"+filter, &some)
		some.check(r)
		var table struct{ Total, Paths int }
		c.get("routes"+filter, &table)
		if some.Routes != table.Total || some.Paths != table.Paths || some.Columns[4].Total != table.Total {
			r.Errorf("the map shows %d routes with %d paths, the table %+v %v", some.Routes, some.Paths, table, rows)
		}
	})
}

// TestWhatIsOpenHasANodeOfItsOwn opens each route of a map that folds them: it and its
// rules have their nodes, whatever they were folded into, and nothing else is lost.
func TestWhatIsOpenHasANodeOfItsOwn(t *testing.T) {
	h, _ := handlerOf(worldtest.Snapshot(t, many(2, 50, 50, 900)))
	c := enter(t, h)
	var folded drawnMap
	c.get("map", &folded)
	drawn := map[string]bool{}
	named := map[string]bool{}
	for _, n := range folded.Nodes {
		drawn[n.ID] = true
		for _, member := range n.Members {
			named[member] = true
		}
	}
	inside, unnamed := 0, 0
	for i := 0; i < 900; i += 31 {
		id := fmt.Sprintf("httproute/n%d/r%d", i%50, i)
		if drawn[id] {
			continue
		}
		inside++
		if !named[id] {
			unnamed++
		}
		var m drawnMap
		c.get("map?open="+url.QueryEscape(id), &m)
		m.check(t)
		own := 0
		for _, n := range m.Nodes {
			if (n.ID == id || n.ID == id+"#read" || n.ID == id+"#write") && n.Count == 1 {
				own++
			}
		}
		if own != 3 || m.Routes != folded.Routes || m.Paths != folded.Paths {
			t.Fatalf("%s and its rules have %d nodes of their own on a map of %d routes", id, own, m.Routes)
		}
	}
	if inside < 10 || unnamed == 0 {
		t.Errorf("%d routes were folded, %d of them not named: the world is too small to show it", inside, unnamed)
	}
	var gateway drawnMap
	c.get("map?open=gateway/infra/g49", &gateway)
	gateway.check(t)
	if !slices.ContainsFunc(gateway.Nodes, func(n drawnNode) bool { return n.ID == "gateway/infra/g49" }) {
		t.Error("the Gateway has no node of its own")
	}
	var nothing drawnMap
	c.get("map?open=nothing/at/all", &nothing)
	nothing.check(t)
}

func TestAMapOfTenThousandRoutes(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand routes take seconds, which -short leaves out")
	}
	h, _ := handlerOf(worldtest.Snapshot(t, many(5, 500, 100, 10_000)))
	c := enter(t, h)
	var m drawnMap
	c.get("map", &m)
	m.check(t)
	if m.Columns[4].Total != 10_000 || m.Routes != 10_000 {
		t.Errorf("%+v", m.Columns)
	}
	// Page by page the table has each route once.
	seen, offset := map[string]bool{}, 0
	for {
		var page struct {
			Total, Next int
			Rows        []struct{ ID string }
		}
		c.get(fmt.Sprintf("routes?offset=%d&limit=200", offset), &page)
		for _, row := range page.Rows {
			seen[row.ID] = true
		}
		if offset = page.Next; offset == 0 {
			break
		}
	}
	if len(seen) != 10_000 {
		t.Errorf("the table has %d routes", len(seen))
	}
}

// TestTheTreeCountsWhatIsBelow opens every node.
func TestTheTreeCountsWhatIsBelow(t *testing.T) {
	h, _ := handlerOf(worldtest.Snapshot(t, many(2, 5, 7, 60)))
	c := enter(t, h)
	type node struct {
		ID, Level        string
		Routes, Children int
	}
	var visit func(n node)
	rules := 0
	visit = func(n node) {
		var below struct {
			Total, Routes int
			Children      []node
		}
		c.get("tree?parent="+url.QueryEscape(n.ID), &below)
		if n.ID != "" && (below.Total != n.Children || below.Routes != n.Routes) {
			t.Errorf("%s says %d children and %d routes, and has %d and %d", n.ID, n.Children, n.Routes, below.Total, below.Routes)
		}
		sum := 0
		for _, child := range below.Children {
			sum += child.Routes
			if child.Level == "RouteRule" {
				rules++
				continue
			}
			if child.Level == "Route" && strings.HasPrefix(child.ID, "unbound") {
				continue
			}
			visit(child)
		}
		if n.Level == "Listener" && sum != n.Routes {
			t.Errorf("%s: %d routes, its namespaces have %d", n.ID, n.Routes, sum)
		}
	}
	visit(node{})
	if rules == 0 {
		t.Error("no rule was found")
	}
}
