package explain

import (
	"cmp"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
)

// Binding is the result of one parentRef (api.md section 5).
type Binding struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	ParentRef Object `json:"parentRef"`
	Accepted  bool   `json:"accepted"`
	// Active means that it carries traffic on at least one of the listeners (R30).
	Active    bool            `json:"active"`
	Reason    string          `json:"reason"`
	Message   string          `json:"message"`
	Listeners []BoundListener `json:"listeners"`
}

// Object names an object; of a parentRef also the section and the port.
type Object struct {
	Group       string `json:"group"`
	Kind        string `json:"kind"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName,omitempty"`
	Port        int32  `json:"port,omitempty"`
}

// BoundListener is a listener that a route is bound to.
type BoundListener struct {
	ListenerName
	Hostnames []string `json:"hostnames"`
	// Idle says why the route is bound but carries no traffic here (R30).
	Idle string `json:"-"`
}

// ListenerName names a listener with its Gateway and ListenerSet.
type ListenerName struct {
	Gateway     string `json:"gateway"`
	ListenerSet string `json:"listenerSet"`
	Listener    string `json:"listener"`
}

// AttachedListener is a listener with the number of routes on it.
type AttachedListener struct {
	ListenerName
	AttachedRoutes int `json:"attachedRoutes"`
	// Ref and Spec are the listener and its spec; Note says why it serves nothing.
	Ref  hierarchy.Ref          `json:"-"`
	Spec hierarchy.ListenerSpec `json:"-"`
	Note string                 `json:"-"`
}

// Bindings say where routes are bound, and how many routes each listener has.
type Bindings struct {
	Routes    []Binding          `json:"routes"`
	Listeners []AttachedListener `json:"listeners"`
}

