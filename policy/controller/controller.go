package controller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/controller/pace"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/status"
)

// Options are the options of a controller. The zero value is a good default.
type Options struct {
	// LeaveRoutes leaves routes and Gateways without the annotation.
	LeaveRoutes bool

	// Guardrails are evaluated before anything is published; if it is nil, there are none.
	Guardrails Guardrails

	// Reports writes policy reports of violations. Without it, existing reports are removed.
	Reports bool

	// ReportFormat is the format of these reports; status.OpenReports if it is zero. Reports in the
	// other format are not looked at.
	ReportFormat status.ReportFormat

	// Enforcement says how effective policies reach data planes; the zero value enables no exporter.
	Enforcement Enforcement

	// Writers is the maximum number of objects that are written at the same time; 8 if it is zero.
	Writers int

	// Coalesce is how long to wait for more changes after the first one; 20 ms if
	// it is zero.
	Coalesce time.Duration

	// Leads says why nothing may be written now, because another replica may lead: it is asked before
	// every write is sent. nil means that there is no other replica.
	Leads func() error

	// Now is the clock of conditions; time.Now if it is nil.
	Now func() time.Time

	// Metrics is where to register metrics; controller-runtime's registry if nil.
	Metrics prometheus.Registerer

	// Log receives failed writes.
	Log logr.Logger
}

// Controller writes the effects of the policies of a cluster.
type Controller struct {
	options  Options
	source   *cluster.Source
	live     live // the source, to planners
	client   dynamic.Interface
	planner  status.Planner
	state    *state
	backoff  *backoff
	drift    *drift
	progress progress
	metrics  *measures
	audit    *audit
	reports  reports
	enforcer *enforcer
	// untouchable are resources whose status may not be written, which was already logged.
	untouchable sync.Map
	queue       workqueue.TypedRateLimitingInterface[hierarchy.Ref]
}

