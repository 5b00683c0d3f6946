package worlds

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/review"
)

// contents writes everything that a snapshot and its resolution hand out by reference: values of
// policies, bounds, merged values, origins, listeners and rules. Whatever changed one of those
// changes this.
func contents(s *policy.Snapshot, r effective.Resolution) string {
	var b strings.Builder
	write := func(v any) {
		data, err := json.Marshal(v)
		if err != nil {
			data = []byte(err.Error())
		}
		b.Write(data)
		b.WriteByte('\n')
	}
	policies := map[string]any{}
	for p := range s.Policies() {
		policies[p.Ref.String()] = []any{p.Targets, p.Layers, fmt.Sprint(p.Bounds), p.Problems}
	}
	write(policies)
	for e := range r.All() {
		write([]any{e.Target, len(e.Reaches)})
		for _, scope := range e.Scopes {
			for _, l := range scope.Parents {
				write([]any{l.Ref, l.Spec.Hostname, l.Supported, l.Conflicted})
			}
			for _, m := range scope.Result.Kinds {
				write([]any{m.Kind.Name(), m.Value, m.Origins, m.NotApplicable})
			}
		}
	}
	return b.String()
}

// "Nothing that a snapshot returns may be changed" is a sentence in a comment; this test checks
// everybody who reads one: a review with guardrails, a planner, the reports of the command.
func TestNobodyChangesWhatASnapshotHandsOut(t *testing.T) {
	kinds := manifests(t, strangers)
	for _, file := range crds.Attache() {
		kinds = append(kinds, manifests(t, string(file.Data))...)
	}
	guardrails := []*guardrail.Guardrail{ceiling(t)}
	reviewed := 0
	for i := range 60 {
		w := draw(rand.New(rand.NewPCG(uint64(i), 11)), float64(i%10+1)/10)
		list := manifests(t, w.yaml())
		s, _ := policy.NewSnapshot(policy.Options{}).With(append(kinds, list...)...)
		resolution := effective.ResolveAll(s)
		before := contents(s, resolution)
		given, _ := json.Marshal(list)
		for _, u := range list {
			for _, e := range []review.Edit{review.EditOf(u, nil), review.EditOf(nil, u)} {
				v, err := review.Review(t.Context(), s, e, guardrails)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = v.Warnings(), v.Denial("it")
				explain.ChangesOf(v.Before, v.After, v.Changes(), labels.Everything())
				reviewed++
			}
		}
		for e := range resolution.All() {
			published := publish.EffectivePolicy(e)
			if published != nil {
				publish.Read(s, e.Target, published)
				scribble(published.Object)
			}
			publish.AnnotationValue(e)
			_, _ = explain.Describe(s, e.Target, func(hierarchy.Ref) string { return "" })
		}
		if diff := cmp.Diff(before, contents(s, resolution)); diff != "" {
			t.Fatalf("world %d: what the snapshot hands out was changed:\n%s", i, diff)
		}
		if after, _ := json.Marshal(list); string(after) != string(given) {
			t.Fatalf("world %d: an object that was given was changed", i)
		}
	}
	if reviewed < 100 {
		t.Errorf("only %d edits were reviewed", reviewed)
	}
}

// scribble changes everything in an object: what is to be written is its writer's, and shares nothing
// with the snapshot.
func scribble(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = scribble(inner)
		}
		v["scribbled"] = true
	case []any:
		for i := range v {
			v[i] = scribble(v[i])
		}
	default:
		return "scribbled"
	}
	return value
}

func ceiling(t *testing.T) *guardrail.Guardrail {
	t.Helper()
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "attache.dev/v1alpha1", "kind": "PolicyGuardrail", "metadata": map[string]any{"name": "ceiling"},
		"spec": map[string]any{"enforcement": "Deny", "cel": []any{map[string]any{
			"expression": "!has(effective.TimeoutPolicy) || !has(effective.TimeoutPolicy.request) || duration(effective.TimeoutPolicy.request) <= duration('3s')",
			"message":    "three seconds at most",
		}}},
	}}
	g, problems := guardrail.Parse(u, guardrail.Compilers{CEL: celrule.Compile})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return g
}
