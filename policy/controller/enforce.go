package controller

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/status"
)

// Enforcement says how effective policies reach data planes.
type Enforcement struct {
	Config enforcement.Config
	// Cleanup are exporters that are switched off and whose objects are to be deleted.
	Cleanup []string
	// Planes has the objects of data planes' APIs; nil when no exporter is enabled.
	Planes *cluster.Planes
	// Prepare returns an object with the defaults of the data plane's CRD, and the reasons for which
	// the CRD refuses it; known is false without a CRD.
	Prepare func(u *unstructured.Unstructured) (prepared *unstructured.Unstructured, problems []string, known bool)
	// Check returns the reasons for which the CRD of routes refuses a route.
	Check export.Checker
	// Schemas returns the current CRDs of data planes' kinds; the function may be nil.
	Schemas func() enforcement.Schemas
	// Interval is the minimum time between writes of one object; 5 s if it is zero.
	Interval time.Duration
}

// enforcer makes data planes enforce what is published.
type enforcer struct {
	Enforcement
	mu sync.Mutex
	// wrote is when an object was last written; touched is the desired state of a route when its
	// last admission was triggered.
	wrote   map[hierarchy.Ref]time.Time
	touched map[hierarchy.Ref]touch
	// swept is when old entries of wrote were removed last.
	swept time.Time
	// admitted are the routes to which an admission gave a generation that the watch has not delivered yet.
	admitted map[hierarchy.Ref]admitted
	// following are the routes that somebody is about to touch, and whose other writes are planned next.
	following refs
	// created are objects that we have just created, with the time.
	created map[hierarchy.Ref]time.Time
	// leaving are objects that are no longer wanted, with the time since when.
	leaving map[hierarchy.Ref]time.Time
	// failed are objects that could not be written, with the reason.
	failed map[hierarchy.Ref]string
	// standing are the objects of each route in their last confirmed desired state: if an object
	// differs while the desired state is the same, somebody's edit is reverted.
	standing map[hierarchy.Ref]map[string]*unstructured.Unstructured
	// refused are contents that the data plane refused, by object.
	refused map[hierarchy.Ref]refusal
	// excuses are the objects that were refused because of a policy above them, with the time when
	// that was last the case.
	excuses map[hierarchy.Ref]time.Time
	// counts has the numbers that metrics count for each route.
	counts map[hierarchy.Ref]exportCounts
	// turned is the last value of a policy's Enforced condition that was True or False.
	turned map[hierarchy.Ref]string
	// offered are the GatewayClasses for which an event said that an exporter could serve them.
	offered map[hierarchy.Ref]string
	// waiting is the time since when something has waited for the data plane or for admission, by
	// object, and by route for values inside the route.
	waiting map[hierarchy.Ref]time.Time
	// kept is the last result for each route.
	kept map[hierarchy.Ref]*enforcement.Memory
	// scores are keyed by route, sums by policy and Gateway. plain are the scores that routes share.
	scores map[hierarchy.Ref][]scoreAt
	sums   map[enforcement.PolicyAt]*enforcement.Score
	plain  map[plainScore]*enforcement.Score

	// readings are the inputs of exporters from the effective policies of one snapshot, which routes
	// share.
	readings     map[*effective.PathPolicies]*export.Effective
	readingsOf   *hierarchy.Graph
	readingsLock sync.Mutex

	fields      export.StandardFields
	fieldsOf    *unstructured.Unstructured
	fieldsGuard sync.Mutex
}

// refusal is a content that the data plane did not accept.
type refusal struct{ hash, message string }

// patience is how long a data plane may take to answer, and admission to put values into a route,
// before this is reported.
const patience = time.Minute

