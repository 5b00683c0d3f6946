package effective

import (
	"iter"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// Resolution is the effective policy of a set of routes and Gateways.
type Resolution struct {
	effective map[hierarchy.Ref]*Target
}

// Target is the effective policy of one route, or what a route without
// policies of its own would get on one Gateway.
type Target struct {
	Target     hierarchy.Ref
	Generation int64
	UID        string
	// Scopes cover every path of the target, sorted; paths with identical results share a scope. It
	// is empty when the target is on no path.
	Scopes []Scope
	// Reaches counts the target's paths by Gateway and attached policies, for the status of
	// policies.
	Reaches []Reach

	// The paths: for each listener a row with the result of each rule. Listeners with the same
	// policies above them share their row, so that a path costs at most a pointer.
	listeners []*hierarchy.Listener
	rules     []hierarchy.RuleRef
	rows      [][]*PathPolicies
	// route is the object of a route, nil in restored results.
	route *hierarchy.Route
}

// Reach is a number of paths of one target through one Gateway on which the same policies have the
// same effect.
type Reach struct {
	Gateway hierarchy.Ref
	Result  *PathPolicies
	Paths   int
}

// PathPolicies is what applies on one path: one entry for each policy kind, sorted by name. Within
// the scopes of one Resolution, equal results are the same pointer.
type PathPolicies struct {
	Kinds []*Policy
	// Reached reports whether any policy is attached anywhere on the path.
	Reached bool

	// representative is the result that stands for all equal ones.
	representative *PathPolicies
	identity       string
}

// Kind returns the effective policy of one kind.
func (r *PathPolicies) Kind(name string) (*Policy, bool) {
	for _, m := range r.Kinds {
		if m.Kind.Name() == name {
			return m, true
		}
	}
	return nil, false
}

// Reached reports whether any policy reaches the target: whether there is anything to publish for
// it.
func (e *Target) Reached() bool {
	return slices.ContainsFunc(e.Scopes, func(s Scope) bool { return s.Result.Reached })
}

// Get returns the effective policy of a route or a Gateway, nil when it was not
// resolved or does not exist.
func (r Resolution) Get(target hierarchy.Ref) *Target { return r.effective[target] }

// Len returns how many targets were resolved.
func (r Resolution) Len() int { return len(r.effective) }

// All yields the effective policies sorted by target.
func (r Resolution) All() iter.Seq[*Target] {
	return func(yield func(*Target) bool) {
		for _, ref := range slices.SortedFunc(maps.Keys(r.effective), hierarchy.Compare) {
			if !yield(r.effective[ref]) {
				return
			}
		}
	}
}

// Resolve computes the effective policy of the named routes and Gateways; of none, if none is
// named. Refs to other objects, or to objects that do not exist, are ignored.
//
// Paths that the same policies reach are folded once: routes of one Gateway share the policies
// attached to it and above.
func Resolve(s *policy.Snapshot, targets ...hierarchy.Ref) Resolution {
	return NewResolver(s).Resolve(targets...)
}

// ResolveAll computes the effective policy of all routes and Gateways.
func ResolveAll(s *policy.Snapshot) Resolution { return NewResolver(s).ResolveAll() }

// ResolveAll computes the effective policy of all routes and Gateways.
func (r *Resolver) ResolveAll() Resolution {
	resolution := Resolution{effective: map[hierarchy.Ref]*Target{}}
	for route := range r.s.Graph().Routes() {
		resolution.add(r.route(route))
	}
	for gateway := range r.s.Graph().Gateways() {
		resolution.add(r.gateway(gateway))
	}
	return resolution
}

func (r Resolution) add(e *Target) { r.effective[e.Target] = e }

// Resolve computes the effective policy of the named routes and Gateways. It can be called
// repeatedly: what one call has folded, the next does not fold again.
func (r *Resolver) Resolve(targets ...hierarchy.Ref) Resolution {
	resolution := Resolution{effective: make(map[hierarchy.Ref]*Target, len(targets))}
	for _, ref := range targets {
		object, _ := r.s.Graph().Get(ref)
		switch o := object.(type) {
		case *hierarchy.Route:
			resolution.add(r.route(o))
		case *hierarchy.Gateway:
			resolution.add(r.gateway(o))
		}
	}
	return resolution
}

// Resolver computes effective policies of one snapshot and caches what it has computed. It is for
// one goroutine.
type Resolver struct {
	s         *policy.Snapshot
	kinds     []*policy.Kind
	listeners map[*hierarchy.Listener]*upperLayers
	uppers    map[upperLayers]*upperLayers
	routes    map[schema.GroupKind]int
	paths     map[pathKey]*PathPolicies
	folds     map[foldKey]*Policy
	results   map[string]*PathPolicies
	// scratch is where identities are written.
	scratch []byte
}

// upperLayers has the policies attached from the GatewayClass down to a listener. Equal ones are
// the same pointer.
type upperLayers [hierarchy.ListenerLevel + 1]*policy.AttachmentPoint

// pathKey is everything that the result of a path depends on.
type pathKey struct {
	upper                  *upperLayers
	namespace, route, rule *policy.AttachmentPoint
	// kind is the number of the route kind, 0 for a Gateway.
	kind int
	// inline is the rule, if it states values of its own.
	inline *hierarchy.Rule
	// above excludes everything that the owners of the route state.
	above bool
}

// NewResolver returns a resolver of a snapshot.
func NewResolver(s *policy.Snapshot) *Resolver {
	return &Resolver{
		s:         s,
		kinds:     s.Kinds(),
		listeners: map[*hierarchy.Listener]*upperLayers{},
		uppers:    map[upperLayers]*upperLayers{},
		routes:    map[schema.GroupKind]int{},
		paths:     map[pathKey]*PathPolicies{},
		folds:     map[foldKey]*Policy{},
		results:   map[string]*PathPolicies{},
	}
}

// On returns a resolver of another version of the snapshot that shares its cache with r: a fold
// only depends on the attachments on a path, and versions share the attachments that did not
// change. It is for the same goroutine.
func (r *Resolver) On(s *policy.Snapshot) *Resolver {
	next := NewResolver(s)
	next.routes, next.folds = r.routes, r.folds
	return next
}

// Snapshot is what the resolver resolves.
func (r *Resolver) Snapshot() *policy.Snapshot { return r.s }

// Folds returns how many folds are in the cache of the resolver, which it may share with others.
func (r *Resolver) Folds() int { return len(r.folds) }

func (r *Resolver) upper(l *hierarchy.Listener) *upperLayers {
	if a, ok := r.listeners[l]; ok {
		return a
	}
	a := upperLayers{hierarchy.GatewayLevel: r.s.InForce(l.Gateway)}
	if r.s.HasClass(l.Class) {
		a[hierarchy.GatewayClassLevel] = r.s.InForce(l.Class)
	}
	if !l.ListenerSet.IsZero() {
		a[hierarchy.ListenerSetLevel] = r.s.InForce(l.ListenerSet)
	}
	if r.s.Graph().Sections(l.Ref) == 1 {
		a[hierarchy.ListenerLevel] = r.s.InForce(l.Ref)
	}
	shared, ok := r.uppers[a]
	if !ok {
		shared = &a
		r.uppers[a] = shared
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

// Width returns an upper limit for the number of different results of a route or a Gateway, without
// folding.
func (r *Resolver) Width(target hierarchy.Ref) int {
	object, _ := r.s.Graph().Get(target)
	uppers := map[*upperLayers]bool{}
	switch o := object.(type) {
	case *hierarchy.Gateway:
		for _, l := range r.s.Graph().Listeners(target) {
			uppers[r.upper(l)] = true
		}
		return len(uppers)
	case *hierarchy.Route:
		for _, l := range r.s.Graph().BoundTo(target) {
			uppers[r.upper(l)] = true
		}
		rules := map[pathKey]bool{}
		for _, rule := range r.rules(o) {
			rules[rule] = true
		}
		return len(uppers) * len(rules)
	}
	return 0
}

func (r *Resolver) gateway(g *hierarchy.Gateway) *Target {
	meta := g.Meta()
	e := &Target{Target: meta.Ref, Generation: meta.Generation, UID: meta.UID}
	listeners := r.s.Graph().Listeners(meta.Ref)
	rows := make([][]*PathPolicies, len(listeners))
	for i, l := range listeners {
		if i > 0 && r.upper(l) == r.upper(listeners[i-1]) {
			rows[i] = rows[i-1]
			continue
		}
		rows[i] = []*PathPolicies{r.result(pathKey{upper: r.upper(l)}, meta.Ref, nil)}
	}
	e.setPaths(listeners, []hierarchy.RuleRef{hierarchy.NoRule()}, rows)
	return e
}

func (r *Resolver) route(route *hierarchy.Route) *Target { return r.along(route, r.rules(route)) }

// Above returns the effective policy of a route from the policies above it alone: without its own
// values, the policies on it, and those of its namespace. It is nil when there is no such route.
func (r *Resolver) Above(target hierarchy.Ref) *Target {
	object, _ := r.s.Graph().Get(target)
	route, isRoute := object.(*hierarchy.Route)
	if !isRoute {
		return nil
	}
	rules := r.rules(route)
	for i, c := range rules {
		rules[i] = pathKey{namespace: c.namespace, kind: c.kind, above: true}
	}
	return r.along(route, rules)
}

// along resolves a route, given the part of each path that is below the listener.
func (r *Resolver) along(route *hierarchy.Route, rules []pathKey) *Target {
	meta := route.Meta()
	e := &Target{Target: meta.Ref, Generation: meta.Generation, UID: meta.UID, route: route}
	listeners := r.s.Graph().BoundTo(meta.Ref)
	if len(listeners) == 0 {
		return e
	}
	rows := make([][]*PathPolicies, len(listeners))
	for i, l := range listeners {
		up := r.upper(l)
		if i > 0 && up == r.upper(listeners[i-1]) {
			rows[i] = rows[i-1]
			continue
		}
		row := make([]*PathPolicies, len(rules))
		for j, c := range rules {
			if j > 0 && c == rules[j-1] {
				row[j] = row[j-1]
				continue
			}
			c.upper = up
			row[j] = r.result(c, meta.Ref, route)
		}
		rows[i] = row
	}
	e.setPaths(listeners, ruleRefs(route), rows)
	return e
}

// setPaths sets a row of results for each listener, with one result for each rule. Rows may be
// shared.
func (e *Target) setPaths(listeners []*hierarchy.Listener, rules []hierarchy.RuleRef, rows [][]*PathPolicies) {
	for _, b := range bands(listeners, rows) {
		gateway := b.Listeners[0].Gateway
		for _, result := range b.Row {
			if n := len(e.Reaches); n > 0 && e.Reaches[n-1].Result == result && e.Reaches[n-1].Gateway == gateway {
				e.Reaches[n-1].Paths += len(b.Listeners)
				continue
			}
			e.Reaches = append(e.Reaches, Reach{Gateway: gateway, Result: result, Paths: len(b.Listeners)})
		}
	}
	for i, row := range rows {
		if i > 0 && &row[0] == &rows[i-1][0] {
			continue // resolved with an earlier listener
		}
		for j := range row {
			row[j] = row[j].representative
		}
	}
	e.Scopes = group(listeners, rules, rows)
	e.listeners, e.rules, e.rows = listeners, rules, rows
}

// rules returns the part of the chain below the listener for each rule of a route; a route without
// rules has one such part.
func (r *Resolver) rules(route *hierarchy.Route) []pathKey {
	ref := route.Meta().Ref
	own := pathKey{
		namespace: r.s.InForce(hierarchy.NamespaceRef(ref.Namespace)),
		route:     r.s.InForce(ref),
		kind:      r.routeKind(ref.GroupKind),
	}
	if len(route.Rules) == 0 {
		return []pathKey{own}
	}
	rules := make([]pathKey, len(route.Rules))
	for i := range route.Rules {
		rule := &route.Rules[i]
		c := own
		if rule.Name != "" {
			if p := r.s.InForce(ref.WithSection(rule.Name)); p != nil && r.s.Graph().Sections(ref.WithSection(rule.Name)) == 1 {
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
func (r *Resolver) result(c pathKey, target hierarchy.Ref, route *hierarchy.Route) *PathPolicies {
	if result, ok := r.paths[c]; ok {
		return result
	}
	reached := false
	keys := make([]foldKey, 0, 4)
	add := func(p *policy.AttachmentPoint) {
		if p == nil {
			return
		}
		for _, a := range p.InForce {
			if c.above && a.Level > hierarchy.PlatformNamespaceLevel {
				continue
			}
			reached = true
			foldOf(&keys, a.Policy.Kind, c.kind).attached[a.Level] = a
		}
	}
	for _, p := range c.upper {
		add(p)
	}
	add(c.namespace)
	add(c.route)
	add(c.rule)
	if c.inline != nil {
		r.addInline(&keys, c, target)
	}
	slices.SortFunc(keys, func(a, b foldKey) int { return compareKinds(a.kind, b.kind) })
	result := &PathPolicies{Reached: reached, Kinds: make([]*Policy, len(keys))}
	for i := range keys {
		result.Kinds[i] = r.fold(&keys[i], target, route)
	}
	id := r.scratch[:0]
	for _, m := range result.Kinds {
		id = append(id, m.identity...)
	}
	if reached {
		id = append(id, '!')
	}
	r.scratch = id
	if same, ok := r.results[string(id)]; ok {
		result.identity, result.representative = same.identity, same
	} else {
		result.identity, result.representative = string(id), result
		r.results[result.identity] = result
	}
	r.paths[c] = result
	return result
}

// foldOf returns the key of a kind's fold, a new one if there is none yet. It is valid until the
// next call.
func foldOf(keys *[]foldKey, kind *policy.Kind, route int) *foldKey {
	for i := range *keys {
		if (*keys)[i].kind == kind {
			return &(*keys)[i]
		}
	}
	*keys = append(*keys, foldKey{kind: kind, route: route})
	return &(*keys)[len(*keys)-1]
}

// addInline adds the rule to the fold of each kind that reads it.
func (r *Resolver) addInline(keys *[]foldKey, c pathKey, target hierarchy.Ref) {
	for _, kind := range r.kinds {
		if inlineValue(kind, target.GroupKind, c.inline) != nil {
			foldOf(keys, kind, c.kind).inline = c.inline
		}
	}
}
