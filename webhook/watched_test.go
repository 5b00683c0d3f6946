package webhook

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/attache-dev/attache/policy"
)

// watchedGateway is a Gateway with annotations, and a route on it.
func watchedGateway(name, annotations string) string {
	return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: ` + name + `, namespace: infra, annotations: {` + annotations + `}}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: on-` + name + `, namespace: shop}
spec: {parentRefs: [{name: ` + name + `, namespace: infra}], rules: [{}]}`
}

const (
	withMetrics = `gateway.networking.k8s.io/enable-metrics: "true"`
	withDebug   = `gateway.networking.k8s.io/log-level: "debug"`
)

// Annotations of a Gateway switch on series of its own and a line in the log for
// each review that concerns it; those about other Gateways have neither.
func TestAGatewayIsWatchedOnDemand(t *testing.T) {
	registry := prometheus.NewRegistry()
	var lines []string
	var now atomic.Pointer[policy.Snapshot]
	now.Store(world(t, watchedGateway("watched", withMetrics+", "+withDebug), watchedGateway("silent", `gateway.networking.k8s.io/enable-metrics: "no"`)))
	h := handlersOf(t, now.Load(), func(o *Options) {
		o.Snapshot = func() (*policy.Snapshot, bool) { return now.Load(), true }
		o.Metrics = registry
		o.Log = funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{})
	}).Validate()
	for what, a := range map[string]ask{
		"a policy on the route":     create(t, timeout("shop", "kind: HTTPRoute, name: on-watched", tenS)),
		"a policy on the Gateway":   create(t, timeout("infra", "kind: Gateway, name: watched", tenS)),
		"a policy on the class":     create(t, timeout("infra", "kind: GatewayClass, name: edge", tenS)),
		"a new route":               create(t, strings.Replace(strings.Split(watchedGateway("watched", ""), "---")[1], "on-watched", "new", 1)),
		"the Gateway itself":        update(t, strings.Split(watchedGateway("watched", withMetrics), "---")[0], strings.Split(watchedGateway("watched", withMetrics+", a: b"), "---")[0]),
		"another's route (nothing)": create(t, timeout("shop", "kind: HTTPRoute, name: on-silent", tenS)),
	} {
		before, logged := testutil.ToFloat64(series(t, registry)), len(lines)
		answerTo(t, h, a)
		want := 1.0
		if strings.Contains(what, "nothing") {
			want = 0
		}
		if got := testutil.ToFloat64(series(t, registry)) - before; got != want || float64(len(lines)-logged) != want {
			t.Errorf("%s: %v reviews were counted, and %d lines logged: %q", what, got, len(lines)-logged, lines[logged:])
		}
	}
	if !strings.Contains(strings.Join(lines, "\n"), `"decision"="allowed"`) {
		t.Errorf("the log says %q", lines)
	}
	now.Store(world(t, watchedGateway("watched", "")))
	answerTo(t, h, create(t, timeout("shop", "kind: HTTPRoute, name: on-watched", tenS)))
	if n, err := testutil.GatherAndCount(registry, "attache_gateway_admission_requests_total"); n != 0 || err != nil {
		t.Errorf("a Gateway that is watched no more has %d series, %v", n, err)
	}
}

// series sums what is counted of Gateways.
func series(t *testing.T, registry *prometheus.Registry) prometheus.Collector {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := prometheus.NewGauge(prometheus.GaugeOpts{Name: "sum"})
	for _, f := range families {
		if f.GetName() == "attache_gateway_admission_requests_total" {
			for _, m := range f.GetMetric() {
				sum.Add(m.GetCounter().GetValue())
			}
		}
	}
	return sum
}

// Whoever may write Gateways does not fill the memory of who scrapes.
func TestWatchedGatewaysAreBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	var all []string
	for i := range maxWatched + 6 {
		all = append(all, watchedGateway(fmt.Sprintf("w%02d", i), withMetrics))
	}
	h := handlersOf(t, world(t, all...), func(o *Options) { o.Metrics = registry }).Validate()
	answerTo(t, h, create(t, timeout("infra", "kind: GatewayClass, name: edge", tenS)))
	if n, err := testutil.GatherAndCount(registry, "attache_gateway_admission_requests_total"); n != maxWatched || err != nil {
		t.Errorf("%d series, %v", n, err)
	}
}
