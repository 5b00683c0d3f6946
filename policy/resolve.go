package policy

import (
	"iter"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
)

// Resolution is the effective policy of a set of routes and Gateways.
type Resolution struct {
	effective map[hierarchy.Ref]*Effective
}

// Effective is the effective policy of one route, or what a route without
// policies of its own would get on one Gateway.
type Effective struct {
	Target     hierarchy.Ref
	Generation int64
	UID        string
	// Scopes cover every path of the target, sorted; paths with identical
	// results share one. It is empty when the target is on no path.
	Scopes []Scope
	// Reaches count the target's paths by Gateway and by what is attached to
	// them, for the status of policies.
	Reaches []Reach

	// The paths one by one: a result for each listener and rule.
	listeners []*hierarchy.Listener
	rules     []string
	cells     []*Result
}

// Reach is a number of paths of one target through one Gateway on which the
// same policies came to the same.
type Reach struct {
	Gateway hierarchy.Ref
	Result  *Result
	Paths   int
}

// Result is what applies on one path: one entry for each policy kind, sorted
// by name. Within the scopes of one Resolution, results that read the same are
// the same pointer.
type Result struct {
	Kinds []*Merged
	// Reached says whether any policy is attached anywhere on the path.
	Reached bool

	// shown is the result that stands for all that read the same.
	shown    *Result
	identity string
}

// Kind finds the merged policy of one kind.
func (r *Result) Kind(name string) (*Merged, bool) {
	for _, m := range r.Kinds {
		if m.Kind.Name() == name {
			return m, true
		}
	}
	return nil, false
}

// Reached says whether any policy reaches the target: whether there is
// anything to publish for it.
func (e *Effective) Reached() bool {
	return slices.ContainsFunc(e.Scopes, func(s Scope) bool { return s.Result.Reached })
}

// Get returns the effective policy of a route or a Gateway, nil when it was not
// resolved or does not exist.
func (r Resolution) Get(target hierarchy.Ref) *Effective { return r.effective[target] }

// Len is how many targets were resolved.
func (r Resolution) Len() int { return len(r.effective) }

// All yields the effective policies sorted by target.
func (r Resolution) All() iter.Seq[*Effective] {
	return func(yield func(*Effective) bool) {
		for _, ref := range slices.SortedFunc(maps.Keys(r.effective), hierarchy.Compare) {
			if !yield(r.effective[ref]) {
				return
			}
		}
	}
}

// Resolve computes the effective policy of the routes and Gateways named, or
// of all of them. Names that are neither, or do not exist, are passed over.
//
// Paths that the same policies reach are folded once: routes of one Gateway
// share what is attached to it and above.
func Resolve(s *Snapshot, scope ...hierarchy.Ref) Resolution {
	r := NewResolver(s)
	if len(scope) > 0 {
		return r.Resolve(scope...)
	}
	resolution := Resolution{effective: map[hierarchy.Ref]*Effective{}}
	for route := range s.graph.Routes() {
		resolution.add(r.route(route))
	}
	for gateway := range s.graph.Gateways() {
		resolution.add(r.gateway(gateway))
	}
	return resolution
}

func (r Resolution) add(e *Effective) { r.effective[e.Target] = e }

// Resolve computes the effective policy of the routes and Gateways named, in
// pieces if need be: what one call folded, the next does not fold again.
func (r *Resolver) Resolve(scope ...hierarchy.Ref) Resolution {
	resolution := Resolution{effective: make(map[hierarchy.Ref]*Effective, len(scope))}
	for _, ref := range scope {
		object, _ := r.s.graph.Get(ref)
		switch o := object.(type) {
		case *hierarchy.Route:
			resolution.add(r.route(o))
		case *hierarchy.Gateway:
			resolution.add(r.gateway(o))
		}
	}
	return resolution
}

// Resolver computes effective policies of one snapshot and holds what it has
// already computed. It is for one goroutine.
type Resolver struct {
	s         *Snapshot
	listeners map[*hierarchy.Listener]*above
	aboves    map[above]*above
	routes    map[schema.GroupKind]int
	chains    map[chain]*Result
	folds     map[foldKey]*Merged
	results   map[string]*Result
}

// above is what is attached from the GatewayClass down to a listener. Equal
// ones are one pointer.
type above [hierarchy.RouteLevel]*place

// chain is everything that decides the result of a path.
type chain struct {
	above       *above
	route, rule *place
	// kind is the number of the route kind, 0 for a Gateway.
	kind int
	// inline is the rule when it states values of its own.
	inline *hierarchy.Rule
}

// NewResolver returns a resolver of a snapshot.
func NewResolver(s *Snapshot) *Resolver {
	return &Resolver{
		s:         s,
		listeners: map[*hierarchy.Listener]*above{},
		aboves:    map[above]*above{},
		routes:    map[schema.GroupKind]int{},
		chains:    map[chain]*Result{},
		folds:     map[foldKey]*Merged{},
		results:   map[string]*Result{},
	}
}

// place returns what applies at a target, nil when nothing does.
func (r *Resolver) place(ref hierarchy.Ref) *place {
	if p, ok := r.s.places.Get(ref); ok && len(p.held) > 0 {
		return p
	}
	return nil
}

func (r *Resolver) above(l *hierarchy.Listener) *above {
	if a, ok := r.listeners[l]; ok {
		return a
	}
	a := above{
		hierarchy.GatewayClassLevel: r.place(l.Class),
		hierarchy.GatewayLevel:      r.place(l.Gateway),
	}
	if !l.ListenerSet.IsZero() {
		a[hierarchy.ListenerSetLevel] = r.place(l.ListenerSet)
	}
	if r.s.graph.Sections(l.Ref) == 1 {
		a[hierarchy.ListenerLevel] = r.place(l.Ref)
	}
	shared, ok := r.aboves[a]
	if !ok {
		shared = &a
		r.aboves[a] = shared
	}
	r.listeners[l] = shared
	return shared
}

