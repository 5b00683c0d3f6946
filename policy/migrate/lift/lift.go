package lift

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// Lifted is the result of lifting (M63).
type Lifted struct {
	Paths          int `json:"paths"`
	PoliciesBefore int `json:"policiesBefore"`
	PoliciesAfter  int `json:"policiesAfter"`
	FieldsBefore   int `json:"fieldsBefore"`
	FieldsAfter    int `json:"fieldsAfter"`
	// Digest is over the effective values of all paths. It is the same before and
	// after, or there would be no result.
	Digest string `json:"digest"`
}

// String is the lift in a sentence.
func (l *Lifted) String() string {
	return fmt.Sprintf("%s became %d; the effective values of all %s are unchanged",
		prose.Count(l.PoliciesBefore, "policy"), l.PoliciesAfter, prose.Count(l.Paths, "path"))
}

// unit is what is stated together or not at all: fields of one kind.
type unit struct{ kind, name string }

// unitOf is the unit of a field. The fields of a limit are one, and so are a number
// of retries and their conditions.
func unitOf(kind, field string) unit {
	switch {
	case kind == statement.RetryPolicy:
		return unit{kind, "retries"}
	case kind == statement.RateLimitPolicy && field != "limits":
		return unit{kind, "rate"}
	}
	return unit{kind, field}
}

// byUnit are wants by unit.
func byUnit(w statement.Wants) map[unit]map[string]any {
	list := map[unit]map[string]any{}
	for kind, fields := range w {
		for field, value := range fields {
			u := unitOf(kind, field)
			if list[u] == nil {
				list[u] = map[string]any{}
			}
			list[u][field] = value
		}
	}
	return list
}

// Lifter has what a lift is made from.
type Lifter struct {
	Options *option.Options
	Names   document.Names
	// Objects are those of this run besides policies.
	Objects []*unstructured.Unstructured
}

// Outcome is what a lift results in.
type Outcome struct {
	// Statements are the policies to write.
	Statements []statement.Policy
	Lifted     *Lifted
	// Above are the places above each route, the nearest first.
	Above    map[hierarchy.Ref][]hierarchy.Ref
	Findings []finding.Finding
}

func (o *Outcome) say(message string, became ...finding.Became) {
	o.Findings = append(o.Findings, finding.Finding{Status: finding.Advice, Effect: finding.None, Message: message, Became: became})
}

// lifting is one attempt to state things further up.
type lifting struct {
	*Lifter
	outcome *Outcome
	routes  []liftRoute
	// notAt are the nodes at which a unit must not be stated: the proof failed there.
	notAt map[nodeUnit]bool
	// tookBack says of each of them what would change.
	tookBack map[nodeUnit]string
	// defaults are what the Gateway states already.
	defaults map[hierarchy.Ref]statement.Wants
}

type nodeUnit struct {
	node hierarchy.Ref
	unit unit
}

// liftRoute is a route with the nodes above each of its listeners, the highest first:
// Gateway, ListenerSet, listener, Namespace.
type liftRoute struct {
	statement.Route
	above [][]hierarchy.Ref
	// want is what holds on the route now, by unit; states says what it states
	// itself.
	want   map[unit]map[string]any
	states map[unit]bool
}

// liftRank is the rank of a level: Namespace, listener or ListenerSet, Gateway.
func liftRank(ref hierarchy.Ref) int {
	switch {
	case ref.Kind == "Namespace":
		return 0
	case ref.Kind == "Gateway" && ref.Section == "":
		return 2
	}
	return 1
}

// Lift states fields as far up as they hold, proves that nothing changed by it, and
// takes back what does change something (section 8). routes are what is stated on routes,
// above what is stated above them, before the policies without a lift.
func (in *Lifter) Lift(routes []statement.Route, above map[hierarchy.Ref]statement.Wants, before []statement.Policy) (*Outcome, error) {
	p, err := in.newProof(before)
	if err != nil {
		return nil, err
	}
	l := &lifting{
		Lifter: in, outcome: &Outcome{Above: map[hierarchy.Ref][]hierarchy.Ref{}},
		notAt: map[nodeUnit]bool{}, tookBack: map[nodeUnit]string{}, defaults: above,
	}
	l.routes = l.read(p.before, in.withoutBackends(routes))
	for {
		statements := l.plan()
		changes := p.changes(statements)
		if len(changes) == 0 {
			l.outcome.Statements, l.outcome.Lifted = statements, p.result(statements)
			l.explain(statements)
			return l.outcome, nil
		}
		if !l.takeBack(&changes[0]) { // nothing of ours explains it: leave all where it was
			l.outcome.Statements, l.outcome.Lifted = before, p.result(before)
			l.outcome.say("lift: nothing is lifted, because " + changes[0].text + " would change")
			return l.outcome, nil
		}
	}
}

