package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// Description is everything that describe knows about one object.
type Description struct {
	Object Object `json:"object"`
	Facts  []Fact `json:"facts,omitempty"`
	// Attached are the policies that name the object or a section of it, Above
	// those that reach it from a higher level.
	Attached []Attached `json:"attached,omitempty"`
	Above    []Attached `json:"above,omitempty"`
	// Bindings are set for a route, Listeners for everything above routes.
	Bindings  []Binding        `json:"bindings,omitempty"`
	Listeners []ListenerRoutes `json:"listeners,omitempty"`
	Targets   []Refused        `json:"targets,omitempty"`
	InEffect  []InEffect       `json:"InEffect,omitempty"`
	// References are objects outside the hierarchy that this one names.
	References []Reference `json:"references,omitempty"`
	Findings   []Remark    `json:"findings,omitempty"`
	// NamedBy are the routes and Gateways that name an object outside the hierarchy.
	NamedBy []Reference `json:"namedBy,omitempty"`

	Ref hierarchy.Ref `json:"-"`
	// Text is the object as people read it.
	Text string `json:"-"`
}

// Fact is a property that only some kinds have.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Attached is a policy where it is attached, and whether it applies there.
type Attached struct {
	Policy  string   `json:"policy"`
	Target  string   `json:"target"`
	States  []string `json:"states"`
	Reason  string   `json:"reason"`
	Message string   `json:"message,omitempty"`

	// Ref and At are the policy and the target.
	Ref hierarchy.Ref `json:"-"`
	At  hierarchy.Ref `json:"-"`
}

// ListenerRoutes are the routes on one listener.
type ListenerRoutes struct {
	AttachedListener
	Routes []string `json:"routes"`
	// Refs are the same routes.
	Refs []hierarchy.Ref `json:"-"`
}

// InEffect is the effect of a policy through one Gateway.
type InEffect struct {
	Gateway  string   `json:"gateway"`
	Paths    int      `json:"paths"`
	Whole    int      `json:"whole"`
	Part     int      `json:"part"`
	BeatenBy []string `json:"beatenBy,omitempty"`
	// Limited says which of its values are limited, like its status.
	Limited []string `json:"limited,omitempty"`
}

// Reference is an object outside the hierarchy that a field names.
type Reference struct {
	Field string `json:"field"`
	To    string `json:"to"`
	State string `json:"state,omitempty"`
	// Policies are the policies on it.
	Policies []Attached `json:"policies,omitempty"`
}

// Remark is something wrong or doubtful at a field.
type Remark struct {
	// Field is text for the same reason as in hierarchy.Problem.
	Field   string `json:"field"`
	Message string `json:"message"`
	// entry is the listener or the rule that it concerns, as in hierarchy.Problem.
	entry int
}

// entryOf returns the position of a section among the listeners or rules of its object, counted
// from 1.
func entryOf(s *policy.Snapshot, ref hierarchy.Ref) int {
	object, _ := s.Graph().Get(ref)
	switch o := object.(type) {
	case *hierarchy.Gateway:
		return slices.Index(listenerNames(o.Listeners), ref.Section) + 1
	case *hierarchy.ListenerSet:
		return slices.Index(listenerNames(o.Listeners), ref.Section) + 1
	}
	return slices.Index(RuleNames(s, ref.Object()), ref.Section) + 1
}

// narrow leaves only the findings about one listener or rule.
func (d *Description) narrow(entry int) {
	d.Findings = slices.DeleteFunc(d.Findings, func(f Remark) bool { return f.entry != entry })
}