func newEnforcer(of Enforcement) *enforcer {
	if of.Interval <= 0 {
		of.Interval = 5 * time.Second
	}
	return &enforcer{
		Enforcement: of,
		wrote:       map[hierarchy.Ref]time.Time{},
		touched:     map[hierarchy.Ref]touch{},
		admitted:    map[hierarchy.Ref]admitted{},
		following:   refs{},
		created:     map[hierarchy.Ref]time.Time{},
		leaving:     map[hierarchy.Ref]time.Time{},
		failed:      map[hierarchy.Ref]string{},
		standing:    map[hierarchy.Ref]map[string]*unstructured.Unstructured{},
		refused:     map[hierarchy.Ref]refusal{},
		waiting:     map[hierarchy.Ref]time.Time{},
		excuses:     map[hierarchy.Ref]time.Time{},
		counts:      map[hierarchy.Ref]exportCounts{},
		turned:      map[hierarchy.Ref]string{},
		offered:     map[hierarchy.Ref]string{},
		kept:        map[hierarchy.Ref]*enforcement.Memory{},
		scores:      map[hierarchy.Ref][]scoreAt{},
		plain:       map[plainScore]*enforcement.Score{},
		sums:        map[enforcement.PolicyAt]*enforcement.Score{},
	}
}

// enforced is the result of exporters for one route.
type enforced struct {
	target  *effective.Target
	rules   []hierarchy.RuleRef
	results []enforcement.Result
	entries []enforcement.Entry
	// touched is the result of touching the route; nil before that.
	touched *touched
}

// world returns the input of exporters on a graph.
func (c *Controller) world(g *hierarchy.Graph) enforcement.World {
	e := c.enforcer
	w := enforcement.World{Graph: g, Config: e.Config, Version: c.planner.Version}
	if e.Planes != nil {
		w.Read = e.reader(g)
		w.Fields = e.standardFields()
		w.Foreign, w.Held, w.Installed = e.Planes.Foreign(), e.Planes.Held, e.Planes.Installed
		w.Refused = e.refusedRules
		if e.Schemas != nil {
			w.Schemas = e.Schemas()
		}
	}
	return w
}

// refusedRules returns the rules of a stored route that would not be valid with the values to be
// put there.
func (e *enforcer) refusedRules(route hierarchy.Ref, rules []export.RuleInjection) map[int]string {
	live := e.Planes.Route(route)
	if live == nil || e.Check == nil {
		return nil
	}
	return export.RefusedRules(live, rules, e.Check)
}

// forgetKept drops the last result of a route.
func (e *enforcer) forgetKept(route hierarchy.Ref) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.kept, route)
	delete(e.standing, route)
	delete(e.admitted, route)
}

// reader reads effective policies, each once for a graph.
func (e *enforcer) reader(g *hierarchy.Graph) func(p *effective.PathPolicies) *export.Effective {
	return func(p *effective.PathPolicies) *export.Effective {
		e.readingsLock.Lock()
		defer e.readingsLock.Unlock()
		if e.readingsOf != g {
			e.readings, e.readingsOf = map[*effective.PathPolicies]*export.Effective{}, g
		}
		values := e.readings[p]
		if values == nil {
			values = enforcement.Read(p)
			e.readings[p] = values
		}
		return values
	}
}

// enforced returns for guardrails how data planes enforce policies on targets; nil if no exporter
// is enabled.
func (c *Controller) enforced() evaluate.Enforced {
	if c.enforcer.Planes == nil {
		return nil
	}
	return func(g *hierarchy.Graph, t *effective.Target) evaluate.Outcomes {
		return evaluate.Outcomes(c.world(g).Outcomes(t))
	}
}

// standardFields returns the fields of the HTTPRoute CRD, read once for each version of it.
func (e *enforcer) standardFields() export.StandardFields {
	crd := e.Planes.Definition("httproutes." + hierarchy.Group)
	e.fieldsGuard.Lock()
	defer e.fieldsGuard.Unlock()
	if crd != e.fieldsOf {
		e.fields, e.fieldsOf = export.FieldsOf(crd), crd
	}
	return e.fields
}

