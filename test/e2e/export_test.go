package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/test/vendors"
)

const (
	backendTrafficPolicy = "BackendTrafficPolicy.v1alpha1.gateway.envoyproxy.io"
	middlewareKind       = "Middleware.v1alpha1.traefik.io"
)

// exportAbove is a Gateway of Envoy Gateway and one of Traefik.
const exportAbove = `
apiVersion: v1
kind: Namespace
metadata: {name: infra}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: envoy}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: traefik}
spec: {controllerName: traefik.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: envoy, namespace: infra}
spec: {gatewayClassName: envoy, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: traefik, namespace: infra}
spec: {gatewayClassName: traefik, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}
`

// exportRoute is a route of one named rule on one of the Gateways.
const exportRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %s, namespace: shop, labels: {attache.dev/inject: "%t"}}
spec:
  parentRefs: [{name: %s, namespace: infra}]
  rules:
  - name: pay
    matches: [{path: {type: PathPrefix, value: /pay}}]
    timeouts: {request: 60s}
    backendRefs: [{name: pay, port: 80}]
`

// planeCRDs installs the CRDs of the data planes for the test.
func planeCRDs(t *testing.T, w *world) {
	t.Helper()
	for _, folder := range []string{
		vendors.Extract(t, vendors.EnvoyGateway, "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_backendtrafficpolicies.yaml"),
		vendors.Extract(t, vendors.Traefik, "integration/fixtures/k8s/01-traefik-crd.yml"),
	} {
		for _, u := range planeManifests(t, folder) {
			if u.GetKind() != "CustomResourceDefinition" {
				continue
			}
			u.SetLabels(nil) // they are data planes' kinds here, not policy kinds of ours
			if err := w.Create(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := w.Delete(context.Background(), u); client.IgnoreNotFound(err) != nil {
					t.Error(err)
				}
			})
			served(t, w, u)
		}
	}
}

// served waits until the client can list the objects of a CRD that was just made.
func served(t *testing.T, w *world, crd *unstructured.Unstructured) {
	t.Helper()
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
	version, _ := versions[0].(map[string]any)["name"].(string)
	within(t, patience, "objects of "+crd.GetName()+" to be served", func(ctx context.Context) error {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: version, Kind: kind + "List"})
		return w.List(ctx, list)
	})
}

// planeManifests are the objects in the files of a folder.
func planeManifests(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	in, err := source.New([]string{folder}, source.Options{}).Decode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for _, d := range in {
		objects = append(objects, d.Object)
	}
	return objects
}

// TestExportersWriteWhatIsPublished: the running manager writes the objects of data planes, keeps
// them as they should be, reports in EffectivePolicy and in the policy's condition whether every
// field is enforced, injects into routes what their owners permit, and removes all of it in the
// right order.
func TestExportersWriteWhatIsPublished(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}, "export": map[string]any{"exporters": []any{"envoy-gateway", "traefik"}}})
	w := a.as(a.plane.Config, "shop")
	planeCRDs(t, w)
	exporters := []string{"--exporters", "envoy-gateway,traefik", "--platform-namespaces", "attache-system,infra"}
	_, address := a.replica(exporters...)
	a.board.to(address)
	account, err := a.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	startManager(t, account.Kubeconfig, exporters...)
	w.apply(exportAbove)
	w.apply(fmt.Sprintf(exportRoute, "on-envoy", false, "envoy"))
	w.apply(fmt.Sprintf(exportRoute, "on-traefik", true, "traefik"))
	w.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ceiling, namespace: infra}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: envoy}, override: {request: 20s, connect: 1s}}
`)
	w.apply(`
apiVersion: attache.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: limit, namespace: shop}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: on-traefik}, default: {requestsPerSecond: 5}}
`)
	btp := func() *unstructured.Unstructured { return onlyOne(w, backendTrafficPolicy) }
	within(t, patience, "the object for Envoy Gateway", func(context.Context) error {
		u := btp()
		if u == nil {
			return errors.New("there is none")
		}
		if got, _, _ := unstructured.NestedString(u.Object, "spec", "timeout", "tcp", "connectTimeout"); got != "1s" {
			return fmt.Errorf("connectTimeout is %q", got)
		}
		return nil
	})
	t.Run("outcomes", func(t *testing.T) {
		within(t, patience, "outcomes in the EffectivePolicy", func(context.Context) error {
			return outcome(w, "httproute.on-envoy", "request", "InlineWins")
		})
	})
	t.Run("consent", func(t *testing.T) {
		w.edit("HTTPRoute", "on-envoy", func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{"attache.dev/inject": "true"}) })
		within(t, patience, "the override in the route", func(context.Context) error {
			return requestOf(w, "on-envoy", "20s")
		})
		within(t, patience, "the verdict", func(context.Context) error { return outcome(w, "httproute.on-envoy", "request", "") })
		// A client that states its own rules again keeps ours.
		before := w.object("HTTPRoute", "on-envoy")
		w.apply(fmt.Sprintf(exportRoute, "on-envoy", true, "envoy"))
		after := w.object("HTTPRoute", "on-envoy")
		if err := requestOf(w, "on-envoy", "20s"); err != nil || after.GetGeneration() != before.GetGeneration() {
			t.Errorf("an apply of the same manifest: %v, generation %d, was %d", err, after.GetGeneration(), before.GetGeneration())
		}
	})
	t.Run("Traefik", func(t *testing.T) {
		within(t, patience, "the filter in the route", func(context.Context) error {
			u := w.object("HTTPRoute", "on-traefik")
			rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
			filters, _ := rules[0].(map[string]any)["filters"].([]any)
			if len(filters) != 1 || onlyOne(w, middlewareKind) == nil {
				return fmt.Errorf("it has %v", filters)
			}
			return nil
		})
	})
	t.Run("a tenant's edit is refused, and put right", func(t *testing.T) {
		edited := func() error {
			u := btp()
			if u == nil {
				return errors.New("it is gone")
			}
			_ = unstructured.SetNestedField(u.Object, "9s", "spec", "timeout", "tcp", "connectTimeout")
			_ = unstructured.SetNestedField(u.Object, true, "spec", "useClientProtocol")
			return w.Update(t.Context(), u)
		}
		if err := edited(); !apierrors.IsForbidden(err) {
			t.Errorf("an edit of our object by somebody else gives %v", err)
		}
		binding := named("ValidatingAdmissionPolicyBinding.v1.admissionregistration.k8s.io", "", "attache-export")
		if err := w.Delete(t.Context(), binding); err != nil {
			t.Fatal(err)
		}
		within(t, patience, "the edit to be possible without protection", func(context.Context) error { return edited() })
		within(t, patience, "the object as it was", func(context.Context) error {
			u := btp()
			got, _, _ := unstructured.NestedString(u.Object, "spec", "timeout", "tcp", "connectTimeout")
			if _, more, _ := unstructured.NestedBool(u.Object, "spec", "useClientProtocol"); got != "1s" || more {
				return fmt.Errorf("connectTimeout %q, useClientProtocol there: %t", got, more)
			}
			return nil
		})
	})
	t.Run("the policies go", func(t *testing.T) {
		infra := a.as(a.plane.Config, "infra")
		infra.remove("TimeoutPolicy", "ceiling")
		w.remove("RateLimitPolicy", "limit")
		within(t, patience, "everything of ours to be gone", func(context.Context) error {
			if u := btp(); u != nil {
				return errors.New("the object for Envoy Gateway is there")
			}
			if onlyOne(w, middlewareKind) != nil {
				return errors.New("the Middleware is there")
			}
			for _, name := range []string{"on-envoy", "on-traefik"} {
				u := w.object("HTTPRoute", name)
				if record := u.GetAnnotations()[injected.Annotation]; record != "" {
					return fmt.Errorf("%s has %s", name, record)
				}
			}
			return requestOf(w, "on-envoy", "60s")
		})
	})
}

