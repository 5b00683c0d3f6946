package webhook

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
)

// The values of the label decision.
const (
	decisionAllowed   = "allowed"
	decisionDenied    = "denied"
	decisionUndecided = "undecided"
	decisionMalformed = "malformed"
)

// measures are the metrics of the handlers. No label has a value for each object or namespace.
type measures struct {
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	undecided *prometheus.CounterVec
	affected  prometheus.Histogram
	watching  *watching
}

func newMeasures(registry prometheus.Registerer) (*measures, error) {
	m := &measures{
		watching: newWatching(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "attache_admission_requests_total",
			Help: "Admission reviews answered.",
		}, []string{"webhook", "operation", "decision", "dry_run"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "attache_admission_duration_seconds",
			Help:    "Time from the arrival of an admission review to its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 5},
		}, []string{"webhook", "decision"}),
		undecided: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "attache_undecided_total",
			Help: "Admission reviews that could not be decided, by reason; the API server's failurePolicy decides about them.",
		}, []string{"reason"}),
	}
	m.affected = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "attache_affected_targets",
		Help:    "Routes and Gateways whose effective policy a reviewed write changes.",
		Buckets: []float64{0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000},
	})
	for _, reason := range reasons {
		m.undecided.WithLabelValues(reason) // from zero: a counter that begins at one does not show an increase
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.undecided, m.affected, m.watching.requests, m.watching.duration} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// operations are the values of the label operation; a client can write anything
// into a review.
var operations = []admissionv1.Operation{admissionv1.Create, admissionv1.Update, admissionv1.Delete, admissionv1.Connect}

func (m *measures) answered(webhook, decision string, req *request, since time.Time) {
	operation, dryRun := "none", false
	if req != nil {
		dryRun = req.DryRun != nil && *req.DryRun
		if operation = "other"; slices.Contains(operations, req.Operation) {
			operation = string(req.Operation)
		}
	}
	m.requests.WithLabelValues(webhook, operation, decision, strconv.FormatBool(dryRun)).Inc()
	m.duration.WithLabelValues(webhook, decision).Observe(time.Since(since).Seconds())
	if req != nil {
		m.watching.answered(req.concerned, webhook, decision, since)
	}
}
