package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// After a restart an EffectivePolicy is believed only if its owner is the route that
// exists. What was published of an earlier route of that name, and lost its owner
// when that was deleted with --cascade=orphan, lets nothing through for the next.
func TestWhatIsLeftOfAnEarlierRouteIsNotBelieved(t *testing.T) {
	route := func(uid string) string {
		return "{" + gatewayAPI + "HTTPRoute, metadata: {name: r, namespace: one, uid: " + uid + "}, spec: {parentRefs: [{name: g}], rules: [{}]}}"
	}
	world := []string{
		"{" + gatewayAPI + "Gateway, metadata: {name: g, namespace: one, uid: g}, spec: {gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}]}}",
		"{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: own, namespace: one}, spec: {strategy: Patch, " +
			"targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}, default: {request: 2s}}}",
	}
	for name, test := range map[string]struct {
		owners []metav1.OwnerReference
		stays  bool
	}{
		"its own":          {[]metav1.OwnerReference{{APIVersion: "gateway.networking.k8s.io/v1", Kind: "HTTPRoute", Name: "r", UID: "second"}}, true},
		"the earlier one":  {[]metav1.OwnerReference{{APIVersion: "gateway.networking.k8s.io/v1", Kind: "HTTPRoute", Name: "r", UID: "first"}}, false},
		"nobody, any more": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			start := func() *Controller {
				return &Controller{live: m, planner: status.Planner{Now: func() time.Time { return time.Unix(0, 0) }}, state: newState(none), enforcer: newEnforcer(Enforcement{})}
			}
			snapshot, _ := policy.NewSnapshot(policy.Options{}).With(object(timeoutCRD))
			for _, text := range append(world, route("first")) {
				m.objects[hierarchy.RefOf(object(text))] = object(text)
				snapshot, _ = snapshot.With(object(text))
			}
			c := start()
			c.carryOut(m, c.state.begin(t.Context(), snapshot, nil, m))
			shown := hierarchy.NewRef(policy.Group, publish.Kind, "one", "httproute.r")
			if !strings.Contains(fmt.Sprint(m.effective[shown].Object), "request:2s") {
				t.Fatalf("without a guardrail there is %v", m.effective[shown])
			}

			m.objects[hierarchy.RefOf(object(route("second")))] = object(route("second"))
			snapshot, _ = snapshot.With(object(route("second")))
			m.effective[shown].SetOwnerReferences(test.owners)
			c = start()
			c.state.guardrails = short
			c.carryOut(m, c.state.begin(t.Context(), snapshot, m.existing(), m))
			left := m.effective[shown]
			if stays := strings.Contains(fmt.Sprint(left.Object), "request:2s"); stays != test.stays {
				t.Errorf("what is published is %v", left.Object)
			}
			if owners := left.GetOwnerReferences(); len(owners) != 1 || owners[0].UID != "second" {
				t.Errorf("its owners are %v", owners)
			}
		})
	}
}
