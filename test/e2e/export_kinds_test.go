package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// btpResource is how the API server names Envoy Gateway's policies, exportManager who writes ours.
var btpResource = schema.GroupVersionResource{Group: "gateway.envoyproxy.io", Version: "v1alpha1", Resource: "backendtrafficpolicies"}

const exportManager = "attache-export"

// writesOf are the times at which exporters wrote an object, by operation, as the API server recorded
// them.
func writesOf(u *unstructured.Unstructured) map[metav1.ManagedFieldsOperationType]time.Time {
	times := map[metav1.ManagedFieldsOperationType]time.Time{}
	for _, f := range u.GetManagedFields() {
		if f.Manager == exportManager && f.Subresource == "" && f.Time != nil {
			times[f.Operation] = f.Time.Time
		}
	}
	return times
}

// TestADataPlanesKindComesAndGoes: an exporter takes up a kind when it is installed, writes its objects
// with a name of its own and no more often than it may, leaves alone what others add beside spec, and
// says so when the kind goes (E1.7, E5.4, E5.7, E3.8).
func TestADataPlanesKindComesAndGoes(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}, "export": map[string]any{"exporters": []any{"envoy-gateway"}, "protect": false}})
	w := a.as(a.plane.Config, "shop")
	flags := []string{"--exporters", "envoy-gateway", "--platform-namespaces", "attache-system,infra"}
	_, address := a.replica(flags...)
	a.board.to(address)
	account, err := a.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	k := &exportKinds{world: w, manager: startManager(t, account.Kubeconfig, flags...), admission: a}
	w.apply(exportAbove)
	w.apply(silent("checkout", false, "envoy"))
	w.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: checkout, namespace: shop}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}, default: {connect: 1s}}
