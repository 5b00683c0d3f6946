package e2e

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/test/controlplane"
)

// shop is a GatewayClass, a Gateway and two routes, with a policy on the Gateway
// and one on a route.
const shop = `
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: class-NS}, spec: {controllerName: example.com/gateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: NS}
spec: {gatewayClassName: class-NS, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: NS}
spec:
  parentRefs: [{name: public}]
  rules: [{name: pay, timeouts: {backendRequest: 2s}}, {name: browse}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: catalog, namespace: NS}
spec: {parentRefs: [{name: public}]}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: public, namespace: NS}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}
  default: {request: 10s, backend: 5s}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: checkout, namespace: NS}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}
  default: {request: 60s}
`

// settled waits until annotations, EffectivePolicy objects and the status of all
// policies say what a fresh computation says.
func (w *world) settled(limit time.Duration) time.Duration {
	w.Helper()
	return within(w, limit, "what is written to agree with a fresh computation", func(context.Context) error {
		if err := w.agrees(); err != nil {
			return err
		}
		return w.statusesAgree()
	})
}

func TestAnEditOfAGatewayDefaultIsFollowedAndNothingElseIsWritten(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.quiet()
	w.apply(shop)
	startManager(t, plane.Kubeconfig)
	w.settled(20 * time.Second)
	before := w.versions()

	w.edit("TimeoutPolicy", "public", func(u *unstructured.Unstructured) {
		u.Object["spec"].(map[string]any)["default"] = map[string]any{"request": "20s", "backend": "5s", "connect": "1s"}
	})
	took := within(t, patience, "the catalog's annotation to follow", func(context.Context) error {
		if got := mergedValue(w.object("HTTPRoute", "catalog"), "TimeoutPolicy"); got != `{"backend":"5s","connect":"1s","request":"20s"}` {
			return fmt.Errorf("it says %s", got)
		}
		return nil
	})
	t.Logf("the annotation followed within %s", took)
	t.Logf("everything followed within %s", w.settled(2*time.Second))

	// checkout's own policy and status are the same as before, but its paths get
	// a connect timeout from above.
	wanted := []string{
		"EffectivePolicy NS/gateway.public", "EffectivePolicy NS/httproute.catalog", "EffectivePolicy NS/httproute.checkout",
		"Gateway NS/public", "HTTPRoute NS/catalog", "HTTPRoute NS/checkout",
		"TimeoutPolicy NS/public",
	}
	for i := range wanted {
		wanted[i] = strings.ReplaceAll(wanted[i], "NS", w.namespace)
	}
	if got := changed(before, w.versions()); !slices.Equal(got, wanted) {
		t.Errorf("these objects were written:\n\t%s\nand should have been:\n\t%s", strings.Join(got, "\n\t"), strings.Join(wanted, "\n\t"))
	}
}

func TestARestartChangesNothing(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.quiet()
	w.apply(shop)
	first := startManager(t, plane.Kubeconfig)
	w.settled(20 * time.Second)
	first.terminate(t)
	before := w.versions()

	second := startManager(t, plane.Kubeconfig)
	second.idle(t)
	if got := changed(before, w.versions()); len(got) > 0 {
		t.Errorf("the restart wrote %s", strings.Join(got, ", "))
	}
	if n := second.metric(t, "attache_writes_total"); n != 0 {
		t.Errorf("the restarted manager sent %v writes", n)
	}
}

func TestForeignStatusEntriesStayAsAndWhereTheyAre(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	foreign := func(name string) map[string]any {
		return map[string]any{
			"controllerName": "example.com/" + name,
			"ancestorRef":    map[string]any{"group": "example.com", "kind": "Thing", "name": name},
			"conditions": []any{map[string]any{
				"type": "Accepted", "status": "True", "reason": "Because", "message": name,
				"lastTransitionTime": "2020-02-02T02:02:02Z", "observedGeneration": int64(1),
			}},
		}
	}
	entries := func() []any {
		list, _, _ := unstructured.NestedSlice(w.object("TimeoutPolicy", "public").Object, "status", "ancestors")
		return list
	}
	setEntries := func(change func([]any) []any) {
		w.editStatus("TimeoutPolicy", "public", func(u *unstructured.Unstructured) {
			list, _, _ := unstructured.NestedSlice(u.Object, "status", "ancestors")
			u.Object["status"] = map[string]any{"ancestors": change(list)}
		})
	}
	setEntries(func([]any) []any { return []any{foreign("b")} })
	startManager(t, plane.Kubeconfig)
	w.settled(20 * time.Second)
	setEntries(func(list []any) []any { return append(list, foreign("a")) })
	w.edit("TimeoutPolicy", "public", func(u *unstructured.Unstructured) {
		u.Object["spec"].(map[string]any)["default"] = map[string]any{"request": "21s"}
	})
	w.settled(10 * time.Second)

	got := entries()
	if len(got) != 3 || !reflect.DeepEqual(got[0], foreign("b")) || !reflect.DeepEqual(got[2], foreign("a")) {
		t.Errorf("the entries are\n\t%v", got)
	}
	if ours := got[1].(map[string]any); ours["controllerName"] != status.ControllerName {
		t.Errorf("the second entry is of %v", ours["controllerName"])
	}
}

