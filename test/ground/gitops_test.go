package ground

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The sequences of requests that GitOps controllers send, replayed against a
// route into which a webhook writes.

// drift compares what a dry run answers with what is stored, as Flux does: a
// difference outside of what the API server keeps is a drift.
func drift(tried, stored *unstructured.Unstructured) bool {
	kept := func(u *unstructured.Unstructured) string {
		u = u.DeepCopy()
		delete(u.Object, "status")
		for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"} {
			unstructured.RemoveNestedField(u.Object, "metadata", field)
		}
		return plain(u.Object)
	}
	return kept(tried) != kept(stored)
}

// Flux dry-runs a server-side apply with force, and applies only if that differs
// from what is stored.
func TestFluxSeesNoDriftAndWritesNothing(t *testing.T) {
	const flux = "kustomize-controller"
	w := newWorld(t)
	w.hook.want(both)
	stored := w.mustApply(flux, checkout, client.ForceOwnership)
	for range 3 {
		if tried := w.mustApply(flux, checkout, client.ForceOwnership, dryRun); drift(tried, w.route()) {
			t.Errorf("it sees a drift: %s\nstored: %s", plain(tried.Object), plain(w.route().Object))
		}
	}
	if now := w.route(); version(now) != version(stored) {
		t.Errorf("%s after %s", version(now), version(stored))
	}
	// An override that comes later is written by a touch, and is no drift either.
	w.hook.want(payIn20s)
	w.touch()
	if tried := w.mustApply(flux, checkout, client.ForceOwnership, dryRun); drift(tried, w.route()) {
		t.Errorf("after a touch it sees a drift: %s", plain(tried.Object))
	}
	// When Git changes a value beneath an override, the record differs, so that
	// it is applied.
	edited := strings.Replace(checkout, "60s", "45s", 1)
	if tried := w.mustApply(flux, edited, client.ForceOwnership, dryRun); !drift(tried, w.route()) {
		t.Error("a change in Git beneath an override is not seen")
	}
	w.mustApply(flux, edited, client.ForceOwnership)
	w.ownSays(w.route(), "pay", "timeouts.request", "45s")
}

// Argo CD syncs by a client-side apply, and compares by a dry run of a
// server-side apply. By default it puts the stored value wherever a mutating
// webhook changed the answer, which it tells by fields that nobody manages.
func TestArgoSeesNoDifferenceByServerSideDiff(t *testing.T) {
	const argo = "argocd-controller"
	w := newWorld(t)
	w.hook.want(both)
	w.kubectl(checkout, "apply", "--field-manager", argo, "-f", "-")
	synced := w.route()
	compare := func(manifest string) *unstructured.Unstructured {
		u := w.parsed(manifest)
		u.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": synced.GetAnnotations()["kubectl.kubernetes.io/last-applied-configuration"]})
		if err := w.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(argo), client.ForceOwnership, dryRun); err != nil {
			t.Fatal(err)
		}
		return u
	}
	if tried := compare(checkout); drift(tried, synced) {
		t.Errorf("it sees a difference: %s\nstored: %s", plain(tried.Object), plain(synced.Object))
	}
	if now := w.route(); version(now) != version(synced) {
		t.Errorf("the comparison wrote: %s after %s", version(now), version(synced))
	}
	// The answer to the dry run differs beneath an override by the record alone.
	tried := compare(strings.Replace(checkout, "60s", "45s", 1))
	if plain(tried.Object["spec"]) != plain(synced.Object["spec"]) {
		t.Error("the spec differs although the same is in force")
	}
	if tried.GetAnnotations()[recordKey] == synced.GetAnnotations()[recordKey] {
		t.Error("the record does not tell the change in Git")
	}
	w.kubectl(strings.Replace(checkout, "60s", "45s", 1), "apply", "--field-manager", argo, "-f", "-")
	w.ownSays(w.route(), "pay", "timeouts.request", "45s")
}

// A strategic sync with a JSON merge patch of a single field, as kubectl patch and automation send
// it, counts as the owner's value for that field.
func TestAPatchOfOneFieldIsTheOwnersWord(t *testing.T) {
	w := newWorld(t)
	w.hook.want(payIn20s)
	w.mustApply("team", checkout)
	u := w.route()
	body := []byte(`[{"op":"replace","path":"/spec/rules/1/timeouts/request","value":"45s"}]`)
	if err := w.Patch(t.Context(), u, client.RawPatch(types.JSONPatchType, body)); err != nil {
		t.Fatal(err)
	}
	w.says(u, "pay", "timeouts.request", "20s")
	w.ownSays(u, "pay", "timeouts.request", "45s")
}
