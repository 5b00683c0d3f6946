package controller

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/controller/pace"
	"github.com/attache-dev/attache/policy/effective"
)

// measures are the controller's metrics. No label has a value for each object.
type measures struct {
	writes  *prometheus.CounterVec
	resolve prometheus.Histogram
	lag     prometheus.Histogram
	drift   prometheus.Counter
	held    *prometheus.GaugeVec

	violations *prometheus.GaugeVec

	exportWrites, exportReverts *prometheus.CounterVec
	exportObjects, exportFields *prometheus.GaugeVec
}

// The values of the label reason of attache_held_targets.
const (
	heldViolated  = "violation"
	heldUndecided = "undecided"
	heldWaiting   = "waiting"
)

func newMeasures(registry prometheus.Registerer, pacer *pace.Pacer) (*measures, error) {
	seconds := []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	m := &measures{
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "attache_writes_total",
			Help: "Writes to the API server, by verb and result: done, gone (there was nothing left to write to), conflict (planned again), failed (tried again).",
		}, []string{"verb", "result"}),
		resolve: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "attache_resolve_duration_seconds",
			Help:    "Time to resolve what a batch of changes touches.",
			Buckets: seconds,
		}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "attache_graph_lag_seconds",
			Help:    "Time from learning of the first change of a batch until everything that it touches is resolved.",
			Buckets: seconds,
		}),
		violations: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "attache_violations",
			Help: "Paths whose published policy violates a guardrail, each counted once for each objection, by guardrail and enforcement.",
		}, []string{"guardrail", "enforcement"}),
		held: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "attache_held_targets",
			Help: "Routes whose effective policy is not published, by reason: violation (a guardrail objects), undecided (guardrails could not be evaluated in time), waiting (routes of other namespaces are evaluated first).",
		}, []string{"reason"}),
		drift: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "attache_drift_repairs_total",
			Help: "Objects corrected after somebody else wrote to fields that only attache may write.",
		}),
	}
	m.ofExporters()
	limit := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "attache_write_limit",
		Help: "Maximum number of requests in flight from the controller to the API server: --writers, and fewer while the API server refuses for lack of room or is slow.",
	}, func() float64 { return float64(pacer.Limit()) })
	for _, c := range []prometheus.Collector{
		m.writes, m.resolve, m.lag, m.violations, m.held, m.drift, m.exportWrites, m.exportReverts, m.exportObjects,
		m.exportFields, limit,
	} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// ofExporters makes the metrics of writes for data planes.
func (m *measures) ofExporters() {
	m.exportWrites = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "attache_export_writes_total",
		Help: "Writes to objects of data planes and touches of routes, by exporter (route for touches), verb and result: done, failed.",
	}, []string{"exporter", "verb", "result"})
	m.exportReverts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "attache_export_reverts_total",
		Help: "Objects of data planes corrected after somebody else wrote to them.",
	}, []string{"exporter"})
	m.exportObjects = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "attache_export_objects",
		Help: "Objects of data planes that effective policies ask for, by exporter and state.",
	}, []string{"exporter", "state"})
	m.exportFields = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "attache_export_fields",
		Help: "Values of effective policies on paths, each counted once for each path, by exporter, outcome and reason (empty when projected).",
	}, []string{"exporter", "outcome", "reason"})
}

// inventory counts what is in force, whenever metrics are requested. No label has a value for each
// object. A replica that is not the leader has nothing to count.
//
// Counting reads all targets and policies. Its result is reused until a pass changes something, and in
// a large cluster, where counting takes long, for some time after that.
type inventory struct {
	c *Controller

	mu sync.Mutex
	// counted is the last result, pass the pass that it is from, at its time, took how long counting took.
	counted []prometheus.Metric
	pass    int
	at      time.Time
	took    time.Duration
}

// seldom is the shortest time between two counts, as a multiple of the time that counting takes.
const seldom = 20

var (
	routesDesc = prometheus.NewDesc("attache_routes",
		"Routes, by whether any policy reaches them (covered).", []string{"covered"}, nil)
	policiesDesc = prometheus.NewDesc("attache_policies",
		"Targets of policies, by kind of the policy and by reason: Accepted, or why the policy does not hold the target.", []string{"kind", "reason"}, nil)
	pendingDesc = prometheus.NewDesc("attache_reconcile_pending",
		"Objects waiting to be checked and written, after changes or a start.", nil, nil)
	totalDesc = prometheus.NewDesc("attache_reconcile_objects",
		"Objects queued since the queue was last empty, of which attache_reconcile_pending are left. 0 when nothing waits.", nil, nil)
	clampedDesc = prometheus.NewDesc("attache_clamped_values",
		"Values in force that bounds from above moved, by kind; each counted once for each result that has it.", []string{"kind"}, nil)
	kindsDesc = prometheus.NewDesc("attache_policy_kinds",
		"Policy kinds that are known, by whether the cluster has policies of them (used).", []string{"used"}, nil)
	faultsDesc = prometheus.NewDesc("attache_policy_kind_faults",
		"Names and annotations on the CRD of a policy kind that are ignored because they are invalid, by kind; kinds without any have no row.", []string{"kind"}, nil)
	objectsDesc = prometheus.NewDesc("attache_graph_objects",
		"Objects that are known, by kind.", []string{"kind"}, nil)
	gatewayRoutesDesc = prometheus.NewDesc("attache_gateway_routes",
		"Routes of a Gateway with the annotation "+hierarchy.MetricsAnnotation+", by what is published about them: covered, withheld, or untouched by any policy.", []string{"gateway_namespace", "gateway_name", "state"}, nil)
	exceptionsDesc = prometheus.NewDesc("attache_guardrail_exceptions",
		"Exceptions of guardrails, by guardrail and state: active, ended.", []string{"guardrail", "state"}, nil)
)

