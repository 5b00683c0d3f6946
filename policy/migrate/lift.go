package migrate

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
)

// Lifted is what lifting came to (M63).
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
	case kind == RetryPolicy:
		return unit{kind, "retries"}
	case kind == RateLimitPolicy && field != "limits":
		return unit{kind, "rate"}
	}
	return unit{kind, field}
}

// byUnit are wants by unit.
func byUnit(w wants) map[unit]map[string]any {
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

// lifter is what lifting stands on.
type lifter struct {
	options *Options
	names   existing
	// objects are those of this run besides policies.
	objects []*unstructured.Unstructured
}

// liftOutcome is what a lift comes to.
type liftOutcome struct {
	// statements are the policies to write.
	statements []statement
	lifted     *Lifted
	// above are the places above each route, the nearest first.
	above    map[hierarchy.Ref][]hierarchy.Ref
	findings []Finding
}

func (o *liftOutcome) say(message string, became ...Became) {
	o.findings = append(o.findings, Finding{Status: Advice, Effect: None, Message: message, Became: became})
}

// lifting is one attempt to state things further up.
type lifting struct {
	*lifter
	outcome *liftOutcome
	routes  []liftRoute
	// notAt are the nodes at which a unit must not be stated: the proof failed there.
	notAt map[nodeUnit]bool
	// tookBack says of each of them what would change.
	tookBack map[nodeUnit]string
	// defaults are what the Gateway states already.
	defaults map[hierarchy.Ref]wants
}

type nodeUnit struct {
	node hierarchy.Ref
	unit unit
}

// liftRoute is a route with the nodes above each of its listeners, the highest first:
// Gateway, ListenerSet, listener, Namespace.
type liftRoute struct {
	routeWants
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

// lift states fields as far up as they hold, proves that nothing changed by it, and
// takes back what does change something (section 8). routes are what is stated on routes,
// above what is stated above them, before the policies without a lift.
func (in *lifter) lift(routes []routeWants, above map[hierarchy.Ref]wants, before []statement) (*liftOutcome, error) {
	p, err := in.newProof(before)
	if err != nil {
		return nil, err
	}
	l := &lifting{
		lifter: in, outcome: &liftOutcome{above: map[hierarchy.Ref][]hierarchy.Ref{}},
		notAt: map[nodeUnit]bool{}, tookBack: map[nodeUnit]string{}, defaults: above,
	}
	l.routes = l.read(p.before, in.withoutBackends(routes))
	for {
		statements := l.plan()
		changes := p.changes(statements)
		if len(changes) == 0 {
			l.outcome.statements, l.outcome.lifted = statements, p.result(statements)
			l.explain(statements)
			return l.outcome, nil
		}
		if !l.takeBack(&changes[0]) { // nothing of ours explains it: leave all where it was
			l.outcome.statements, l.outcome.lifted = before, p.result(before)
			l.outcome.say("lift: nothing is stated elsewhere, for " + changes[0].text + " would change")
			return l.outcome, nil
		}
	}
}

// withoutBackends adds the routes that only redirect: they state nothing, and keep
// what they get from above.
func (in *lifter) withoutBackends(routes []routeWants) []routeWants {
	known := map[hierarchy.Ref]bool{}
	for _, r := range routes {
		known[r.ref] = true
	}
	for _, u := range in.objects {
		if ref := hierarchy.RefOf(u); (ref.Kind == "HTTPRoute" || ref.Kind == "GRPCRoute") && !known[ref] {
			routes = append(routes, routeWants{ref: ref, wants: wants{}})
		}
	}
	slices.SortFunc(routes, func(a, b routeWants) int {
		return cmp.Or(cmp.Compare(a.ref.Namespace, b.ref.Namespace), cmp.Compare(a.ref.Name, b.ref.Name), cmp.Compare(a.ref.Kind, b.ref.Kind))
	})
	return routes
}

// read finds the nodes above each route.
func (l *lifting) read(s *policy.Snapshot, routes []routeWants) []liftRoute {
	var list []liftRoute
	for _, r := range routes {
		lr := liftRoute{routeWants: r, want: map[unit]map[string]any{}, states: map[unit]bool{}}
		namespace := hierarchy.NewRef("", "Namespace", "", r.ref.Namespace)
		for _, listener := range s.Graph().BoundTo(r.ref) {
			nodes := []hierarchy.Ref{listener.Gateway}
			if !listener.ListenerSet.IsZero() {
				nodes = append(nodes, listener.ListenerSet)
			}
			lr.above = append(lr.above, append(nodes, listener.Ref, namespace))
			for u, fields := range byUnit(l.defaults[listener.Gateway]) {
				lr.want[u] = fields
			}
		}
		for u, fields := range byUnit(r.wants) {
			lr.want[u], lr.states[u] = fields, true
		}
		list = append(list, lr)
		l.notePaths(r.ref, lr.above)
	}
	return list
}

// notePaths remembers what is above a route, the nearest first.
func (l *lifting) notePaths(route hierarchy.Ref, above [][]hierarchy.Ref) {
	for _, nodes := range above {
		for _, node := range slices.Backward(nodes) {
			if !slices.Contains(l.outcome.above[route], node) {
				l.outcome.above[route] = append(l.outcome.above[route], node)
			}
		}
	}
}

// plan decides for each unit where it is stated.
func (l *lifting) plan() []statement {
	units := map[unit]bool{}
	for i := range l.routes {
		for u := range l.routes[i].want {
			units[u] = true
		}
	}
	nodes, routes := map[hierarchy.Ref]wants{}, map[hierarchy.Ref]wants{}
	for _, u := range sortedUnits(units) {
		a := l.assign(u)
		for node, fields := range a.at {
			add(nodes, node, u, fields)
		}
		for ref, fields := range a.routes {
			add(routes, ref, u, fields)
		}
	}
	var rest []routeWants
	for i := range l.routes {
		r := l.routes[i].routeWants
		r.wants = routes[r.ref]
		rest = append(rest, r)
	}
	var own []statement
	for i := range rest {
		own = append(own, perIngress(rest[i:i+1])...)
	}
	return slices.Concat(together(own), perRule(rest), aboveRoutes(nodes))
}

func add(list map[hierarchy.Ref]wants, ref hierarchy.Ref, u unit, fields map[string]any) {
	if list[ref] == nil {
		list[ref] = wants{}
	}
	for field, value := range fields {
		list[ref].set(u.kind, field, value)
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
func (l *lifting) explain(statements []statement) {
	for _, s := range statements {
		at, lifted := s.targets[0], map[string]any{}
		for field, value := range s.fields {
			if jsonText(l.defaults[at][s.kind][field]) != jsonText(value) {
				lifted[field] = value
			}
		}
		if hierarchyRoute(at) || len(lifted) == 0 {
			continue
		}
		l.outcome.say(fmt.Sprintf("lift: %s %s/%s states %s on %s: routes that come later get it, too", s.kind, s.namespace, s.name, fieldNames(lifted), at),
			Became{Kind: s.kind, Namespace: s.namespace, Name: s.name})
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
func liftLimit(o *Options) int {
	switch o.LiftTo {
	case LiftToGateway:
		return 2
	case LiftToListener:
		return 1
	}
	return 0
}
