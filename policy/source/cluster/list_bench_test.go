package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/source/kubejson"
)

// storedRoutes is the text of a page of routes as an API server sends it.
func storedRoutes(b *testing.B, n int) []byte {
	b.Helper()
	items := make([]any, n)
	for i := range items {
		rule := map[string]any{
			"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": fmt.Sprintf("/%d", i)}}},
			"backendRefs": []any{map[string]any{"group": "", "kind": "Service", "name": "shop", "port": int64(8080), "weight": int64(1)}},
		}
		parent := map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": fmt.Sprintf("gateway-%d", i/20), "namespace": "infra"}
		fields := map[string]any{"f:metadata": map[string]any{"f:annotations": map[string]any{".": map[string]any{}, "f:" + publish.Annotation: map[string]any{}}},
			"f:spec": map[string]any{"f:hostnames": map[string]any{}, "f:parentRefs": map[string]any{}, "f:rules": map[string]any{}}}
		managed := func(manager string) map[string]any {
			return map[string]any{"manager": manager, "operation": "Apply", "apiVersion": "gateway.networking.k8s.io/v1", "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields}
		}
		items[i] = map[string]any{
			"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
			"metadata": map[string]any{
				"name": fmt.Sprintf("route-%d", i), "namespace": fmt.Sprintf("team-%d", i/10), "uid": fmt.Sprintf("8d2b6d1c-0000-4000-8000-%012d", i),
				"resourceVersion": fmt.Sprint(1000 + i), "generation": int64(1), "creationTimestamp": "2026-01-01T00:00:00Z", "labels": map[string]any{"team": fmt.Sprintf("team-%d", i/10)},
				"annotations":   map[string]any{publish.Annotation: fmt.Sprintf(`{"scopes":[{"route":%d,"text":"%s"}]}`, i, strings.Repeat("what a policy says, ", 30))},
				"managedFields": []any{managed("attache"), managed("kubectl")},
			},
			"spec":   map[string]any{"hostnames": []any{fmt.Sprintf("route-%d.example.com", i)}, "parentRefs": []any{parent, parent}, "rules": []any{rule, rule}},
			"status": map[string]any{"parents": []any{map[string]any{"parentRef": parent, "controllerName": "example.com/gateway", "conditions": []any{map[string]any{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "Route is accepted", "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": int64(1)}}}}},
		}
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRouteList", "items": items, "metadata": map[string]any{"resourceVersion": "1"}})
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// BenchmarkList reads a page of 500 routes in one pass, and in the general way.
func BenchmarkList(b *testing.B) {
	text := storedRoutes(b, 500)
	k := kind{keep: keepAnnotations}
	b.Run("one-pass", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		recent := &kubejson.Recent{}
		for b.Loop() {
			l := &lister{kind: k, recent: recent}
			p := outlined(bytes.NewBuffer(text))
			if p.err != nil || p.whole != nil || l.read(p) != nil || len(l.all.Items) != 500 {
				b.Fatal("it is not read")
			}
		}
	})
	b.Run("general", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			list, err := decodeList(text)
			if err != nil || len(list.Items) != 500 {
				b.Fatal("it is not read")
			}
			for i := range list.Items {
				compact(&list.Items[i], k)
			}
		}
	})
}
