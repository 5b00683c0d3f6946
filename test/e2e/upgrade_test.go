package e2e

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
	reader "github.com/attache-dev/attache/policy/v1alpha1/annotation"
	"github.com/attache-dev/attache/test/controlplane"
)

// publishedRoutes are what an attache that wrote the first form left in a cluster: two
// routes with the same result.
const publishedRoutes = `
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: class-NS}, spec: {controllerName: example.com/gateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: NS}
spec: {gatewayClassName: class-NS, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: held, namespace: NS}, spec: {parentRefs: [{name: public}], rules: [{name: pay}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: free, namespace: NS}, spec: {parentRefs: [{name: public}], rules: [{name: pay}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: held, namespace: NS}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: held}, default: {request: 90s}}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: free, namespace: NS}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: free}, default: {request: 50s}}}
`

// firstFormOf is what the first form says of a route with one timeout.
const firstFormOf = `
apiVersion: attache.dev/v1alpha1
kind: EffectivePolicy
metadata: {name: httproute.ROUTE, namespace: NS, ownerReferences: [{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, name: ROUTE, uid: UID}]}
targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: ROUTE}
status:
  observedGeneration: 1
  digest: sha256:old
  summary: {target: HTTPRoute/ROUTE, scopes: 1, timeout: 50s, overridden: "no"}
  scopes:
  - parents: [{gateway: NS/public, listener: http}]
    rules: ["*"]
    effective: {TimeoutPolicy: {request: 50s}}
    origins: [{policy: TimeoutPolicy, field: request, from: TimeoutPolicy NS/ROUTE, target: HTTPRoute NS/ROUTE, block: default, beat: []}]
    notApplicable: []
    invalid: []
`

// applyAs server-side applies a manifest, and its status if it has one, as attache.
func (w *world) applyAs(manifest string) error {
	w.Helper()
	for _, half := range []string{"object", "status"} {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(manifest), &u.Object); err != nil {
			w.Fatal(err)
		}
		options := []client.ApplyOption{client.FieldOwner(status.FieldOwner), client.ForceOwnership}
		var err error
		if half == "object" {
			delete(u.Object, "status")
			err = w.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(u), options...)
		} else if u.Object["status"] != nil {
			u.SetOwnerReferences(nil)
			err = w.Status().Apply(w.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(status.FieldOwner), client.ForceOwnership)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TestAnUpgradeTakesNothingAway publishes results in the first form, as the attache
// before wrote them, one of which a guardrail holds; brings the CRD to the second
// form; and starts the manager. Then it goes back, and forward again.
func TestAnUpgradeTakesNothingAway(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	gatewayAPI, err := controlplane.GatewayAPICRDs("standard")
	if err != nil {
		t.Fatal(err)
	}
	plane, err := controlplane.Start(t.Context(), controlplane.Options{CRDs: []string{gatewayAPI, attacheCRDs}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	crd := func(file string) {
		t.Helper()
		if err := plane.Apply(t.Context(), file); err != nil {
			t.Fatal(err)
		}
	}
	crd(filepath.Join("testdata", "effectivepolicies-first-form.yaml"))
	w.apply(publishedRoutes + "\n---\n" + atMost60s)
	first := map[string]string{}
	for _, route := range []string{"held", "free"} {
		uid := string(w.object("HTTPRoute", route).GetUID())
		first[route] = strings.NewReplacer("ROUTE", route, "UID", uid, "NS", w.namespace).Replace(firstFormOf)
		within(t, patience, "the first form to be served and stored", func(context.Context) error { return w.applyAs(first[route]) })
		text := fmt.Sprintf(`{"digest":"sha256:old","scopes":[{"effective":{"TimeoutPolicy":{"request":"50s"}},"parents":[{"gateway":"%s/public","listener":"http"}],"rules":["*"]}]}`, w.namespace)
		if err := w.applyAs(fmt.Sprintf("{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: %s, namespace: %s, annotations: {%s: %q}}}", route, w.namespace, reader.Key, text)); err != nil {
			t.Fatal(err)
		}
	}
	crd(filepath.Join(attacheCRDs, "attache.dev_effectivepolicies.yaml"))
	// The premise: nothing can be applied to the first form any more.
	within(t, patience, "the second form to be served", func(context.Context) error {
		if err := w.applyAs(first["free"]); err == nil {
			return fmt.Errorf("the first form can still be applied")
		}
		return nil
	})

	manager := startManager(t, plane.Kubeconfig)
	want := map[string]string{"held": "GuardrailViolated", "free": ""}
	within(t, patience, "the second form", func(context.Context) error {
		for route, withheld := range want {
			a, err := reader.Parse(w.object("HTTPRoute", route).GetAnnotations()[reader.Key])
			if err != nil {
				t.Fatalf("the annotation of %s: %v", route, err)
			}
			if len(a.Scopes) != 1 || string(a.Scopes[0].Effective["TimeoutPolicy"]) != `{"request":"50s"}` {
				t.Fatalf("%s lost what was published: %+v", route, a)
			}
			u := w.find(publish.Kind, "httproute."+route)
			if u == nil {
				t.Fatalf("%s lost its EffectivePolicy", route)
			}
			text := fmt.Sprint(u.Object["status"])
			if !strings.Contains(text, "request:50s") {
				t.Fatalf("%s lost what was published: %s", route, text)
			}
			if a.Version != 2 || a.Withheld != withheld || publish.FirstForm(u) || !strings.Contains(text, "type:Published") || strings.Contains(text, "overridden") {
				return fmt.Errorf("%s: annotation %+v, status %s", route, a, text)
			}
		}
		return nil
	})
	if says := fmt.Sprint(w.object(publish.Kind, "httproute.held").Object["status"]); !strings.Contains(says, "no request may take longer than 60s") {
		t.Errorf("why it is withheld is not said: %s", says)
	}
	// What is withheld comes when the guardrail permits it.
	w.edit("TimeoutPolicy", "held", request("40s"))
	within(t, patience, "what is new to be published", func(context.Context) error { return w.published("held", "40s") })

	manager.kill()
	rolledBack(t, w, first, func() { crd(filepath.Join("testdata", "effectivepolicies-first-form.yaml")) })
	crd(filepath.Join(attacheCRDs, "attache.dev_effectivepolicies.yaml"))
	startManager(t, plane.Kubeconfig)
	within(t, patience, "the second form after the way back", func(context.Context) error { return w.published("held", "40s") })
}

// rolledBack goes back to the CRD of the first form, with what the second one left behind: the
// attache before can apply nothing to it, and publishes anew once it is deleted.
func rolledBack(t *testing.T, w *world, first map[string]string, back func()) {
	back()
	within(t, patience, "the first form to be refused over the second", func(context.Context) error {
		if err := w.applyAs(first["free"]); err == nil {
			return errors.New("it is applied")
		}
		return nil
	})
	for route := range first {
		w.remove(publish.Kind, "httproute."+route)
	}
	within(t, patience, "the first form to be applied anew", func(context.Context) error {
		for route := range first {
			if err := w.applyAs(first[route]); err != nil {
				return err
			}
		}
		return nil
	})
}
