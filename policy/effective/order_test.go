package effective_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// In one call CRDs may be in any position. One by one, an object before its CRD is skipped, and it
// counts when it is given again after the CRD.
func TestCRDsMayStandAnywhere(t *testing.T) {
	kinds := ourKinds(t)
	rapid.Check(t, func(r *rapid.T) {
		list := objects(t, drawWorld(r))
		all, _ := policy.NewSnapshot(policy.Options{}).With(append(slices.Clone(kinds), list...)...)
		want := dump(all)

		order := rapid.Permutation(append(slices.Clone(kinds), list...)).Draw(r, "order")
		shuffled, _ := policy.NewSnapshot(policy.Options{}).With(order...)
		if diff := cmp.Diff(want, dump(shuffled)); diff != "" {
			r.Fatalf("all at once in another order: -CRDs first +shuffled:\n%s", diff)
		}
		one := policy.NewSnapshot(policy.Options{})
		for range 2 {
			for _, u := range order {
				one, _ = one.With(u)
			}
		}
		if diff := cmp.Diff(want, dump(one)); diff != "" {
			r.Fatalf("one by one, and again: -CRDs first +one by one:\n%s", diff)
		}
	})
}

const queues = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: queueroutes.queue.example.com, labels: {attache.dev/route: "true"}}
spec:
  group: queue.example.com
  scope: Namespaced
  names: {kind: QueueRoute, plural: queueroutes, listKind: QueueRouteList, singular: queueroute}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {parentRefs: {type: array, items: {type: object}}}}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec: {controllerName: example.com/c}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: shop}
spec: {gatewayClassName: edge, listeners: [{name: x, port: 80, protocol: HTTP}]}
---
apiVersion: queue.example.com/v1
kind: QueueRoute
metadata: {name: q, namespace: shop}
spec: {parentRefs: [{name: g}]}
`

// A snapshot depends on what a CRD says now, not on what it said before.
func TestALabelThatIsTakenAwayIsGone(t *testing.T) {
	labelled := objects(t, queues)
	plain := labelled[0].DeepCopy()
	plain.SetLabels(nil)
	route := hierarchy.RefOf(labelled[3])

	s, problems := policy.NewSnapshot(policy.Options{}).With(labelled...)
	if len(problems) > 0 || !s.IsRoute(route.GroupKind) || len(s.Graph().BoundTo(route)) != 1 {
		t.Fatalf("the route is not bound: %v", problems)
	}
	s, _ = s.With(plain)
	never, _ := policy.NewSnapshot(policy.Options{}).With(append([]*unstructured.Unstructured{plain}, labelled[1:]...)...)
	if _, there := s.Graph().Get(route); there || s.IsRoute(route.GroupKind) {
		t.Error("without the label of its CRD, the object is still a route")
	}
	if diff := cmp.Diff(dump(never), dump(s)); diff != "" {
		t.Errorf("-never labelled +label taken away:\n%s", diff)
	}
	s, _ = s.With(labelled[0])
	s, _ = s.With(labelled[3])
	if len(s.Graph().BoundTo(route)) != 1 {
		t.Error("labelled again, and given again, the route is not bound")
	}
}