// New returns a controller that follows a source and writes to the API server of config.
func New(config *rest.Config, from *cluster.Source, options Options) (*Controller, error) {
	guardrails := func() []*guardrail.Guardrail { return nil }
	if options.Writers <= 0 {
		options.Writers = 8
	}
	if options.Coalesce <= 0 {
		options.Coalesce = 20 * time.Millisecond
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Guardrails != nil {
		timed := &guardrail.Timed{}
		guardrails = func() []*guardrail.Guardrail { return timed.At(options.Guardrails.Guardrails(), options.Now()) }
	}
	if options.ReportFormat.Name == "" {
		options.ReportFormat = status.OpenReports
	}
	if options.Metrics == nil {
		options.Metrics = metrics.Registry
	}
	pacer := pace.New(options.Writers)
	client, err := dynamic.NewForConfig(paced(config, options.Leads, pacer))
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	m, err := newMeasures(options.Metrics, pacer)
	if err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	known := newState(guardrails)
	known.publication.slice = judgeSlice
	made := &Controller{
		options:  options,
		source:   from,
		live:     from,
		client:   client,
		planner:  status.Planner{Now: options.Now, Version: from.Version, LeaveRoutes: options.LeaveRoutes, Instance: instance()},
		state:    known,
		backoff:  &backoff{fights: map[hierarchy.Ref]fight{}},
		drift:    newDrift(),
		metrics:  m,
		audit:    newAudit(),
		reports:  reports{format: options.ReportFormat, known: map[string]string{}},
		enforcer: newEnforcer(options.Enforcement),
	}
	known.publication.enforced = made.enforced()
	known.written = made.enforcer.arrived
	if err := options.Metrics.Register(&inventory{c: made}); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	return made, nil
}

// paced returns a configuration whose clients send as many requests at a time as the API server can
// handle, and writes only while leads returns no error.
func paced(config *rest.Config, leads func() error, pacer *pace.Pacer) *rest.Config {
	config = rest.CopyConfig(config)
	if leads != nil {
		config.Wrap(func(next http.RoundTripper) http.RoundTripper { return leading{leads, next} })
	}
	config.Wrap(pacer.Wrap) // the outer one: what waits here is asked afterwards
	return config
}

// instance identifies this process as the reporter of events.
func instance() string {
	host, err := os.Hostname()
	if err != nil {
		return "attache"
	}
	return "attache-" + host
}

// NeedLeaderElection returns true, because only one replica writes.
func (c *Controller) NeedLeaderElection() bool { return true }

// Start writes until ctx ends. The caller has to start the source. It can be called once.
func (c *Controller) Start(ctx context.Context) error {
	unique := true // names are for metrics; the process may have had another controller
	run, err := controller.NewTypedUnmanaged("attache", controller.TypedOptions[hierarchy.Ref]{
		Reconciler:              c,
		MaxConcurrentReconciles: c.options.Writers,
		SkipNameValidation:      &unique,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[hierarchy.Ref](100*time.Millisecond, time.Minute),
		LogConstructor: func(ref *hierarchy.Ref) logr.Logger {
			if ref == nil {
				return c.options.Log
			}
			return c.options.Log.WithValues("object", ref.String())
		},
	})
	if err != nil {
		return err
	}
	if err := run.Watch(source.TypedFunc[hierarchy.Ref](c.follow)); err != nil {
		return err
	}
	return run.Start(ctx)
}

// Reconcile brings what is written about one object up to date.
func (c *Controller) Reconcile(ctx context.Context, ref hierarchy.Ref) (reconcile.Result, error) {
	began := c.progress.began()
	written, forged := c.state.repaired(ref)
	foreign := written && c.somebodyElses(ref)
	touched := c.touchFirst(ctx, ref)
	if touched != nil && touched.sent && touched.done && !foreign && c.progress.postpone(ref) {
		c.queue.Add(ref) // behind those that were not touched yet: values first, then what is said of them
		c.enforcer.planned(ref)
		return reconcile.Result{}, nil
	}
	if touched != nil {
		c.enforcer.planned(ref) // from here on, what changes is looked at anew
	}
	writes, on, err := c.plan(ctx, ref)
	if err != nil {
		return reconcile.Result{}, err
	}
	if on != nil {
		on.touched = touched
	}
	for _, w := range writes {
		var events []status.Write
		if w.Verb == status.UpdateStatus {
			before := c.live.Policy(ref)
			events = append(c.planner.Turned(before, w.Object), c.enforcer.turns(c.planner, before, w.Object)...)
		}
		err := c.write(ctx, w)
		var later errLater
		switch {
		case errors.As(err, &later):
			return reconcile.Result{RequeueAfter: later.after}, nil
		case err != nil:
			return reconcile.Result{}, err
		}
		c.tell(ctx, events...)
	}
	if !c.state.undecided(ref) {
		c.progress.done(ref, began, len(writes) > 0)
	}
	c.tellOfRoute(ctx, ref)
	c.offer(ctx, ref)
	if foreign && len(writes) > 0 {
		c.repaired(ctx, ref, forged)
	}
	if _, exists := c.live.Print(ref); !exists {
		c.drift.forget(ref)
	}
	return c.reach(ctx, ref, on)
}

// gatherScores is how long a policy waits for the enforcement of further routes, so that its status
// is written once and not for each of them.
const gatherScores = 300 * time.Millisecond

// reach brings the published result of a route to data planes, and queues the policies whose
// enforcement changed.
func (c *Controller) reach(ctx context.Context, ref hierarchy.Ref, on *enforced) (reconcile.Result, error) {
	for _, policy := range c.scored(ref, on) {
		c.queue.AddAfter(policy, gatherScores)
	}
	again, err := c.enforce(ctx, ref, on)
	var later errLater
	switch {
	case errors.As(err, &later):
		return reconcile.Result{RequeueAfter: later.after}, nil
	case err != nil:
		return reconcile.Result{}, err
	}
	if left := c.enforcer.left(ref, on, c.planner.Now()); left > 0 && (again == 0 || left < again) {
		again = left
	}
	return reconcile.Result{RequeueAfter: again}, nil
}

// somebodyElses reports whether what is written about an object is not what we wrote.
func (c *Controller) somebodyElses(ref hierarchy.Ref) bool {
	if ref.GroupKind == publish.EffectivePolicyKind {
		return c.drift.stray(ref, c.live.EffectivePolicy(ref.Namespace, ref.Name))
	}
	print, exists := c.live.Print(ref)
	if !exists {
		return false
	}
	result, _ := c.live.Print(resultOf(ref)) // 0 is that of none
	return c.drift.foreign(ref, print) || c.drift.foreign(resultOf(ref), result)
}

// repaired records that a foreign write was reverted. The next repair only waits where others have
// the right to write.
func (c *Controller) repaired(ctx context.Context, ref hierarchy.Ref, forged bool) {
	c.metrics.drift.Inc()
	if !forged {
		c.backoff.repaired(ref, time.Now())
		return
	}
	result := c.live.EffectivePolicy(ref.Namespace, publish.ObjectName(ref))
	if result != nil && c.drift.tell(ref, time.Now()) {
		c.tell(ctx, c.planner.Event(result, status.Event{Type: status.EventWarning, Reason: reasonForged, Note: noteForged}))
	}
}

// live returns the state on the API server.
type live interface {
	status.Live
	Conditions(ref hierarchy.Ref) status.Conditions
	Print(ref hierarchy.Ref) (print uint64, ok bool)
}

// plan is decide, or guardrailStatus for a guardrail, with the enforcement of a route.
func (c *Controller) plan(ctx context.Context, ref hierarchy.Ref) ([]status.Write, *enforced, error) {
	if ref.GroupKind == guardrail.Kind {
		writes, err := c.guardrailStatus(ctx, ref)
		return writes, nil, err
	}
	writes, on := c.decide(ref)
	return writes, on, nil
}

// get reads a cluster-scoped object; nil when it does not exist.
func (c *Controller) get(ctx context.Context, resource schema.GroupVersionResource, name string) (*unstructured.Unstructured, error) {
	object, err := c.client.Resource(resource).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", resource.Resource, name, err)
	}
	return object, nil
}

