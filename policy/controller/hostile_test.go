package controller

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/review"
)

const freeCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: freepolicies.example.com, labels: {gateway.networking.k8s.io/policy: Inherited}}
spec: {group: example.com, scope: Namespaced, names: {kind: FreePolicy, plural: freepolicies}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}
`

// freePolicy is a policy of a kind that takes any value, on the route of freeWorld.
func freePolicy(value any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.com/v1", "kind": "FreePolicy", "metadata": map[string]any{"name": "p", "namespace": "one"},
		"spec": map[string]any{"targetRef": map[string]any{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "r"}, "default": value},
	}}
}

func freeWorld(t *testing.T) *policy.Snapshot {
	t.Helper()
	s, problems := policy.NewSnapshot(policy.Options{PlatformNamespaces: []string{"infra"}}).With(object(freeCRD),
		object("{"+gatewayAPI+"Gateway, metadata: {name: g, namespace: one, uid: g}, spec: {gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}]}}"),
		object("{"+gatewayAPI+"HTTPRoute, metadata: {name: r, namespace: one, uid: r}, spec: {parentRefs: [{name: g}], rules: [{}]}}"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return s
}

// nested is objects and lists in each other.
func nested(n int) map[string]any {
	value := map[string]any{"a": "x"}
	for i := range n {
		if i%2 == 0 {
			value = map[string]any{"a": value}
		} else {
			value = map[string]any{"a": []any{value}}
		}
	}
	return value
}

// many is an object of many fields.
func many(n int) map[string]any {
	value := map[string]any{}
	for i := range n {
		value[fmt.Sprintf("k%d", i)] = "v"
	}
	return value
}

// What tenants can put into a policy whose kind takes anything is merged, published
// and read back as it is, or the policy states too much and says so: at the size
// that an API server takes, neither a review nor the controller is busy with it.
func TestPoliciesOfAnySizeAndShape(t *testing.T) {
	for name, test := range map[string]struct {
		value   map[string]any
		problem string
		refused string
	}{
		"deep":               {value: nested(9000), problem: "more than 32 deep"},
		"a hundred thousand": {value: many(100_000), problem: "has 100003 fields, and a policy may have 512"},
		"as many as it may":  {value: many(policy.MaxFields - 3)},
		"as deep as it may":  {value: nested(20)},
		"a long list":        {value: map[string]any{"rules": slices.Repeat([]any{map[string]any{"name": "x"}}, 100_000)}, refused: "an EffectivePolicy may take 1048576"},
		"a list":             {value: map[string]any{"rules": slices.Repeat([]any{map[string]any{"name": "x"}}, 1000)}},
		"keys that look like others": {value: map[string]any{
			`a"].b`: "x", `c["d"]`: "y", "e.f": "z", "": "w", "\u202eg": "v", `\`: "u", `h\"]`: "t", "ｅ.f": "s", "e": map[string]any{"f": "r", "\u212b": "1", "\u00c5": "2"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, free := freeWorld(t), freePolicy(test.value)
			v, err := review.Review(t.Context(), s, review.EditOf(nil, free), short())
			if err != nil || v.Denied() != (test.refused != "") || v.Denied() && !strings.Contains(v.Denial("it"), test.refused) {
				t.Errorf("the review says %v, %v", v.Refusals, err)
			}
			s, problems := s.With(free)
			if (len(problems) > 0) != (test.problem != "") || len(problems) > 0 && !strings.Contains(fmt.Sprint(problems), test.problem) {
				t.Errorf("the problems are %.300v", problems)
			}
			ref := hierarchy.NewRef("gateway.networking.k8s.io", "HTTPRoute", "one", "r")
			e := effective.Resolve(s, ref).Get(ref)
			if e.Reached() != (test.problem == "") {
				t.Fatalf("reached: %v", e.Reached())
			}
			if !e.Reached() {
				return
			}
			shown := publish.EffectivePolicy(e)
			data, err := json.Marshal(shown.Object)
			if err != nil {
				t.Fatal(err)
			}
			size := e.Scopes[0].Result.Kinds[0].Size()
			if len(data) > 3*size+2000 || size > 3*len(data) {
				t.Errorf("it is said to take about %d bytes, and takes %d", size, len(data))
			}
			if back := publish.Read(s, ref, shown); len(effective.Compare(e, back)) > 0 || len(effective.ChangedOrigins(e, back)) > 0 {
				t.Errorf("it reads back as something else: %.500s", data)
			}
		})
	}
}
