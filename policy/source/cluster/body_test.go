package cluster

import (
	"fmt"
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/status"
)

// wideResult is an EffectivePolicy with a number of scopes of 64 parents each.
func wideResult(scopes int) *unstructured.Unstructured {
	list := make([]any, scopes)
	for i := range list {
		parents := make([]any, 64)
		for j := range parents {
			parents[j] = map[string]any{"gateway": map[string]any{"namespace": "infra", "name": "wide"}, "listener": fmt.Sprintf("l%d", j)}
		}
		list[i] = map[string]any{"parents": parents, "rules": []any{map[string]any{"index": int64(i)}}, "effective": map[string]any{"TimeoutPolicy": map[string]any{"request": fmt.Sprintf("%ds", i)}}}
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "attache.dev/v1alpha1", "kind": "EffectivePolicy",
		"metadata":  map[string]any{"namespace": "shop", "name": "httproute.wide", "uid": "u", "resourceVersion": "7"},
		"targetRef": map[string]any{"kind": "HTTPRoute", "name": "wide"},
		"status":    map[string]any{"observedGeneration": int64(3), "scopes": list},
	}}
	status.Claim(u, true)
	return u
}

var effectiveKind = func() kind {
	what := hierarchyCRDs[effectiveCRD]
	return kind{keep: what.keep, role: what.role}
}()

// What is kept of a result has the same content, be it small or large, and equal results are kept
// as equal bytes, so that a change can be told apart from an echo.
func TestAResultIsKeptWhole(t *testing.T) {
	for _, scopes := range []int{0, 1, 32} {
		t.Run(fmt.Sprint(scopes), func(t *testing.T) {
			whole, once, twice := wideResult(scopes), wideResult(scopes), wideResult(scopes)
			compact(once, effectiveKind)
			compact(twice, effectiveKind)
			compact(twice, effectiveKind)
			r, again := newRecord(effectiveKind, once), newRecord(effectiveKind, twice)
			if !r.written.equal(again.written) || !r.written.equal(newRecord(effectiveKind, whole).written) {
				t.Error("one result is kept in two ways")
			}
			kept := r.written.body.decode()
			if !reflect.DeepEqual(kept["status"], whole.Object["status"]) || !reflect.DeepEqual(kept["targetRef"], whole.Object["targetRef"]) {
				t.Errorf("it says %v", kept)
			}
			if r.uid != "u" || r.version != "7" || !status.Claimed(&unstructured.Unstructured{Object: kept}) {
				t.Errorf("its record is %+v", r)
			}
			changed := wideResult(scopes)
			changed.Object["status"].(map[string]any)["observedGeneration"] = int64(4)
			if newRecord(effectiveKind, changed).written.equal(r.written) {
				t.Error("another result is kept in the same way")
			}
			if scopes == 32 && len(r.written.body.data) > 16<<10 {
				t.Errorf("it takes %d bytes", len(r.written.body.data))
			}
		})
	}
}
