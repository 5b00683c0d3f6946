package console

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/request"
	"github.com/attache-dev/attache/policy/review"
)

// view is one world with all that follows from it. It is made once for a version,
// when somebody asks, and read by many.
type view struct {
	*World
	words    map[string]schema.GroupKind
	resolver *effective.Resolver // for one edit at a time
	// items are the routes, sorted by namespace, kind and name.
	items  []*item
	byRef  map[hierarchy.Ref]*item
	picked *memory
	// published are in place of items where World.Published is set.
	published []publishedItem

	chips    map[hierarchy.Ref][]chip
	index    func() *request.Index
	policies func() []explain.PolicyRow
	// changes are what a trial changes, by target; nil for a world as it is.
	changes map[hierarchy.Ref][]explain.Change
}

// item is one route.
type item struct {
	route  *hierarchy.Route
	ref    hierarchy.Ref
	rules  []string
	target *effective.Target
	scopes []effective.Scope
	// remarks count what is wrong or doubtful about it.
	remarks int
}

// mixed says that not the same applies on all its paths.
func (i *item) mixed() bool { return len(i.scopes) > 1 }

func newView(w *World) *view {
	v := emptyView(w)
	v.resolver = effective.NewResolver(w.Snapshot)
	resolution := v.resolver.ResolveAll()
	v.policies = sync.OnceValue(func() []explain.PolicyRow { return explain.PoliciesIn(w.Snapshot, resolution) })
	v.fill(func(route *hierarchy.Route) *effective.Target { return resolution.Get(route.Meta().Ref) })
	return v
}

// edited is the view of the world after an edit. What the edit does not touch is as
// it was, and need not be resolved again.
func (v *view) edited(w *World, change *preview.Change, verdict review.Verdict) *view {
	after := emptyView(w)
	after.policies = sync.OnceValue(func() []explain.PolicyRow { return explain.PoliciesOf(w.Snapshot) })
	touched := map[hierarchy.Ref]bool{}
	for _, ref := range change.Touched(w.Snapshot) {
		touched[ref] = true
	}
	after.fill(func(route *hierarchy.Route) *effective.Target {
		ref := route.Meta().Ref
		was := v.byRef[ref]
		switch target := verdict.Target(ref); {
		case target != nil:
			return target
		case v.Snapshot == change.Before && was != nil && was.route == route && !touched[ref]:
			return was.target
		}
		return effective.Resolve(w.Snapshot, ref).Get(ref)
	})
	return after
}

// emptyView has no routes yet.
func emptyView(w *World) *view {
	return &view{
		World: w, words: words(w), byRef: map[hierarchy.Ref]*item{}, picked: newMemory(), chips: chips(w.Snapshot), published: publishedItems(w),
		index: sync.OnceValue(func() *request.Index { return request.New(w.Snapshot.Graph()) }),
	}
}

// fill adds the routes with what applies on their paths.
func (v *view) fill(target func(*hierarchy.Route) *effective.Target) {
	for route := range v.Snapshot.Graph().Routes() {
		ref := route.Meta().Ref
		i := &item{route: route, ref: ref, rules: explain.RuleNames(v.Snapshot, ref), target: target(route)}
		i.scopes = i.target.Scopes
		i.remarks = v.remarksOn(i)
		v.items = append(v.items, i)
		v.byRef[ref] = i
	}
	slices.SortFunc(v.items, func(a, b *item) int { return compareRoutes(a.ref, b.ref) })
}

func compareRoutes(a, b hierarchy.Ref) int {
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	return hierarchy.Compare(a, b)
}

// remarksOn counts what is wrong or doubtful about a route: parents that it is not
// bound to, findings, and merged values that are invalid.
func (v *view) remarksOn(i *item) int {
	g := v.Snapshot.Graph()
	n := len(g.Findings(i.ref))
	for _, b := range g.Bindings(i.ref) {
		if !b.Accepted {
			n++
		}
	}
	for _, scope := range i.scopes {
		for _, m := range scope.Result.Kinds {
			n += len(m.Invalid) + len(m.Ignored)
		}
	}
	return n
}

// now is the view of the newest world.
func (h *Handler) now() *view {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w := h.options.Source.World(); h.view == nil || h.view.World != w {
		h.view = newView(w)
	}
	return h.view
}

// seen is the view that a request is about: that of the trial it names, else the
// newest.
func (h *Handler) seen(r *http.Request) (*view, error) {
	name := r.URL.Query().Get("whatif")
	if name == "" {
		return h.now(), nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trial == nil || h.trial.name != name {
		return nil, &failure{http.StatusGone, "this edit is no longer looked at: try it again"}
	}
	return h.trial.view, nil
}

// version names what a request is answered from.
func (h *Handler) version(r *http.Request) string {
	if v, err := h.seen(r); err == nil {
		return v.Version
	}
	return h.options.Source.World().Version
}

// asking answers with a function of the view and the parameters.
func (h *Handler) asking(r *http.Request, answer func(v *view, parameters parameters) (any, error)) (any, error) {
	v, err := h.seen(r)
	if err != nil {
		return nil, err
	}
	return answer(v, parameters{r.URL.Query()})
}