---
apiVersion: attache.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: checkout, namespace: shop}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}, default: {requestsPerSecond: 10, counter: Gateway}}
`)
	k.missing(t)
	planeCRDs(t, w)
	within(t, patience, "our object", k.connects("1s"))
	if n := k.manager.metricWith(t, "attache_export_objects", "envoy-gateway"); n != 1 {
		t.Errorf("%v objects are counted", n)
	}
	if n := k.manager.metricWith(t, "attache_export_fields", "MissingCRD"); n != 0 {
		t.Errorf("%v fields are still counted as missing", n)
	}
	if times := writesOf(k.ours()); len(times) != 1 || times[metav1.ManagedFieldsOperationUpdate].IsZero() {
		t.Errorf("a new object is written as %v", times)
	}
	t.Run("an edit of a policy is applied, and what others add stays", k.applied)
	t.Run("an object is written once in five seconds", k.paced)
	t.Run("a counter of the Gateway is exact for its only route", k.counted)
	t.Run("the kind goes and comes again", k.gone)
}

type exportKinds struct {
	*world
	*admission
	manager *process
}

func (k *exportKinds) ours() *unstructured.Unstructured {
	return onlyOne(k.world, backendTrafficPolicy)
}

// missing waits until it is said that the kind is not installed.
func (k *exportKinds) missing(t *testing.T) {
	t.Helper()
	within(t, patience, "the missing kind to be said", func(context.Context) error {
		if n := k.manager.metricWith(t, "attache_export_fields", "MissingCRD"); n == 0 {
			return errors.New("no field is counted")
		}
		return outcome(k.world, "httproute.checkout", "connect", "MissingCRD")
	})
}

func (k *exportKinds) connects(want string) func(context.Context) error {
	return func(context.Context) error {
		u := k.ours()
		if u == nil {
			return errors.New("there is no object of ours")
		}
		if got, _, _ := unstructured.NestedString(u.Object, "spec", "timeout", "tcp", "connectTimeout"); got != want {
			return fmt.Errorf("connectTimeout is %q", got)
		}
		return nil
	}
}

// connect states the timeout.
func (k *exportKinds) connect(value string) {
	k.edit("TimeoutPolicy", "checkout", func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, value, "spec", "default", "connect")
	})
}

func (k *exportKinds) applied(t *testing.T) {
	k.edit(backendTrafficPolicy, k.ours().GetName(), func(u *unstructured.Unstructured) {
		labels := u.GetLabels()
		labels["team"] = "web"
		u.SetLabels(labels)
		_ = unstructured.SetNestedField(u.Object, true, "spec", "useClientProtocol")
	})
	k.connect("2s")
	within(t, patience, "the object as it is wanted", func(ctx context.Context) error {
		if _, more, _ := unstructured.NestedBool(k.ours().Object, "spec", "useClientProtocol"); more {
			return errors.New("useClientProtocol is there")
		}
		return k.connects("2s")(ctx)
	})
	u := k.ours()
	if u.GetLabels()["team"] != "web" {
		t.Errorf("the labels are %v", u.GetLabels())
	}
	if times := writesOf(u); times[metav1.ManagedFieldsOperationApply].IsZero() {
		t.Errorf("it is written as %v", times)
	}
}

// paced compares the times at which the API server took writes of one object: what is written within
// five seconds is one write, of the last value.
func (k *exportKinds) paced(t *testing.T) {
	client, err := dynamic.NewForConfig(k.plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	watch, err := client.Resource(btpResource).Namespace("shop").Watch(t.Context(), metav1.ListOptions{ResourceVersion: k.ours().GetResourceVersion()})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	last, writes := writesOf(k.ours())[metav1.ManagedFieldsOperationApply], 0
	for round := range 3 { // each begins as soon as the last was written
		for i := range 5 {
			k.connect(fmt.Sprintf("1%d%d0ms", round, i))
		}
		timeout := time.After(patience)
		for written := ""; written != fmt.Sprintf("1%d40ms", round); {
			select {
			case <-timeout:
				t.Fatalf("the last value was not written; %d writes were", writes)
			case event := <-watch.ResultChan():
				u, isObject := event.Object.(*unstructured.Unstructured)
				if !isObject {
					t.Fatalf("the watch ends with %v", event)
				}
				written, _, _ = unstructured.NestedString(u.Object, "spec", "timeout", "tcp", "connectTimeout")
				at := writesOf(u)[metav1.ManagedFieldsOperationApply]
				if at.Equal(last) {
					continue // somebody else's
				}
				if gap := at.Sub(last); gap < 5*time.Second {
					t.Errorf("two writes are %s apart", gap)
				}
				last = at
				writes++
			}
		}
	}
	t.Logf("15 edits came to %d writes", writes)
}

func (k *exportKinds) counted(t *testing.T) {
	says := func(reason string) {
		t.Helper()
		within(t, patience, "counter to be said to be "+reason, func(context.Context) error {
			return outcome(k.world, "httproute.checkout", "counter", reason)
		})
	}
	says("")
	k.world.apply(silent("another", false, "envoy"))
	says("CounterFiner")
	k.remove("HTTPRoute", "another")
	says("")
}

func (k *exportKinds) gone(t *testing.T) {
	definition := named("CustomResourceDefinition.v1.apiextensions.k8s.io", "", "backendtrafficpolicies.gateway.envoyproxy.io")
	for _, u := range k.all("CustomResourceDefinition.v1.apiextensions.k8s.io", "") {
		if u.GetName() == definition.GetName() {
			definition = &u
		}
	}
	if err := k.Delete(t.Context(), definition.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	k.missing(t)
	definition.SetResourceVersion("")
	definition.SetUID("")
	unstructured.RemoveNestedField(definition.Object, "status")
	within(t, patience, "the kind to be installed again", func(ctx context.Context) error { return k.Create(ctx, definition.DeepCopy()) })
	within(t, patience, "the kind to be served again", func(ctx context.Context) error {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(named(backendTrafficPolicy, "", "").GroupVersionKind())
		return k.List(ctx, list)
	})
	within(t, 2*patience, "our object, when the kind is asked for again", k.connects("1240ms"))
}
