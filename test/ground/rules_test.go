package ground

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// unnamed has two rules that only their matches tell apart.
const unnamed = `
metadata: {name: checkout}
spec:
  rules:
  - matches: [{path: {type: PathPrefix, value: /a}}]
    timeouts: {request: 60s}
    backendRefs: [{name: a, port: 80, weight: 3}, {name: b, port: 80, weight: 1}]
  - matches: [{path: {type: PathPrefix, value: /b}}]
    timeouts: {request: 50s}
    backendRefs: [{name: a, port: 80, weight: 1}, {name: b, port: 80, weight: 3}]
`

func TestARuleThatIsRenamedKeepsItsOwnWords(t *testing.T) {
	w := newWorld(t)
	w.hook.want(map[string]map[string]any{"pay": {"timeouts.request": "20s"}, "charge": {"timeouts.request": "20s"}})
	w.mustApply("team", checkout)
	// An editor gets what is stored, and changes the name in it.
	w.editStored(func(text string) string {
		return strings.ReplaceAll(text, `"name":"pay","timeouts"`, `"name":"charge","timeouts"`)
	})
	w.says(w.route(), "charge", "timeouts.request", "20s")
	w.ownSays(w.route(), "charge", "timeouts.request", "60s")
	// It loses its name altogether.
	w.editStored(func(text string) string { return strings.ReplaceAll(text, `"name":"charge","timeouts"`, `"timeouts"`) })
	w.says(w.route(), "", "timeouts.request", "60s")
}

func TestRulesThatAreReorderedWithOtherWeightsKeepTheirOwnWords(t *testing.T) {
	w := newWorld(t)
	w.hook.want(map[string]map[string]any{"": {"timeouts.request": "20s"}})
	w.mustApply("team", unnamed)
	route := w.route()
	rules := rulesOf(route)
	for _, rule := range rules {
		for _, ref := range rule["backendRefs"].([]any) {
			ref.(map[string]any)["weight"] = int64(2)
		}
	}
	if err := unstructured.SetNestedSlice(route.Object, []any{rules[1], rules[0]}, "spec", "rules"); err != nil {
		t.Fatal(err)
	}
	if err := w.Update(t.Context(), route); err != nil {
		t.Fatal(err)
	}
	words := own(w.route(), recordOf(w.route()))
	if a, b := get(words[1], "timeouts.request"), get(words[0], "timeouts.request"); a != "60s" || b != "50s" {
		t.Errorf("the own words of /a are %v, of /b %v", a, b)
	}
}

// The record goes missing in three ways while the values stay. On UPDATE the old
// object still has it.
func TestARecordThatIsRemovedIsRemembered(t *testing.T) {
	for name, remove := range map[string]func(*world){
		"annotate": func(w *world) { w.kubectl("", "annotate", "httproute", "checkout", recordKey+"-") },
		"replaced without annotations": func(w *world) {
			w.editStored(func(text string) string {
				u := &unstructured.Unstructured{}
				if err := json.Unmarshal([]byte(text), &u.Object); err != nil {
					w.Fatal(err)
				}
				u.SetAnnotations(nil)
				return plain(u.Object)
			})
		},
		"an applier drops its last annotation": func(w *world) {
			with := strings.Replace(checkout, "{name: checkout}", "{name: checkout, annotations: {a: b}}", 1)
			w.mustApply("team", with)
			w.patch(`{"metadata":{"annotations":null}}`, "somebody")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.hook.want(payIn20s)
			w.mustApply("team", checkout)
			remove(w)
			w.says(w.route(), "pay", "timeouts.request", "20s")
			w.ownSays(w.route(), "pay", "timeouts.request", "60s")
		})
	}
}

// A mutator after ours makes the API server ask us again. The object then has our values and our
// record, while the old one may have neither.
func TestReinvocationFindsTheSameWords(t *testing.T) {
	w := newWorld(t)
	w.hook.want(both)
	late := &hook{mutate: func(route, _ *unstructured.Unstructured) *unstructured.Unstructured {
		out := route.DeepCopy()
		labels := out.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels["late"] = "yes"
		out.SetLabels(labels)
		return out
	}}
	// Configurations are called by name: this one comes after "inject".
	w.install("later", late)
	w.hook.calls.Store(0)
	route := w.mustApply("team", checkout)
	if calls := w.hook.calls.Load(); calls != 2 {
		t.Errorf("it was called %d times, want 2: once, and once after the other", calls)
	}
	w.says(route, "cart", "timeouts.request", "30s")
	w.ownSays(route, "cart", "timeouts.request", nil)
	w.ownSays(route, "pay", "timeouts.request", "60s")
}

// editStored sends back what is stored, changed, as kubectl edit and replace do.
func (w *world) editStored(change func(string) string) {
	w.Helper()
	before := w.route()
	text := plain(before.Object)
	after := change(text)
	if after == text {
		w.Fatal("nothing is changed")
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(after), &u.Object); err != nil {
		w.Fatal(err)
	}
	if err := w.Update(w.Context(), u); err != nil {
		w.Fatal(err)
	}
}
