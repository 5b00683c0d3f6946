package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/test/worldtest"
)

// TestOfAnObjectOnlyWhatIsReadIsKept (E9.2): a policy on a route is kept whole, since ours may have to
// carry it over; of one above routes what ours is merged with; of a route what stands in it.
func TestOfAnObjectOnlyWhatIsReadIsKept(t *testing.T) {
	const policy = `{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: BackendTrafficPolicy, metadata: {name: p, namespace: shop,
		creationTimestamp: "2026-01-01T00:00:00Z", labels: {team: web, app.kubernetes.io/managed-by: helm}, annotations: {note: long},
		managedFields: [{manager: m}]}, spec: {TARGET, retry: {numRetries: 1}, useClientProtocol: true}, status: {ancestors: []}}`
	const stripped = `{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: BackendTrafficPolicy, metadata: {name: p, namespace: shop,
		creationTimestamp: "2026-01-01T00:00:00Z", labels: {app.kubernetes.io/managed-by: helm}},
		spec: {TARGET, retry: {numRetries: 1}MORE}, status: {ancestors: []}}`
	with := func(text, target, more string) *unstructured.Unstructured {
		return worldtest.Object(t, strings.NewReplacer("TARGET", target, "MORE", more).Replace(text))
	}
	for target, more := range map[string]string{
		"targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}]":                                                               ", useClientProtocol: true",
		"targetRef: {group: gateway.networking.k8s.io, kind: GRPCRoute, name: r}":                                                                  ", useClientProtocol: true",
		"targetSelectors: [{group: gateway.networking.k8s.io, kind: HTTPRoute, matchLabels: {a: b}}]":                                              ", useClientProtocol: true",
		"targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]":                                                                 "",
		"targetSelectors: [{group: gateway.networking.k8s.io, kind: Gateway, matchLabels: {a: b}}]":                                                "",
		"targetRefs: [{group: gateway.networking.k8s.io, kind: ListenerSet, name: s}, {group: gateway.networking.k8s.io, kind: Gateway, name: g}]": "",
	} {
		got, err := stripPlane(with(policy, target, ""))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(with(stripped, target, more), got); diff != "" {
			t.Errorf("with %s (-want +got):\n%s", target, diff)
		}
	}
	route := `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: shop, labels: {team: web}ANNOTATIONS}, spec: {rules: [{name: a}]}}`
	got, err := stripPlane(worldtest.Object(t, strings.ReplaceAll(route, "ANNOTATIONS", ", annotations: {attache.dev/injected: '{}', attache.dev/effective-policies: long}")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(worldtest.Object(t, strings.ReplaceAll(route, "ANNOTATIONS", ", annotations: {attache.dev/injected: '{}'}")), got); diff != "" {
		t.Errorf("of a route (-want +got):\n%s", diff)
	}
}

// A write of our annotation on a route is not news from a data plane.
func TestAVersionIsNoNews(t *testing.T) {
	p := &Planes{objects: map[hierarchy.Ref]*unstructured.Unstructured{}}
	told := 0
	p.Subscribe(func([]hierarchy.Ref) { told++ })
	at := func(version, rule string) *unstructured.Unstructured {
		return worldtest.Object(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: shop, resourceVersion: "`+version+`"}, spec: {rules: [{name: `+rule+`}]}}`)
	}
	p.put(nil, at("1", "a"))
	p.put(at("1", "a"), at("2", "a"))
	if route := p.Route(hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "r")); told != 1 || route.GetResourceVersion() != "2" {
		t.Errorf("told %d times, known is version %s", told, route.GetResourceVersion())
	}
	if p.put(at("2", "a"), at("3", "b")); told != 2 {
		t.Errorf("told %d times of a new rule", told)
	}
}

// A route that was deleted and created again does not have the objects of the earlier one: the garbage
// collector deletes them.
func TestAnObjectExistsForTheRouteThatOwnsIt(t *testing.T) {
	object := func(change func(u *unstructured.Unstructured)) *Planes {
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware"}}
		u.SetNamespace("shop")
		u.SetName("a")
		u.SetOwnerReferences([]metav1.OwnerReference{{Kind: "HTTPRoute", Name: "checkout", UID: "first"}})
		change(u)
		return &Planes{objects: map[hierarchy.Ref]*unstructured.Unstructured{hierarchy.RefOf(u): u}}
	}
	at := hierarchy.NewRef("traefik.io", "Middleware", "shop", "a")
	there := object(func(*unstructured.Unstructured) {})
	going := object(func(u *unstructured.Unstructured) { u.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)}) })
	orphan := object(func(u *unstructured.Unstructured) { u.SetOwnerReferences(nil) })
	for name, c := range map[string]struct {
		planes *Planes
		route  types.UID
		want   bool
	}{
		"of the route":          {there, "first", true},
		"of an earlier route":   {there, "second", false},
		"of a route to come":    {there, "", false},
		"being deleted":         {going, "first", false},
		"of nobody":             {orphan, "first", false},
		"of nobody, for nobody": {orphan, "", false},
		"that is not there":     {&Planes{}, "first", false},
	} {
		if got := c.planes.Exists(at, c.route); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
