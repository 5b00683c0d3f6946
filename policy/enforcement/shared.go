package enforcement

import (
	"reflect"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/export"
)

// Shared has the results of exporters that routes have in common. Most routes differ from others only
// in their names: they have the same effective policies on the same listeners, and their rules are of
// the same shape. Only the first route of a shape is projected. The caller owns a Shared and uses it for
// one route after the other. The results are the same as without it.
type Shared struct {
	of     *seen
	shapes map[shapeKey][]*shape
	// paths counts those of the shapes.
	paths int
	// readings are the inputs of exporters by what they were read from, equal the same by their content.
	readings map[*effective.PathPolicies]*export.Effective
	equal    map[string]*export.Effective
}

// NewShared returns an empty Shared.
func NewShared() *Shared { return &Shared{} }

// mostReadings is the maximum number of results whose reading is kept; at more, all are forgotten.
const mostReadings = 1 << 16

// mostPaths is the maximum number of paths of all shapes together; at more, all are forgotten. A path
// takes about half a kilobyte.
const mostPaths = 1 << 17

// shapeKey is how shapes are found. Shapes with the same key are compared.
type shapeKey struct {
	paths, rules int
	first, last  shapePath
}

// shapePath is a path with what applies there. Paths of two routes can have equal values from different
// policies.
type shapePath struct {
	listener  *hierarchy.Listener
	rule      int
	effective *export.Effective
}

// shape is the result for the first route of a shape, and everything that it depends on.
type shape struct {
	route *hierarchy.Route
	paths []shapePath
	// results are what the values on the paths were read from.
	results []*effective.PathPolicies
	// bound are the route's listeners with the number of hostnames there, in the order of its bindings.
	bound []bound
	// classes are those of the paths. Whether a route is alone on a Gateway needs no place here: if two
	// routes are there, neither is.
	classes []classConsent

	parts    []*Part
	kept     []Kept
	patterns []*export.Pattern
	// groups are the entries while no data plane has been asked; nil until they are needed.
	groups []entryGroup
	// keys are, for each group, those of the objects that its places name.
	keys [][]export.ObjectKey
}

type bound struct {
	listener  *hierarchy.Listener
	hostnames int
}

type classConsent struct {
	class    hierarchy.Ref
	settings Settings
	consents bool
}

// shared returns the results for a route, and what to keep of them, if a route of the same shape was
// projected before.
func (w World) shared(t *effective.Target, now *seen) ([]Result, []Kept, bool) {
	if w.Shared == nil {
		return nil, nil, false
	}
	w.Shared.begin(now)
	object, _ := w.Graph.Get(t.Target)
	route, isRoute := object.(*hierarchy.Route)
	if !isRoute {
		return nil, nil, false
	}
	for _, s := range w.Shared.shapes[w.keyOf(t, route)] {
		if own, fit := w.fits(s, t, route); fit {
			return w.like(s, t, route, own)
		}
	}
	return nil, nil, false
}

// begin forgets everything if the world is another one, or if there is too much.
func (s *Shared) begin(now *seen) {
	of := *now
	of.version = "" // each route has its own
	if s.of == nil || !s.of.same(&of) || s.paths >= mostPaths || len(s.readings) >= mostReadings {
		copied := of
		*s = Shared{of: &copied, shapes: map[shapeKey][]*shape{}, readings: map[*effective.PathPolicies]*export.Effective{}, equal: map[string]*export.Effective{}}
	}
}

// seen returns what a route's results were computed from, which routes share.
func (s *Shared) seen(now *seen) *seen {
	if s != nil && s.of != nil && s.of.same(now) {
		return s.of
	}
	copied := *now
	return &copied
}

// read reads effective policies, each once; equal values are one.
func (w World) read(p *effective.PathPolicies) *export.Effective {
	s := w.Shared
	switch {
	case s != nil && s.readings[p] != nil:
		return s.readings[p]
	case (s == nil || s.readings == nil) && w.Read == nil:
		return Read(p)
	case s == nil || s.readings == nil:
		return w.Read(p)
	}
	values := s.oneOf(p, w.Read)
	s.readings[p] = values
	return values
}

