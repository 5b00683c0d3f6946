package ground

import (
	"context"
	"errors"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// payIn20s is an override of what the route's owner wrote.
var payIn20s = map[string]map[string]any{"pay": {"timeouts.request": "20s"}}

func TestATouchWritesWhatAdmissionWantsAndOwnsNothing(t *testing.T) {
	w := newWorld(t)
	born := w.mustApply("team", checkout)
	w.says(born, "pay", "timeouts.request", "60s")

	w.hook.want(payIn20s)
	touched := w.touch()
	w.says(touched, "pay", "timeouts.request", "20s")
	w.says(w.route(), "pay", "timeouts.request", "20s")
	w.ownSays(touched, "pay", "timeouts.request", "60s")
	if got, want := owners(touched), []string{"team/Apply"}; !slices.Equal(got, want) {
		t.Errorf("spec.rules is owned by %v, want %v", got, want)
	}
	for _, m := range touched.GetManagedFields() {
		if m.Manager == toucher {
			t.Errorf("the touch owns %s", m.FieldsV1.GetRawString())
		}
	}
	if touched.GetGeneration() != born.GetGeneration()+1 {
		t.Errorf("%s after %s: one change is one generation", version(touched), version(born))
	}

	w.hook.want(nil)
	restored := w.touch()
	w.says(restored, "pay", "timeouts.request", "60s")
	if recordOf(restored).Rules != nil {
		t.Errorf("the record stays: %v", restored.GetAnnotations())
	}
}

func TestATouchThatChangesNothingIsNotSeen(t *testing.T) {
	w := newWorld(t)
	w.hook.want(payIn20s)
	born := w.mustApply("team", checkout)
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion(born.GetAPIVersion())
	list.SetKind("HTTPRouteList")
	watch, err := w.Watch(t.Context(), list, client.InNamespace(w.namespace),
		&client.ListOptions{Raw: nil, Namespace: w.namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	if first := <-watch.ResultChan(); first.Type != "ADDED" {
		t.Fatalf("the watch begins with %s", first.Type)
	}

	w.hook.calls.Store(0)
	for range 20 {
		if got := w.touch(); version(got) != version(born) {
			t.Fatalf("a touch that changes nothing gives %s after %s", version(got), version(born))
		}
	}
	// More often only where the object in the API server's cache was an old one:
	// it asks again (reinvocation) only if another webhook changed something after
	// ours.
	if calls := w.hook.calls.Load(); calls < 20 || calls > 22 {
		t.Errorf("20 touches called the webhook %d times", calls)
	}
	marked := w.patch(`{"metadata":{"labels":{"marked":"yes"}}}`, "somebody")
	if next := <-watch.ResultChan(); next.Object.(*unstructured.Unstructured).GetResourceVersion() != marked.GetResourceVersion() {
		t.Errorf("the watch saw %s before the next change", version(next.Object.(*unstructured.Unstructured)))
	}
}

func TestARouteThatGoesIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", checkout)
	w.patch(`{"metadata":{"finalizers":["ground.test/hold"]}}`, "somebody")
	if err := w.Delete(t.Context(), w.route()); err != nil {
		t.Fatal(err)
	}
	// An update begins with what the watch cache has: with a route of before the deletion it would
	// call the webhook, and then begin again.
	w.within("the watch cache to have the deletion", func(ctx context.Context) error {
		cached := w.route()
		err := w.Get(ctx, client.ObjectKeyFromObject(cached), cached, &client.GetOptions{Raw: &metav1.GetOptions{ResourceVersion: "0"}})
		if err == nil && cached.GetDeletionTimestamp() == nil {
			err = errors.New("it has the route of before")
		}
		return err
	})
	w.hook.want(payIn20s)
	w.hook.calls.Store(0)
	w.says(w.touch(), "pay", "timeouts.request", "60s")
	w.patch(`{"metadata":{"finalizers":null}}`, "somebody")
	if calls := w.hook.calls.Load(); calls != 0 {
		t.Errorf("the webhook was called %d times for a route that is being deleted", calls)
	}
}

func TestTheStatusSubresourceDoesNotCall(t *testing.T) {
	w := newWorld(t)
	w.hook.want(payIn20s)
	route := w.mustApply("team", checkout)
	w.hook.calls.Store(0)
	status := `{"status":{"parents":[{"parentRef":{"name":"public"},"controllerName":"example.com/gateway","conditions":[{"type":"Accepted","status":"True","reason":"Accepted","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}]}}`
	if err := w.Status().Patch(t.Context(), route, client.RawPatch(types.MergePatchType, []byte(status))); err != nil {
		t.Fatal(err)
	}
	if calls := w.hook.calls.Load(); calls != 0 {
		t.Errorf("a write of the status called the webhook %d times", calls)
	}
}

// With failurePolicy Ignore an outage stores the owner's values, and the next touch repairs it.
func TestAnOutageStoresTheOwnersWordsUntilATouch(t *testing.T) {
	w := newWorld(t)
	w.hook.want(payIn20s)
	w.mustApply("team", checkout)
	w.hook.down.Store(true)
	w.says(w.mustApply("team", checkout), "pay", "timeouts.request", "60s")
	w.hook.down.Store(false)
	touched := w.touch()
	w.says(touched, "pay", "timeouts.request", "20s")
	w.ownSays(touched, "pay", "timeouts.request", "60s")
}

// A write through an older version of the API is seen in the version of the
// rules, because of matchPolicy Equivalent.
func TestAWriteThroughV1beta1IsChangedAlike(t *testing.T) {
	w := newWorld(t)
	w.hook.want(payIn20s)
	old := "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: HTTPRoute" + checkout
	w.says(w.create(old), "pay", "timeouts.request", "20s")
	w.ownSays(w.route(), "pay", "timeouts.request", "60s")
}
