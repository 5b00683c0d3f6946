package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var (
	settledRoutes = flag.Int("settled.routes", 60, "routes that TestSettledRoutesAreNotWritten watches")
	settledFor    = flag.Duration("settled.for", 5*time.Second, "how long it watches them")
)

// unrelated is a Gateway of a class that no exporter knows, in a namespace of its own, and a route.
const unrelated = `
{apiVersion: v1, kind: Namespace, metadata: {name: unrelated}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: unrelated}, spec: {controllerName: example.com/gateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: unrelated, namespace: unrelated}
spec: {gatewayClassName: unrelated, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: unrelated, namespace: unrelated}
spec: {parentRefs: [{name: unrelated}], rules: [{name: all, backendRefs: [{name: unrelated, port: 80}]}]}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: unrelated, namespace: unrelated}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: unrelated}, default: {request: 1s}}
`

// TestSettledRoutesAreNotWritten: while others are busy, nothing is written for routes that are as
// they have to be: no object of a data plane, no route, no result and no status.
func TestSettledRoutesAreNotWritten(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}, "export": map[string]any{"exporters": []any{"envoy-gateway", "traefik"}}})
	w := a.as(a.plane.Config, "shop")
	planeCRDs(t, w)
	flags := []string{"--exporters", "envoy-gateway,traefik", "--platform-namespaces", "attache-system,infra"}
	_, address := a.replica(flags...)
	a.board.to(address)
	account, err := a.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	w.apply(exportAbove)
	w.apply(unrelated)
	w.apply(`
apiVersion: attache.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: everybody, namespace: infra}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: traefik}, default: {requestsPerSecond: 5}}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ceiling, namespace: infra}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: envoy}, override: {request: 20s, connect: 1s}}
`)
	manager := startManager(t, account.Kubeconfig, flags...)
	each(*settledRoutes, func(i int) error {
		name := fmt.Sprintf("settled-%d", i)
		route := fmt.Sprintf(exportRoute, name, true, "envoy")
		if i%2 == 1 {
			route = silent(name, true, "traefik") // which has no timeouts
		}
		_, err := w.tryCreate(route)
		return err
	}, t)
	within(t, time.Minute+time.Duration(*settledRoutes)*200*time.Millisecond, "an object for every route", func(context.Context) error {
		if n := len(w.all(backendTrafficPolicy, "shop")) + len(w.all(middlewareKind, "shop")); n < *settledRoutes {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})
	w.accepted(t)
	within(t, time.Minute+time.Duration(*settledRoutes)*200*time.Millisecond, "everything to be enforced", func(context.Context) error {
		for _, u := range w.all("EffectivePolicy", "shop") {
			if word, _, _ := unstructured.NestedString(u.Object, "status", "summary", "enforced"); word != "yes" && word != "with loss" {
				return fmt.Errorf("%s is enforced: %q", u.GetName(), word)
			}
		}
		return nil
	})
	manager.idleWithin(t, time.Minute+time.Duration(*settledRoutes)*100*time.Millisecond)
	before, written := w.versionsOf("shop", "infra"), manager.metric(t, "attache_export_writes_total")
	edits := busy(t, w, *settledFor)
	manager.idle(t)
	if n := manager.metric(t, "attache_export_writes_total") - written; n != 0 {
		t.Errorf("%v objects of data planes and routes were written", n)
	}
	for _, name := range changed(before, w.versionsOf("shop", "infra")) {
		if !strings.HasPrefix(name, "Gateway ") { // whose status is what others write here
			t.Errorf("%s was written", name)
		}
	}
	t.Logf("%d routes were left alone for %s, while %d edits were made elsewhere", *settledRoutes, *settledFor, edits)
}

// each calls f with 0 to n-1, several at a time.
func each(n int, f func(i int) error, t *testing.T) {
	t.Helper()
	var running sync.WaitGroup
	for worker := range 8 {
		running.Go(func() {
			for i := worker; i < n; i += 8 {
				if err := f(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// accepted has data planes accept all routes and objects of the namespace.
func (w *world) accepted(t *testing.T) {
	t.Helper()
	objects := w.all(backendTrafficPolicy, w.namespace)
	each(len(objects), func(i int) error {
		w.say(&objects[i], planeWord{"True", "Accepted", ""})
		return nil
	}, t)
	routes := w.all("HTTPRoute.v1.gateway.networking.k8s.io", w.namespace)
	each(len(routes), func(i int) error {
		u := &routes[i]
		parents, _, _ := unstructured.NestedSlice(u.Object, "spec", "parentRefs")
		gateway := parents[0].(map[string]any)["name"].(string)
		controller := map[string]string{"envoy": "gateway.envoyproxy.io/gatewayclass-controller", "traefik": "traefik.io/gateway-controller"}[gateway]
		now := time.Now().UTC().Format(time.RFC3339)
		text, err := json.Marshal(map[string]any{"status": map[string]any{"parents": []any{map[string]any{
			"controllerName": controller, "parentRef": map[string]any{"name": gateway, "namespace": "infra"},
			"conditions": []any{map[string]any{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "observedGeneration": u.GetGeneration(), "lastTransitionTime": now}},
		}}}})
		if err != nil {
			return err
		}
		return w.Status().Patch(w.Context(), u, client.RawPatch(types.MergePatchType, text))
	}, t)
}

// versionsOf is versions of the objects in some namespaces.
func (w *world) versionsOf(namespaces ...string) map[string]string {
	w.Helper()
	versions := w.versions()
	maps.DeleteFunc(versions, func(name, _ string) bool {
		for _, namespace := range namespaces {
			if strings.Contains(name, " "+namespace+"/") {
				return false
			}
		}
		return true
	})
	return versions
}

// busy edits, for some time, what has nothing to do with the routes of shop: another route and its
// policy, a namespace, and the status that a data plane gives the Gateway of all of them.
func busy(t *testing.T, w *world, limit time.Duration) (edits int) {
	t.Helper()
	other := newWorld(t, w.config, "unrelated")
	infra := newWorld(t, w.config, "infra")
	for end := time.Now().Add(limit); time.Now().Before(end); edits++ {
		other.edit("HTTPRoute", "unrelated", func(u *unstructured.Unstructured) {
			_ = unstructured.SetNestedStringSlice(u.Object, []string{fmt.Sprintf("host-%d.example.com", edits)}, "spec", "hostnames")
		})
		other.edit("TimeoutPolicy", "unrelated", request(fmt.Sprintf("%ds", 1+edits%50)))
		newWorld(t, w.config, "").edit("Namespace.v1.", "unrelated", func(u *unstructured.Unstructured) {
			u.SetLabels(map[string]string{"edit": fmt.Sprint(edits)})
		})
		infra.editStatus("Gateway", "envoy", func(u *unstructured.Unstructured) {
			u.Object["status"] = map[string]any{"conditions": []any{map[string]any{
				"type": "Programmed", "status": "True", "reason": "Programmed", "message": fmt.Sprint(edits), "lastTransitionTime": time.Now().UTC().Format(time.RFC3339),
			}}}
		})
	}
	if edits == 0 {
		t.Fatal(errors.New("nothing was edited"))
	}
	return edits
}