// stranger is a policy kind that no code of ours knows.
const stranger = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgetpolicies.NS.example.com, labels: {gateway.networking.k8s.io/policy: Inherited}}
spec:
  group: NS.example.com
  scope: Namespaced
  names: {kind: WidgetPolicy, listKind: WidgetPolicyList, plural: widgetpolicies, singular: widgetpolicy}
  versions:
  - name: v1beta1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, properties: {
      spec: {type: object, x-kubernetes-preserve-unknown-fields: true},
      status: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
`

func TestWhatTenantsWriteInOurPlaceIsPutRight(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.quiet()
	w.apply(shop)
	manager := startManager(t, plane.Kubeconfig, "--log-level", "debug")
	w.settled(20 * time.Second)

	for name, vandalize := range map[string]func(){
		"the annotation is edited": func() {
			w.edit("HTTPRoute", "catalog", func(u *unstructured.Unstructured) {
				u.SetAnnotations(map[string]string{publish.Annotation: `{"scopes":[]}`})
			})
		},
		"the annotation is taken away": func() {
			w.edit("HTTPRoute", "catalog", func(u *unstructured.Unstructured) { u.SetAnnotations(nil) })
		},
		"the EffectivePolicy's status is edited": func() {
			w.editStatus("EffectivePolicy", "httproute.catalog", func(u *unstructured.Unstructured) {
				status := u.Object["status"].(map[string]any)
				status["digest"] = "sha256:beef"
				status["summary"].(map[string]any)["rate"] = "1000000" // a field that we do not set
			})
		},
		"the EffectivePolicy's owner is taken away": func() {
			w.edit("EffectivePolicy", "httproute.catalog", func(u *unstructured.Unstructured) { u.SetOwnerReferences(nil) })
		},
		"the EffectivePolicy gets another owner": func() {
			gateway := w.object("Gateway", "public")
			w.edit("EffectivePolicy", "httproute.catalog", func(u *unstructured.Unstructured) {
				u.SetOwnerReferences(append(u.GetOwnerReferences(), metav1.OwnerReference{
					APIVersion: gateway.GetAPIVersion(), Kind: gateway.GetKind(), Name: gateway.GetName(), UID: gateway.GetUID(),
				}))
			})
		},
		"the EffectivePolicy is deleted": func() { w.remove("EffectivePolicy", "httproute.catalog") },
		"an EffectivePolicy of nothing is made": func() {
			w.apply(`{apiVersion: attache.dev/v1alpha1, kind: EffectivePolicy, metadata: {name: httproute.nothing, namespace: NS}, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: nothing}}`)
		},
		"a policy's status is emptied": func() {
			w.editStatus("TimeoutPolicy", "public", func(u *unstructured.Unstructured) { delete(u.Object, "status") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{t, w.Client, w.config, w.namespace}
			writes := manager.writes(w.namespace)
			vandalize()
			took := within(t, patience, "it to be put right", func(context.Context) error {
				if manager.writes(w.namespace) == writes {
					return errors.New("nothing was written")
				}
				if owners := w.object("EffectivePolicy", "httproute.catalog").GetOwnerReferences(); len(owners) != 1 || owners[0].Name != "catalog" {
					return fmt.Errorf("its owners are %v", owners)
				}
				return errors.Join(w.agrees(), w.statusesAgree())
			})
			t.Logf("within %s", took)
			manager.idle(t)
			if sent := manager.writes(w.namespace) - writes; sent > 2 {
				t.Errorf("%d writes were sent", sent)
			}
		})
	}
	if n := manager.metric(t, "attache_drift_repairs_total"); n < 8 {
		t.Errorf("%v repairs were counted", n)
	}
}

func TestWhenTheLastPolicyGoesNothingIsLeft(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	startManager(t, plane.Kubeconfig)
	w.settled(20 * time.Second)
	w.remove("TimeoutPolicy", "public")
	within(t, patience, "the catalog to be bare", func(context.Context) error {
		if value, present := w.object("HTTPRoute", "catalog").GetAnnotations()[publish.Annotation]; present {
			return fmt.Errorf("the annotation says %s", value)
		}
		if w.exists("EffectivePolicy", "httproute.catalog") || w.exists("EffectivePolicy", "gateway.public") {
			return errors.New("there is an EffectivePolicy")
		}
		return nil
	})
	w.settled(5 * time.Second) // checkout still has its own
	w.remove("HTTPRoute", "checkout")
	within(t, patience, "the EffectivePolicy to go with its owner", func(context.Context) error {
		if w.exists("EffectivePolicy", "httproute.checkout") {
			return errors.New("it is there")
		}
		return nil
	})
	w.settled(5 * time.Second)
}

func TestGarbageCollectionTakesWhatNoManagerIsThereToTake(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	manager := startManager(t, plane.Kubeconfig)
	w.settled(20 * time.Second)
	manager.terminate(t)
	w.remove("HTTPRoute", "checkout")
	within(t, patience, "the EffectivePolicy to go with its owner", func(context.Context) error {
		if w.exists("EffectivePolicy", "httproute.checkout") {
			return errors.New("it is there")
		}
		return nil
	})
}

func TestAKilledManagerIsSucceededByOneThatConverges(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	const policies = 20
	for i := range policies {
		w.apply(fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route-%[1]d, namespace: NS}
spec: {parentRefs: [{name: public}], rules: [{name: a}, {name: b}]}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: route-%[1]d, namespace: NS}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: route-%[1]d, sectionName: a}, default: {request: 1s}}
`, i))
	}
	manager := startManager(t, plane.Kubeconfig)
	w.settled(20 * time.Second)
	const edits = 200
	for i := range edits {
		if i == edits/2 {
			manager.kill()
		}
		if i == edits*3/4 {
			manager = launchManager(t, plane.Kubeconfig)
		}
		name := fmt.Sprintf("route-%d", i%policies)
		if i%10 == 0 {
			name = "public"
		}
		w.edit("TimeoutPolicy", name, func(u *unstructured.Unstructured) {
			u.Object["spec"].(map[string]any)["default"] = map[string]any{"request": fmt.Sprintf("%ds", i+1)}
		})
	}
	t.Logf("what is written agreed with a fresh computation within %s of the last edit", w.settled(20*time.Second))
	manager.idle(t)
	if err := errors.Join(w.agrees(), w.statusesAgree()); err != nil {
		t.Error(err)
	}
}