// onlyOne is our object of a kind in the world's namespace, nil when there is
// none.
func onlyOne(w *world, kind string) *unstructured.Unstructured {
	w.Helper()
	var found *unstructured.Unstructured
	list := w.all(kind, w.namespace)
	for i := range list {
		if export.Ours(&list[i]) {
			found = &list[i]
		}
	}
	return found
}

func requestOf(w *world, route, want string) error {
	u := w.object("HTTPRoute", route)
	rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
	timeouts, _ := rules[0].(map[string]any)["timeouts"].(map[string]any)
	if timeouts["request"] != want {
		return fmt.Errorf("%s has timeouts %v, want request %s", route, timeouts, want)
	}
	return nil
}

// outcome compares the reason given for a field of the first entry.
func outcome(w *world, name, field, want string) error {
	u := w.find("EffectivePolicy", name)
	if u == nil {
		return errors.New("there is no EffectivePolicy")
	}
	entries, _, _ := unstructured.NestedSlice(u.Object, "status", "enforcement")
	for _, e := range entries {
		fields, _ := e.(map[string]any)["fields"].([]any)
		for _, f := range fields {
			f, _ := f.(map[string]any)
			if reason, _ := f["reason"].(string); f["field"] == field && reason == want {
				return nil
			}
		}
	}
	return fmt.Errorf("enforcement is %v", entries)
}
