package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/test/controlplane"
)

// planeWord is a data plane's answer about an object, as Envoy Gateway gives it.
type planeWord struct{ status, reason, message string }

// say writes a data plane's answer into the status of an object.
func (w *world) say(u *unstructured.Unstructured, word planeWord) {
	w.Helper()
	now := time.Now().UTC().Format(time.RFC3339)
	u.Object["status"] = map[string]any{"ancestors": []any{map[string]any{
		"ancestorRef":    map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "envoy", "namespace": "infra"},
		"controllerName": "gateway.envoyproxy.io/gatewayclass-controller",
		"conditions": []any{map[string]any{
			"type": "Accepted", "status": word.status, "reason": word.reason, "message": word.message,
			"observedGeneration": u.GetGeneration(), "lastTransitionTime": now,
		}},
	}}}
	if err := w.Status().Update(w.Context(), u); err != nil {
		w.Fatal(err)
	}
}

// silent is a route whose owner states nothing in its rule.
func silent(name string, consents bool, gateway string) string {
	return strings.ReplaceAll(fmt.Sprintf(exportRoute, name, consents, gateway), "    timeouts: {request: 60s}\n", "")
}

// entryState compares the state of the first entry of a route.
func entryState(w *world, name, want string) (map[string]any, error) {
	u := w.find("EffectivePolicy", name)
	if u == nil {
		return nil, errors.New("there is no EffectivePolicy")
	}
	entries, _, _ := unstructured.NestedSlice(u.Object, "status", "enforcement")
	if len(entries) == 0 {
		return nil, errors.New("enforcement is empty")
	}
	first, _ := entries[0].(map[string]any)
	if first["state"] != want {
		return nil, fmt.Errorf("state is %v, want %s: %v", first["state"], want, first["message"])
	}
	return first, nil
}

// enforcedSays compares the condition Enforced of a policy.
func enforcedSays(w *world, policy, status, reason string) error {
	u := w.object("TimeoutPolicy", policy)
	ancestors, _, _ := unstructured.NestedSlice(u.Object, "status", "ancestors")
	for _, a := range ancestors {
		conditions, _ := a.(map[string]any)["conditions"].([]any)
		for _, c := range conditions {
			c, _ := c.(map[string]any)
			if c["type"] == "Enforced" && c["status"] == status && c["reason"] == reason {
				return nil
			}
		}
	}
	return fmt.Errorf("ancestors are %v, want Enforced %s %s", ancestors, status, reason)
}

// TestExportersHearWhatDataPlanesSay: an object is accepted, or refused and removed, and not
// written again, not even after a restart, until the route asks for it; what is refused because of
// a policy above it stays; and an exporter that is switched off gives routes back first and then
// removes its objects.
func TestExportersHearWhatDataPlanesSay(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}, "export": map[string]any{"exporters": []any{"envoy-gateway", "traefik"}}})
	w := a.as(a.plane.Config, "shop")
	infra := a.as(a.plane.Config, "infra")
	planeCRDs(t, w)
	flags := []string{"--exporters", "envoy-gateway,traefik", "--platform-namespaces", "attache-system,infra"}
	_, address := a.replica(flags...)
	a.board.to(address)
	account, err := a.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	manager, whole := startManager(t, account.Kubeconfig, flags...), t // a manager outlives the part that starts it
	w.apply(exportAbove)
	w.apply(silent("checkout", true, "envoy"))
	w.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ceiling, namespace: infra}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: envoy}, override: {connect: 1s}}
