package topology

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
)

// Topology is the data of the command graph.
type Topology struct {
	Nodes []Node `json:"nodes"`
	Edges []Edge `json:"edges"`

	// Index maps the ID of a node to its index in Nodes.
	Index map[string]int `json:"-"`
	edges map[Edge]bool
}

// Node is an object, a section of one, or a policy.
type Node struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	Group     string `json:"group"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Section   string `json:"sectionName,omitempty"`
	// Level is the level on the hierarchy; empty for a policy.
	Level string `json:"level,omitempty"`
	// Reason is the reason why a policy does not apply where its edge leads.
	Reason string `json:"reason,omitempty"`

	// Text is the text of the node.
	Text string `json:"-"`

	order string
}

// Edge leads from above to below, or from a policy to its target.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Type is below or attached.
	Type string `json:"type"`
}

// The types of edges.
const (
	Below      = "below"
	AttachedTo = "attached"
)

// Of returns the paths through the given objects, including incomplete ones: a Gateway without
// routes, or a route that is bound to nothing.
func Of(s *policy.Snapshot, objects []hierarchy.Ref) *Topology {
	g := s.Graph()
	t := &Topology{Nodes: []Node{}, Edges: []Edge{}, Index: map[string]int{}, edges: map[Edge]bool{}}
	attached := namespacesWithPolicies(s)
	for _, ref := range objects {
		t.add(ref, levelIn(s, ref), "")
		for path := range g.Through(ref) {
			addPath(s, t, slices.DeleteFunc(path, func(n *hierarchy.Node) bool {
				return n.Level == hierarchy.NamespaceLevel && !attached[n.Ref]
			}))
		}
		object, _ := g.Get(ref)
		switch o := object.(type) {
		case *hierarchy.Gateway:
			t.join(t.add(hierarchy.GatewayClassRef(o.Class), hierarchy.GatewayClassLevel, ""), t.id(ref))
			for _, l := range g.Listeners(ref) {
				addListener(s, t, l)
			}
		case *hierarchy.ListenerSet:
			t.join(t.add(o.Parent, hierarchy.GatewayLevel, ""), t.id(ref))
			for _, spec := range o.Listeners {
				t.join(t.id(ref), t.add(ref.WithSection(spec.Name), hierarchy.ListenerLevel, ""))
			}
		case *hierarchy.Route:
			addRules(s, t, o)
		}
	}
	describeListeners(s, t)
	addBackends(s, t, objects)
	addPolicies(s, t)
	t.sort()
	return t
}

// namespacesWithPolicies are the Namespaces that policies are attached to. Others are
// not drawn.
func namespacesWithPolicies(s *policy.Snapshot) map[hierarchy.Ref]bool {
	attached := map[hierarchy.Ref]bool{}
	for p := range s.Policies() {
		for _, a := range s.Acceptances(p) {
			if a.Target.Ref.GroupKind == hierarchy.NamespaceKind {
				attached[a.Target.Ref] = true
			}
		}
	}
	return attached
}

func levelIn(s *policy.Snapshot, ref hierarchy.Ref) hierarchy.Level {
	if s.IsRoute(ref.GroupKind) {
		return hierarchy.RouteLevel
	}
	return explain.LevelOf(ref)
}

func addPath(s *policy.Snapshot, t *Topology, path hierarchy.Path) {
	above, namespace := "", ""
	var route hierarchy.Ref
	for _, node := range path {
		ref, name := node.Ref, ""
		if node.Level == hierarchy.NamespaceLevel {
			// It is drawn beside the listeners: below each of them there would be only some of its
			// routes.
			namespace = t.add(ref, node.Level, name)
			continue
		}
		if node.Level == hierarchy.RouteLevel {
			route = ref
		}
		if node.Level == hierarchy.RouteRuleLevel {
			name = explain.RuleNames(s, route)[node.Rule]
			ref = route.WithSection(name)
		}
		id := t.add(ref, node.Level, name)
		if node.Level == hierarchy.RouteLevel && namespace != "" {
			t.join(namespace, id)
		}
		if above != "" {
			t.join(above, id)
		}
		above = id
	}
}

func addListener(s *policy.Snapshot, t *Topology, l *hierarchy.Listener) {
	above := t.id(l.Gateway)
	if !l.ListenerSet.IsZero() {
		set := t.add(l.ListenerSet, hierarchy.ListenerSetLevel, "")
		t.join(above, set)
		above = set
	}
	t.join(above, t.add(l.Ref, hierarchy.ListenerLevel, ""))
}

// describeListeners adds the protocol, port and hostname of each listener.
func describeListeners(s *policy.Snapshot, t *Topology) {
	g := s.Graph()
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if n.Level != hierarchy.ListenerLevel.String() {
			continue
		}
		holder := hierarchy.NewRef(n.Group, n.Kind, n.Namespace, n.Name)
		for _, l := range explain.ListenersOf(g, holder) {
			if l.Listener != n.Section {
				continue
			}
			n.Text = strings.TrimSpace(n.Text + "  " + l.Spec.Protocol + " " + strconv.Itoa(int(l.Spec.Port)) + " " + l.Spec.Hostname)
			if l.Note != "" {
				n.Text += "  " + l.Note
			}
		}
	}
}

func addRules(s *policy.Snapshot, t *Topology, o *hierarchy.Route) {
	ref := o.Meta().Ref
	for _, name := range explain.RuleNames(s, ref) {
		t.join(t.id(ref), t.add(ref.WithSection(name), hierarchy.RouteRuleLevel, name))
	}
}

// backendLevel is the level of a backend that policies are attached to, below the hierarchy.
const backendLevel = "Backend"

// addBackends draws, below the rules that name them, the backends that policies are
// attached to, and no others.
func addBackends(s *policy.Snapshot, t *Topology, objects []hierarchy.Ref) {
	on := map[hierarchy.Ref]bool{}
	for p := range s.Policies() {
		for _, a := range s.Acceptances(p) {
			on[a.Target.Ref.Object()] = true
		}
	}
	for _, ref := range objects {
		object, _ := s.Graph().Get(ref)
		route, isRoute := object.(*hierarchy.Route)
		if !isRoute {
			continue
		}
		names := explain.RuleNames(s, ref)
		for i := range route.Rules {
			for _, backend := range route.Rules[i].Backends {
				if to := backend.To.Object(); on[to] {
					t.join(t.id(ref.WithSection(names[i])), t.addOutside(to))
				}
			}
		}
	}
}

// addOutside adds an object outside the hierarchy once and returns its id.
func (t *Topology) addOutside(ref hierarchy.Ref) string {
	id := t.id(ref)
	if _, seen := t.Index[id]; !seen {
		t.Index[id] = len(t.Nodes)
		t.Nodes = append(t.Nodes, Node{
			ID: id, Kind: ref.Kind, Group: ref.GroupKind.Group, Namespace: ref.Namespace, Name: ref.Name,
			Level: backendLevel, order: "9" + id, Text: ref.String(),
		})
	}
	return id
}

// addPolicies adds the policies of the nodes.
func addPolicies(s *policy.Snapshot, t *Topology) {
	drawn := map[hierarchy.Ref]string{}
	for _, n := range t.Nodes {
		drawn[hierarchy.NewRef(n.Group, n.Kind, n.Namespace, n.Name).WithSection(n.Section)] = n.ID
	}
	for p := range s.Policies() {
		for _, standing := range s.Acceptances(p) {
			at, ok := drawn[standing.Target.Ref]
			if !ok && s.Graph().Sections(standing.Target.Ref) != 1 { // no section of that name, or two
				at, ok = drawn[standing.Target.Ref.Object()]
			}
			if !ok {
				continue
			}
			t.addPolicy(s, p, standing, at)
		}
	}
}

func (t *Topology) addPolicy(in *policy.Snapshot, p *policy.Policy, s policy.Acceptance, at string) {
	text := in.Text(p.Ref) + " (" + strings.Join(explain.States(p), ", ") + ")"
	id := t.id(p.Ref)
	reason := ""
	if !s.Accepted() {
		// A policy may hold one target and not another.
		reason = s.Reason
		id += "/" + s.Target.Field
		text += "  " + s.Reason
	}
	if _, seen := t.Index[id]; !seen {
		t.Index[id] = len(t.Nodes)
		t.Nodes = append(t.Nodes, Node{
			ID: id, Kind: p.Ref.Kind, Group: p.Ref.GroupKind.Group, Namespace: p.Ref.Namespace, Name: p.Ref.Name,
			Reason: reason, order: "0" + id, Text: text,
		})
	}
	t.link(Edge{id, at, AttachedTo})
}

// id names a node: HTTPRoute.gateway.networking.k8s.io/shop/checkout#pay.
func (t *Topology) id(ref hierarchy.Ref) string {
	id := ref.GroupKind.String() + "/" + ref.Place()
	if ref.Section != "" {
		id += "#" + ref.Section
	}
	return id
}

// add adds a node once and returns its id. A rule is shown by its name.
func (t *Topology) add(ref hierarchy.Ref, level hierarchy.Level, rule string) string {
	id := t.id(ref)
	if _, seen := t.Index[id]; seen {
		return id
	}
	text, order := ref.String(), strconv.Itoa(1+int(level))+id
	switch {
	case level == hierarchy.RouteRuleLevel:
		text = hierarchy.RuleOf(rule).Text()
	case ref.Section != "":
		text = "listener " + ref.Section
	}
	t.Index[id] = len(t.Nodes)
	t.Nodes = append(t.Nodes, Node{
		ID: id, Kind: ref.Kind, Group: ref.GroupKind.Group, Namespace: ref.Namespace, Name: ref.Name, Section: ref.Section,
		Level: level.String(), order: order, Text: text,
	})
	return id
}

func (t *Topology) join(above, below string) { t.link(Edge{above, below, Below}) }

func (t *Topology) link(e Edge) {
	if !t.edges[e] {
		t.edges[e] = true
		t.Edges = append(t.Edges, e)
	}
}

// sort orders nodes by level and name, policies first, and edges by their ends.
// Rules keep the order of their route.
func (t *Topology) sort() {
	rule := func(n Node) bool { return n.Level == hierarchy.RouteRuleLevel.String() }
	slices.SortStableFunc(t.Nodes, func(a, b Node) int {
		if rule(a) && rule(b) {
			return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
		}
		return strings.Compare(a.order, b.order)
	})
	for i, n := range t.Nodes {
		t.Index[n.ID] = i
	}
	slices.SortFunc(t.Edges, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(t.Index[a.From], t.Index[b.From]), cmp.Compare(t.Index[a.To], t.Index[b.To]))
	})
}