// Describe implements prometheus.Collector.
func (i *inventory) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pendingDesc, totalDesc, routesDesc, policiesDesc, clampedDesc, kindsDesc, faultsDesc, objectsDesc, gatewayRoutesDesc, exceptionsDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (i *inventory) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n int, labels ...string) { out <- gaugeOf(d, n, labels...) }
	for kind, n := range i.c.source.Objects() {
		gauge(objectsDesc, n, kind.String())
	}
	i.exceptions(gauge)
	waiting, total := i.c.progress.counts()
	gauge(pendingDesc, waiting)
	gauge(totalDesc, total)
	for _, m := range i.count(time.Now) {
		out <- m
	}
}

func gaugeOf(d *prometheus.Desc, n int, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
}

// count counts what is in force, or returns the last result.
func (i *inventory) count(now func() time.Time) []prometheus.Metric {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.c.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	began := now()
	if i.counted != nil && (i.pass == s.passes || began.Sub(i.at) < seldom*i.took) {
		return i.counted
	}
	i.counted, i.pass = nil, s.passes
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		i.counted = append(i.counted, gaugeOf(d, n, labels...))
	}
	i.targets(gauge)
	i.policies(gauge)
	i.gateways(gauge)
	i.at = now()
	i.took = i.at.Sub(began)
	return i.counted
}

// targets counts routes, and values that were moved by bounds. The state is locked.
func (i *inventory) targets(gauge func(*prometheus.Desc, int, ...string)) {
	s := i.c.state
	routes, clamped := map[bool]int{}, map[string]int{}
	seen := map[*effective.PathPolicies]bool{}
	for ref, e := range s.effective {
		if s.snapshot.IsRoute(ref.GroupKind) {
			routes[e.Reached()]++
		}
		for _, r := range e.Reaches {
			countClamped(r.Result, seen, clamped)
		}
	}
	for _, covered := range []bool{true, false} {
		gauge(routesDesc, routes[covered], strconv.FormatBool(covered))
	}
	for kind, n := range clamped {
		gauge(clampedDesc, n, kind)
	}
}

// maxWatched is how many Gateways have series of their own: the first ones by name.
// Whoever may write Gateways can switch them on.
const maxWatched = 64

// gateways counts the routes of the Gateways that ask for it. The state is locked.
func (i *inventory) gateways(gauge func(*prometheus.Desc, int, ...string)) {
	s := i.c.state
	var watched []hierarchy.Ref
	for g := range s.snapshot.Graph().Gateways() {
		if g.Watched.Metrics {
			watched = append(watched, g.Meta().Ref)
		}
	}
	if len(watched) == 0 {
		return
	}
	slices.SortFunc(watched, hierarchy.Compare)
	watched = watched[:min(len(watched), maxWatched)]
	counts := map[hierarchy.Ref]map[string]int{}
	for _, g := range watched {
		counts[g] = map[string]int{}
	}
	for ref, e := range s.effective {
		if !s.snapshot.IsRoute(ref.GroupKind) {
			continue
		}
		state := "untouched"
		switch {
		case s.publication.withheld[ref] != nil:
			state = "withheld"
		case e.Reached():
			state = "covered"
		}
		var last hierarchy.Ref
		for _, l := range s.snapshot.Graph().BoundTo(ref) { // sorted by Gateway
			if count := counts[l.Gateway]; count != nil && l.Gateway != last {
				count[state]++
			}
			last = l.Gateway
		}
	}
	for _, g := range watched {
		for _, state := range []string{"covered", "untouched", "withheld"} {
			gauge(gatewayRoutesDesc, counts[g][state], g.Namespace, g.Name, state)
		}
	}
}

// countClamped counts the values of a result that bounds moved.
func countClamped(r *effective.PathPolicies, seen map[*effective.PathPolicies]bool, clamped map[string]int) {
	if r == nil || seen[r] {
		return
	}
	seen[r] = true
	for _, p := range r.Kinds {
		for _, o := range p.Origins {
			if !o.ClampedBy.IsZero() {
				clamped[p.Kind.Name()]++
			}
		}
	}
}

// policies counts targets by the reason in their status. The state is locked.
func (i *inventory) policies(gauge func(*prometheus.Desc, int, ...string)) {
	type row struct{ kind, reason string }
	snapshot := i.c.state.snapshot
	targets, used := map[row]int{}, map[string]bool{}
	for p := range snapshot.Policies() {
		kind := p.Kind.Name()
		used[kind] = true
		for _, a := range snapshot.Acceptances(p) {
			targets[row{kind, a.Reason}]++
		}
	}
	for r, n := range targets {
		gauge(policiesDesc, n, r.kind, r.reason)
	}
	for _, k := range snapshot.Kinds() {
		if len(k.Faults) > 0 {
			gauge(faultsDesc, len(k.Faults), k.Name())
		}
	}
	kinds := len(snapshot.Kinds())
	gauge(kindsDesc, len(used), "true")
	gauge(kindsDesc, kinds-len(used), "false")
}

// exceptions counts the exceptions of guardrails.
func (i *inventory) exceptions(gauge func(*prometheus.Desc, int, ...string)) {
	if i.c.options.Guardrails == nil {
		return
	}
	now := i.c.options.Now()
	for _, g := range i.c.options.Guardrails.Guardrails() {
		active := 0
		for _, e := range g.Exceptions {
			if now.Before(e.Until) {
				active++
			}
		}
		if len(g.Exceptions) > 0 {
			gauge(exceptionsDesc, active, g.Name, "active")
			gauge(exceptionsDesc, len(g.Exceptions)-active, g.Name, "ended")
		}
	}
}
