package effective

import (
	"iter"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/merge"
)

// Resolution is the effective policy of a set of routes and Gateways.
type Resolution struct {
	list []*Target
	// index says where in the list a target is if everything was resolved, places if not.
	index  *index
	places map[hierarchy.Ref]int
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
	// outline is what the target has in common with others, nil without any.
	outline *outline
	// route is the object of a route, nil for what is restored.
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
func (r Resolution) Get(target hierarchy.Ref) *Target {
	if r.index != nil {
		if i, found := r.index.find(target); found {
			return r.list[i]
		}
	} else if i, found := r.places[target]; found {
		return r.list[i]
	}
	return nil
}

// Len returns how many targets were resolved.
func (r Resolution) Len() int { return len(r.list) }

// All yields the effective policies sorted by target.
func (r Resolution) All() iter.Seq[*Target] {
	return func(yield func(*Target) bool) {
		if r.index != nil {
			for _, i := range r.index.inOrder() {
				if !yield(r.list[i]) {
					return
				}
			}
			return
		}
		byTarget := func(a, b *Target) int { return hierarchy.Compare(a.Target, b.Target) }
		for _, e := range slices.SortedFunc(slices.Values(r.list), byTarget) {
			if !yield(e) {
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
	if r.index == nil || r.index.graph != r.s.Graph() {
		r.memory.index = newIndex(r.s.Graph())
	}
	if r.paths.len() == 0 && r.resultsBefore > fewEntries {
		r.paths.grow(r.resultsBefore)
		r.results.grow(r.resultsBefore)
	}
	resolution := Resolution{index: r.index, list: make([]*Target, len(r.index.members))}
	for i := range r.index.members {
		m := &r.index.members[i]
		if m.gateway != nil {
			resolution.list[i] = r.gateway(m.gateway)
		} else {
			resolution.list[i] = r.along(m.route, m.listeners, r.rulesOf(m), m.rules)
		}
	}
	r.resultsBefore = r.paths.len()
	return resolution
}

// Resolve computes the effective policy of the named routes and Gateways. It can be called
// repeatedly: what one call has folded, the next does not fold again.
func (r *Resolver) Resolve(targets ...hierarchy.Ref) Resolution {
	resolution := Resolution{list: make([]*Target, 0, len(targets)), places: make(map[hierarchy.Ref]int, len(targets))}
	for _, ref := range targets {
		if _, known := resolution.places[ref]; known {
			continue
		}
		if e := r.Target(ref); e != nil {
			resolution.places[e.Target] = len(resolution.list)
			resolution.list = append(resolution.list, e)
		}
	}
	return resolution
}

// Target computes the effective policy of one route or Gateway, nil when there is no such object.
func (r *Resolver) Target(ref hierarchy.Ref) *Target {
	object, _ := r.s.Graph().Get(ref)
	switch o := object.(type) {
	case *hierarchy.Route:
		return r.along(o, r.s.Graph().BoundTo(ref), r.rules(o), nil)
	case *hierarchy.Gateway:
		return r.gateway(o)
	}
	return nil
}

// Resolver computes effective policies of one snapshot and caches what it has computed. It is for
// one goroutine.
type Resolver struct {
	*memory
	s          *policy.Snapshot
	kinds      []*policy.Kind
	listeners  map[*hierarchy.Listener]*upperLayers
	uppers     table[upperLayers, *upperLayers]
	namespaces table[string, *policy.AttachmentPoint]
	outlines   table[outlineKey, *outline]
	paths      table[pathKey, *PathPolicies]
	// results are the first of all results that read the same, by hash: the hash itself, or the next
	// number that was free.
	results table[uint64, *PathPolicies]
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
func NewResolver(s *policy.Snapshot) *Resolver { return newResolver(s, newMemory()) }

func newResolver(s *policy.Snapshot, m *memory) *Resolver {
	return &Resolver{memory: m, s: s, kinds: s.Kinds(), listeners: map[*hierarchy.Listener]*upperLayers{}}
}

// On returns a resolver of another version of the snapshot that shares its cache with r: a fold
// only depends on the attachments on a path, and versions share the attachments that did not
// change. It is for the same goroutine.
func (r *Resolver) On(s *policy.Snapshot) *Resolver {
	if r.index != nil && r.index.graph != s.Graph() {
		r.memory.index = nil
	}
	return newResolver(s, r.memory)
}

// Snapshot is what the resolver resolves.
func (r *Resolver) Snapshot() *policy.Snapshot { return r.s }

// Folds is how many folds the resolver remembers since Forget, and with it those that it shares them with.
func (r *Resolver) Folds() int { return len(r.folds) }

// upper finds what is attached above the routes of a listener. Listeners of one holder come one after
// the other; last is the one before.
func (r *Resolver) upper(l, last *hierarchy.Listener) *upperLayers {
	if a, ok := r.listeners[l]; ok {
		return a
	}
	var own *policy.AttachmentPoint
	if p := r.s.InForce(l.Ref); p != nil && r.s.Graph().Sections(l.Ref) == 1 {
		own = p
	}
	if last != nil && last.Gateway == l.Gateway && last.ListenerSet == l.ListenerSet && last.Class == l.Class {
		if beside := r.listeners[last]; beside != nil && beside[hierarchy.ListenerLevel] == own {
			r.listeners[l] = beside
			return beside
		}
	}
	a := upperLayers{hierarchy.GatewayLevel: r.s.InForce(l.Gateway), hierarchy.ListenerLevel: own}
	if p := r.s.InForce(l.Class); p != nil && r.s.HasClass(l.Class) {
		a[hierarchy.GatewayClassLevel] = p
	}
	if !l.ListenerSet.IsZero() {
		a[hierarchy.ListenerSetLevel] = r.s.InForce(l.ListenerSet)
	}
	shared, ok := r.uppers.get(a)
	if !ok {
		shared = &a
		r.uppers.add(a, shared)
	}
	r.listeners[l] = shared
	return shared
}

// before is the listener before one of a list, nil before the first.
func before(listeners []*hierarchy.Listener, i int) *hierarchy.Listener {
	if i == 0 {
		return nil
	}
	return listeners[i-1]
}

// Width returns an upper limit for the number of different results of a route or a Gateway, without
// folding.
func (r *Resolver) Width(target hierarchy.Ref) int {
	object, _ := r.s.Graph().Get(target)
	uppers := map[*upperLayers]bool{}
	switch o := object.(type) {
	case *hierarchy.Gateway:
		listeners := r.s.Graph().Listeners(target)
		for i, l := range listeners {
			uppers[r.upper(l, before(listeners, i))] = true
		}
		return len(uppers)
	case *hierarchy.Route:
		listeners := r.s.Graph().BoundTo(target)
		for i, l := range listeners {
			uppers[r.upper(l, before(listeners, i))] = true
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
	e := &Target{Target: meta.Ref, Generation: meta.Generation, UID: meta.UID, rules: []hierarchy.RuleRef{hierarchy.NoRule()}}
	if e.listeners = r.s.Graph().Listeners(meta.Ref); len(e.listeners) > 0 {
		e.lie(r.rows(e.listeners, []pathKey{{}}, meta.Ref, nil))
	}
	return e
}

// Above is what a route would come to by what is said above it alone: by none of
// its own words, of the policies on it, and of those of its namespace. It is nil
// when there is no such route.
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
	return r.along(route, r.s.Graph().BoundTo(target), rules, nil)
}

// along resolves a route, given the listeners that it is bound to, the part of each path below them,
// and the names of its rules, if they are known.
func (r *Resolver) along(route *hierarchy.Route, listeners []*hierarchy.Listener, rules []pathKey, names []hierarchy.RuleRef) *Target {
	meta := route.Meta()
	e := &Target{Target: meta.Ref, Generation: meta.Generation, UID: meta.UID, route: route}
	if len(listeners) == 0 {
		return e
	}
	if names == nil {
		names = ruleRefs(route)
	}
	e.listeners, e.rules = listeners, names
	key, shared := outlineOf(listeners, rules)
	if shared {
		if o, known := r.outlines.get(key); known {
			o.draw(e)
			return e
		}
	}
	e.lie(r.rows(listeners, rules, meta.Ref, route))
	if shared {
		r.outlines.add(key, outlined(e))
	}
	return e
}

// rows are the results of all paths of a target, a row for each listener.
func (r *Resolver) rows(listeners []*hierarchy.Listener, rules []pathKey, target hierarchy.Ref, route *hierarchy.Route) [][]*PathPolicies {
	rows := make([][]*PathPolicies, len(listeners))
	var above *upperLayers
	for i, l := range listeners {
		up := r.upper(l, before(listeners, i))
		if i > 0 && up == above {
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
			row[j] = r.result(c, target, route)
		}
		rows[i], above = row, up
	}
	return rows
}

// rules is the part of the chain below the listener for each rule of a route;
// a route without rules has one such part, its own. It is good until the next call.
func (r *Resolver) rules(route *hierarchy.Route) []pathKey {
	ref := route.Meta().Ref
	place := r.s.Place(ref)
	own := pathKey{namespace: r.namespace(ref.Namespace), route: place.InForce(""), kind: r.routeKind(ref.GroupKind)}
	sectioned := place.Sectioned()
	r.below = r.below[:0]
	for i := range route.Rules {
		rule := &route.Rules[i]
		c := own
		if sectioned && rule.Name != "" {
			if p := place.InForce(rule.Name); p != nil && r.s.Graph().Sections(ref.WithSection(rule.Name)) == 1 {
				c.rule = p
			}
		}
		if rule.Inline != nil {
			c.inline = rule
		}
		r.below = append(r.below, c)
	}
	if len(route.Rules) == 0 {
		r.below = append(r.below, own)
	}
	return r.below
}

// namespace is what is in force on a Namespace.
func (r *Resolver) namespace(name string) *policy.AttachmentPoint {
	p, known := r.namespaces.get(name)
	if !known {
		p = r.s.InForce(hierarchy.NamespaceRef(name))
		r.namespaces.add(name, p)
	}
	return p
}

// result folds every policy kind on a chain.
func (r *Resolver) result(c pathKey, target hierarchy.Ref, route *hierarchy.Route) *PathPolicies {
	if result, ok := r.paths.get(c); ok {
		return result
	}
	result := &PathPolicies{}
	r.keys = r.keys[:0]
	for _, p := range c.upper {
		r.reach(result, &c, p, target)
	}
	for _, p := range [...]*policy.AttachmentPoint{c.namespace, c.route, c.rule} {
		r.reach(result, &c, p, target)
	}
	if c.inline != nil {
		r.addInline(&c, target)
	}
	slices.SortFunc(r.keys, func(a, b foldKey) int { return compareKinds(a.kind, b.kind) })
	result.Kinds = make([]*Policy, len(r.keys))
	for i := range r.keys {
		result.Kinds[i] = r.fold(&r.keys[i], target, route)
	}
	result.representative = r.first(result)
	r.paths.add(c, result)
	return result
}

// first is the first of all results that read the same as one.
func (r *Resolver) first(result *PathPolicies) *PathPolicies {
	var at uint64
	for _, m := range result.Kinds {
		at = merge.Mix(at, m.reading.digest)
	}
	for ; ; at++ {
		first, known := r.results.get(at)
		if !known {
			r.results.add(at, result)
			return result
		}
		same := func(a, b *Policy) bool { return a.reading == b.reading }
		if first.Reached == result.Reached && slices.EqualFunc(first.Kinds, result.Kinds, same) {
			return first
		}
	}
}

// reach adds what is in force at a place to the folds of a path.
func (r *Resolver) reach(result *PathPolicies, c *pathKey, p *policy.AttachmentPoint, target hierarchy.Ref) {
	if p == nil {
		return
	}
	for _, a := range p.InForce {
		if c.above && a.Level > hierarchy.PlatformNamespaceLevel {
			continue
		}
		result.Reached = true
		r.foldOf(a.Policy.Kind, c, target).attached[a.Level] = a
	}
}

// foldOf is the key of a kind's fold, a new one if there is none yet. It is good until the next call.
// Where everything of a kind means something on a kind of route, its folds are those of all such kinds.
func (r *Resolver) foldOf(kind *policy.Kind, c *pathKey, target hierarchy.Ref) *foldKey {
	for i := range r.keys {
		if r.keys[i].kind == kind {
			return &r.keys[i]
		}
	}
	key := foldKey{kind: kind}
	if c.kind != 0 && !kind.AppliesWhole(target.GroupKind) {
		key.route = c.kind
	}
	r.keys = append(r.keys, key)
	return &r.keys[len(r.keys)-1]
}

// addInline adds the rule to the fold of each kind that reads it.
func (r *Resolver) addInline(c *pathKey, target hierarchy.Ref) {
	for _, kind := range r.kinds {
		if inlineValue(kind, target.GroupKind, c.inline) != nil {
			r.foldOf(kind, c, target).inline = c.inline
		}
	}
}
