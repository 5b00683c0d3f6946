package enforcement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/test/worldtest"
)

// A status is read back as it was written: on two data planes, with several rules and limits.
func TestEntriesAreReadBackAsTheyWereWritten(t *testing.T) {
	var objects []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		objects = append(objects, worldtest.Object(t, string(file.Data)))
	}
	for _, manifest := range []string{
		`{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: envoy}, spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}}`,
		`{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: traefik}, spec: {controllerName: traefik.io/gateway-controller}}`,
		`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: envoy, namespace: shop}, spec: {gatewayClassName: envoy, listeners: [{name: http, port: 80, protocol: HTTP}]}}`,
		`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: traefik, namespace: shop}, spec: {gatewayClassName: traefik, listeners: [{name: http, port: 80, protocol: HTTP}]}}`,
		`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: checkout, namespace: shop}, spec: {parentRefs: [{name: envoy}, {name: traefik}], rules: [
			{name: cart, backendRefs: [{name: cart, port: 80}]}, {name: pay, timeouts: {request: 60s}, backendRefs: [{name: pay, port: 80}]}]}}`,
		`{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: ceiling, namespace: shop}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: envoy}, override: {request: 20s, connect: 1s}}}`,
		`{apiVersion: attache.dev/v1alpha1, kind: RateLimitPolicy, metadata: {name: limits, namespace: shop}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout},
			default: {requestsPerSecond: 10, limits: {per-minute: {requests: 100, per: 1m}}}}}`,
	} {
		objects = append(objects, worldtest.Object(t, manifest))
	}
	s, problems := policy.NewSnapshot(policy.Options{}).With(objects...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	world := enforcement.World{Graph: s.Graph(), Config: enforcement.Config{All: true}, Fields: export.StandardFields{Timeouts: true, Retry: true, FiltersMax: 16}}
	compared := 0
	for target := range effective.ResolveAll(s).All() {
		if target.Target.Kind == "Gateway" {
			continue
		}
		results, kept := enforcement.Project(world.Parts(target), nil)
		var want []any
		for _, e := range enforcement.Entries(target, results) {
			want = append(want, e.Object())
		}
		shown := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"enforcement": want}}}
		var got []any
		for _, e := range enforcement.EntriesOf(s.Graph(), shown) {
			compared++
			got = append(got, e.Object())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target.Target, diff)
		}
		// What did not change is taken from the last time, and is the same.
		again, _ := enforcement.Project(world.Parts(target), kept)
		for i := range again {
			if len(again[i].Projection.Outcomes) > 0 && &again[i].Projection.Outcomes[0] != &results[i].Projection.Outcomes[0] {
				t.Errorf("%s: it was projected again", target.Target)
			}
		}
		other := world
		other.Fields.Retry = false
		again, _ = enforcement.Project(other.Parts(target), kept)
		for i := range again {
			if len(again[i].Projection.Outcomes) > 0 && &again[i].Projection.Outcomes[0] == &results[i].Projection.Outcomes[0] {
				t.Errorf("%s: another CRD of HTTPRoute, and it was not projected again", target.Target)
			}
		}
	}
	if compared < 3 {
		t.Errorf("only %d entries were compared", compared)
	}
}
