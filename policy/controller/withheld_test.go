package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/status"
)

// TestWhatIsWithheldIsNotExported: exporters get what is published for a route, and not what a
// guardrail withholds, before and after a restart (E2.4).
func TestWhatIsWithheldIsNotExported(t *testing.T) {
	const request = "{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: p, namespace: one}, " +
		"spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}, default: {request: TIME}}}"
	stating := func(time string) string { return strings.Replace(request, "TIME", time, 1) }
	route := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "one", "r")
	m := newMemory()
	start := func() *Controller {
		return &Controller{
			live: m, state: newState(short), planner: status.Planner{Now: func() time.Time { return time.Unix(0, 0) }},
			enforcer: newEnforcer(Enforcement{Config: enforcement.Config{All: true}}),
		}
	}
	snapshot, _ := policy.NewSnapshot(policy.Options{}).With(object(timeoutCRD))
	for _, text := range []string{
		"{" + gatewayAPI + "GatewayClass, metadata: {name: c}, spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}}",
		"{" + gatewayAPI + "Gateway, metadata: {name: g, namespace: one}, spec: {gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}]}}",
		"{" + gatewayAPI + "HTTPRoute, metadata: {name: r, namespace: one}, spec: {parentRefs: [{name: g}], rules: [{backendRefs: [{name: b, port: 80}]}]}}",
		stating("1s"),
	} {
		u := object(text)
		m.objects[hierarchy.RefOf(u)] = u
		snapshot, _ = snapshot.With(u)
	}
	exported := func(c *Controller) string {
		on := c.enforcedOn(route)
		if on == nil || len(on.results) != 1 || len(on.results[0].Projection.Objects) != 1 {
			t.Fatalf("exported is %+v", on)
		}
		return fmt.Sprint(on.results[0].Projection.Objects[0].Object["spec"])
	}
	c := start()
	c.carryOut(m, c.state.begin(t.Context(), snapshot, nil, m))
	if got := exported(c); !strings.Contains(got, "requestTimeout:1s") {
		t.Fatalf("at first it is %s", got)
	}
	edit := func(value string) {
		u := object(stating(value))
		m.objects[hierarchy.RefOf(u)] = u
		snapshot, _ = snapshot.With(u)
		dirty, _ := c.state.settle(t.Context(), snapshot, refs{hierarchy.RefOf(u): {}}, refs{}, true)
		c.carryOut(m, dirty)
	}
	edit("2s")
	if got := exported(c); !strings.Contains(got, "requestTimeout:1s") {
		t.Errorf("what is withheld is exported: %s", got)
	}
	c = start()
	c.carryOut(m, c.state.begin(t.Context(), snapshot, m.existing(), m))
	if got := exported(c); !strings.Contains(got, "requestTimeout:1s") {
		t.Errorf("after a restart what is withheld is exported: %s", got)
	}
	edit("3s")
	if got := exported(c); !strings.Contains(got, "requestTimeout:3s") {
		t.Errorf("what is published again is not exported: %s", got)
	}
}
