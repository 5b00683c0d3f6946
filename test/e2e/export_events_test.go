package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/test/controlplane"
)

// exportWorld is a cluster with attache and Envoy Gateway's CRDs, whose exporter is on.
type exportWorld struct {
	*admission
	shop, infra *world
	manager     *process
}

func startExports(t *testing.T) *exportWorld {
	t.Helper()
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}, "export": map[string]any{"exporters": []any{"envoy-gateway"}}})
	x := &exportWorld{admission: a, shop: a.as(a.plane.Config, "shop"), infra: a.as(a.plane.Config, "infra")}
	planeCRDs(t, x.shop)
	flags := []string{"--exporters", "envoy-gateway", "--platform-namespaces", "attache-system,infra"}
	_, address := a.replica(flags...)
	a.board.to(address)
	account, err := a.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	x.manager = startManager(t, account.Kubeconfig, flags...)
	x.shop.apply(exportAbove)
	return x
}

// field is what an EffectivePolicy says of one field of its first entry.
func (w *world) field(result, name string) (map[string]any, error) {
	w.Helper()
	u := w.find("EffectivePolicy", result)
	if u == nil {
		return nil, errors.New("there is no EffectivePolicy")
	}
	entries, _, _ := unstructured.NestedSlice(u.Object, "status", "enforcement")
	for _, e := range entries {
		fields, _ := e.(map[string]any)["fields"].([]any)
		for _, f := range fields {
			if f, _ := f.(map[string]any); f["field"] == name {
				return f, nil
			}
		}
	}
	return nil, fmt.Errorf("nothing is said of %s: %v", name, entries)
}

// TestWhatExportersTellOnTheWay: a class that nobody serves, a route whose first result is
// withheld, a kind that becomes invalid, somebody's policy from another namespace, and a webhook
// that is no longer called.
func TestWhatExportersTellOnTheWay(t *testing.T) {
	x := startExports(t)
	t.Run("an exporter is offered for a class that none serves", x.offered)
	t.Run("nothing is injected from a result that is withheld", x.withheldAtFirst)
	t.Run("policies that choose by label act only with a grant", x.chosenFromElsewhere)
	t.Run("what was written of a kind stays when it becomes invalid", x.invalidIsKept)
	t.Run("a value that does not stand in its route has drifted", x.drifts)
	t.Run("when attache is gone, routes are given back by the command", x.restored)
}

// E1.6: once for the class, and in the condition of every policy under it.
func (x *exportWorld) offered(t *testing.T) {
	shop, infra, system := newWorld(t, x.plane.Config, "shop"), newWorld(t, x.plane.Config, "infra"), newWorld(t, x.plane.Config, "default")
	shop.apply(silent("on-traefik", false, "traefik"))
	infra.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: on-traefik, namespace: infra}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: traefik}, default: {request: 5s}}
`)
	const offer = "GatewayClass traefik is run by Traefik; attache can have its policies enforced there: helm upgrade … --set export.exporters={traefik}"
	within(t, patience, "the event on the class", func(context.Context) error {
		if n, note := system.events("traefik", "NoExporter"); n != 1 || note != offer {
			return fmt.Errorf("%d events, %q", n, note)
		}
		return nil
	})
	within(t, patience, "the condition", func(context.Context) error {
		if err := enforcedSays(infra, "on-traefik", "Unknown", "NoExporter"); err != nil {
			return err
		}
		if text := fmt.Sprint(infra.object("TimeoutPolicy", "on-traefik").Object["status"]); !strings.Contains(text, offer) {
			return errors.New(text)
		}
		return nil
	})
	if n, note := system.events("envoy", "NoExporter"); n != 0 {
		t.Errorf("a class that is served has %d events: %s", n, note)
	}
}

// What guardrails do not let be published is not put into a route, either. The validating webhook is
// taken away, or the route would be refused.
func (x *exportWorld) withheldAtFirst(t *testing.T) {
	w := newWorld(t, x.plane.Config, "vault")
	w.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: vault}}`)
	w.apply(strings.ReplaceAll(atMost60s, "60s", "9s"))
	w.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: vault, namespace: vault}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}, override: {request: 20s}}
