package command

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/explain/topology"
)

// children returns the nodes below each node: its policies, then the level below.
func children(t *topology.Topology) map[string][]int {
	below := map[string][]int{}
	for _, e := range t.Edges {
		if e.Type == topology.AttachedTo {
			below[e.To] = append(below[e.To], t.Index[e.From])
		} else {
			below[e.From] = append(below[e.From], t.Index[e.To])
		}
	}
	for _, list := range below {
		slices.Sort(list)
	}
	return below
}

// roots returns the nodes with nothing above them.
func roots(t *topology.Topology) []int {
	lower := map[string]bool{}
	for _, e := range t.Edges {
		if e.Type == topology.Below {
			lower[e.To] = true
		}
	}
	var roots []int
	for i, n := range t.Nodes {
		if n.Level != "" && !lower[n.ID] {
			roots = append(roots, i)
		}
	}
	return roots
}

func (o *options) printTree(t *topology.Topology) error {
	tree := &tree{pen: o.Pen(), topology: t, below: children(t), shown: map[int]bool{}}
	for _, root := range roots(t) {
		tree.print(root, "", "")
	}
	return tree.pen.Failed()
}

// tree draws a topology. A node that was drawn with everything below it is only named the next
// time.
type tree struct {
	pen      *terminal.Pen
	topology *topology.Topology
	below    map[string][]int
	shown    map[int]bool
}

func (t *tree) print(i int, first, rest string) {
	n := &t.topology.Nodes[i]
	text, below := t.pen.Paint(nodeStyle(n), n.Text), t.below[n.ID]
	if t.shown[i] && len(below) > 0 {
		text, below = text+t.pen.Paint(terminal.Faint, "  as above"), nil
	}
	if n.Level == hierarchy.RouteLevel.String() && !t.bound(n) {
		text += t.pen.Paint(terminal.Red, "  bound to nothing")
	}
	t.shown[i] = true
	t.pen.Line("%s%s", first, text)
	for k, child := range below {
		if k == len(below)-1 {
			t.print(child, rest+"└─ ", rest+"   ")
		} else {
			t.print(child, rest+"├─ ", rest+"│  ")
		}
	}
}

func (t *tree) bound(n *topology.Node) bool {
	return slices.ContainsFunc(t.topology.Edges, func(e topology.Edge) bool { return e.Type == topology.Below && e.To == n.ID })
}

func nodeStyle(n *topology.Node) terminal.Style {
	switch {
	case n.Reason != "":
		return terminal.Yellow
	case n.Level == "":
		return terminal.Green
	case n.Level == hierarchy.RouteLevel.String(), n.Section == "":
		return terminal.Bold
	}
	return terminal.Plain
}

func (o *options) printDot(t *topology.Topology) error {
	p := o.Pen()
	p.Colours = false
	p.Line("digraph topology {")
	p.Line("  rankdir=TB;")
	p.Line("  node [shape=box, fontname=\"sans-serif\"];")
	for i, n := range t.Nodes {
		p.Line("  n%d [label=%s%s];", i, strconv.Quote(label(&n)), dotShape(&n))
	}
	for _, e := range t.Edges {
		look := ""
		if e.Type == topology.AttachedTo {
			look = " [style=dashed]"
		}
		p.Line("  n%d -> n%d%s;", t.Index[e.From], t.Index[e.To], look)
	}
	p.Line("}")
	return p.Failed()
}

// label returns the text of a node where it is not drawn below its object.
func label(n *topology.Node) string {
	return strings.ReplaceAll(n.Text, "  ", " ")
}

func dotShape(n *topology.Node) string {
	switch {
	case n.Reason != "":
		return ", shape=ellipse, color=gray, fontcolor=gray"
	case n.Level == "":
		return ", shape=ellipse"
	}
	return ""
}

func (o *options) printMermaid(t *topology.Topology) error {
	p := o.Pen()
	p.Colours = false
	p.Line("graph TD")
	for i, n := range t.Nodes {
		open, closing := "[", "]"
		if n.Level == "" {
			open, closing = "([", "])"
		}
		p.Line("  n%d%s\"%s\"%s", i, open, mermaidText(label(&n)), closing)
	}
	for _, e := range t.Edges {
		arrow := "-->"
		if e.Type == topology.AttachedTo {
			arrow = "-.->"
		}
		p.Line("  n%d %s n%d", t.Index[e.From], arrow, t.Index[e.To])
	}
	var idle []string
	for i, n := range t.Nodes {
		if n.Reason != "" {
			idle = append(idle, fmt.Sprintf("n%d", i))
		}
	}
	if len(idle) > 0 {
		p.Line("  classDef idle fill:#eee,color:#888,stroke:#bbb")
		p.Line("  class %s idle", strings.Join(idle, ","))
	}
	return p.Failed()
}

// mermaidText escapes characters that would end a label.
func mermaidText(text string) string {
	return strings.NewReplacer(`"`, "#quot;", "#", "#35;", "*", "#42;").Replace(text)
}