// routeKind numbers the route kinds from 1.
func (r *Resolver) routeKind(gk schema.GroupKind) int {
	n, ok := r.routes[gk]
	if !ok {
		n = len(r.routes) + 1
		r.routes[gk] = n
	}
	return n
}

func (r *Resolver) gateway(g *hierarchy.Gateway) *Effective {
	meta := g.Meta()
	e := &Effective{Target: meta.Ref, Generation: meta.Generation, UID: meta.UID}
	listeners := r.s.graph.Listeners(meta.Ref)
	cells := make([]*Result, len(listeners))
	for i, l := range listeners {
		cells[i] = r.result(chain{above: r.above(l)}, meta.Ref, nil)
	}
	e.setPaths(listeners, []string{""}, cells)
	return e
}

func (r *Resolver) route(route *hierarchy.Route) *Effective {
	meta := route.Meta()
	e := &Effective{Target: meta.Ref, Generation: meta.Generation, UID: meta.UID}
	listeners := r.s.graph.BoundTo(meta.Ref)
	if len(listeners) == 0 {
		return e
	}
	rules := r.rules(route)
	cells := make([]*Result, 0, len(listeners)*len(rules))
	for i, l := range listeners {
		up := r.above(l)
		if i > 0 && up == r.above(listeners[i-1]) {
			cells = append(cells, cells[len(cells)-len(rules):]...)
			continue
		}
		for j, c := range rules {
			if j > 0 && c == rules[j-1] {
				cells = append(cells, cells[len(cells)-1])
				continue
			}
			c.above = up
			cells = append(cells, r.result(c, meta.Ref, route))
		}
	}
	e.setPaths(listeners, ruleNames(route), cells)
	return e
}

// setPaths takes the result of each path, the rules of the first listener
// first.
func (e *Effective) setPaths(listeners []*hierarchy.Listener, rules []string, cells []*Result) {
	for i, result := range cells {
		gateway := listeners[i/len(rules)].Gateway
		if n := len(e.Reaches); n > 0 && e.Reaches[n-1].Result == result && e.Reaches[n-1].Gateway == gateway {
			e.Reaches[n-1].Paths++
			continue
		}
		e.Reaches = append(e.Reaches, Reach{Gateway: gateway, Result: result, Paths: 1})
	}
	for i := range cells {
		cells[i] = cells[i].shown
	}
	e.Scopes = group(listeners, rules, cells)
	e.listeners, e.rules, e.cells = listeners, rules, cells
}

// rules is the part of the chain below the listener for each rule of a route;
// a route without rules has one such part, its own.
func (r *Resolver) rules(route *hierarchy.Route) []chain {
	ref := route.Meta().Ref
	own := chain{route: r.place(ref), kind: r.routeKind(ref.GroupKind)}
	if len(route.Rules) == 0 {
		return []chain{own}
	}
	rules := make([]chain, len(route.Rules))
	for i := range route.Rules {
		rule := &route.Rules[i]
		c := own
		if rule.Name != "" {
			if p := r.place(ref.WithSection(rule.Name)); p != nil && r.s.graph.Sections(ref.WithSection(rule.Name)) == 1 {
				c.rule = p
			}
		}
		if rule.Inline != nil {
			c.inline = rule
		}
		rules[i] = c
	}
	return rules
}

// result folds every policy kind on a chain.
func (r *Resolver) result(c chain, target hierarchy.Ref, route *hierarchy.Route) *Result {
	if result, ok := r.chains[c]; ok {
		return result
	}
	places := [hierarchy.Levels]*place{}
	copy(places[:], c.above[:])
	places[hierarchy.RouteLevel], places[hierarchy.RouteRuleLevel] = c.route, c.rule
	reached := false
	keys := map[*Kind]*foldKey{}
	for level, p := range places {
		if p == nil {
			continue
		}
		reached = true
		for _, a := range p.held {
			key := keys[a.Policy.Kind]
			if key == nil {
				key = &foldKey{kind: a.Policy.Kind, route: c.kind}
				keys[a.Policy.Kind] = key
			}
			key.held[level] = a
		}
	}
	if c.inline != nil {
		r.addInline(keys, c, target)
	}
	result := &Result{Reached: reached}
	id := make([]byte, 0, 64)
	for _, kind := range slices.SortedFunc(maps.Keys(keys), compareKinds) {
		if m := r.fold(*keys[kind], target, route); m != nil {
			result.Kinds = append(result.Kinds, m)
			id = append(id, m.identity...)
		}
	}
	if reached {
		id = append(id, '!')
	}
	result.identity, result.shown = string(id), result
	if same, ok := r.results[result.identity]; ok {
		result.shown = same
	} else {
		r.results[result.identity] = result
	}
	r.chains[c] = result
	return result
}

// addInline adds the rule to the fold of each kind that reads it.
func (r *Resolver) addInline(keys map[*Kind]*foldKey, c chain, target hierarchy.Ref) {
	for _, kind := range r.s.kinds {
		if kind.inline == nil || inlineValue(kind, target.GroupKind, c.inline) == nil {
			continue
		}
		if keys[kind] == nil {
			keys[kind] = &foldKey{kind: kind, route: c.kind}
		}
		keys[kind].inline = c.inline
	}
}
