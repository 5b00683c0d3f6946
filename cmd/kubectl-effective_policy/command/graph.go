package command

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// The output formats of graph besides JSON.
const (
	formatTree    = "tree"
	formatDot     = "dot"
	formatMermaid = "mermaid"
)

func (o *options) graphCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "graph [KIND/NAME…]",
		Short: "Draw the topology with the policies on it",
		Long: `Draw the topology: GatewayClasses, Gateways, ListenerSets, listeners, the routes
bound to them and their rules, each with the policies attached to it. Policies that
do not apply are drawn with the reason.

Name routes, Gateways or ListenerSets to draw only the paths through them.`,
		Example: `  kubectl effective-policy graph -A
  kubectl effective-policy graph httproute/checkout
  kubectl effective-policy graph -f manifests/ -o mermaid`,
		ValidArgsFunction: o.completeObjects((*world).bindable, false),
		RunE:              o.graph,
	}
	o.addOutput(cmd, formatTree, formatDot, formatMermaid, formatJSON)
	return cmd
}

// topology is what graph draws.
type topology struct {
	Nodes []topologyNode `json:"nodes"`
	Edges []topologyEdge `json:"edges"`

	index map[string]int
	edges map[topologyEdge]bool
}

// topologyNode is an object, a section of one, or a policy.
type topologyNode struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	Group     string `json:"group"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Section   string `json:"sectionName,omitempty"`
	// Level is that on the hierarchy; empty for a policy.
	Level string `json:"level,omitempty"`
	// Reason is that of a policy which does not apply where an edge leads.
	Reason string `json:"reason,omitempty"`

	order string
	text  string
}

// topologyEdge leads from above to below, or from a policy to its target.
type topologyEdge struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Type is below or attached.
	Type string `json:"type"`
}

const (
	edgeBelow    = "below"
	edgeAttached = "attached"
)

func (o *options) graph(cmd *cobra.Command, args []string) error {
	w, err := o.load(cmd.Context())
	if err != nil {
		return err
	}
	found, err := w.find(args, w.bindable())
	if err != nil {
		return err
	}
	t := w.topologyOf(found)
	if len(t.Nodes) == 0 {
		o.note("there is no route and no Gateway%s", w.where())
	}
	switch o.output {
	case formatJSON:
		return encode(o.streams.Out, o.output, t)
	case formatDot:
		return o.printDot(t)
	case formatMermaid:
		return o.printMermaid(t)
	}
	return o.printTree(t)
}

// topologyOf has the paths through the objects given, also when they end above:
// a Gateway without routes, a route that is bound to nothing.
func (w *world) topologyOf(objects []hierarchy.Ref) *topology {
	g := w.snapshot.Graph()
	t := &topology{Nodes: []topologyNode{}, Edges: []topologyEdge{}, index: map[string]int{}, edges: map[topologyEdge]bool{}}
	for _, ref := range objects {
		t.add(ref, w.levelOf(ref), "")
		for path := range g.Through(ref) {
			w.addPath(t, path)
		}
		object, _ := g.Get(ref)
		switch o := object.(type) {
		case *hierarchy.Gateway:
			t.join(t.add(hierarchy.GatewayClassRef(o.Class), hierarchy.GatewayClassLevel, ""), t.id(ref))
			for _, l := range g.Listeners(ref) {
				w.addListener(t, l)
			}
		case *hierarchy.ListenerSet:
			t.join(t.add(o.Parent, hierarchy.GatewayLevel, ""), t.id(ref))
			for _, spec := range o.Listeners {
				t.join(t.id(ref), t.add(ref.WithSection(spec.Name), hierarchy.ListenerLevel, ""))
			}
		case *hierarchy.Route:
			w.addRules(t, o)
		}
	}
	w.describeListeners(t)
	w.addPolicies(t)
	t.sort()
	return t
}

func (w *world) levelOf(ref hierarchy.Ref) hierarchy.Level {
	if w.snapshot.IsRoute(ref.GroupKind) {
		return hierarchy.RouteLevel
	}
	return levelOf(ref)
}

func (w *world) addPath(t *topology, path hierarchy.Path) {
	above := ""
	var route hierarchy.Ref
	for _, node := range path {
		ref, name := node.Ref, ""
		if node.Level == hierarchy.RouteLevel {
			route = ref
		}
		if node.Level == hierarchy.RouteRuleLevel {
			name = w.ruleNames(route)[node.Rule]
			ref = route.WithSection(name)
		}
		id := t.add(ref, node.Level, name)
		if above != "" {
			t.join(above, id)
		}
		above = id
	}
}

func (w *world) addListener(t *topology, l *hierarchy.Listener) {
	above := t.id(l.Gateway)
	if !l.ListenerSet.IsZero() {
		set := t.add(l.ListenerSet, hierarchy.ListenerSetLevel, "")
		t.join(above, set)
		above = set
	}
	t.join(above, t.add(l.Ref, hierarchy.ListenerLevel, ""))
}

// describeListeners says of each listener what it listens on.
func (w *world) describeListeners(t *topology) {
	g := w.snapshot.Graph()
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if n.Level != hierarchy.ListenerLevel.String() {
			continue
		}
		holder := hierarchy.NewRef(n.Group, n.Kind, n.Namespace, n.Name)
		for _, l := range listenersOf(g, holder) {
			if l.Listener != n.Section {
				continue
			}
			n.text = strings.TrimSpace(n.text + "  " + l.spec.Protocol + " " + strconv.Itoa(int(l.spec.Port)) + " " + l.spec.Hostname)
			if l.note != "" {
				n.text += "  " + l.note
			}
		}
	}
}

func (w *world) addRules(t *topology, o *hierarchy.Route) {
	ref := o.Meta().Ref
	for _, name := range w.ruleNames(ref) {
		t.join(t.id(ref), t.add(ref.WithSection(name), hierarchy.RouteRuleLevel, name))
	}
}

// addPolicies puts the policies on what is drawn.
func (w *world) addPolicies(t *topology) {
	drawn := map[hierarchy.Ref]string{}
	for _, n := range t.Nodes {
		drawn[hierarchy.NewRef(n.Group, n.Kind, n.Namespace, n.Name).WithSection(n.Section)] = n.ID
	}
	for p := range w.snapshot.Policies() {
		for _, s := range w.snapshot.Standings(p) {
			at, ok := drawn[s.Target.Ref]
			if !ok && w.snapshot.Graph().Sections(s.Target.Ref) != 1 { // no section of that name, or two
				at, ok = drawn[s.Target.Ref.Object()]
			}
			if !ok {
				continue
			}
			t.addPolicy(p, s, at)
		}
	}
}

func (t *topology) addPolicy(p *policy.Policy, s policy.Standing, at string) {
	text := p.Ref.String() + " (" + strings.Join(states(p), ", ") + ")"
	id := t.id(p.Ref)
	reason := ""
	if !s.Accepted() {
		// A policy may hold one target and not another.
		reason = s.Reason
		id += "/" + s.Target.Field
		text += "  " + s.Reason
	}
	if _, seen := t.index[id]; !seen {
		t.index[id] = len(t.Nodes)
		t.Nodes = append(t.Nodes, topologyNode{
			ID: id, Kind: p.Ref.Kind, Group: p.Ref.GroupKind.Group, Namespace: p.Ref.Namespace, Name: p.Ref.Name,
			Reason: reason, order: "0" + id, text: text,
		})
	}
	t.link(topologyEdge{id, at, edgeAttached})
}

// id names a node: HTTPRoute.gateway.networking.k8s.io/shop/checkout#pay.
func (t *topology) id(ref hierarchy.Ref) string {
	id := ref.GroupKind.String() + "/" + ref.Place()
	if ref.Section != "" {
		id += "#" + ref.Section
	}
	return id
}

// add adds a node once and returns its id. A rule is shown by its name.
func (t *topology) add(ref hierarchy.Ref, level hierarchy.Level, rule string) string {
	id := t.id(ref)
	if _, seen := t.index[id]; seen {
		return id
	}
	text, order := ref.String(), strconv.Itoa(1+int(level))+id
	switch {
	case level == hierarchy.RouteRuleLevel:
		text = ruleText(rule)
	case ref.Section != "":
		text = "listener " + ref.Section
	}
	t.index[id] = len(t.Nodes)
	t.Nodes = append(t.Nodes, topologyNode{
		ID: id, Kind: ref.Kind, Group: ref.GroupKind.Group, Namespace: ref.Namespace, Name: ref.Name, Section: ref.Section,
		Level: level.String(), order: order, text: text,
	})
	return id
}

func (t *topology) join(above, below string) { t.link(topologyEdge{above, below, edgeBelow}) }

func (t *topology) link(e topologyEdge) {
	if !t.edges[e] {
		t.edges[e] = true
		t.Edges = append(t.Edges, e)
	}
}

// sort orders nodes by level and name, policies first, and edges by their ends.
// Rules keep the order of their route.
func (t *topology) sort() {
	rule := func(n topologyNode) bool { return n.Level == hierarchy.RouteRuleLevel.String() }
	slices.SortStableFunc(t.Nodes, func(a, b topologyNode) int {
		if rule(a) && rule(b) {
			return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
		}
		return strings.Compare(a.order, b.order)
	})
	for i, n := range t.Nodes {
		t.index[n.ID] = i
	}
	slices.SortFunc(t.Edges, func(a, b topologyEdge) int {
		return cmp.Or(cmp.Compare(t.index[a.From], t.index[b.From]), cmp.Compare(t.index[a.To], t.index[b.To]))
	})
}