`)
	hooks := named("ValidatingWebhookConfiguration.v1.admissionregistration.k8s.io", "", "attache")
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(hooks), hooks); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), hooks.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	route := strings.ReplaceAll(fmt.Sprintf(exportRoute, "checkout", true, "envoy"), "namespace: shop", "namespace: vault")
	var born *unstructured.Unstructured
	within(t, patience, "the route to be taken, and its result to be withheld", func(context.Context) error {
		u, err := w.tryCreate(route, client.DryRunAll)
		if err == nil && !strings.Contains(annotation(u), "withheld") {
			err = fmt.Errorf("it is annotated %q", annotation(u))
		}
		return err
	})
	born = w.create(route)
	if err := requestOf(w, "checkout", "60s"); err != nil || born.GetAnnotations()[injected.Annotation] != "" {
		t.Errorf("%v, record %q", err, born.GetAnnotations()[injected.Annotation])
	}
	x.manager.idle(t)
	if err := requestOf(w, "checkout", "60s"); err != nil {
		t.Errorf("after the controller has seen it: %v", err)
	}
	hooks.SetResourceVersion("")
	hooks.SetUID("")
	if err := w.Create(t.Context(), hooks); err != nil {
		t.Fatal(err)
	}
	w.edit("TimeoutPolicy", "vault", func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, "8s", "spec", "override", "request")
	})
	within(t, patience, "what is published to stand in the route", func(context.Context) error { return requestOf(w, "checkout", "8s") })
}

// 12.E5i: of a policy in another namespace that chooses routes by their labels.
func (x *exportWorld) chosenFromElsewhere(t *testing.T) {
	w := newWorld(t, x.plane.Config, "shop")
	w.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: elsewhere}}`)
	w.apply(`
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: theirs, namespace: elsewhere}
spec:
  targetSelectors: [{group: gateway.networking.k8s.io, kind: HTTPRoute, matchLabels: {chosen: "yes"}, namespaces: {from: All}}]
  useClientProtocol: true
`)
	w.apply(strings.Replace(silent("chosen", false, "envoy"), `labels: {`, `labels: {chosen: "yes", `, 1))
	w.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: chosen, namespace: shop}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: chosen, sectionName: pay}, override: {connect: 3s}}
`)
	carries := func(want string) func(context.Context) error {
		return func(context.Context) error {
			for _, u := range w.all(backendTrafficPolicy, "shop") {
				if route, ours := export.RouteOf(&u); ours && route.Name == "chosen" {
					_, copied, _ := unstructured.NestedBool(u.Object, "spec", "useClientProtocol")
					if got := u.GetAnnotations()[export.CarriesAnnotation]; got != want || copied != (want != "") {
						return fmt.Errorf("it carries %q, want %q: %v", got, want, u.Object["spec"])
					}
					return nil
				}
			}
			return errors.New("there is no object of ours")
		}
	}
	within(t, patience, "an object that carries nothing, without a grant", carries(""))
	const grant = `
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: elsewhere, namespace: shop}
spec:
  from: [{group: gateway.envoyproxy.io, kind: BackendTrafficPolicy, namespace: elsewhere}]
  to: [{group: gateway.networking.k8s.io, kind: HTTPRoute}]
`
	w.apply(grant)
	within(t, patience, "an object that carries theirs, with a grant", carries("elsewhere/theirs"))
	within(t, patience, "the note", func(context.Context) error {
		f, err := w.field("httproute.chosen", "connect")
		if err == nil && !strings.Contains(fmt.Sprint(f["notes"]), export.CarriedOver) {
			err = fmt.Errorf("it says %v", f)
		}
		return err
	})
	w.remove("ReferenceGrant", "elsewhere")
	within(t, patience, "an object that carries nothing again", carries(""))
}

// E2.3: a rule of the CRD, which comes later, finds that two values contradict each other.
func (x *exportWorld) invalidIsKept(t *testing.T) {
	w := newWorld(t, x.plane.Config, "shop")
	w.apply(silent("kept", false, "envoy"))
	w.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: kept, namespace: shop}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: kept}, default: {connect: 3s, idle: 4s}}
`)
	connects := func() (string, error) {
		for _, u := range w.all(backendTrafficPolicy, "shop") {
			if route, ours := export.RouteOf(&u); ours && route.Name == "kept" {
				text, _, _ := unstructured.NestedString(u.Object, "spec", "timeout", "tcp", "connectTimeout")
				return text, nil
			}
		}
		return "", errors.New("there is no object of ours")
	}
	within(t, patience, "the object", func(context.Context) error { _, err := connects(); return err })
	newWorld(t, x.plane.Config, "").edit("CustomResourceDefinition.v1.apiextensions.k8s.io", "timeoutpolicies.attache.dev", func(u *unstructured.Unstructured) {
		versions, _, _ := unstructured.NestedSlice(u.Object, "spec", "versions")
		path := []string{"schema", "openAPIV3Schema", "properties", "spec", "properties", "default", "x-kubernetes-validations"}
		rules, _, _ := unstructured.NestedSlice(versions[0].(map[string]any), path...)
		rules = append(rules, map[string]any{"rule": "!has(self.idle) || !has(self.connect) || self.idle == self.connect", "message": "connect and idle are one"})
		_ = unstructured.SetNestedSlice(versions[0].(map[string]any), rules, path...)
		_ = unstructured.SetNestedSlice(u.Object, versions, "spec", "versions")
	})
	within(t, patience, "the contradiction to be told, and what is kept", func(context.Context) error {
		f, err := w.field("httproute.kept", "connect")
		if err == nil && (f["reason"] != "Invalid" || !strings.Contains(fmt.Sprint(f["notes"]), export.Kept)) {
			err = fmt.Errorf("it says %v", f)
		}
		return err
	})
	x.manager.idle(t)
	if got, err := connects(); err != nil || got != "3s" {
		t.Errorf("what was written is %q: %v", got, err)
	}
}

