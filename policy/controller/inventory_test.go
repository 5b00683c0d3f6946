package controller

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// A Gateway with the annotation has series of its own, and no other has.
func TestRoutesOfAWatchedGatewayAreCounted(t *testing.T) {
	gateway := func(name, annotations string) string {
		return "{" + gatewayAPI + "Gateway, metadata: {name: " + name + ", namespace: one, uid: " + name + ", annotations: {" + annotations + "}}, spec: {gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}, {name: b, port: 81, protocol: HTTP}]}}"
	}
	route := func(name, parents string) string {
		return "{" + gatewayAPI + "HTTPRoute, metadata: {name: " + name + ", namespace: one, uid: " + name + "}, spec: {parentRefs: [" + parents + "], rules: [{}]}}"
	}
	timeout := func(route, request string) string {
		return "{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: " + route + ", namespace: one}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: " + route + "}, default: {request: " + request + "}}}"
	}
	snapshot, _ := policy.NewSnapshot(policy.Options{}).With(object(timeoutCRD), object(gateway("g", hierarchy.MetricsAnnotation+": 'true'")), object(gateway("h", "")),
		object(route("fine", "{name: g}, {name: h}")), object(timeout("fine", "1s")), object(route("long", "{name: g}")), object(timeout("long", "2s")),
		object(route("plain", "{name: g}")), object(route("other", "{name: h}")))
	c := &Controller{live: newMemory(), state: newState(short)}
	c.state.begin(t.Context(), snapshot, nil, c.live)
	var got []string
	(&inventory{c: c}).gateways(func(_ *prometheus.Desc, n int, labels ...string) {
		got = append(got, labels[1]+" "+labels[2]+" "+string(rune('0'+n)))
	})
	if want := []string{"g covered 1", "g untouched 1", "g withheld 1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Reading metrics all the time does not count everything all the time: what no pass has changed is
// not counted again, and where counting takes long, changes are counted a moment later.
func TestWhatIsCountedIsKept(t *testing.T) {
	c := &Controller{live: newMemory(), state: newState(none)}
	i := &inventory{c: c}
	clock, steps := time.Unix(0, 0), 0
	count := func(takes time.Duration) []prometheus.Metric {
		return i.count(func() time.Time {
			steps++
			clock = clock.Add(takes)
			return clock
		})
	}
	again := func(takes time.Duration) bool {
		before := steps
		count(takes)
		return steps-before == 2 // it looked at the clock at the end, too
	}
	if !again(time.Second) || again(time.Hour) {
		t.Error("it is not counted once")
	}
	c.state.passes++
	clock = i.at
	if again(time.Second) {
		t.Error("it is counted again after a second, where that takes a second")
	}
	clock = i.at.Add(seldom * time.Second)
	if !again(time.Millisecond) || again(time.Hour) {
		t.Error("after a pass it is not counted once more")
	}
}
