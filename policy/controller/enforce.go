package controller

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/status"
)

// Enforcement says how effective policies reach data planes.
type Enforcement struct {
	Config enforcement.Config
	// Cleanup are exporters that are switched off and whose objects are to go.
	Cleanup []string
	// Planes has what there is of data planes' APIs; nil when no exporter is
	// enabled.
	Planes *cluster.Planes
	// Prepare is an object as the data plane's CRD defaults it, and what the CRD
	// refuses it for; known is false without a CRD.
	Prepare func(u *unstructured.Unstructured) (prepared *unstructured.Unstructured, problems []string, known bool)
	// Check says what the CRD of routes refuses a route for.
	Check export.Checker
	// Interval is how often one object is written at most; 5 s if it is zero.
	Interval time.Duration
}

// enforcer makes data planes do what is published.
type enforcer struct {
	Enforcement
	mu sync.Mutex
	// wrote is when an object was written last, touched what was wanted of a
	// route when an admission was made to happen for it.
	wrote   map[hierarchy.Ref]time.Time
	touched map[hierarchy.Ref]touch
	// leaving are objects that nothing wants any more, since when.
	leaving map[hierarchy.Ref]time.Time
	// failed are objects that could not be written, with the reason.
	failed map[hierarchy.Ref]string
	// refused are contents that the plane refused, by object.
	refused map[hierarchy.Ref]refusal
	// scores are by route, sums by policy and Gateway.
	scores map[hierarchy.Ref]map[enforcement.PolicyAt]enforcement.Score
	sums   map[enforcement.PolicyAt]*enforcement.Score

	fields      export.StandardFields
	fieldsOf    *unstructured.Unstructured
	fieldsGuard sync.Mutex
}

// touch is a request that made an admission happen, and how often the same was
// asked for without success.
type touch struct {
	key   string
	times int
}

// refusal is a content that the plane did not take.
type refusal struct{ hash, message string }

func newEnforcer(of Enforcement) *enforcer {
	if of.Interval <= 0 {
		of.Interval = 5 * time.Second
	}
	return &enforcer{
		Enforcement: of,
		wrote:       map[hierarchy.Ref]time.Time{},
		touched:     map[hierarchy.Ref]touch{},
		leaving:     map[hierarchy.Ref]time.Time{},
		failed:      map[hierarchy.Ref]string{},
		refused:     map[hierarchy.Ref]refusal{},
		scores:      map[hierarchy.Ref]map[enforcement.PolicyAt]enforcement.Score{},
		sums:        map[enforcement.PolicyAt]*enforcement.Score{},
	}
}

// enforced is what exporters make of one route.
type enforced struct {
	target  *effective.Target
	rules   []hierarchy.RuleRef
	results []enforcement.Result
	entries []enforcement.Entry
}

// world is what exporters look at. The state's lock is held.
func (c *Controller) world() enforcement.World {
	e := c.enforcer
	w := enforcement.World{Graph: c.state.snapshot.Graph(), Config: e.Config, Version: c.source.Version}
	if e.Planes != nil {
		w.Fields = e.standardFields()
		w.Foreign, w.Held, w.Installed = e.Planes.Foreign(), e.Planes.Held, e.Planes.Installed
	}
	return w
}

// standardFields is what the HTTPRoute CRD has, read once for each version of it.
func (e *enforcer) standardFields() export.StandardFields {
	crd := e.Planes.Definition("httproutes." + hierarchy.Group)
	e.fieldsGuard.Lock()
	defer e.fieldsGuard.Unlock()
	if crd != e.fieldsOf {
		e.fields, e.fieldsOf = export.FieldsOf(crd), crd
	}
	return e.fields
}

// enforcedOn is what exporters make of what is published for a route; nil for
// what is no route, or when what is published is that of an earlier run, which
// stays as it is in the data plane, too. The state's lock is held.
func (c *Controller) enforcedOn(ref hierarchy.Ref) *enforced {
	if ref.GroupKind == hierarchy.GatewayKind || !c.state.snapshot.IsRoute(ref.GroupKind) {
		return nil
	}
	p := c.state.publication.published[ref]
	if p.found != nil {
		return nil
	}
	out := &enforced{target: p.effective}
	object, _ := c.state.snapshot.Graph().Get(ref)
	route, isRoute := object.(*hierarchy.Route)
	if p.effective == nil || !isRoute || !p.effective.Reached() || len(c.enforcer.Config.Enabled) == 0 {
		return out
	}
	out.rules = route.RuleRefs()
	for _, part := range c.world().Parts(p.effective) {
		result := enforcement.Result{Part: part, Projection: part.Project()}
		c.enforcer.read(ref, &result)
		out.results = append(out.results, result)
	}
	out.entries = enforcement.Entries(p.effective, out.rules, out.results)
	return out
}

