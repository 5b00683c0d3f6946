package enforcement

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
	"github.com/attache-dev/attache/policy/export/field"
)

// Part is the work of one exporter for a route: the paths of the classes that it serves. A Part
// without an exporter has the paths that no exporter serves.
type Part struct {
	Choice       Choice
	Registration export.Registration
	Input        export.Input
	// order has, for each of Input.Paths, its index among the target's paths.
	order []int
	// from is what the input was computed from.
	from origin
	// refused returns the rules into which injections cannot be put; nil when this is not checked.
	refused func(rules []export.RuleInjection) map[int]string
	// schemas are the schemas that objects have to fit; nil when this is not checked.
	schemas Schemas
}

// Project returns the result of the part's exporter; empty when it has none.
func (p *Part) Project() export.Projection { return p.settle(p.raw()) }

// raw is Project without regard to what CRDs refuse.
func (p *Part) raw() export.Projection {
	if p.Registration.Exporter == nil {
		return export.Projection{}
	}
	return p.Registration.Project(p.Input)
}

// settle leaves out of a projection what the CRDs of the route and of objects would refuse.
func (p *Part) settle(projection export.Projection) export.Projection {
	if p.refused != nil && len(projection.Rules) > 0 {
		projection = projection.Refuse(p.Input, p.refused(projection.Rules))
	}
	if p.schemas != nil {
		projection = projection.RefuseObjects(p.Input, p.schemas.Refuses)
	}
	return projection
}

// Schemas are the CRDs of data planes' kinds at one moment. Equal values refuse the same objects.
type Schemas interface {
	// Refuses returns the reasons for which the CRD of an object's kind refuses it; none if there is
	// no CRD.
	Refuses(object *unstructured.Unstructured) []string
}

// World is the input of exporters in addition to the route's effective policy.
type World struct {
	Graph  *hierarchy.Graph
	Config Config
	Fields export.StandardFields
	// Foreign has the objects of data planes that are not ours.
	Foreign *export.ForeignIndex
	// Held returns our live objects for the route, by name; nil offline.
	Held func(exporter string, route hierarchy.Ref) map[string]*unstructured.Unstructured
	// Installed reports whether the CRDs of an exporter's kinds exist; nil when this is not checked.
	Installed func(exporter string) bool
	// Refused returns the rules of a route into which injections cannot be put, because its CRD
	// would refuse it, with the reason; nil when this is not checked.
	Refused func(route hierarchy.Ref, rules []export.RuleInjection) map[int]string
	// Schemas are the schemas that objects have to fit (E2.2); nil when this is not checked.
	Schemas Schemas
	// Read extracts the input of exporters from a path's effective policies, for callers that cache
	// it; if it is nil, the function Read is used.
	Read func(p *effective.PathPolicies) *export.Effective
	// Version is the API version in which a route is served.
	Version func(route hierarchy.Ref) string
	// Shared are the results that routes share; nil if every route is projected by itself. It is only
	// for callers that use it one after the other.
	Shared *Shared
}

// Parts splits a route's paths by exporter (E1.5), sorted by exporter and
// controller.
func (w World) Parts(t *effective.Target) []Part {
	count := 0
	for range t.Paths() {
		count++
	}
	return w.parts(t.Target, count, func(yield func(PathValues) bool) {
		seen := map[*effective.PathPolicies]*export.Effective{}
		for p := range t.Paths() {
			values := seen[p.Result]
			if values == nil {
				values = w.read(p.Result)
				seen[p.Result] = values
			}
			if !yield(PathValues{p.Listener, p.Rule, values, p.Result}) {
				return
			}
		}
	})
}

// PathValues is what applies on one path.
type PathValues struct {
	Listener *hierarchy.Listener
	// Rule is the index of the rule; -1 when the route has none.
	Rule      int
	Effective *export.Effective
	// result is the result that Effective was read from.
	result *effective.PathPolicies
}

