package command

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/hierarchy"
)

func (o *options) bindingsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bindings [KIND/NAME…]",
		Short: "Say which listeners each route is bound to, or why it is not",
		Long: `Say for every parentRef which listeners the route is bound to, with the
hostnames they share, or why it is not bound; and how many routes each listener
has.

Name routes to see their parentRefs, Gateways or ListenerSets to see the routes
that name them. Binding is computed from spec alone, by the rules of Gateway API.`,
		Example: `  kubectl effective-policy bindings -n shop
  kubectl effective-policy bindings gateway/public -n infra
  kubectl effective-policy bindings httproute/checkout -f manifests/ -o json`,
		ValidArgsFunction: o.completeObjects((*world).bindable, false),
		RunE:              o.bindings,
	}
	o.addOutput(cmd, formatTable, formatWide, formatJSON, formatYAML)
	return cmd
}

// routeBinding is what became of one parentRef (api.md section 5).
type routeBinding struct {
	Kind      string          `json:"kind"`
	Namespace string          `json:"namespace"`
	Name      string          `json:"name"`
	ParentRef boundParent     `json:"parentRef"`
	Accepted  bool            `json:"accepted"`
	Reason    string          `json:"reason"`
	Message   string          `json:"message"`
	Listeners []boundListener `json:"listeners"`
}

type boundParent struct {
	Group       string `json:"group"`
	Kind        string `json:"kind"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName,omitempty"`
	Port        int32  `json:"port,omitempty"`
}

type boundListener struct {
	listenerName
	Hostnames []string `json:"hostnames"`
	// idle says why the route is bound but carries no traffic here (R30).
	idle string
}

// listenerName is a listener in its place.
type listenerName struct {
	Gateway     string `json:"gateway"`
	ListenerSet string `json:"listenerSet"`
	Listener    string `json:"listener"`
}

type attachedListener struct {
	listenerName
	AttachedRoutes int `json:"attachedRoutes"`
	ref            hierarchy.Ref
	spec           hierarchy.ListenerSpec
	note           string
}

type bindingsReport struct {
	Routes    []routeBinding     `json:"routes"`
	Listeners []attachedListener `json:"listeners"`
}

// bindable are the objects that bindings can be asked about.
func (w *world) bindable() []hierarchy.Ref {
	refs := w.targets()
	for s := range w.snapshot.Graph().ListenerSets() {
		refs = w.appendSelected(refs, s.Meta())
	}
	return refs
}

func (o *options) bindings(cmd *cobra.Command, args []string) error {
	w, err := o.load(cmd.Context())
	if err != nil {
		return err
	}
	found, err := w.find(args, w.bindable())
	if err != nil {
		return err
	}
	report := w.bindingsOf(found, len(args) > 0)
	if o.output == formatJSON || o.output == formatYAML {
		return encode(o.streams.Out, o.output, report)
	}
	return o.printBindings(report)
}