// enforcedOn returns the result of exporters for the published result of a route; nil for other
// objects. The state's lock is held.
func (c *Controller) enforcedOn(ref hierarchy.Ref) *enforced {
	if ref.GroupKind == hierarchy.GatewayKind || !c.state.snapshot.IsRoute(ref.GroupKind) {
		return nil
	}
	target := c.state.publication.inForce(c.state.snapshot, ref)
	out := &enforced{target: target}
	object, _ := c.state.snapshot.Graph().Get(ref)
	route, isRoute := object.(*hierarchy.Route)
	if target == nil || !isRoute || !target.Reached() {
		c.enforcer.forgetKept(ref)
		return out
	}
	out.rules = route.RuleRefs()
	out.results, out.entries = c.enforcer.look(target, c.world(c.state.snapshot.Graph()), c.planner.Now())
	return out
}

// look returns the result of exporters for a route, and what data planes say about it. What has not
// changed since the last call is reused. Without enabled exporters nothing is kept for the next call.
func (e *enforcer) look(target *effective.Target, w enforcement.World, now time.Time) ([]enforcement.Result, []enforcement.Entry) {
	route := target.Target
	e.mu.Lock()
	last := e.kept[route]
	e.mu.Unlock()
	results, memory := w.Look(target, last)
	for i := range results {
		e.read(route, &results[i], now)
	}
	entries := memory.Entries(target, results)
	if e.Planes == nil {
		return results, entries
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kept[route] = memory
	return results, entries
}

// read adds what the data plane says about the objects, and about the route.
func (e *enforcer) read(route hierarchy.Ref, r *enforcement.Result, now time.Time) {
	if r.Registration.Exporter == nil || r.Choice.Settings.Mode == enforcement.Plan || e.Planes == nil {
		return
	}
	name := r.Registration.Name()
	held := e.Planes.Held(name, route)
	r.Readings = map[string]enforcement.Reading{}
	for _, want := range r.Projection.Objects {
		reading := e.readObject(want, held[want.GetName()], r)
		_, reading.Silent = e.waits(hierarchy.RefOf(want), reading.State == enforcement.Pending, now)
		r.Readings[want.GetName()] = reading
	}
	reading := e.readInjected(route, r, now)
	r.Route = &reading
}

// readInjected returns the state of the values in the route. A value that is missing a minute after
// it should be there has drifted: somebody changed it after us, or our webhook is not called
// (E8.7).
func (e *enforcer) readInjected(route hierarchy.Ref, r *enforcement.Result, now time.Time) enforcement.Reading {
	stands := e.stands(route, r)
	_, late := e.waits(route.WithSection(injectedSection), !stands, now)
	switch observe := r.Choice.Settings.Mode == enforcement.Observe; {
	case !stands && observe:
		return enforcement.Reading{State: enforcement.NotWritten}
	case late:
		return enforcement.Reading{State: enforcement.Drifted}
	case !stands:
		return enforcement.Reading{State: enforcement.Pending}
	}
	live := e.Planes.Route(route)
	if live == nil {
		return enforcement.Reading{State: enforcement.Accepted}
	}
	reading := r.ReadRoute(live)
	_, reading.Silent = e.waits(route, reading.State == enforcement.Pending, now)
	return reading
}

// waits records whether something waits, and returns how long it may still wait before this is
// reported, and whether that time is over.
func (e *enforcer) waits(on hierarchy.Ref, waits bool, now time.Time) (left time.Duration, over bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !waits {
		delete(e.waiting, on)
		return 0, false
	}
	since, known := e.waiting[on]
	if !known {
		e.waiting[on], since = now, now
	}
	left = patience - now.Sub(since)
	return max(left, 0), left <= 0
}

// left returns when to look again at a route with something that waits; 0 for never.
func (e *enforcer) left(route hierarchy.Ref, on *enforced, now time.Time) time.Duration {
	if on == nil || e.Planes == nil {
		return 0
	}
	places := []hierarchy.Ref{route, route.WithSection(injectedSection)}
	for i := range on.results {
		for _, object := range on.results[i].Projection.Objects {
			places = append(places, hierarchy.RefOf(object))
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	least := time.Duration(0)
	for _, place := range places {
		if since, waits := e.waiting[place]; waits {
			if left := patience - now.Sub(since) + soon; left > soon && (least == 0 || left < least) {
				least = left
			}
		}
	}
	return least
}

// injectedSection stands for the values in a route, as opposed to the route itself.
const injectedSection = "injected"

// readObject returns the state of one object.
func (e *enforcer) readObject(want, live *unstructured.Unstructured, r *enforcement.Result) enforcement.Reading {
	ref := hierarchy.RefOf(want)
	e.mu.Lock()
	why, failed := e.failed[ref]
	refused, isRefused := e.refused[ref]
	e.mu.Unlock()
	observe := r.Choice.Settings.Mode == enforcement.Observe
	switch {
	case isRefused && refused.hash == e.hashOf(want, r):
		return enforcement.Reading{State: enforcement.Rejected, Message: refused.message, Refused: refused.hash}
	case failed:
		return enforcement.Reading{State: enforcement.NotWritten, Message: why}
	case live == nil && observe:
		return enforcement.Reading{State: enforcement.NotWritten}
	case live == nil:
		return enforcement.Reading{State: enforcement.Pending}
	case observe && !e.asExported(want, live):
		return enforcement.Reading{State: enforcement.Drifted}
	case !observe && !e.asWanted(want, live):
		return enforcement.Reading{State: enforcement.Pending}
	}
	return r.ReadObject(live)
}

// stands reports whether the route has the values of this part.
func (e *enforcer) stands(route hierarchy.Ref, r *enforcement.Result) bool {
	if len(r.Projection.Rules) == 0 {
		return true
	}
	live := e.Planes.Route(route)
	if live == nil {
		return false
	}
	own := &unstructured.Unstructured{Object: injected.OwnObject(live.Object)}
	want := export.Inject(own, r.Projection.Rules, nil)
	rules, _, _ := unstructured.NestedSlice(live.Object, "spec", "rules")
	return want.Record.Stands(rules)
}

// planned returns the planner with what is known about data planes.
func (c *Controller) planned(on *enforced) status.Planner {
	planner := c.planner
	if on != nil && len(on.entries) > 0 {
		planner.Enforcement = on.entries
	}
	planner.Enforced = c.enforcer.condition
	return planner
}

// touchedBy returns the routes that objects of data planes concern.
func (c *Controller) touchedBy(targets []hierarchy.Ref) refs {
	touched := refs{}
	c.state.mu.RLock()
	defer c.state.mu.RUnlock()
	for _, ref := range targets {
		switch {
		case c.state.snapshot.IsRoute(ref.GroupKind):
			touched.add(ref.Object())
		case ref.GroupKind == crdKind:
			touched.addAll(maps.Keys(c.state.effective))
		default:
			touched.addAll(slices.Values(c.state.snapshot.Graph().Touched(ref.Object())))
		}
	}
	return touched
}

// followPlanes queues routes again when an object of a data plane changed.
func (c *Controller) followPlanes(ctx context.Context) {
	planes := c.enforcer.Planes
	if planes == nil {
		return
	}
	planes.Subscribe(func(targets []hierarchy.Ref) {
		if ctx.Err() != nil {
			return
		}
		touched := c.touchedBy(targets)
		for ref := range touched {
			if !c.enforcer.followed(ref) {
				c.queue.Add(ref)
			}
		}
		// Guardrails that read the enforcement may now have other results.
		if slices.ContainsFunc(c.state.guardrails(), func(g *guardrail.Guardrail) bool { return g.Uses()&guardrail.Outcomes != 0 }) {
			c.audit.touch(touched)
		}
	})
	for _, ref := range planes.HeldRoutes() {
		c.queue.Add(ref)
	}
	for _, ref := range planes.InjectedRoutes() {
		c.queue.Add(ref)
	}
}
