package command

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

func (o *options) describeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe KIND/NAME[#SECTION]",
		Short: "Show what surrounds an object: policies on it and above it, bindings, findings",
		Long: `Show what surrounds a GatewayClass, a Gateway, a ListenerSet, a listener
(gateway/public#https), a route, a rule, or a policy: the policies that are attached
to it and those that reach it from above, what it is bound to or what is bound to it,
what it refers to, and what is found to be wrong or doubtful about it.`,
		Example: `  kubectl effective-policy describe gateway/public -n infra
  kubectl effective-policy describe gateway/public#https -n infra
  kubectl effective-policy describe timeoutpolicy/edge-ceiling -f manifests/`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: o.completeObjects((*world).describable, true),
		RunE:              o.describe,
	}
	o.addOutput(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

// description is everything that describe knows of one object.
type description struct {
	Object boundParent `json:"object"`
	Facts  []fact      `json:"facts,omitempty"`
	// Attached are the policies that name the object or a section of it, Above
	// those that reach it from a higher level.
	Attached []attachedPolicy `json:"attached,omitempty"`
	Above    []attachedPolicy `json:"above,omitempty"`
	// Bindings are of a route, Listeners of everything above routes.
	Bindings  []routeBinding  `json:"bindings,omitempty"`
	Listeners []boundRoutes   `json:"listeners,omitempty"`
	Targets   []refusedPolicy `json:"targets,omitempty"`
	InEffect  []inEffect      `json:"inEffect,omitempty"`
	// References are objects outside the hierarchy that this one names.
	References []referred `json:"references,omitempty"`
	Findings   []remark   `json:"findings,omitempty"`

	ref hierarchy.Ref
}

type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type attachedPolicy struct {
	Policy  string   `json:"policy"`
	Target  string   `json:"target"`
	States  []string `json:"states"`
	Reason  string   `json:"reason"`
	Message string   `json:"message,omitempty"`
}

// boundRoutes are the routes on one listener.
type boundRoutes struct {
	attachedListener
	Routes []string `json:"routes"`
}

// inEffect is what a policy comes to through one Gateway.
type inEffect struct {
	Gateway  string   `json:"gateway"`
	Paths    int      `json:"paths"`
	Whole    int      `json:"whole"`
	Part     int      `json:"part"`
	BeatenBy []string `json:"beatenBy,omitempty"`
}

type referred struct {
	Field string `json:"field"`
	To    string `json:"to"`
	State string `json:"state"`
}

type remark struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// describable is everything on the hierarchy and every policy.
func (w *world) describable() []hierarchy.Ref {
	refs := w.bindable()
	for c := range w.snapshot.Graph().GatewayClasses() {
		refs = append(refs, c.Meta().Ref)
	}
	for p := range w.snapshot.Policies() {
		refs = append(refs, p.Ref)
	}
	return refs
}

func (o *options) describe(cmd *cobra.Command, args []string) error {
	w, err := o.load(cmd.Context())
	if err != nil {
		return err
	}
	ref, err := w.findOne(args, w.describable())
	if err != nil {
		return err
	}
	if p, isPolicy := w.snapshot.Policy(ref); isPolicy {
		if ref.Section != "" {
			return fmt.Errorf("a policy has no sections: write %s", strings.TrimSuffix(args[len(args)-1], "#"+ref.Section))
		}
		return o.printDescription(w.describePolicy(p))
	}
	if w.snapshot.Graph().Sections(ref) == 0 {
		return fmt.Errorf("%s has no section %q: %s", ref.Object(), ref.Section, w.sectionsOf(ref.Object()))
	}
	d := w.describeObject(ref)
	d.References = w.references(ref, o.existence(cmd.Context(), w))
	if ref.Section != "" {
		d.narrow(w.fieldOf(ref))
	}
	return o.printDescription(d)
}

// fieldOf is where a section stands in its object: spec.rules[1].
func (w *world) fieldOf(ref hierarchy.Ref) string {
	object, _ := w.snapshot.Graph().Get(ref)
	switch o := object.(type) {
	case *hierarchy.Gateway:
		return "spec.listeners[" + strconv.Itoa(slices.Index(listenerNames(o.Listeners), ref.Section)) + "]"
	case *hierarchy.ListenerSet:
		return "spec.listeners[" + strconv.Itoa(slices.Index(listenerNames(o.Listeners), ref.Section)) + "]"
	}
	return "spec.rules[" + strconv.Itoa(slices.Index(w.ruleNames(ref.Object()), ref.Section)) + "]"
}

// narrow leaves only what is about one field and what is in it.
func (d *description) narrow(field string) {
	elsewhere := func(f string) bool { return !strings.HasPrefix(f, field) }
	d.References = slices.DeleteFunc(d.References, func(r referred) bool { return elsewhere(r.Field) })
	d.Findings = slices.DeleteFunc(d.Findings, func(f remark) bool { return elsewhere(f.Field) })
}

// sectionsOf lists the sections of an object, for those who misspelled one.
func (w *world) sectionsOf(ref hierarchy.Ref) string {
	var names []string
	object, _ := w.snapshot.Graph().Get(ref)
	switch o := object.(type) {
	case *hierarchy.Gateway:
		names = listenerNames(o.Listeners)
	case *hierarchy.ListenerSet:
		names = listenerNames(o.Listeners)
	case *hierarchy.Route:
		for _, rule := range o.Rules {
			if rule.Name != "" {
				names = append(names, rule.Name)
			}
		}
	}
	if len(names) == 0 {
		return "it has none"
	}
	return "it has " + strings.Join(names, ", ")
}

func listenerNames(specs []hierarchy.ListenerSpec) []string {
	names := make([]string, len(specs))
	for i := range specs {
		names[i] = specs[i].Name
	}
	return names
}

func (w *world) describeObject(ref hierarchy.Ref) *description {
	g := w.snapshot.Graph()
	d := w.newDescription(ref)
	object, _ := g.Get(ref)
	switch o := object.(type) {
	case *hierarchy.GatewayClass:
		d.Facts = append(d.Facts, fact{"controller", o.Controller})
		for gateway := range g.Gateways() {
			if gateway.Class == o.Meta().Ref.Name {
				d.addListeners(g, w.gatewayListeners(gateway.Meta().Ref))
			}
		}
	case *hierarchy.Gateway:
		d.Facts = append(d.Facts, fact{"class", o.Class}, fact{"listener sets", strconv.Itoa(g.AttachedListenerSets(ref)) + " accepted"})
		d.addListeners(g, w.gatewayListeners(ref))
	case *hierarchy.ListenerSet:
		accepted, reason, message := g.ListenerSetStatus(ref)
		verdict := "not accepted"
		if accepted {
			verdict = "accepted"
		}
		d.Facts = append(d.Facts, fact{"gateway", o.Parent.String()}, fact{verdict, reason + ": " + message})
		d.addListeners(g, listenersOf(g, ref.Object()))
	case *hierarchy.Route:
		if len(o.Hostnames) > 0 {
			d.Facts = append(d.Facts, fact{"hostnames", strings.Join(o.Hostnames, ", ")})
		}
		d.Facts = append(d.Facts, fact{"rules", strings.Join(w.ruleNames(ref.Object()), ", ")})
		for _, b := range g.Bindings(ref) {
			d.Bindings = append(d.Bindings, bindingOf(ref.Object(), b))
		}
	}
	slices.SortStableFunc(d.Listeners, func(a, b boundRoutes) int {
		return cmp.Or(strings.Compare(a.Gateway, b.Gateway), strings.Compare(a.ListenerSet, b.ListenerSet), strings.Compare(a.Listener, b.Listener))
	})
	if ref.Section != "" {
		d.Listeners = slices.DeleteFunc(d.Listeners, func(l boundRoutes) bool { return l.ref != ref })
	}
	d.Attached, d.Above = w.policiesAround(ref)
	for _, f := range g.Findings(ref.Object()) {
		d.Findings = append(d.Findings, remark{f.Field, f.Message})
	}
	return d
}

func (w *world) newDescription(ref hierarchy.Ref) *description {
	return &description{
		Object: boundParent{Group: ref.GroupKind.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, SectionName: ref.Section},
		ref:    ref,
	}
}

// gatewayListeners are the listeners of a Gateway and of every ListenerSet that
// names it.
func (w *world) gatewayListeners(gateway hierarchy.Ref) []attachedListener {
	g := w.snapshot.Graph()
	listeners := listenersOf(g, gateway.Object())
	for set := range g.ListenerSets() {
		if set.Parent == gateway.Object() {
			listeners = append(listeners, listenersOf(g, set.Meta().Ref)...)
		}
	}
	return listeners
}

func (d *description) addListeners(g *hierarchy.Graph, listeners []attachedListener) {
	for _, l := range listeners {
		bound := boundRoutes{attachedListener: l, Routes: []string{}}
		if listener, ok := g.Listener(l.ref); ok {
			for path := range g.Through(listener.Ref) {
				for _, node := range path {
					if node.Level == hierarchy.RouteLevel && !slices.Contains(bound.Routes, node.Ref.String()) {
						bound.Routes = append(bound.Routes, node.Ref.String())
					}
				}
			}
		}
		d.Listeners = append(d.Listeners, bound)
	}
}

// policiesAround are the policies that name an object or a section of it, and
// those that reach it from a higher level. Direct policies reach nothing.
func (w *world) policiesAround(ref hierarchy.Ref) (attached, above []attachedPolicy) {
	higher := w.above(ref)
	for p := range w.snapshot.Policies() {
		for _, s := range w.snapshot.Standings(p) {
			at := s.Target.Ref
			here := at == ref || ref.Section == "" && at.Object() == ref
			switch {
			case here:
				attached = append(attached, attachedOf(p, s))
			case slices.Contains(higher, at) && s.Accepted() && p.Kind.Class == policy.Inherited:
				above = append(above, attachedOf(p, s))
			}
		}
	}
	order := func(a, b attachedPolicy) int {
		return cmp.Or(strings.Compare(a.Policy, b.Policy), strings.Compare(a.Target, b.Target))
	}
	slices.SortFunc(attached, order)
	slices.SortFunc(above, order)
	return attached, above
}

// above lists everything above an object on any path through it.
func (w *world) above(ref hierarchy.Ref) []hierarchy.Ref {
	g := w.snapshot.Graph()
	var refs []hierarchy.Ref
	add := func(l *hierarchy.Listener) { refs = append(refs, l.Class, l.Gateway, l.ListenerSet, l.Ref) }
	object, _ := g.Get(ref)
	switch o := object.(type) {
	case *hierarchy.Gateway:
		refs = append(refs, hierarchy.GatewayClassRef(o.Class), ref.Object())
	case *hierarchy.ListenerSet:
		for _, l := range g.Listeners(o.Parent) {
			if l.ListenerSet == ref.Object() {
				refs = append(refs, l.Class, l.Gateway, l.ListenerSet)
			}
		}
	case *hierarchy.Route:
		for _, l := range g.BoundTo(ref) {
			add(l)
		}
		refs = append(refs, ref.Object())
	}
	return slices.DeleteFunc(refs, func(r hierarchy.Ref) bool { return r == ref || r.IsZero() })
}

func attachedOf(p *policy.Policy, s policy.Standing) attachedPolicy {
	a := attachedPolicy{Policy: p.Ref.String(), Target: s.Target.Ref.String(), States: states(p), Reason: s.Reason}
	if !s.Accepted() {
		a.Message = s.Message
	}
	return a
}

// states are the blocks of a policy.
func states(p *policy.Policy) []string {
	blocks := []string{}
	for _, layer := range p.Layers {
		blocks = append(blocks, layer.Block.String())
	}
	if len(p.Bounds) > 0 {
		blocks = append(blocks, "bounds")
	}
	if p.Kind.Class == policy.Direct {
		blocks = append(blocks, "direct")
	}
	return blocks
}

func (w *world) describePolicy(p *policy.Policy) *description {
	d := w.newDescription(p.Ref)
	strategy := p.Strategy.String()
	if p.Kind.Class == policy.Direct {
		strategy = "None"
	}
	d.Facts = append(d.Facts, fact{"class", string(p.Kind.Class)}, fact{"strategy", strategy}, fact{"states", strings.Join(states(p), ", ")})
	for _, s := range w.snapshot.Standings(p) {
		d.Targets = append(d.Targets, refusedPolicy{p.Ref.String(), s.Target.Ref.String(), s.Reason, s.Message})
	}
	var tally policy.Tally
	for e := range policy.Resolve(w.snapshot, w.snapshot.Touched(p.Ref)...).All() {
		tally.Add(e)
	}
	for _, c := range tally.Of(p.Ref) {
		in := inEffect{Gateway: c.Gateway.Place(), Paths: c.Paths, Whole: c.Whole, Part: c.Part}
		for _, by := range c.BeatenBy() {
			in.BeatenBy = append(in.BeatenBy, by.String())
		}
		d.InEffect = append(d.InEffect, in)
	}
	for _, message := range p.Problems {
		d.Findings = append(d.Findings, remark{"spec", message})
	}
	return d
}
