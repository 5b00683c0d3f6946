package ground

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/test/controlplane"
)

// The standard channel of Gateway API 1.6 has no retry. Injected, it is pruned.
func TestWhatTheCRDDoesNotKnowIsPrunedAndNeverSettles(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	crds, err := controlplane.GatewayAPICRDs("standard")
	if err != nil {
		t.Fatal(err)
	}
	plane, err := controlplane.Start(t.Context(), controlplane.Options{CRDs: []string{crds}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	w := bareWorld(t, plane)
	w.install("inject", w.hook, notGoing, changed)
	w.hook.want(map[string]map[string]any{"pay": {"retry.attempts": 3, "timeouts.request": "20s"}})
	born := w.create(checkout)
	w.says(born, "pay", "retry", nil)
	w.says(born, "pay", "timeouts.request", "20s")
	if !strings.Contains(born.GetAnnotations()[recordKey], "retry") {
		t.Errorf("the record does not claim the pruned field: %s", born.GetAnnotations()[recordKey])
	}
	// The webhook finds its value missing, takes that for the owner's word, and
	// writes again: each touch is a write, although nothing ever differs.
	for i := range int64(3) {
		if touched := w.touch(); touched.GetGeneration() != born.GetGeneration()+i+1 {
			t.Errorf("touch %d gives %s after %s", i+1, version(touched), version(born))
		}
	}
}

// An injected value that breaks the schema makes every write to the route fail,
// whoever sends it: a webhook has to check before it injects.
func TestAnInjectedValueThatBreaksCELRefusesEverybodysWrites(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", strings.Replace(checkout, "request: 60s", "request: 60s, backendRequest: 50s", 1))
	w.hook.want(payIn20s) // 20s is less than the backendRequest that stays
	_, err := w.apply("team", strings.Replace(checkout, "request: 60s", "request: 59s, backendRequest: 50s", 1))
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "backendRequest timeout cannot be longer than request timeout") {
		t.Errorf("got %v", err)
	}
	if said, err := w.tryKubectl("", "label", "httproute", "checkout", "a=b"); err == nil {
		t.Errorf("a label can still be written: %s", said)
	}
	w.hook.want(map[string]map[string]any{"pay": {"timeouts.request": "20s", "timeouts.backendRequest": "20s"}})
	w.says(w.touch(), "pay", "timeouts.backendRequest", "20s")
	w.ownSays(w.route(), "pay", "timeouts.backendRequest", "50s")
}

// A list item that is injected without its defaults is stored with them, so that
// what is stored differs from what was injected.
func TestInjectedItemsGetTheDefaultsOfTheCRD(t *testing.T) {
	w := newWorld(t)
	w.hook.want(map[string]map[string]any{"pay": {"backendRefs": []any{map[string]any{"name": "other", "port": 80}}}})
	born := w.mustApply("team", checkout)
	stored := get(ruleNamed(t, born, "pay"), "backendRefs")
	want := []any{map[string]any{"group": "", "kind": "Service", "name": "other", "port": 80, "weight": 1}}
	if plain(stored) != plain(want) {
		t.Errorf("stored is %s, want %s", plain(stored), plain(want))
	}
	// So the record does not explain it any more, and the owner's word is lost.
	w.ownSays(born, "pay", "backendRefs", want)
	// Complete with the defaults, it is explained.
	w.hook.want(map[string]map[string]any{"cart": {"backendRefs": want}})
	w.mustApply("team", checkout)
	cart := get(ruleNamed(t, w.parsed(checkout), "cart"), "backendRefs").([]any)
	for _, ref := range cart {
		ref.(map[string]any)["group"], ref.(map[string]any)["kind"] = "", "Service"
	}
	w.says(w.route(), "cart", "backendRefs", want)
	w.ownSays(w.route(), "cart", "backendRefs", cart)
}

func ruleNamed(t *testing.T, route *unstructured.Unstructured, name string) map[string]any {
	t.Helper()
	for _, rule := range rulesOf(route) {
		if nameOf(rule) == name {
			return rule
		}
	}
	t.Fatalf("there is no rule %s", name)
	return nil
}