`)
	const result = "httproute.checkout"
	ours := func() *unstructured.Unstructured { return onlyOne(w, backendTrafficPolicy) }
	written := func(what string) {
		t.Helper()
		within(t, time.Minute, what, func(context.Context) error {
			if ours() == nil {
				return errors.New("there is no object of ours")
			}
			return nil
		})
	}
	gone := func(what string) {
		t.Helper()
		within(t, time.Minute, what, func(context.Context) error {
			if u := ours(); u != nil {
				return errors.New(u.GetName() + " is there")
			}
			return nil
		})
	}
	written("the object")
	w.say(ours(), planeWord{"True", "Accepted", ""})
	within(t, time.Minute, "the acceptance in the result", func(context.Context) error { _, err := entryState(w, result, "Accepted"); return err })
	within(t, time.Minute, "the condition", func(context.Context) error { return enforcedSays(infra, "ceiling", "True", "Enforced") })
	explained := func(t *testing.T, want string) {
		t.Helper()
		admin := controlplane.User{Config: a.plane.Config, Kubeconfig: a.plane.Kubeconfig}
		out, errOut, code := plugin(t.Context(), admin, "explain", "httproute/checkout", "-n", "shop")
		if words := strings.Join(strings.Fields(out), " "); code != 0 || !strings.Contains(words, want) {
			t.Errorf("explain does not say %q:\n%s%s", want, out, errOut)
		}
	}
	explained(t, "is enforced by envoy-gateway, BackendTrafficPolicy shop/"+ours().GetName()+" spec.timeout.tcp.connectTimeout")

	t.Run("a refusal takes the object back, and is remembered", func(t *testing.T) {
		w.say(ours(), planeWord{"False", "Invalid", "connectTimeout is not to our liking"})
		gone("the refused object to go")
		within(t, time.Minute, "the refusal in the result", func(context.Context) error {
			entry, err := entryState(w, result, "Rejected")
			if err == nil && (entry["refused"] == nil || entry["message"] != "connectTimeout is not to our liking") {
				err = fmt.Errorf("the entry is %v", entry)
			}
			return err
		})
		within(t, time.Minute, "the condition", func(context.Context) error { return enforcedSays(infra, "ceiling", "False", "NotEnforced") })
		explained(t, "is not enforced (Rejected): connectTimeout is not to our liking")
		within(t, time.Minute, "an event on the route", func(context.Context) error {
			if n, note := w.events("checkout", "Rejected"); n == 0 || !strings.Contains(note, "not to our liking") {
				return fmt.Errorf("%d events, %q", n, note)
			}
			return nil
		})
		manager.kill()
		manager = startManager(whole, account.Kubeconfig, flags...)
		manager.idle(t)
		if u := ours(); u != nil {
			t.Errorf("after a restart %s is written again", u.GetName())
		}
		if _, err := entryState(w, result, "Rejected"); err != nil {
			t.Errorf("after a restart: %v", err)
		}
		w.edit("HTTPRoute", "checkout", func(u *unstructured.Unstructured) {
			u.SetAnnotations(map[string]string{"attache.dev/retry": "once more"})
		})
		written("the object, which the route asks for again")
		w.say(ours(), planeWord{"True", "Accepted", ""})
		within(t, time.Minute, "the acceptance", func(context.Context) error { _, err := entryState(w, result, "Accepted"); return err })
	})
	t.Run("what is refused because of a policy above it stays", func(t *testing.T) {
		infra.apply(`
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: theirs, namespace: infra}
spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: envoy}], useClientProtocol: true}
`)
		theirs := named(backendTrafficPolicy, "infra", "theirs")
		if err := infra.Get(t.Context(), client.ObjectKeyFromObject(theirs), theirs); err != nil {
			t.Fatal(err)
		}
		infra.say(theirs, planeWord{"False", "Invalid", "theirs is wrong"})
		manager.idle(t)
		w.say(ours(), planeWord{"False", "Invalid", "merged with something wrong"})
		within(t, time.Minute, "the refusal in the result", func(context.Context) error { _, err := entryState(w, result, "Rejected"); return err })
		manager.idle(t)
		if ours() == nil {
			t.Error("ours is gone, though the policy above is at fault")
		}
		if err := infra.Delete(t.Context(), theirs); err != nil {
			t.Fatal(err)
		}
		w.say(ours(), planeWord{"True", "Accepted", ""})
	})
	t.Run("an exporter that is switched off leaves in order", func(t *testing.T) {
		w.apply(fmt.Sprintf(exportRoute, "on-traefik", true, "traefik"))
		w.apply(`
