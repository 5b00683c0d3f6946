package controller

import (
	"github.com/prometheus/client_golang/prometheus"
)

// measures are the controller's metrics. No label grows with the number of
// objects.
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

func newMeasures(registry prometheus.Registerer) (*measures, error) {
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
			Help:    "Time from the first change of a batch becoming known until what it touches is resolved.",
			Buckets: seconds,
		}),
		violations: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "attache_violations",
			Help: "Paths whose published policy violates a guardrail, each counted once for each objection, by guardrail and enforcement.",
		}, []string{"guardrail", "enforcement"}),
		held: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "attache_held_targets",
			Help: "Routes whose effective policy is not published, by reason: violation (a guardrail objects), undecided (guardrails could not be asked in time), waiting (its turn to be judged comes after those of other namespaces).",
		}, []string{"reason"}),
		drift: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "attache_drift_repairs_total",
			Help: "Objects put right after somebody else wrote where only attache may.",
		}),
	}
	m.ofExporters()
	for _, c := range []prometheus.Collector{
		m.writes, m.resolve, m.lag, m.violations, m.held, m.drift, m.exportWrites, m.exportReverts, m.exportObjects,
		m.exportFields,
	} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// ofExporters makes the metrics of what is written for data planes.
func (m *measures) ofExporters() {
	m.exportWrites = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "attache_export_writes_total",
		Help: "Writes to objects of data planes and touches of routes, by exporter (route for touches), verb and result: done, failed.",
	}, []string{"exporter", "verb", "result"})
	m.exportReverts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "attache_export_reverts_total",
		Help: "Objects of data planes put right after somebody else wrote there.",
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