func TestWhatIsAffectedSaysSoAndLeavesOtherConditionsAlone(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	manager := startManager(t, plane.Kubeconfig)
	const ours = "attache.dev/TimeoutPolicyAffected"
	types := func(conditions []any) []string {
		names := make([]string, len(conditions))
		for i, c := range conditions {
			names[i] = c.(map[string]any)["type"].(string)
		}
		slices.Sort(names)
		return names
	}
	says := func(want ...string) func(context.Context) error {
		return func(context.Context) error {
			gateway := w.object("Gateway", "public")
			conditions, _, _ := unstructured.NestedSlice(gateway.Object, "status", "conditions")
			if got := types(conditions); !slices.Equal(got, want) {
				return fmt.Errorf("the Gateway has the conditions %v", got)
			}
			listeners, _, _ := unstructured.NestedSlice(gateway.Object, "status", "listeners")
			for _, l := range listeners {
				conditions, _, _ := unstructured.NestedSlice(l.(map[string]any), "conditions")
				if got := slices.DeleteFunc(types(conditions), func(name string) bool { return name != ours }); len(got) != len(want)-2 {
					return fmt.Errorf("the listener has the conditions %v", types(conditions))
				}
			}
			return nil
		}
	}
	within(t, patience, "the Gateway to be affected", says("Accepted", "Programmed", ours))

	// The Gateway's own controller lists its listeners, and writes no more than
	// its own conditions: ours come back.
	since := "2026-01-01T00:00:00Z"
	condition := func(kind string) any {
		return map[string]any{"type": kind, "status": "True", "reason": kind, "message": "", "lastTransitionTime": since, "observedGeneration": int64(1)}
	}
	w.editStatus("Gateway", "public", func(u *unstructured.Unstructured) {
		u.Object["status"] = map[string]any{
			"conditions": []any{condition("Accepted"), condition("Programmed")},
			"listeners": []any{map[string]any{"name": "http", "attachedRoutes": int64(2), "supportedKinds": []any{},
				"conditions": []any{condition("Accepted"), condition("Programmed")}}},
		}
	})
	within(t, patience, "the listener to be affected, too", says("Accepted", "Programmed", ours))
	manager.idle(t)
	w.remove("TimeoutPolicy", "public")
	within(t, patience, "nothing to be affected any more", says("Accepted", "Programmed"))
}