apiVersion: attache.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: limit, namespace: shop}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: on-traefik}, default: {requestsPerSecond: 5}}
`)
		within(t, time.Minute, "the filter in the route", func(context.Context) error {
			if w.object("HTTPRoute", "on-traefik").GetAnnotations()[injected.Annotation] == "" || onlyOne(w, middlewareKind) == nil {
				return errors.New("it is not there")
			}
			return nil
		})
		manager.kill()
		off := []string{"--exporters", "envoy-gateway", "--export-cleanup", "traefik", "--platform-namespaces", "attache-system,infra"}
		_, other := a.replica(off...)
		a.board.to(other)
		whole.Cleanup(func() { a.board.to(address) }) // the first replica ends last
		manager = startManager(whole, account.Kubeconfig, off...)
		within(t, time.Minute, "the object to go", func(context.Context) error {
			restored := w.object("HTTPRoute", "on-traefik").GetAnnotations()[injected.Annotation] == ""
			there := onlyOne(w, middlewareKind) != nil
			switch {
			case !there && !restored:
				return fmt.Errorf("the object went before the route was given back")
			case there:
				return errors.New("it is there")
			}
			return nil
		})
		rules, _, _ := unstructured.NestedSlice(w.object("HTTPRoute", "on-traefik").Object, "spec", "rules")
		if filters := rules[0].(map[string]any)["filters"]; filters != nil {
			t.Errorf("the route has %v", filters)
		}
		if ours() == nil {
			t.Error("the object of the other exporter is gone, too")
		}
	})
}

// TestExportersObserveAndPlan: in Observe nothing is written, and what others write is compared with
// what would be; a class can lower that to Plan, in which nothing is read, either.
func TestExportersObserveAndPlan(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}, "export": map[string]any{
		"exporters": []any{"envoy-gateway"}, "parameters": map[string]any{"envoy-gateway": map[string]any{"mode": "Observe"}},
	}})
	w := a.as(a.plane.Config, "shop")
	planeCRDs(t, w)
	flags := []string{"--exporters", "envoy-gateway", "--export-parameters", "envoy-gateway.mode=Observe", "--platform-namespaces", "attache-system,infra"}
	_, address := a.replica(flags...)
	a.board.to(address)
	account, err := a.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	manager := startManager(t, account.Kubeconfig, flags...)
	w.apply(exportAbove)
	w.apply(silent("checkout", false, "envoy"))
	w.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: checkout, namespace: shop}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}, default: {connect: 1s}}
`)
	const result = "httproute.checkout"
	until := func(state string) map[string]any {
		t.Helper()
		var entry map[string]any
		within(t, time.Minute, state, func(context.Context) (err error) { entry, err = entryState(w, result, state); return err })
		return entry
	}
	entry := until("NotWritten")
	if u := onlyOne(w, backendTrafficPolicy); u != nil {
		t.Errorf("%s is written", u.GetName())
	}
	objects, _ := entry["objects"].([]any)
	if len(objects) != 1 {
		t.Fatalf("the entry is %v", entry)
	}
	name, _ := objects[0].(map[string]any)["name"].(string)
	// Somebody commits what the command prints.
	w.apply(`
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata:
  name: ` + name + `
  namespace: shop
  labels: {app.kubernetes.io/managed-by: attache, attache.dev/exporter: envoy-gateway}
  annotations: {attache.dev/for: HTTPRoute/checkout}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}]
  mergeType: JSONMerge
  timeout: {tcp: {connectTimeout: 1s}}
`)
	until("Pending")
	w.say(onlyOne(w, backendTrafficPolicy), planeWord{"True", "Accepted", ""})
	until("Accepted")
	u := onlyOne(w, backendTrafficPolicy)
	_ = unstructured.SetNestedField(u.Object, "9s", "spec", "timeout", "tcp", "connectTimeout")
	if err := w.Update(t.Context(), u); err != nil {
		t.Fatalf("an edit by others, who own it here: %v", err)
	}
	until("Drifted")
	class := named("GatewayClass.v1.gateway.networking.k8s.io", "", "envoy")
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(class), class); err != nil {
		t.Fatal(err)
	}
	class.SetAnnotations(map[string]string{"attache.dev/export": `{"exporter":"envoy-gateway","mode":"Plan"}`})
	if err := w.Update(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	until("Planned")
	within(t, time.Minute, "the condition", func(context.Context) error { return enforcedSays(w, "checkout", "Unknown", "NoExporter") })
	// A class cannot ask for more than the installer.
	class.SetAnnotations(map[string]string{"attache.dev/export": `{"exporter":"envoy-gateway","mode":"Write"}`})
	if err := w.Update(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	until("Drifted")
	manager.idle(t)
	if got, _, _ := unstructured.NestedString(onlyOne(w, backendTrafficPolicy).Object, "spec", "timeout", "tcp", "connectTimeout"); got != "9s" {
		t.Errorf("the object of others says %s", got)
	}
}
