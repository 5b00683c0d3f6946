package export_test

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/validate"
)

// checker refuses what the HTTPRoute CRD of the experimental channel refuses.
type checker struct{ registry *validate.Registry }

func (c checker) Check(route *unstructured.Unstructured) []string {
	_, problems, _ := c.registry.Prepare(context.Background(), route)
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Field + ": " + p.Message
	}
	return texts
}

// drawRoute draws a valid HTTPRoute as it is stored.
func drawRoute(t *rapid.T, registry *validate.Registry) *unstructured.Unstructured {
	var rules []any
	for i := range rapid.IntRange(1, 4).Draw(t, "rules") {
		rule := map[string]any{
			"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/" + strconv.Itoa(i)}}},
			"backendRefs": []any{map[string]any{"name": "shop", "port": int64(80)}},
		}
		if rapid.Bool().Draw(t, "named") {
			rule["name"] = "rule-" + strconv.Itoa(i)
		}
		timeouts := map[string]any{}
		maybe(t, timeouts, "request", rapid.SampledFrom([]string{"10s", "1m"}))
		maybe(t, timeouts, "backendRequest", rapid.SampledFrom([]string{"1s", "9s"}))
		if len(timeouts) > 0 || rapid.Bool().Draw(t, "empty timeouts") {
			rule["timeouts"] = timeouts
		}
		if rapid.Bool().Draw(t, "retry") {
			rule["retry"] = map[string]any{"attempts": rapid.Int64Range(1, 3).Draw(t, "attempts"), "codes": []any{int64(503)}}
		}
		if rapid.Bool().Draw(t, "filter") {
			rule["filters"] = []any{map[string]any{"type": "RequestHeaderModifier", "requestHeaderModifier": map[string]any{"remove": []any{"x"}}}}
		}
		rules = append(rules, rule)
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
		"metadata": map[string]any{"name": "r", "namespace": "shop"}, "spec": map[string]any{"rules": rules},
	}}
	stored, problems, _ := registry.Prepare(context.Background(), u)
	if len(problems) > 0 {
		t.Fatalf("the generator draws what is not valid: %v", problems)
	}
	return stored
}

func drawInjections(t *rapid.T, rules int) []export.RuleInjection {
	var list []export.RuleInjection
	for i := range rules {
		leaves := map[string]any{}
		values := map[string][]any{
			"timeouts.request": {"2s", "30s", nil}, "timeouts.backendRequest": {"1s", "20s", nil},
			"retry.attempts": {int64(2), nil}, "retry.codes": {[]any{int64(502)}, nil}, "retry.backoff": {"100ms", nil},
		}
		for _, leaf := range injected.Leaves() {
			name := leaf[0] + "." + leaf[1]
			if rapid.Bool().Draw(t, "put "+name) {
				leaves[name] = values[name][rapid.IntRange(0, len(values[name])-1).Draw(t, name)]
			}
		}
		injection := export.RuleInjection{Rule: i, Leaves: leaves}
		if rapid.Bool().Draw(t, "filters") {
			injection.First, injection.Last = []string{"attache-r-first"}, []string{"attache-r-last"}
		}
		list = append(list, injection)
	}
	return list
}

// with is a route with other rules and a record.
func with(route *unstructured.Unstructured, result export.Injected) *unstructured.Unstructured {
	out := route.DeepCopy()
	_ = unstructured.SetNestedSlice(out.Object, result.Rules, "spec", "rules")
	if len(result.Record.Rules) > 0 {
		out.SetAnnotations(map[string]string{injected.Annotation: result.Record.String()})
	}
	return out
}

// TestInjectionCanBeUndone: injected values can be told apart from the owner's, through storage
// and defaulting; injecting them again changes nothing; and the route stays valid (E8.4, E8.5).
func TestInjectionCanBeUndone(t *testing.T) {
	registry, err := source.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	check := checker{registry}
	rapid.Check(t, func(t *rapid.T) {
		own := drawRoute(t, registry)
		rules, _, _ := unstructured.NestedSlice(own.Object, "spec", "rules")
		injections := drawInjections(t, len(rules))
		before := own.DeepCopy()
		result := export.Inject(own, injections, check)
		if diff := cmp.Diff(before, own); diff != "" {
			t.Fatalf("the owner's object was changed:\n%s", diff)
		}
		after := with(own, result)
		stored, problems, _ := registry.Prepare(context.Background(), after)
		if len(problems) > 0 {
			t.Fatalf("no longer valid: %v", problems)
		}
		stored = throughJSON(t, stored)
		back := injected.OwnObject(stored.Object)
		same(t, "own words", own.Object["spec"], back["spec"])
		again := export.Inject(&unstructured.Unstructured{Object: back}, injections, check)
		same(t, "injected again", result.Rules, again.Rules)
		same(t, "record", result.Record.String(), again.Record.String())

		// The owner reorders the rules: each record still finds its rule.
		moved := stored.DeepCopy()
		list, _, _ := unstructured.NestedSlice(moved.Object, "spec", "rules")
		slices.Reverse(list)
		_ = unstructured.SetNestedSlice(moved.Object, list, "spec", "rules")
		slices.Reverse(rules)
		ownMoved, _ := injected.Own(moved.Object, injected.RecordOf(moved.Object))
		same(t, "reordered", rules, ownMoved)
	})
}

// maybe puts a drawn value into an object now and then.
func maybe[V any](t *rapid.T, object map[string]any, name string, g *rapid.Generator[V]) {
	if rapid.Bool().Draw(t, "has "+name) {
		object[name] = g.Draw(t, name)
	}
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func throughJSON(t *rapid.T, u *unstructured.Unstructured) *unstructured.Unstructured {
	text, err := json.Marshal(u.Object)
	if err != nil {
		t.Fatal(err)
	}
	out := &unstructured.Unstructured{}
	if err := out.UnmarshalJSON(text); err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *rapid.T, what string, want, got any) {
	t.Helper()
	if show(want) != show(got) {
		t.Errorf("%s: want\n%s\ngot\n%s", what, show(want), show(got))
	}
}