// E8.7: nobody asks our webhook, so that a route is stored as its owner sends it again, with the record
// of what was in it still there, and no touch helps.
func (x *exportWorld) drifts(t *testing.T) {
	w := newWorld(t, x.plane.Config, "shop")
	w.apply(fmt.Sprintf(exportRoute, "drifts", true, "envoy"))
	w.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: drifts, namespace: shop}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: drifts}, override: {request: 20s}}
`)
	within(t, patience, "the override in the route", func(context.Context) error { return requestOf(w, "drifts", "20s") })
	hooks := named("MutatingWebhookConfiguration.v1.admissionregistration.k8s.io", "", "attache")
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(hooks), hooks); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), hooks.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	within(t, patience, "an edit to be stored as it is sent", func(context.Context) error {
		w.edit("HTTPRoute", "drifts", func(u *unstructured.Unstructured) {
			rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
			_ = unstructured.SetNestedField(rules[0].(map[string]any), "60s", "timeouts", "request")
			_ = unstructured.SetNestedSlice(u.Object, rules, "spec", "rules")
		})
		return requestOf(w, "drifts", "60s")
	})
	state := func(want string) func(context.Context) error {
		return func(context.Context) error { _, err := entryState(w, "httproute.drifts", want); return err }
	}
	within(t, patience, "the state Pending", state("Pending"))
	within(t, 2*patience, "the state Drifted, a minute later", state("Drifted"))
	within(t, patience, "the condition", func(context.Context) error { return enforcedSays(w, "drifts", "False", "NotEnforced") })
	hooks.SetResourceVersion("")
	hooks.SetUID("")
	if err := w.Create(t.Context(), hooks); err != nil {
		t.Fatal(err)
	}
	within(t, 2*patience, "the override in the route again, at the controller's next touch", func(context.Context) error { return requestOf(w, "drifts", "20s") })
	if got := requestsIn(injected.OwnObject(w.object("HTTPRoute", "drifts").Object)); fmt.Sprint(got) != "[60s]" {
		t.Errorf("the owner's word is %v", got)
	}
}

// E8.9: attache was uninstalled at once, so that values stay in routes; what the command prints gives
// them back in their owners' words.
func (x *exportWorld) restored(t *testing.T) {
	w := newWorld(t, x.plane.Config, "shop")
	if err := requestOf(w, "drifts", "20s"); err != nil {
		t.Fatal(err)
	}
	x.manager.kill()
	for _, kind := range []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
		if err := w.Delete(t.Context(), named(kind+".v1.admissionregistration.k8s.io", "", "attache")); err != nil {
			t.Fatal(err)
		}
	}
	admin := controlplane.User{Config: x.plane.Config, Kubeconfig: x.plane.Kubeconfig}
	within(t, patience, "the routes in their owners' words", func(ctx context.Context) error {
		printed, errOut, code := plugin(ctx, admin, "export", "--restore", "-A")
		if code != 0 || !strings.Contains(printed, "name: drifts") {
			return fmt.Errorf("exit %d: %s%s", code, printed, errOut)
		}
		replace := x.plane.Kubectl(ctx, "replace", "-f", "-")
		replace.Stdin = strings.NewReader(printed)
		if out, err := replace.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return requestOf(w, "drifts", "60s") // before, a webhook may still have been asked
	})
	for _, route := range w.all("HTTPRoute", "") {
		if record := route.GetAnnotations()[injected.Annotation]; record != "" {
			t.Errorf("%s/%s still has %s", route.GetNamespace(), route.GetName(), record)
		}
	}
	printed, errOut, code := plugin(t.Context(), admin, "export", "--restore", "-A")
	if code != 0 || strings.Contains(printed, "kind: HTTPRoute") {
		t.Errorf("there is nothing left to give back, and it says (exit %d) %s%s", code, printed, errOut)
	}
}