// oneOf reads effective policies, and returns the first reading that is equal.
func (s *Shared) oneOf(p *effective.PathPolicies, read func(p *effective.PathPolicies) *export.Effective) *export.Effective {
	var values *export.Effective
	if read != nil {
		values = read(p)
	} else {
		values = extract(p)
		values.Sort()
	}
	text := values.Canonical()
	if known := s.equal[text]; known != nil {
		return known
	}
	if read == nil {
		values.Prepare()
	}
	s.equal[text] = values
	return values
}

func (w World) keyOf(t *effective.Target, route *hierarchy.Route) shapeKey {
	key := shapeKey{rules: len(route.Rules)}
	var last effective.Path
	for p := range t.Paths() {
		if key.paths == 0 {
			key.first = w.pathOf(p)
		}
		last = p
		key.paths++
	}
	if key.paths > 0 {
		key.last = w.pathOf(last)
	}
	return key
}

func (w World) pathOf(p effective.Path) shapePath {
	return shapePath{p.Listener, p.Rule, w.read(p.Result)}
}

// fits reports whether a route has a shape. own is true if its values come from other policies.
func (w World) fits(s *shape, t *effective.Target, route *hierarchy.Route) (own, fit bool) {
	meta, i := route.Meta(), 0
	for p := range t.Paths() {
		if known := &s.paths[i]; known.listener != p.Listener || known.rule != p.Rule {
			return false, false
		} else if s.results[i] != p.Result {
			if known.effective != w.read(p.Result) {
				return false, false
			}
			own = true
		}
		i++
	}
	return own, s.route.Meta().Ref.GroupKind == meta.Ref.GroupKind && s.binds(w.Graph.Bindings(meta.Ref)) && w.permits(s, meta)
}

// permits reports whether a route consents where that of the shape does.
func (w World) permits(s *shape, meta *hierarchy.Meta) bool {
	namespace := w.Graph.NamespaceLabels(meta.Ref.Namespace)
	for i := range s.classes {
		if c := &s.classes[i]; c.settings.consents(meta.Labels, namespace) != c.consents {
			return false
		}
	}
	return true
}

// binds reports whether a route with some bindings is bound like that of the shape.
func (s *shape) binds(bindings []hierarchy.Binding) bool {
	rest := s.bound
	for i := range bindings {
		for j := range bindings[i].Listeners {
			l := &bindings[i].Listeners[j]
			if len(rest) == 0 || rest[0] != (bound{l.Listener, len(l.Hostnames)}) {
				return false
			}
			rest = rest[1:]
		}
	}
	return len(rest) == 0
}

// like returns the results for a route of a shape. It is false if they depend on more than the shape.
func (w World) like(s *shape, t *effective.Target, route *hierarchy.Route, own bool) ([]Result, []Kept, bool) {
	meta, rules := route.Meta(), rulesAs(route)
	results, kept := make([]Result, len(s.parts)), make([]Kept, len(s.parts))
	for i := range s.parts {
		r := &results[i]
		part := *s.parts[i]
		r.Part = &part
		if part.from.route = route; own {
			part.from.paths = withOwn(part.from.paths, part.order, t)
		}
		in := &part.Input
		if !sameRules(in.Rules, rules, r.Registration.Named) {
			return nil, nil, false
		}
		in.Route, in.UID, in.Version, in.Rules = meta.Ref, meta.UID, w.version(meta.Ref), rules
		k := &kept[i]
		k.part, k.beside = &part, s.kept[i].beside
		if r.Registration.Exporter != nil {
			missing := in.MissingCRD
			if w.around(&part, route); in.MissingCRD != missing || !in.Plain() {
				return nil, nil, false
			}
			k.raw = s.patterns[i].For(in)
		}
		k.projection = part.settle(k.raw)
		r.Projection = k.projection
		s.mark(r, k)
	}
	return results, kept, true
}

// withOwn returns where the paths of a part come from, with the results of another route. order has
// their indexes among the route's paths and ascends.
func withOwn(paths []pathOrigin, order []int, t *effective.Target) []pathOrigin {
	paths = slices.Clone(paths)
	i, next := 0, 0
	for p := range t.Paths() {
		if next < len(order) && order[next] == i {
			paths[next].result = p.Result
			next++
		}
		i++
	}
	return paths
}

