package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/review"
)

// refusedFor waits until something is refused with words.
func refusedFor(t testing.TB, what, words string, try func() error) {
	t.Helper()
	within(t, patience, what+" to be refused", func(context.Context) error {
		switch err := try(); {
		case err == nil:
			return errors.New("it is accepted")
		case !strings.Contains(err.Error(), words):
			return err
		}
		return nil
	})
}

// padded sets an annotation of a size.
func padded(size int) func(*obj) {
	return func(u *obj) {
		annotations := u.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations["pad"] = strings.Repeat("x", size)
		u.SetAnnotations(annotations)
	}
}

// Filling an object up does not keep its results from being rewritten.
func TestWhatAppliesHasRoom(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	alice.route("web", "5s")
	within(t, patience, "the route's result", func(context.Context) error { return alice.published("web", "5s") })
	most := 256<<10 - review.OurAnnotation - len("pad")
	refusedFor(t, "an annotation that leaves no room", "leave 17408 of the 262144", func() error { return alice.attempt("HTTPRoute", "web", padded(most+1)) })
	refusedFor(t, "the same at creation", "leave 17408", func() error {
		u := parsed(alice, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: full, namespace: team-a}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}}`)
		padded(most + 1)(u)
		return alice.Create(t.Context(), u)
	})
	alice.edit("HTTPRoute", "web", padded(most))
	s.admin.apply(policyOn("infra", "above", "kind: Gateway, name: public", "override: {idle: 61s, connect: 7s}"))
	within(t, patience, "the platform's override to be in the annotation", func(context.Context) error {
		if value := annotation(alice.object("HTTPRoute", "web")); !strings.Contains(value, `"connect":"7s"`) {
			return fmt.Errorf("it says %s", value)
		}
		return nil
	})
	refusedFor(t, "as many finalizers as etcd takes", "leaves no room", func() error {
		return alice.attempt("HTTPRoute", "web", func(u *obj) {
			var finalizers []string
			for i := range 5200 {
				finalizers = append(finalizers, fmt.Sprintf("%s.example.com/%d", strings.Repeat("f", 200), i))
			}
			u.SetFinalizers(finalizers)
		})
	})
	refusedFor(t, "an object of the size that etcd takes", "leaves no room", func() error {
		return alice.attempt("HTTPRoute", "web", func(u *obj) {
			var rules []any
			for i := range 16 {
				var headers []any
				for j := range 16 {
					headers = append(headers, map[string]any{"name": fmt.Sprintf("h%d", j), "value": strings.Repeat("v", 4096)})
				}
				match := map[string]any{"headers": headers}
				rules = append(rules, map[string]any{"name": fmt.Sprintf("r%d", i), "matches": []any{match, match}})
			}
			spec := u.Object["spec"].(map[string]any)
			spec["rules"] = rules[:11]
		})
	})
}

// A route has no more results than can be published, and a tenant's edit that needs more is
// refused before they are computed.
func TestARouteHasBoundedResults(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	alice.apply(wideGateway("team-a", "own"))
	for i := range 17 {
		alice.apply(policyOn("team-a", fmt.Sprintf("l%d", i), fmt.Sprintf("kind: Gateway, name: own, sectionName: l%d", i), fmt.Sprintf("default: {idle: %ds}", 10+i)))
	}
	refusedFor(t, "a route with too many results", "different results, one for each rule on each listener", func() error {
		return alice.Create(t.Context(), parsed(alice, wideRoute("team-a", "big", "{name: own}")), client.DryRunAll)
	})
	alice.apply(wideRoute("team-a", "big", "{name: own, sectionName: l1}, {name: own, sectionName: l2}"))
}

// Further attempts of tenants: each is refused with its message, or changes nothing.
func TestOtherWaysAround(t *testing.T) {
	s := startSite(t, nil, "team-a")
	s.admin.apply(`
{apiVersion: v1, kind: Namespace, metadata: {name: team-b}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: other, namespace: team-b}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: ceiling, namespace: infra}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}, override: {request: 60s}}}`)
	alice := s.owner("alice", "team-a")
	alice.route("web", "5s")
	within(t, patience, "the route's result", func(context.Context) error { return alice.published("web", "60s") })
	patch := func(kind, name string, as types.PatchType, text string, options ...client.PatchOption) func() error {
		return func() error {
			return alice.Patch(t.Context(), named(kind, "team-a", name), client.RawPatch(as, []byte(text)), options...)
		}
	}
	applied := func(manager, manifest string) func() error {
		return func() error {
			return alice.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(parsed(alice, manifest)), client.FieldOwner(manager), client.ForceOwnership, client.DryRunAll)
		}
	}
	for what, c := range map[string]struct {
		words string
		try   func() error
	}{
		"a class as target, by JSON patch": {"may not target a GatewayClass", patch("TimeoutPolicy", "web", types.JSONPatchType, `[{"op":"replace","path":"/spec/targetRef","value":{"group":"gateway.networking.k8s.io","kind":"GatewayClass","name":"edge"}}]`)},
		"a class as target, by a second manager": {"may not target a GatewayClass", applied("second",
			`{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: web, namespace: team-a}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}}}`)},
		"a class as target, under a name that is made": {"may not target a GatewayClass", func() error {
			u := parsed(alice, strings.Replace(policyOn("team-a", "x", "kind: GatewayClass, name: edge", "default: {idle: 1s}"), "name: x,", "generateName: x-,", 1))
			return alice.Create(t.Context(), u, client.DryRunAll)
		}},
		"a namespace of others as target": {"may target that Namespace and no other", applied("a",
			`{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: nn, namespace: team-a}, spec: {targetRef: {group: "", kind: Namespace, name: team-b}, default: {idle: 1s}}}`)},
		"a result that an owner is made of": {"only attache writes it", applied("attache",
			`{apiVersion: attache.dev/v1alpha1, kind: EffectivePolicy, metadata: {name: httproute.web, namespace: team-a, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: a, uid: a}]}, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: web}}`)},
		"a finalizer on a result": {"only attache writes it", patch("EffectivePolicy", "httproute.web", types.MergePatchType, `{"metadata":{"finalizers":["a.example.com/hold"]}}`, client.DryRunAll)},
	} {
		t.Run(what, func(t *testing.T) { refusedFor(t, what, c.words, c.try) })
	}
	for what, try := range map[string]func() error{
		"the annotation, as the manager attache": applied("attache", `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: web, namespace: team-a, annotations: {attache.dev/effective-policies: "{}"}}}`),
		"no managed fields":                      patch("HTTPRoute", "web", types.MergePatchType, `{"metadata":{"managedFields":[{}],"annotations":{"attache.dev/effective-policies":null}}}`),
		"an owner elsewhere":                     patch("HTTPRoute", "web", types.MergePatchType, `{"metadata":{"ownerReferences":[{"apiVersion":"gateway.networking.k8s.io/v1","kind":"Gateway","name":"public","uid":"0"}],"finalizers":["a.example.com/hold"]}}`),
		"its status": func() error {
			return alice.Status().Patch(t.Context(), named("HTTPRoute", "team-a", "web"), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"attache.dev/effective-policies":"{}"}},"spec":{"hostnames":["x.example.com"]},"status":{"parents":[]}}`)))
		},
	} {
		if err := try(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		within(t, patience, "the ceiling to stand after a write of "+what, func(context.Context) error { return alice.published("web", "60s") })
	}
	// An object that is on its way out is no way around.
	if err := alice.Delete(t.Context(), named("HTTPRoute", "team-a", "web")); err != nil {
		t.Fatal(err)
	}
	alice.edit("HTTPRoute", "web", func(u *obj) { u.SetLabels(map[string]string{"a": "c"}) })
	within(t, patience, "the ceiling to stand while the route goes", func(context.Context) error { return alice.published("web", "60s") })
	alice.edit("HTTPRoute", "web", func(u *obj) { u.SetFinalizers(nil) })
}