// parts is like Parts, given the number of paths.
func (w World) parts(target hierarchy.Ref, all int, paths func(yield func(PathValues) bool)) []Part {
	object, _ := w.Graph.Get(target)
	route, isRoute := object.(*hierarchy.Route)
	if !isRoute {
		return nil
	}
	hostnames, sole := hostnamesOf(w.Graph, target), soleness{graph: w.Graph, route: target}
	parts, choices := map[string]*Part{}, map[hierarchy.Ref]*chosen{}
	at := 0
	// The paths of a listener are side by side, so what it has in common is looked up once.
	var c *chosen
	var class hierarchy.Ref
	var listener *hierarchy.Listener
	served := 0
	for p := range paths {
		if c == nil || class != p.Listener.Class {
			class = p.Listener.Class
			if c = choices[class]; c == nil {
				c = w.choose(class, route)
				choices[class] = c
			}
		}
		if c.part == nil {
			c.part = parts[c.key]
		}
		part := c.part
		if part == nil {
			part = &Part{Choice: c.Choice, from: origin{route: route, paths: make([]pathOrigin, 0, all)}, order: make([]int, 0, all)}
			part.Input.Paths = make([]export.Path, 0, all)
			part.Registration, _ = exporters.Lookup(c.Exporter)
			parts[c.key], c.part = part, part
		}
		if p.Listener != listener {
			listener, served = p.Listener, hostnames[p.Listener]
		}
		part.add(p, c, served, sole.of(p.Listener.Gateway))
		entered := &part.Input.Paths[len(part.Input.Paths)-1]
		part.from.paths = append(part.from.paths, pathOrigin{
			p.result, p.Listener, entered.Controller, served, p.Rule, c.consents, entered.Sole,
		})
		part.order = append(part.order, at)
		at++
	}
	list := make([]Part, 0, len(parts))
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		list = append(list, *parts[name])
	}
	for i := range list {
		w.complete(&list[i], list, route)
	}
	return list
}

// chosen says how policies are enforced on a class, for one route.
type chosen struct {
	Choice
	// key is the key of the part; consents says whether the route may be written to.
	key      string
	consents bool
	part     *Part
}

func (w World) choose(class hierarchy.Ref, route *hierarchy.Route) *chosen {
	object, _ := w.Graph.Get(class)
	gatewayClass, _ := object.(*hierarchy.GatewayClass)
	c := &chosen{Choice: w.Config.Choose(gatewayClass)}
	if c.key = c.Exporter; c.key == "" {
		c.key = "\x00" + c.Controller + "\x00" + c.unserved()
	}
	c.consents = c.Settings.consents(route.Meta().Labels, w.Graph.NamespaceLabels(route.Meta().Ref.Namespace))
	return c
}

// add adds one path.
func (p *Part) add(at PathValues, c *chosen, hostnames int, sole bool) {
	choice := c.Choice
	if len(p.Input.Paths) > 0 && p.Choice.Settings != choice.Settings {
		lower := p.Choice.Settings
		if slices.Index(modes, choice.Settings.Mode) > slices.Index(modes, lower.Mode) {
			lower.Mode = choice.Settings.Mode
		}
		comparable := choice.Settings
		comparable.Mode, comparable.Inject = lower.Mode, lower.Inject
		if comparable != lower {
			names := []string{p.Input.Paths[0].Listener.Class.Name, at.Listener.Class.Name}
			slices.Sort(names)
			p.Input.ParametersDiffer = strings.Join(names, " and ")
		}
		p.Choice.Settings = lower
	}
	p.Input.Paths = append(p.Input.Paths, export.Path{
		Listener: at.Listener, Controller: p.controller(choice),
		Rule: max(at.Rule, 0), Hostnames: max(hostnames, 1), Sole: sole,
		Consent:   c.consents,
		Effective: at.Effective,
	})
}

// controller returns the controllerName that determines how the data plane reads a route: that of
// the class, unless the class is treated as one of another exporter.
func (p *Part) controller(choice Choice) string {
	if choice.Exporter == "" || export.PlaneOf(choice.Controller).Exporter == choice.Exporter || choice.Exporter == export.Standard {
		return choice.Controller
	}
	return export.ControllerOf(choice.Exporter)
}

// complete adds what does not depend on single paths.
func (w World) complete(part *Part, all []Part, route *hierarchy.Route) {
	in := &part.Input
	meta := route.Meta()
	in.Route, in.UID, in.Version = meta.Ref, meta.UID, w.version(meta.Ref)
	in.Rules = rulesAs(route)
	in.Fields = w.Fields
	in.Parameters = export.Parameters{Version: part.Choice.Settings.Version, RefuseHidden: part.Choice.Settings.Hidden == "Refuse"}
	for i := range all {
		if &all[i] != part {
			in.Beside = append(in.Beside, all[i].Input.Paths...)
		}
	}
	if part.Registration.Exporter == nil {
		return
	}
	w.around(part, route)
	in.ParentGenerations = map[string]int64{}
	for i := range in.Paths {
		if i > 0 && in.Paths[i].Listener == in.Paths[i-1].Listener {
			continue // the paths of a listener are adjacent
		}
		for _, parent := range [...]hierarchy.Ref{in.Paths[i].Listener.Gateway, in.Paths[i].Listener.Ref.Object()} {
			if _, known := in.ParentGenerations[parent.String()]; known {
				continue
			}
			if o, exists := w.Graph.Get(parent); exists {
				in.ParentGenerations[parent.String()] = o.Meta().Generation
			}
		}
	}
}