// withoutBackends adds the routes that only redirect: they state nothing, and keep
// what they get from above.
func (in *Lifter) withoutBackends(routes []statement.Route) []statement.Route {
	known := map[hierarchy.Ref]bool{}
	for _, r := range routes {
		known[r.Ref] = true
	}
	for _, u := range in.Objects {
		if ref := hierarchy.RefOf(u); (ref.Kind == "HTTPRoute" || ref.Kind == "GRPCRoute") && !known[ref] {
			routes = append(routes, statement.Route{Ref: ref, Wants: statement.Wants{}})
		}
	}
	slices.SortFunc(routes, func(a, b statement.Route) int {
		return cmp.Or(cmp.Compare(a.Ref.Namespace, b.Ref.Namespace), cmp.Compare(a.Ref.Name, b.Ref.Name), cmp.Compare(a.Ref.Kind, b.Ref.Kind))
	})
	return routes
}

// read finds the nodes above each route.
func (l *lifting) read(s *policy.Snapshot, routes []statement.Route) []liftRoute {
	var list []liftRoute
	for _, r := range routes {
		lr := liftRoute{Route: r, want: map[unit]map[string]any{}, states: map[unit]bool{}}
		namespace := hierarchy.NewRef("", "Namespace", "", r.Ref.Namespace)
		for _, listener := range s.Graph().BoundTo(r.Ref) {
			nodes := []hierarchy.Ref{listener.Gateway}
			if !listener.ListenerSet.IsZero() {
				nodes = append(nodes, listener.ListenerSet)
			}
			lr.above = append(lr.above, append(nodes, listener.Ref, namespace))
			for u, fields := range byUnit(l.defaults[listener.Gateway]) {
				lr.want[u] = fields
			}
		}
		for u, fields := range byUnit(r.Wants) {
			lr.want[u], lr.states[u] = fields, true
		}
		list = append(list, lr)
		l.notePaths(r.Ref, lr.above)
	}
	return list
}

// notePaths remembers what is above a route, the nearest first.
func (l *lifting) notePaths(route hierarchy.Ref, above [][]hierarchy.Ref) {
	for _, nodes := range above {
		for _, node := range slices.Backward(nodes) {
			if !slices.Contains(l.outcome.Above[route], node) {
				l.outcome.Above[route] = append(l.outcome.Above[route], node)
			}
		}
	}
}

// plan decides for each unit where it is stated.
func (l *lifting) plan() []statement.Policy {
	units := map[unit]bool{}
	for i := range l.routes {
		for u := range l.routes[i].want {
			units[u] = true
		}
	}
	nodes, routes := map[hierarchy.Ref]statement.Wants{}, map[hierarchy.Ref]statement.Wants{}
	for _, u := range sortedUnits(units) {
		a := l.assign(u)
		for node, fields := range a.at {
			add(nodes, node, u, fields)
		}
		for ref, fields := range a.routes {
			add(routes, ref, u, fields)
		}
	}
	var rest []statement.Route
	for i := range l.routes {
		r := l.routes[i].Route
		r.Wants = routes[r.Ref]
		rest = append(rest, r)
	}
	var own []statement.Policy
	for i := range rest {
		own = append(own, statement.PerIngress(rest[i:i+1])...)
	}
	return slices.Concat(statement.Together(own), statement.PerRule(rest), statement.Above(nodes))
}

func add(list map[hierarchy.Ref]statement.Wants, ref hierarchy.Ref, u unit, fields map[string]any) {
	if list[ref] == nil {
		list[ref] = statement.Wants{}
	}
	for field, value := range fields {
		list[ref].Set(u.kind, field, value)
	}
}

func sortedUnits(units map[unit]bool) []unit {
	var list []unit
	for u := range units {
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b unit) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name)) })
	return list
}

// explain says what a lift changes all the same: routes that come later (M62).
func (l *lifting) explain(statements []statement.Policy) {
	for _, s := range statements {
		at, lifted := s.Targets[0], map[string]any{}
		for field, value := range s.Fields {
			if statement.JSON(l.defaults[at][s.Kind][field]) != statement.JSON(value) {
				lifted[field] = value
			}
		}
		if hierarchyRoute(at) || len(lifted) == 0 {
			continue
		}
		l.outcome.say(fmt.Sprintf("lift: %s %s/%s states %s on %s: routes that come later get it, too", s.Kind, s.Namespace, s.Name, statement.FieldsText(lifted), at),
			finding.Became{Kind: s.Kind, Namespace: s.Namespace, Name: s.Name})
	}
	for _, key := range sortedNodes(l.notAt) {
		l.outcome.say(fmt.Sprintf("lift: %s of %s is not stated on %s: %s", key.unit.name, key.unit.kind, key.node, l.tookBack[key]))
	}
}

func hierarchyRoute(ref hierarchy.Ref) bool {
	return ref.Kind != "Namespace" && ref.Kind != "Gateway" && ref.Kind != "ListenerSet"
}

func sortedNodes(set map[nodeUnit]bool) []nodeUnit {
	var list []nodeUnit
	for key := range set {
		list = append(list, key)
	}
	slices.SortFunc(list, func(a, b nodeUnit) int {
		return cmp.Or(hierarchy.Compare(a.node, b.node), cmp.Compare(a.unit.kind, b.unit.kind), cmp.Compare(a.unit.name, b.unit.name))
	})
	return list
}

// liftLimit is the rank of the highest level that something is lifted to.
func liftLimit(o *option.Options) int {
	switch o.LiftTo {
	case option.LiftToGateway:
		return 2
	case option.LiftToListener:
		return 1
	}
	return 0
}