// sectionsOf lists the sections of an object, for users who misspelled one.
func sectionsOf(s *policy.Snapshot, ref hierarchy.Ref) string {
	var names []string
	object, _ := s.Graph().Get(ref)
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

// Describe returns what surrounds an object or a section of one. exists tells whether an object
// that it refers to exists. An error means that there is no such section.
func Describe(s *policy.Snapshot, ref hierarchy.Ref, exists func(hierarchy.Ref) string) (*Description, error) {
	if s.Graph().Sections(ref) == 0 {
		return nil, fmt.Errorf("%s has no section %q: %s", ref.Object(), ref.Section, sectionsOf(s, ref.Object()))
	}
	d := describeObject(s, ref)
	d.References = referencesOf(s, ref, exists)
	if ref.Section != "" {
		d.narrow(entryOf(s, ref))
	}
	return d, nil
}

func describeObject(s *policy.Snapshot, ref hierarchy.Ref) *Description {
	g := s.Graph()
	d := newDescription(ref)
	object, _ := g.Get(ref)
	switch o := object.(type) {
	case *hierarchy.GatewayClass:
		d.Facts = append(d.Facts, Fact{"controller", o.Controller})
		for gateway := range g.Gateways() {
			if gateway.Class == o.Meta().Ref.Name {
				d.addListeners(g, gatewayListeners(g, gateway.Meta().Ref))
			}
		}
	case *hierarchy.Gateway:
		d.Facts = append(d.Facts, Fact{"class", o.Class})
		if n := g.AttachedListenerSets(ref); n > 0 {
			d.Facts = append(d.Facts, Fact{"listener sets", strconv.Itoa(n) + " accepted"})
		}
		if class := hierarchy.GatewayClassRef(o.Class); !g.Exists(class) {
			d.Findings = append(d.Findings, Remark{Field: "spec.gatewayClassName", Message: ClassMissing(s, []hierarchy.Ref{class})})
		}
		d.addListeners(g, gatewayListeners(g, ref))
	case *hierarchy.ListenerSet:
		accepted, reason, message := g.ListenerSetStatus(ref)
		verdict := "not accepted"
		if accepted {
			verdict = "accepted"
		}
		d.Facts = append(d.Facts, Fact{"gateway", o.Parent.String()}, Fact{verdict, reason + ": " + message})
		d.addListeners(g, ListenersOf(g, ref.Object()))
	case *hierarchy.Route:
		if len(o.Hostnames) > 0 {
			d.Facts = append(d.Facts, Fact{"hostnames", strings.Join(o.Hostnames, ", ")})
		}
		d.Facts = append(d.Facts, Fact{"rules", strings.Join(RuleNames(s, ref.Object()), ", ")})
		for _, b := range g.Bindings(ref) {
			d.Bindings = append(d.Bindings, bindingOf(s, ref.Object(), b))
		}
	}
	slices.SortStableFunc(d.Listeners, func(a, b ListenerRoutes) int {
		return cmp.Or(strings.Compare(a.Gateway, b.Gateway), strings.Compare(a.ListenerSet, b.ListenerSet), strings.Compare(a.Listener, b.Listener))
	})
	if ref.Section != "" {
		d.Listeners = slices.DeleteFunc(d.Listeners, func(l ListenerRoutes) bool { return l.Ref != ref })
	}
	d.Attached, d.Above = policiesAround(s, ref)
	for _, f := range g.Findings(ref.Object()) {
		d.Findings = append(d.Findings, Remark{f.Field, f.Message, f.Entry})
	}
	d.Findings = append(d.Findings, unreached(g, ref.Object())...)
	return d
}

func newDescription(ref hierarchy.Ref) *Description {
	return &Description{
		Object: Object{Group: ref.GroupKind.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, SectionName: ref.Section},
		Ref:    ref,
		Text:   ref.String(),
	}
}

// gatewayListeners are the listeners of a Gateway and of every ListenerSet that
// names it.
func gatewayListeners(g *hierarchy.Graph, gateway hierarchy.Ref) []AttachedListener {
	listeners := ListenersOf(g, gateway.Object())
	for set := range g.ListenerSets() {
		if set.Parent == gateway.Object() {
			listeners = append(listeners, ListenersOf(g, set.Meta().Ref)...)
		}
	}
	return listeners
}

func (d *Description) addListeners(g *hierarchy.Graph, listeners []AttachedListener) {
	for _, l := range listeners {
		bound := ListenerRoutes{AttachedListener: l, Routes: []string{}}
		if listener, ok := g.Listener(l.Ref); ok {
			seen := map[hierarchy.Ref]bool{}
			for path := range g.Through(listener.Ref) {
				for _, node := range path {
					if node.Level == hierarchy.RouteLevel && !seen[node.Ref] {
						seen[node.Ref] = true
						bound.Routes, bound.Refs = append(bound.Routes, node.Ref.String()), append(bound.Refs, node.Ref)
					}
				}
			}
		}
		d.Listeners = append(d.Listeners, bound)
	}
}

// policiesAround are the policies that name an object or a section of it, and
// those that reach it from a higher level. Direct policies reach nothing.
func policiesAround(s *policy.Snapshot, ref hierarchy.Ref) (attached, above []Attached) {
	higher := s.Graph().Above(ref)
	in := s
	for p := range in.Policies() {
		for _, s := range in.Acceptances(p) {
			at := s.Target.Ref
			here := at == ref || ref.Section == "" && at.Object() == ref
			switch {
			case here:
				attached = append(attached, attachedOf(in, p, s))
			case slices.Contains(higher, at) && s.Accepted() && p.Kind.Class == policy.Inherited:
				above = append(above, attachedOf(in, p, s))
			}
		}
	}
	order := func(a, b Attached) int {
		return cmp.Or(strings.Compare(a.Policy, b.Policy), strings.Compare(a.Target, b.Target))
	}
	slices.SortFunc(attached, order)
	slices.SortFunc(above, order)
	return attached, above
}

func attachedOf(in *policy.Snapshot, p *policy.Policy, s policy.Acceptance) Attached {
	a := Attached{Policy: in.Text(p.Ref), Target: s.Target.Ref.String(), States: States(p), Reason: s.Reason, Ref: p.Ref, At: s.Target.Ref}
	if !s.Accepted() {
		a.Message = s.Message
	}
	return a
}

// States are the blocks of a policy.
func States(p *policy.Policy) []string {
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

// strategyOf returns the strategy that a policy is merged with: a block may state its own.
func strategyOf(p *policy.Policy) string {
	if p.Kind.Class == policy.Direct {
		return "None"
	}
	strategy := p.Strategy.String()
	var each []string
	for i, layer := range p.Layers {
		if i == 0 {
			strategy = layer.Strategy.String()
		}
		each = append(each, layer.Strategy.String()+" ("+layer.Block.String()+")")
	}
	if len(p.Layers) > 1 && p.Layers[0].Strategy != p.Layers[1].Strategy {
		return strings.Join(each, ", ")
	}
	return strategy
}

// DescribePolicy returns what a policy is attached to, and its effect.
func DescribePolicy(s *policy.Snapshot, p *policy.Policy) *Description {
	d := newDescription(p.Ref)
	d.Text = s.Text(p.Ref)
	d.Facts = append(d.Facts, Fact{"class", string(p.Kind.Class)}, Fact{"strategy", strategyOf(p)}, Fact{"states", strings.Join(States(p), ", ")})
	for _, a := range s.Acceptances(p) {
		d.Targets = append(d.Targets, Refused{s.Text(p.Ref), s.Text(a.Target.Ref), a.Reason, WithNearMiss(a.Message, NearMiss(s, p, a)), a.Target.Ref})
	}
	var tally effective.Tally
	for e := range effective.Resolve(s, s.Touched(p.Ref)...).All() {
		tally.Add(e)
	}
	for _, c := range tally.Of(p.Ref) {
		in := InEffect{Gateway: c.Gateway.Place(), Paths: c.Paths, Whole: c.Whole, Part: c.Part}
		for _, by := range c.BeatenBy() {
			in.BeatenBy = append(in.BeatenBy, s.Text(by))
		}
		for _, m := range c.Moved() {
			in.Limited = append(in.Limited, m.String())
		}
		d.InEffect = append(d.InEffect, in)
	}
	for _, r := range p.Remarks {
		d.Findings = append(d.Findings, Remark{Field: r.Path.String(), Message: r.Message()})
	}
	for _, message := range p.Problems {
		d.Findings = append(d.Findings, Remark{Field: "spec", Message: message})
	}
	return d
}