// decide lists the writes that bring what is written about one object up to date:
//
//	the object                             the writes make true
//	a route                                its annotation and its EffectivePolicy
//	a Gateway                              the same, and its Affected conditions
//	a GatewayClass or a ListenerSet        its Affected conditions
//	a route or a Gateway that is gone      that it has no EffectivePolicy
//	a policy                               its status
//	an EffectivePolicy of nothing known    that it is gone
func (c *Controller) decide(ref hierarchy.Ref) ([]status.Write, *enforced) {
	s := c.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p, isPolicy := s.snapshot.Policy(ref); isPolicy {
		planner := c.planned(nil)
		planner.Reconciling = c.progress.of(ref)
		planner.Holds = func(p hierarchy.Ref) []status.Hold { return s.publication.of(p, s.snapshot) }
		return planner.Policy(s.snapshot, p, &s.tally, c.live), nil
	}
	switch ref.GroupKind {
	case publish.EffectivePolicyKind:
		live := c.live.EffectivePolicy(ref.Namespace, ref.Name)
		if s.shown(ref) != ref || live == nil || !publish.OwnedBy(live, publish.TargetOf(live)) {
			return nil, nil
		}
		return []status.Write{{Verb: status.Delete, Object: bare(ref)}}, nil
	case hierarchy.GatewayClassKind, hierarchy.ListenerSetKind:
		return c.affected(ref), nil
	case hierarchy.GatewayKind:
		return append(c.target(ref, nil), c.affected(ref)...), nil
	}
	on := c.enforcedOn(ref)
	return c.target(ref, on), on
}

// target is decide for routes and Gateways, for which effective policies are published.
func (c *Controller) target(ref hierarchy.Ref, on *enforced) []status.Write {
	p, h := c.state.publication.published[ref], c.state.publication.withheld[ref]
	if _, waits := c.state.publication.waiting[ref]; waits && p.effective == nil && h == nil {
		return nil // nothing is published for it yet, and nothing is decided
	}
	if p.found == nil && h == nil {
		return c.planned(on).Target(ref, c.enforcer.asAdmitted(p.effective), c.live)
	}
	was, uid := p.found.Object(), ""
	if e := c.state.effective[ref]; e != nil {
		uid = e.UID
	}
	if was == nil {
		was = c.planned(on).Object(ref, p.effective)
		publish.MarkFromAbove(was, p.fromAbove)
	}
	return c.planner.Keep(ref, uid, was, h.said(c.state.snapshot.ReaderIn(ref.Namespace)), c.live)
}

// affected is decide for objects that have Affected conditions.
func (c *Controller) affected(ref hierarchy.Ref) []status.Write {
	object, exists := c.state.snapshot.Graph().Get(ref)
	if !exists {
		return nil
	}
	return c.planner.Affected(c.state.snapshot, ref, object.Meta().Generation, c.live.Conditions(ref))
}

// bare returns an EffectivePolicy that only has a name.
func bare(ref hierarchy.Ref) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(publish.APIVersion)
	u.SetKind(publish.Kind)
	u.SetNamespace(ref.Namespace)
	u.SetName(ref.Name)
	return u
}