// BindingsOf reports on the routes among the objects, and, if the objects were requested by name,
// on the routes that name the Gateways and ListenerSets among them.
func BindingsOf(s *policy.Snapshot, found []hierarchy.Ref, byName bool) Bindings {
	g := s.Graph()
	routes, holders := map[hierarchy.Ref]bool{}, map[hierarchy.Ref]bool{}
	for _, ref := range found {
		if !s.IsRoute(ref.GroupKind) {
			holders[ref] = true
			continue
		}
		routes[ref] = true
	}
	if byName {
		for r := range g.Routes() {
			if slices.ContainsFunc(g.Bindings(r.Meta().Ref), func(b hierarchy.Binding) bool { return holders[b.Parent.Ref.Object()] }) {
				routes[r.Meta().Ref] = true
			}
		}
	}
	report := Bindings{Routes: []Binding{}, Listeners: []AttachedListener{}}
	for ref := range routes {
		for _, b := range g.Bindings(ref) {
			report.Routes = append(report.Routes, bindingOf(s, ref, b))
			holders[b.Parent.Ref.Object()] = true
		}
	}
	slices.SortStableFunc(report.Routes, func(a, b Binding) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	for ref := range holders {
		report.Listeners = append(report.Listeners, ListenersOf(g, ref)...)
	}
	slices.SortFunc(report.Listeners, func(a, b AttachedListener) int {
		return cmp.Or(strings.Compare(a.Gateway, b.Gateway), strings.Compare(a.ListenerSet, b.ListenerSet), strings.Compare(a.Listener, b.Listener))
	})
	return report
}

func bindingOf(s *policy.Snapshot, route hierarchy.Ref, b hierarchy.Binding) Binding {
	parent := b.Parent.Ref
	out := Binding{
		Kind: route.Kind, Namespace: route.Namespace, Name: route.Name,
		ParentRef: Object{
			Group: parent.GroupKind.Group, Kind: parent.Kind, Namespace: parent.Namespace, Name: parent.Name,
			SectionName: parent.Section, Port: b.Parent.Port,
		},
		Accepted: b.Accepted, Reason: b.Reason, Message: WithNearMiss(b.Message, nearParent(s, b)),
		Listeners: make([]BoundListener, 0, len(b.Listeners)),
	}
	for _, l := range b.Listeners {
		hostnames := slices.Clone(l.Hostnames)
		if hostnames == nil {
			hostnames = []string{}
		}
		out.Active = out.Active || l.Active
		out.Listeners = append(out.Listeners, BoundListener{NameOf(l.Listener), hostnames, idle(l)})
	}
	return out
}

func idle(l hierarchy.BoundListener) string {
	switch {
	case l.Active:
		return ""
	case l.Listener.Conflicted != "":
		return "bound, but without traffic: the listener lost its port (" + l.Listener.Conflicted + ")"
	}
	return "bound, but without traffic: an older route takes it"
}

// NameOf returns the name of a listener.
func NameOf(l *hierarchy.Listener) ListenerName {
	n := ListenerName{Gateway: l.Gateway.Place(), Listener: l.Ref.Section}
	if !l.ListenerSet.IsZero() {
		n.ListenerSet = l.ListenerSet.Place()
	}
	return n
}

// ListenersOf lists the listeners that a Gateway or a ListenerSet itself holds. Those of a
// ListenerSet that did not join its Gateway are included, with nothing attached.
func ListenersOf(g *hierarchy.Graph, holder hierarchy.Ref) []AttachedListener {
	object, _ := g.Get(holder)
	var specs []hierarchy.ListenerSpec
	name := ListenerName{}
	switch o := object.(type) {
	case *hierarchy.Gateway:
		specs, name.Gateway = o.Listeners, holder.Place()
	case *hierarchy.ListenerSet:
		specs, name.Gateway, name.ListenerSet = o.Listeners, o.Parent.Place(), holder.Place()
	}
	var listeners []AttachedListener
	for _, spec := range specs {
		ref := holder.WithSection(spec.Name)
		name.Listener = spec.Name
		attached := AttachedListener{ListenerName: name, AttachedRoutes: g.AttachedRoutes(ref), Ref: ref, Spec: spec}
		if l, ok := g.Listener(ref); !ok {
			_, reason, _ := g.ListenerSetStatus(holder)
			attached.Note = reason
		} else if l.Conflicted != "" {
			attached.Note = l.Conflicted
		}
		listeners = append(listeners, attached)
	}
	return listeners
}

// Unbound is a route that is bound to no listener, and why.
type Unbound struct {
	Route Object `json:"route"`
	// Before means that it was bound before the edit.
	Before bool `json:"before"`
	// Why has a reason for each parentRef, each naming the parent.
	Why []string `json:"why"`
	// Policies are attached to it and have no effect there.
	Policies []string `json:"policies,omitempty"`

	Ref hierarchy.Ref `json:"-"`
	// Field is the first parentRef.
	Field string `json:"-"`
}

// Sentence returns it as one line.
func (u *Unbound) Sentence() string {
	text := "is bound to nothing: " + strings.Join(u.Why, "; ")
	if len(u.Why) == 0 {
		text += "it has no parentRefs"
	}
	if len(u.Policies) > 0 {
		text += "; no effect there: " + prose.List(u.Policies, 3)
	}
	return text
}

// UnboundRoutes lists the routes that are bound to nothing after an edit: those that were bound
// before it, and those of the others for which about is true, sorted.
func UnboundRoutes(before, after *policy.Snapshot, about func(hierarchy.Ref) bool) []Unbound {
	var list []Unbound
	for r := range after.Graph().Routes() {
		ref := r.Meta().Ref
		if len(after.Graph().BoundTo(ref)) > 0 || mesh(after.Graph().Bindings(ref)) {
			continue
		}
		was := len(before.Graph().BoundTo(ref)) > 0
		if !was && !about(ref) {
			continue
		}
		u := Unbound{Route: objectOf(ref), Ref: ref, Before: was, Why: []string{}, Field: "spec.parentRefs[0]"}
		for _, b := range after.Graph().Bindings(ref) {
			text := bindingOf(after, ref, b)
			u.Why = append(u.Why, text.ParentRef.Text()+": "+text.Message)
		}
		u.Policies = attachedTo(after, ref)
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b Unbound) int { return hierarchy.Compare(a.Ref, b.Ref) })
	return list
}

// attachedTo are the policies that hold a route or a rule of it.
func attachedTo(s *policy.Snapshot, route hierarchy.Ref) []string {
	var policies []string
	for p := range s.Policies() {
		if slices.ContainsFunc(s.Acceptances(p), func(a policy.Acceptance) bool { return a.Accepted() && a.Target.Ref.Object() == route }) {
			policies = append(policies, s.Text(p.Ref))
		}
	}
	slices.Sort(policies)
	return policies
}

// mesh reports whether a route is accepted by a parent that has no listeners.
func mesh(bindings []hierarchy.Binding) bool {
	return slices.ContainsFunc(bindings, func(b hierarchy.Binding) bool { return b.Accepted || b.Reason == hierarchy.ReasonMeshParent })
}

func objectOf(ref hierarchy.Ref) Object {
	return Object{Group: ref.GroupKind.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, SectionName: ref.Section}
}