// sameRules reports whether exporters see no difference between the rules of two routes. The hash of
// matches is only in the names of objects that routes name.
func sameRules(a, b []export.Rule, hashed bool) bool {
	return slices.EqualFunc(a, b, func(x, y export.Rule) bool {
		return x.Name == y.Name && x.Matches == y.Matches && x.Filters == y.Filters && x.Answers == y.Answers &&
			(!hashed || x.Hash == y.Hash) && (len(x.Inline)+len(y.Inline) == 0 || reflect.DeepEqual(x.Inline, y.Inline))
	})
}

// share keeps the results for a route, as far as others may have the same.
func (w World) share(t *effective.Target, results []Result, kept []Kept) {
	if w.Shared == nil || len(results) == 0 {
		return
	}
	for i := range results {
		if !results[i].Input.Plain() {
			return
		}
	}
	s := &shape{route: results[0].from.route, kept: kept}
	key := w.keyOf(t, s.route)
	s.paths, s.results = make([]shapePath, 0, key.paths), make([]*effective.PathPolicies, 0, key.paths)
	for p := range t.Paths() {
		s.paths, s.results = append(s.paths, w.pathOf(p)), append(s.results, p.Result)
	}
	w.describe(s)
	for i := range results {
		s.parts = append(s.parts, results[i].Part)
		s.patterns = append(s.patterns, export.NewPattern(kept[i].raw))
		s.mark(&results[i], &kept[i])
	}
	w.Shared.shapes[key] = append(w.Shared.shapes[key], s)
	w.Shared.paths += key.paths
}

// describe adds what the results depend on besides the paths and the rules.
func (w World) describe(s *shape) {
	meta := s.route.Meta()
	for _, b := range w.Graph.Bindings(meta.Ref) {
		for _, l := range b.Listeners {
			s.bound = append(s.bound, bound{l.Listener, len(l.Hostnames)})
		}
	}
	for i := range s.paths {
		l := s.paths[i].listener
		if i > 0 && l == s.paths[i-1].listener {
			continue
		}
		if !slices.ContainsFunc(s.classes, func(c classConsent) bool { return c.class == l.Class }) {
			c := w.choose(l.Class, s.route)
			s.classes = append(s.classes, classConsent{l.Class, c.Settings, c.consents})
		}
	}
}

// mark records that a result is what the shape says, unless something of it was refused.
func (s *shape) mark(r *Result, k *Kept) {
	if len(k.raw.Outcomes) == 0 || &k.raw.Outcomes[0] == &k.projection.Outcomes[0] {
		r.shape = s
	}
}

// shapeOf returns the shape of which all results are, nil if they depend on more: on what was refused,
// or on what data planes report.
func shapeOf(parts []Result) *shape {
	if len(parts) == 0 {
		return nil
	}
	s := parts[0].shape
	for i := range parts {
		if r := &parts[i]; s == nil || r.shape != s || len(parts) != len(s.parts) || r.Readings != nil || r.Route != nil {
			return nil
		}
	}
	return s
}

// entries are the entries of a route of the shape: those of the first one, with the route's own objects.
func (s *shape) entries(t *effective.Target, parts []Result) []Entry {
	if s.groups == nil {
		s.groups = groupEntries(t, parts)
		for i := range s.groups {
			s.keys = append(s.keys, keysAt(parts, s.groups[i].places))
		}
	}
	entries := make([]Entry, len(s.groups))
	for i := range s.groups {
		e, places := &entries[i], s.groups[i].places
		*e = s.groups[i].entry
		at := places[0] // all are of one exporter
		if at.part < 0 || parts[at.part].Registration.Exporter == nil {
			continue
		}
		e.Outcomes, e.from = outcomesAt(parts, at), &parts[at.part].Projection
		if e.Objects = parts[at.part].objects(s.keys[i]); len(places) > 1 {
			slices.SortFunc(e.Objects, hierarchy.Compare)
			e.Objects = slices.Compact(e.Objects)
		}
	}
	return entries
}

// keysAt returns the keys of the objects that the outcomes in some places name.
func keysAt(parts []Result, places []place) []export.ObjectKey {
	var keys []export.ObjectKey
	for _, at := range places {
		for _, key := range objectKeys(outcomesAt(parts, at)) {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// outcomesAt returns the outcomes on a path of a part.
func outcomesAt(parts []Result, at place) []export.Outcome {
	if at.part < 0 || len(parts[at.part].Projection.Outcomes) <= at.path {
		return nil
	}
	return parts[at.part].Projection.Outcomes[at.path]
}