// read adds what the plane says of the objects, and of the route.
func (e *enforcer) read(route hierarchy.Ref, r *enforcement.Result) {
	if r.Registration.Exporter == nil || r.Choice.Settings.Mode == enforcement.Plan || e.Planes == nil {
		return
	}
	name := r.Registration.Name()
	held := e.Planes.Held(name, route)
	r.Readings = map[string]enforcement.Reading{}
	for _, want := range r.Projection.Objects {
		r.Readings[want.GetName()] = e.readObject(name, want, held[want.GetName()], r)
	}
	reading := enforcement.Reading{State: enforcement.Accepted}
	if live := e.Planes.Route(route); live != nil {
		reading = enforcement.ReadRoute(live, r.Controllers())
	}
	if !e.stands(route, r) {
		reading = enforcement.Reading{State: enforcement.Pending}
		if r.Choice.Settings.Mode == enforcement.Observe {
			reading.State = enforcement.NotWritten
		}
	}
	r.Route = &reading
}

// readObject is the state of one object.
func (e *enforcer) readObject(exporter string, want, live *unstructured.Unstructured, r *enforcement.Result) enforcement.Reading {
	ref := hierarchy.RefOf(want)
	e.mu.Lock()
	why, failed := e.failed[ref]
	refused, isRefused := e.refused[ref]
	e.mu.Unlock()
	observe := r.Choice.Settings.Mode == enforcement.Observe
	switch {
	case isRefused && refused.hash == hashOf(want):
		return enforcement.Reading{State: enforcement.Rejected, Message: refused.message}
	case failed:
		return enforcement.Reading{State: enforcement.NotWritten, Message: why}
	case live == nil && observe:
		return enforcement.Reading{State: enforcement.NotWritten}
	case live == nil:
		return enforcement.Reading{State: enforcement.Pending}
	case !e.asWanted(want, live) && observe:
		return enforcement.Reading{State: enforcement.Drifted}
	case !e.asWanted(want, live):
		return enforcement.Reading{State: enforcement.Pending}
	}
	return enforcement.ReadObject(exporter, live, r.Controllers())
}

// stands says whether the route has what this part puts into it.
func (e *enforcer) stands(route hierarchy.Ref, r *enforcement.Result) bool {
	if len(r.Projection.Rules) == 0 {
		return true
	}
	live := e.Planes.Route(route)
	if live == nil {
		return false
	}
	have := injected.RecordOf(live.Object)
	own := &unstructured.Unstructured{Object: injected.OwnObject(live.Object)}
	want := export.Inject(own, r.Projection.Rules, nil)
	return have.Has(want.Record)
}

// scored takes in what a route's policies come to in data planes, and returns
// the policies of which that has changed.
func (e *enforcer) scored(route hierarchy.Ref, on *enforced) []hierarchy.Ref {
	var now map[enforcement.PolicyAt]enforcement.Score
	if on != nil && on.target != nil && len(on.entries) > 0 {
		now = enforcement.Scores(on.target, on.rules, on.results)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.scores[route]
	var changed []hierarchy.Ref
	for at, score := range before {
		if now[at].Same(score) {
			continue
		}
		e.sum(at).Remove(score)
		changed = append(changed, at.Policy)
	}
	for at, score := range now {
		if before[at].Same(score) && before[at].Paths > 0 {
			continue
		}
		e.sum(at).Add(score)
		changed = append(changed, at.Policy)
	}
	if len(now) == 0 {
		delete(e.scores, route)
	} else {
		e.scores[route] = now
	}
	slices.SortFunc(changed, hierarchy.Compare)
	return slices.Compact(changed)
}

func (e *enforcer) sum(at enforcement.PolicyAt) *enforcement.Score {
	if e.sums[at] == nil {
		e.sums[at] = &enforcement.Score{}
	}
	return e.sums[at]
}

// condition is Enforced for a policy under a Gateway, nil when nothing is known.
func (e *enforcer) condition(policy, gateway hierarchy.Ref) *enforcement.Condition {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.sums[enforcement.PolicyAt{Policy: policy, Gateway: gateway}]
	if s == nil || s.Paths == 0 {
		return nil
	}
	condition := s.Condition()
	return &condition
}

// planned is the planner with what is known of data planes.
func (c *Controller) planned(on *enforced) status.Planner {
	planner := c.planner
	if on != nil && len(on.entries) > 0 {
		planner.Enforcement = on.entries
	}
	planner.Enforced = c.enforcer.condition
	return planner
}

// followPlanes has routes looked at again when something of a data plane
// changed.
func (c *Controller) followPlanes(ctx context.Context) {
	planes := c.enforcer.Planes
	if planes == nil {
		return
	}
	planes.Subscribe(func(targets []hierarchy.Ref) {
		if ctx.Err() != nil {
			return
		}
		c.state.mu.RLock()
		defer c.state.mu.RUnlock()
		for _, ref := range targets {
			switch {
			case c.state.snapshot.IsRoute(ref.GroupKind):
				c.queue.Add(ref.Object())
			case ref.GroupKind == crdKind:
				for target := range c.state.effective {
					c.queue.Add(target)
				}
			default:
				for _, below := range c.state.snapshot.Graph().Touched(ref.Object()) {
					c.queue.Add(below)
				}
			}
		}
	})
	for _, ref := range planes.HeldRoutes() {
		c.queue.Add(ref)
	}
	for _, ref := range planes.InjectedRoutes() {
		c.queue.Add(ref)
	}
}
