package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/status"
)

// Options are what a controller can be told. The zero value is a good one.
type Options struct {
	// LeaveRoutes leaves routes and Gateways without the annotation.
	LeaveRoutes bool

	// Guardrails are asked before anything is published; none if it is nil.
	Guardrails Guardrails

	// Reports writes OpenReports reports of what violates guardrails. Without it
	// those of an earlier time are removed.
	Reports bool

	// Writers is how many objects are written at a time; 8 if it is zero.
	Writers int

	// Coalesce is how long to wait for more changes after the first one; 20 ms if
	// it is zero.
	Coalesce time.Duration

	// Now is the clock of conditions; time.Now if it is nil.
	Now func() time.Time

	// Metrics is where to register metrics; controller-runtime's registry if nil.
	Metrics prometheus.Registerer

	// Log hears about writes that failed.
	Log logr.Logger
}

// Controller writes what the policies of a cluster come to.
type Controller struct {
	options  Options
	source   *cluster.Source
	live     live // the source, to planners
	client   dynamic.Interface
	planner  status.Planner
	state    *state
	patience *patience
	drift    *drift
	metrics  *measures
	audit    *audit
	reports  reports
}

// New returns a controller that learns from a source and writes to the API
// server of config.
func New(config *rest.Config, from *cluster.Source, options Options) (*Controller, error) {
	rails := func() []*guardrail.Guardrail { return nil }
	if options.Guardrails != nil {
		rails = options.Guardrails.Guardrails
	}
	if options.Writers <= 0 {
		options.Writers = 8
	}
	if options.Coalesce <= 0 {
		options.Coalesce = 20 * time.Millisecond
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Metrics == nil {
		options.Metrics = metrics.Registry
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	m, err := newMeasures(options.Metrics)
	if err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	return &Controller{
		options:  options,
		source:   from,
		live:     from,
		client:   client,
		planner:  status.Planner{Now: options.Now, Version: from.Version, LeaveRoutes: options.LeaveRoutes},
		state:    newState(rails),
		patience: &patience{fights: map[hierarchy.Ref]fight{}},
		drift:    newDrift(),
		metrics:  m,
		audit:    newAudit(),
		reports:  reports{known: map[string]string{}},
	}, nil
}

// NeedLeaderElection says that one replica writes.
func (c *Controller) NeedLeaderElection() bool { return true }

// Start writes until ctx ends. The source has to be started by somebody else.
// It can be called once.
func (c *Controller) Start(ctx context.Context) error {
	unique := true // names are for metrics; a process may have had another one
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

// follow fills the queue from now on.
func (c *Controller) follow(ctx context.Context, queue workqueue.TypedRateLimitingInterface[hierarchy.Ref]) error {
	go func() {
		if c.source.WaitForSync(ctx) != nil {
			return // the end came first
		}
		backlog := newBacklog()
		now, cancel := c.source.Subscribe(backlog.put)
		defer cancel()
		began := time.Now()
		look := c.state.begin(ctx, now, c.source.EffectivePolicies(), c.live)
		c.metrics.resolve.Observe(time.Since(began).Seconds())
		for ref := range look {
			queue.Add(ref)
		}
		c.audit.touch(look)
		go c.audits(ctx, queue)
		c.retry(backlog)
		for c.wait(ctx, backlog) {
			after, changed, written, since := backlog.take()
			began = time.Now()
			if after == nil { // somebody only asks to judge again
				after = c.state.snapshot
			}
			look, drifted := c.state.settle(ctx, after, changed, written)
			c.audit.touch(c.state.audited(look, changed))
			c.metrics.resolve.Observe(time.Since(began).Seconds())
			c.metrics.lag.Observe(time.Since(since).Seconds())
			for ref := range look {
				queue.Add(ref)
			}
			for ref := range drifted {
				queue.AddAfter(ref, c.patience.wait(ref, began))
			}
			c.retry(backlog)
		}
	}()
	return nil
}

// retry has what could not be judged in time judged again soon.
func (c *Controller) retry(backlog *backlog) {
	counts := c.state.gate.count()
	c.metrics.held.WithLabelValues(heldViolated).Set(float64(counts.violated))
	c.metrics.held.WithLabelValues(heldUndecided).Set(float64(counts.undecided))
	if counts.undecided > 0 {
		time.AfterFunc(time.Second, backlog.nudge)
	}
}

// wait returns true when there is something in the backlog, a moment after it
// came, and false when ctx ends.
func (c *Controller) wait(ctx context.Context, backlog *backlog) bool {
	select {
	case <-ctx.Done():
		return false
	case <-backlog.filled:
	}
	moment := time.NewTimer(c.options.Coalesce)
	defer moment.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-moment.C:
		return true
	}
}

// Reconcile makes what is written about one object true.
func (c *Controller) Reconcile(ctx context.Context, ref hierarchy.Ref) (reconcile.Result, error) {
	written, forged := c.state.repaired(ref)
	foreign := written && c.drift.foreign(ref, c.print(ref))
	writes, err := c.plan(ctx, ref)
	if err != nil {
		return reconcile.Result{}, err
	}
	for _, w := range writes {
		kind, reason, note := "", "", ""
		if w.Verb == status.UpdateStatus {
			kind, reason, note = turned(c.live.Policy(ref), w.Object)
		}
		err := c.write(ctx, w)
		var later errLater
		switch {
		case errors.As(err, &later):
			return reconcile.Result{RequeueAfter: later.after}, nil
		case err != nil:
			return reconcile.Result{}, err
		case reason != "":
			c.tell(ctx, w.Object, kind, reason, note)
		}
	}
	c.tellOfRoute(ctx, ref)
	if len(writes) > 0 {
		c.drift.wrote(ref, c.print(ref))
	}
	if foreign && len(writes) > 0 {
		c.repaired(ctx, ref, forged)
	}
	return reconcile.Result{}, nil
}

// repaired takes in that what somebody else wrote was put right. Only where
// others may write does the next repair wait.
func (c *Controller) repaired(ctx context.Context, ref hierarchy.Ref, forged bool) {
	c.metrics.drift.Inc()
	if !forged {
		c.patience.repaired(ref, time.Now())
		return
	}
	result := c.live.EffectivePolicy(ref.Namespace, status.ObjectName(ref))
	if result != nil && c.drift.tell(ref, time.Now()) {
		c.tell(ctx, result, "Warning", reasonForged, noteForged)
	}
}
