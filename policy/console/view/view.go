package view

import (
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/request"
	"github.com/attache-dev/attache/policy/review"
)

// View is one world with everything that follows from it. It is made once for each
// version, when somebody asks, and read by many.
type View struct {
	*World
	// compile compiles an expression over the input document of guardrails. The rule is violated
	// where the expression is false.
	compile  func(expression string) (guardrail.Rule, error)
	words    map[string]schema.GroupKind
	Resolver *effective.Resolver // for one edit at a time
	// Items are the routes, sorted by namespace, kind and name.
	Items  []*item
	ByRef  map[hierarchy.Ref]*item
	picked *memory
	// published replace items where World.Published is set.
	published []publishedItem

	Chips    map[hierarchy.Ref][]Chip
	index    func() *request.Index
	policies func() []explain.PolicyRow
	// Changes are what a trial changes, by target; nil for a world as it is.
	Changes map[hierarchy.Ref][]explain.Change
	// only is what may be shown; nil where everything may be.
	only *part
}

// item is one route.
type item struct {
	Route  *hierarchy.Route
	Ref    hierarchy.Ref
	Rules  []string
	target *effective.Target
	Scopes []effective.Scope
	// Remarks counts what is wrong or doubtful about it.
	Remarks int
}

// Mixed reports whether its paths have different results.
func (i *item) Mixed() bool { return len(i.Scopes) > 1 }

// New is the view of a world. compile compiles the expressions of filters.
func New(w *World, compile func(expression string) (guardrail.Rule, error)) *View {
	v := emptyView(w)
	v.compile = compile
	v.Resolver = effective.NewResolver(w.Snapshot)
	resolution := v.Resolver.ResolveAll()
	v.policies = sync.OnceValue(func() []explain.PolicyRow { return explain.PoliciesIn(w.Snapshot, resolution) })
	v.fill(func(route *hierarchy.Route) *effective.Target { return resolution.Get(route.Meta().Ref) })
	return v
}

// After is the view of the world after an edit. What the edit does not touch is unchanged, and is
// not resolved again. changes are what the edit changes.
func (v *View) After(w *World, change *preview.Change, verdict review.Verdict, changes []explain.Change) *View {
	after := emptyView(w)
	after.compile, after.Changes = v.compile, map[hierarchy.Ref][]explain.Change{}
	for _, c := range changes {
		after.Changes[c.Ref] = append(after.Changes[c.Ref], c)
	}
	after.policies = sync.OnceValue(func() []explain.PolicyRow { return explain.PoliciesOf(w.Snapshot) })
	touched := map[hierarchy.Ref]bool{}
	for _, ref := range change.Touched(w.Snapshot) {
		touched[ref] = true
	}
	after.fill(func(route *hierarchy.Route) *effective.Target {
		ref := route.Meta().Ref
		was := v.ByRef[ref]
		switch target := verdict.Target(ref); {
		case target != nil:
			return target
		case v.Snapshot == change.Before && was != nil && was.Route == route && !touched[ref]:
			return was.target
		}
		return effective.Resolve(w.Snapshot, ref).Get(ref)
	})
	return after
}

// emptyView has no routes yet.
func emptyView(w *World) *View {
	return &View{
		World: w, words: words(w), ByRef: map[hierarchy.Ref]*item{}, picked: newMemory(), Chips: chips(w.Snapshot), published: publishedItems(w),
		index: sync.OnceValue(func() *request.Index { return request.New(w.Snapshot.Graph()) }),
	}
}

// fill adds the routes with what applies on their paths.
func (v *View) fill(target func(*hierarchy.Route) *effective.Target) {
	for route := range v.Snapshot.Graph().Routes() {
		ref := route.Meta().Ref
		i := &item{Route: route, Ref: ref, Rules: explain.RuleNames(v.Snapshot, ref), target: target(route)}
		i.Scopes = i.target.Scopes
		i.Remarks = v.remarksOn(i)
		v.Items = append(v.Items, i)
		v.ByRef[ref] = i
	}
	slices.SortFunc(v.Items, func(a, b *item) int { return compareRoutes(a.Ref, b.Ref) })
}

func compareRoutes(a, b hierarchy.Ref) int {
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	return hierarchy.Compare(a, b)
}

// remarksOn counts what is wrong or doubtful about a route: parents that it is not
// bound to, findings, and merged values that are invalid.
func (v *View) remarksOn(i *item) int {
	g := v.Snapshot.Graph()
	n := len(g.Findings(i.Ref))
	for _, b := range g.Bindings(i.Ref) {
		if !b.Accepted {
			n++
		}
	}
	for _, scope := range i.Scopes {
		for _, m := range scope.Result.Kinds {
			n += len(m.Invalid) + len(m.Ignored)
		}
	}
	return n
}