// bindingsOf reports on routes, and on the routes that name the Gateways and
// ListenerSets among the objects when these were asked for by name.
func (w *world) bindingsOf(found []hierarchy.Ref, byName bool) bindingsReport {
	g := w.snapshot.Graph()
	routes, holders := map[hierarchy.Ref]bool{}, map[hierarchy.Ref]bool{}
	for _, ref := range found {
		if !w.snapshot.IsRoute(ref.GroupKind) {
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
	report := bindingsReport{Routes: []routeBinding{}, Listeners: []attachedListener{}}
	for ref := range routes {
		for _, b := range g.Bindings(ref) {
			report.Routes = append(report.Routes, bindingOf(ref, b))
			holders[b.Parent.Ref.Object()] = true
		}
	}
	slices.SortStableFunc(report.Routes, func(a, b routeBinding) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	for ref := range holders {
		report.Listeners = append(report.Listeners, listenersOf(g, ref)...)
	}
	slices.SortFunc(report.Listeners, func(a, b attachedListener) int {
		return cmp.Or(strings.Compare(a.Gateway, b.Gateway), strings.Compare(a.ListenerSet, b.ListenerSet), strings.Compare(a.Listener, b.Listener))
	})
	return report
}

func bindingOf(route hierarchy.Ref, b hierarchy.Binding) routeBinding {
	parent := b.Parent.Ref
	out := routeBinding{
		Kind: route.Kind, Namespace: route.Namespace, Name: route.Name,
		ParentRef: boundParent{
			Group: parent.GroupKind.Group, Kind: parent.Kind, Namespace: parent.Namespace, Name: parent.Name,
			SectionName: parent.Section, Port: b.Parent.Port,
		},
		Accepted: b.Accepted, Reason: b.Reason, Message: b.Message,
		Listeners: make([]boundListener, 0, len(b.Listeners)),
	}
	for _, l := range b.Listeners {
		hostnames := slices.Clone(l.Hostnames)
		if hostnames == nil {
			hostnames = []string{}
		}
		out.Listeners = append(out.Listeners, boundListener{nameOf(l.Listener), hostnames, idle(l)})
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

func nameOf(l *hierarchy.Listener) listenerName {
	n := listenerName{Gateway: l.Gateway.Place(), Listener: l.Ref.Section}
	if !l.ListenerSet.IsZero() {
		n.ListenerSet = l.ListenerSet.Place()
	}
	return n
}

// listenersOf lists the listeners that a Gateway or a ListenerSet itself holds.
// Those of a ListenerSet that did not join its Gateway are there too, with
// nothing attached.
func listenersOf(g *hierarchy.Graph, holder hierarchy.Ref) []attachedListener {
	object, _ := g.Get(holder)
	var specs []hierarchy.ListenerSpec
	name := listenerName{}
	switch o := object.(type) {
	case *hierarchy.Gateway:
		specs, name.Gateway = o.Listeners, holder.Place()
	case *hierarchy.ListenerSet:
		specs, name.Gateway, name.ListenerSet = o.Listeners, o.Parent.Place(), holder.Place()
	}
	var listeners []attachedListener
	for _, spec := range specs {
		ref := holder.WithSection(spec.Name)
		name.Listener = spec.Name
		attached := attachedListener{listenerName: name, AttachedRoutes: g.AttachedRoutes(ref), ref: ref, spec: spec}
		if l, ok := g.Listener(ref); !ok {
			_, reason, _ := g.ListenerSetStatus(holder)
			attached.note = reason
		} else if l.Conflicted != "" {
			attached.note = l.Conflicted
		}
		listeners = append(listeners, attached)
	}
	return listeners
}

func (o *options) printBindings(report bindingsReport) error {
	p := o.pen()
	if len(report.Routes) == 0 {
		o.note("no route names a parent")
	} else {
		p.print(o.routeTable(report.Routes))
	}
	if len(report.Listeners) > 0 {
		if len(report.Routes) > 0 {
			p.line("")
		}
		t := &table{}
		t.head("GATEWAY", "LISTENERSET", "LISTENER", "PORT", "PROTOCOL", "HOSTNAME", "ROUTES", "NOTE")
		for _, l := range report.Listeners {
			host := l.spec.Hostname
			if host == "" {
				host = "*"
			}
			t.plain(l.Gateway, l.ListenerSet, l.Listener, strconv.Itoa(int(l.spec.Port)), l.spec.Protocol, host, strconv.Itoa(l.AttachedRoutes), l.note)
		}
		p.print(t)
	}
	return p.err
}

// routeTable has a line for each listener that a parentRef is bound to, or one
// that says why it is bound to none.
func (o *options) routeTable(routes []routeBinding) *table {
	t := &table{}
	t.head("NAMESPACE", "ROUTE", "PARENT", "BOUND", "LISTENER", "HOSTNAMES", "REASON")
	for _, r := range routes {
		name, parent := cell{text: r.Kind + "/" + r.Name}, cell{text: r.ParentRef.text()}
		if len(r.Listeners) == 0 {
			t.add(cell{text: r.Namespace}, name, parent, cell{"no", red}, cell{text: "-"}, cell{text: "-"}, cell{text: r.Reason + ": " + r.Message})
			continue
		}
		for i, l := range r.Listeners {
			reason := l.idle
			if reason == "" && o.output == formatWide && i == 0 {
				reason = r.Message
			}
			hosts := strings.Join(l.Hostnames, ",")
			if hosts == "" {
				hosts = "*"
			}
			t.add(cell{text: r.Namespace}, name, parent, cell{"yes", green}, cell{text: l.Listener}, cell{text: hosts}, cell{text: reason})
		}
	}
	return t
}

// text is a parentRef as people read it.
func (p *boundParent) text() string {
	text := p.Kind + "/" + p.Name
	if p.Namespace != "" {
		text = p.Kind + "/" + p.Namespace + "/" + p.Name
	}
	if p.SectionName != "" {
		text += "#" + p.SectionName
	}
	if p.Port != 0 {
		text += ":" + strconv.Itoa(int(p.Port))
	}
	return text
}
