package bench

import (
	"fmt"
	"runtime"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/review"
)

// The rules of two guardrails: one that all paths with one result share, and one
// that has to be asked about each path.
const (
	sharedRule = `effective.?TimeoutPolicy.?request.hasValue()`
	namesRule  = `rule.name != "x" && route.name != "x" && listener.name != "x"`
)

// wide is a Gateway with 64 listeners and routes with 16 rules, each of which
// states a timeout of its own: 1024 paths a route.
func wide(b *testing.B, routes int) (*policy.Snapshot, *unstructured.Unstructured) {
	b.Helper()
	add := func(objs []*unstructured.Unstructured, o object) []*unstructured.Unstructured {
		return append(objs, &unstructured.Unstructured{Object: o})
	}
	var listeners, rules []any
	for i := range 64 {
		listeners = append(listeners, object{"name": fmt.Sprintf("l%d", i), "port": int64(8000 + i), "protocol": "HTTP",
			"allowedRoutes": object{"namespaces": object{"from": "All"}}})
	}
	for i := range 16 {
		rules = append(rules, object{"name": fmt.Sprintf("r%d", i), "timeouts": object{"request": fmt.Sprintf("%ds", 20+i)}})
	}
	objs := add(nil, object{"apiVersion": gatewayAPI, "kind": "GatewayClass", "metadata": object{"name": "edge"},
		"spec": object{"controllerName": "example.com/gateway"}})
	objs = add(objs, object{"apiVersion": gatewayAPI, "kind": "Gateway", "metadata": object{"name": "big", "namespace": infra},
		"spec": object{"gatewayClassName": "edge", "listeners": listeners}})
	for i := range routes {
		objs = add(objs, object{"apiVersion": gatewayAPI, "kind": "HTTPRoute", "metadata": object{"name": fmt.Sprintf("big%d", i), "namespace": "team-a"},
			"spec": object{"parentRefs": []any{object{"name": "big", "namespace": infra}},
				"hostnames": []any{fmt.Sprintf("h%d.example.com", i)}, "rules": rules}})
	}
	above := policies(infra, place{kind: "Gateway", name: "big"}, "default", 0)[0]
	s, problems := snapshot(b, 0).With(append(objs, above)...)
	for _, p := range problems {
		b.Fatal(p)
	}
	return s, above
}

func railOf(b *testing.B, expression string) *guardrail.Guardrail {
	b.Helper()
	u := &unstructured.Unstructured{}
	text := fmt.Sprintf("{apiVersion: attache.dev/v1alpha1, kind: PolicyGuardrail, metadata: {name: g}, spec: {cel: [{expression: '%s', message: not so}]}}", expression)
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		b.Fatal(err)
	}
	g, problems := guardrail.Parse(u, guardrail.Compilers{CEL: celrule.Compile})
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	return g
}

// BenchmarkManyPaths is the review of an edit, and of the deletion, of the policy
// of a Gateway below which there are 1024 paths a route.
func BenchmarkManyPaths(b *testing.B) {
	for _, n := range sizes(20, 200, 800) {
		for name, rule := range map[string]string{"none": "", "shared": sharedRule, "names": namesRule} {
			b.Run(fmt.Sprintf("routes=%d/guardrail=%s", n, name), func(b *testing.B) {
				s, above := wide(b, n)
				var guardrails []*guardrail.Guardrail
				if rule != "" {
					guardrails = append(guardrails, railOf(b, rule))
				}
				edited := above.DeepCopy()
				if err := unstructured.SetNestedField(edited.Object, "4s", "spec", "default", "connect"); err != nil {
					b.Fatal(err)
				}
				edit := review.EditOf(above, edited)
				edit.MaxPaths, edit.Platform = 50_000, true // as the chart has it
				b.ReportAllocs()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for b.Loop() {
					if _, err := review.Review(b.Context(), s, edit, guardrails); err != nil {
						b.Fatal(err)
					}
				}
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/(1<<20), "MiB/op")
			})
		}
	}
}