// around adds what exists on the cluster around a route.
func (w World) around(part *Part, route *hierarchy.Route) {
	in, meta := &part.Input, route.Meta()
	in.Foreign = w.Foreign.About(w.Graph, part.Registration, route, in.Paths)
	in.Taken = w.Foreign.Names(meta.Ref.Namespace)
	in.Held = nil
	if w.Held != nil {
		in.Held = w.Held(part.Registration.Name(), meta.Ref)
	}
	if refused := w.Refused; refused != nil {
		part.refused = func(rules []export.RuleInjection) map[int]string { return refused(meta.Ref, rules) }
	} else {
		part.refused = nil
	}
	part.schemas = w.Schemas
	in.MissingCRD = w.Installed != nil && !w.Installed(part.Registration.Name())
}

// version returns the API version in which a route is served.
func (w World) version(route hierarchy.Ref) string {
	if w.Version == nil {
		return "v1"
	}
	return w.Version(route)
}

// rulesAs returns a route's rules; one for a route without rules.
func rulesAs(route *hierarchy.Route) []export.Rule {
	rules := make([]export.Rule, len(route.Rules), max(len(route.Rules), 1))
	for i := range route.Rules {
		r := &route.Rules[i]
		rules[i] = export.Rule{
			Name: r.Name, Inline: r.Inline, Hash: r.Hash, Matches: max(len(r.Matches), 1),
			Answers: len(r.Forwards) == 0 || slices.ContainsFunc(r.Filters, func(f hierarchy.Filter) bool { return f.Type == hierarchy.FilterRedirect }),
		}
		for _, f := range r.Filters {
			if !ourFilter(f) {
				rules[i].Filters++
			}
		}
	}
	if len(rules) == 0 {
		rules = append(rules, export.Rule{Matches: 1, Answers: true})
	}
	return rules
}

// ourFilter reports whether a filter was put there by an exporter.
func ourFilter(f hierarchy.Filter) bool {
	extension, _ := f.Other["extensionRef"].(map[string]any)
	name, _ := extension["name"].(string)
	return extension["group"] == export.TraefikMiddleware.Group && extension["kind"] == export.TraefikMiddleware.Kind && strings.HasPrefix(name, "attache-")
}

// hostnamesOf counts the hostnames that each listener serves for a route.
func hostnamesOf(g *hierarchy.Graph, route hierarchy.Ref) map[*hierarchy.Listener]int {
	counts := map[*hierarchy.Listener]int{}
	for _, b := range g.Bindings(route) {
		for _, l := range b.Listeners {
			counts[l.Listener] = max(counts[l.Listener], len(l.Hostnames))
		}
	}
	return counts
}

// soleness caches, for Gateways, whether a route is the only one there.
type soleness struct {
	graph          *hierarchy.Graph
	route, gateway hierarchy.Ref
	sole           bool
}

// of is called for one path after the other: those of a Gateway are adjacent.
func (s *soleness) of(gateway hierarchy.Ref) bool {
	if s.gateway != gateway {
		only, _ := s.graph.SoleRoute(gateway)
		s.gateway, s.sole = gateway, only == s.route
	}
	return s.sole
}

// Read extracts the input of an exporter from a path's effective policies.
func Read(p *effective.PathPolicies) *export.Effective {
	e := extract(p)
	e.Prepare()
	return e
}

// extract is Read without the preparations for many readers.
func extract(p *effective.PathPolicies) *export.Effective {
	e := &export.Effective{Values: map[string]map[string]any{}, Forced: map[field.Field]bool{}, Invalid: map[string]string{}}
	for _, m := range p.Kinds {
		name := m.Kind.Name()
		if !field.IsKind(name) || len(m.Value) == 0 {
			continue
		}
		e.Values[name] = m.Value
		if len(m.Invalid) > 0 {
			messages := make([]string, len(m.Invalid))
			for i, broken := range m.Invalid {
				messages[i] = broken.Message
			}
			e.Invalid[name] = strings.Join(messages, "; ")
		}
		for i := range m.Origins {
			if f, ours := field.At(name, m.Origins[i].Path); ours && m.Origins[i].Forced() {
				e.Forced[f] = true
			}
		}
	}
	return e
}
