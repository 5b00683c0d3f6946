package status_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/test/worldtest"
)

// How the tests write objects.
var objects = worldtest.Objects

// cluster is objects as the API server has them, and the engine's view of them.
type cluster struct {
	objects map[hierarchy.Ref]*unstructured.Unstructured
	s       *policy.Snapshot
	tally   effective.Tally
}

func clusterOf(t testing.TB, text string) *cluster {
	t.Helper()
	c := &cluster{objects: map[hierarchy.Ref]*unstructured.Unstructured{}}
	var all []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		all = append(all, objects(t, string(file.Data))...)
	}
	for _, u := range objects(t, text) {
		all = append(all, u)
		c.objects[hierarchy.RefOf(u)] = u
	}
	s, problems := policy.NewSnapshot(policy.Options{}).With(all...)
	for _, p := range problems {
		t.Fatal(p)
	}
	c.s = s
	for e := range effective.ResolveAll(s).All() {
		c.tally.Add(e)
	}
	return c
}

func (c *cluster) Annotations(target hierarchy.Ref) (map[string]string, bool) {
	u, ok := c.objects[target]
	if !ok {
		return nil, false
	}
	return u.GetAnnotations(), true
}

func (c *cluster) EffectivePolicy(namespace, name string) *unstructured.Unstructured {
	u := c.objects[hierarchy.NewRef(policy.Group, publish.Kind, namespace, name)]
	if u != nil {
		u = u.DeepCopy()
		status.Claim(u, true) // nobody else writes here
	}
	return u
}

func (c *cluster) Policy(ref hierarchy.Ref) *unstructured.Unstructured { return c.objects[ref] }

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(now time.Time) status.Planner {
	return status.Planner{Now: func() time.Time { return now }}
}

// policyStatus is the status that would be written for a policy, nil when it is
// already true.
func (c *cluster) policyStatus(t testing.TB, name string, now time.Time) map[string]any {
	t.Helper()
	ref := hierarchy.NewRef(policy.Group, "TimeoutPolicy", "infra", name)
	p, ok := c.s.Policy(ref)
	if !ok {
		t.Fatalf("no %s", ref)
	}
	writes := at(now).Policy(c.s, p, &c.tally, c)
	if len(writes) == 0 {
		return nil
	}
	if len(writes) > 1 || writes[0].Verb != status.UpdateStatus {
		t.Fatalf("want one UpdateStatus, got %v", writes)
	}
	return writes[0].Object.Object["status"].(map[string]any)
}

const gateways = `
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/c}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, namespace: infra, uid: ua}, spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: b, namespace: infra, uid: ub}, spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: infra, uid: ur, generation: 3}, spec: {parentRefs: [{name: a}], rules: [{name: x}, {}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: class, namespace: infra, generation: 7}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}, default: {request: 5s, backend: 1s}}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: route, namespace: infra}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}, default: {request: 9s}}}`
