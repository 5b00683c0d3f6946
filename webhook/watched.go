package webhook

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// maxWatched is the maximum number of Gateways with series of their own in one replica: the first
// ones by name. Everybody who may write Gateways can switch these series on.
const maxWatched = 64

// watching records the Gateways whose annotations request series of their own.
type watching struct {
	last     atomic.Pointer[watchedIn]
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// watchedIn are the watched Gateways of one snapshot, sorted.
type watchedIn struct {
	snapshot *policy.Snapshot
	gateways []*hierarchy.Gateway
}

func newWatching() *watching {
	labels := []string{"gateway_namespace", "gateway_name"}
	return &watching{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "attache_gateway_admission_requests_total",
			Help: "Admission reviews that concern a Gateway with the annotation " + hierarchy.MetricsAnnotation + ".",
		}, append(labels, "webhook", "decision")),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "attache_gateway_admission_duration_seconds",
			Help:    "Time from the arrival of such a review to its answer.",
			Buckets: []float64{.001, .005, .025, .1, .5, 1, 2, 5},
		}, labels),
	}
}

// in lists the watched Gateways of a snapshot. Snapshots do not change, so that is
// worked out once for each.
func (w *watching) in(s *policy.Snapshot) []*hierarchy.Gateway {
	if last := w.last.Load(); last != nil && last.snapshot == s {
		return last.gateways
	}
	now := &watchedIn{snapshot: s}
	for g := range s.Graph().Gateways() {
		if g.Watched != (hierarchy.Watched{}) {
			now.gateways = append(now.gateways, g)
		}
	}
	slices.SortFunc(now.gateways, func(a, b *hierarchy.Gateway) int { return hierarchy.Compare(a.Meta().Ref, b.Meta().Ref) })
	if last := w.last.Swap(now); last != nil {
		w.forget(last.gateways, now.gateways)
	}
	return now.gateways
}

// forget removes the series of Gateways that are no longer watched.
func (w *watching) forget(before, now []*hierarchy.Gateway) {
	for _, g := range before {
		ref := g.Meta().Ref
		if !slices.ContainsFunc(now, func(o *hierarchy.Gateway) bool { return o.Meta().Ref == ref && o.Watched.Metrics }) {
			labels := prometheus.Labels{"gateway_namespace": ref.Namespace, "gateway_name": ref.Name}
			w.requests.DeletePartialMatch(labels)
			w.duration.DeletePartialMatch(labels)
		}
	}
}

// concerned is what is watched of a review.
type concerned struct {
	hierarchy.Watched
	// series are the Gateways that have series of their own.
	series []hierarchy.Ref
}

// concerned says which watched Gateways an edit touches, before or after it. Where
// none is watched that costs nothing.
func (w *watching) concerned(s *policy.Snapshot, req *request) (c concerned) {
	watched := w.in(s)
	if len(watched) == 0 {
		return c
	}
	touched := map[hierarchy.Ref]bool{}
	worlds := []*policy.Snapshot{s}
	if req.object != nil {
		after, _ := s.With(req.named(req.object))
		worlds = append(worlds, after)
		watched = append(slices.Clip(watched), w.anew(after, req.ref(), watched)...)
	}
	for _, world := range worlds {
		for _, ref := range append(world.Touched(req.ref()), req.ref()) {
			touched[ref] = true
			for _, l := range world.Graph().BoundTo(ref) {
				touched[l.Gateway] = true
			}
		}
	}
	series := 0
	for _, g := range watched {
		if g.Watched.Metrics {
			series++
		}
		if !touched[g.Meta().Ref] {
			continue
		}
		c.Tracing, c.Debug = c.Tracing || g.Watched.Tracing, c.Debug || g.Watched.Debug
		if g.Watched.Metrics && series <= maxWatched {
			c.Metrics, c.series = true, append(c.series, g.Meta().Ref)
		}
	}
	return c
}

// anew is the Gateway under review if the edit is what switches it on.
func (w *watching) anew(after *policy.Snapshot, ref hierarchy.Ref, watched []*hierarchy.Gateway) []*hierarchy.Gateway {
	object, _ := after.Graph().Get(ref)
	g, isGateway := object.(*hierarchy.Gateway)
	if !isGateway || g.Watched == (hierarchy.Watched{}) || slices.ContainsFunc(watched, func(o *hierarchy.Gateway) bool { return o.Meta().Ref == ref }) {
		return nil
	}
	return []*hierarchy.Gateway{g}
}

// answered counts an answer for the Gateways that it concerns.
func (w *watching) answered(c concerned, webhook, decision string, since time.Time) {
	for _, g := range c.series {
		w.requests.WithLabelValues(g.Namespace, g.Name, webhook, decision).Inc()
		w.duration.WithLabelValues(g.Namespace, g.Name).Observe(time.Since(since).Seconds())
	}
}
