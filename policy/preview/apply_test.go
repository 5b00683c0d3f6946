package preview

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/test/worldtest"
)

// How the tests write objects.
var object = worldtest.Object

func TestWhatKubectlApplyMakesOfAnObject(t *testing.T) {
	const last = `{"metadata": {"name": "a", "labels": {"gone": "x", "kept": "x"}}, "spec": {"default": {"request": "1s", "backend": "1s"}, "list": [1, 2]}}`
	const manifest = `{metadata: {name: a, labels: {kept: y}, creationTimestamp: "2026-02-02T00:00:00Z"}, spec: {default: {request: 2s}, list: [3], new: {}}, status: {mine: true}}`
	for name, test := range map[string]struct{ applied, want string }{
		"what was applied before and is not any more goes": {last,
			`{metadata: {name: a, uid: u, labels: {kept: y, theirs: x}, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {default: {request: 2s, connect: 1s}, list: [3], new: {}}, status: {is: here}}`},
		"without that everything stays": {"",
			`{metadata: {name: a, uid: u, labels: {gone: x, kept: y, theirs: x}, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {default: {request: 2s, backend: 1s, connect: 1s}, list: [3], new: {}}, status: {is: here}}`},
		"what is not JSON says nothing": {"{",
			`{metadata: {name: a, uid: u, labels: {gone: x, kept: y, theirs: x}, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {default: {request: 2s, backend: 1s, connect: 1s}, list: [3], new: {}}, status: {is: here}}`},
	} {
		t.Run(name, func(t *testing.T) {
			old := object(t, `{metadata: {name: a, uid: u, labels: {gone: x, kept: x, theirs: x}, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {default: {request: 1s, backend: 1s, connect: 1s}, list: [1, 2]}, status: {is: here}}`)
			before := old.DeepCopy()
			if test.applied != "" {
				old.SetAnnotations(map[string]string{lastApplied: test.applied})
			}
			got, err := Applied(old, object(t, manifest))
			if err != nil {
				t.Fatal(err)
			}
			got.SetAnnotations(nil)
			if diff := cmp.Diff(text(t, object(t, test.want)), text(t, got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			old.SetAnnotations(nil)
			if diff := cmp.Diff(text(t, before), text(t, old)); diff != "" {
				t.Errorf("the object itself is changed:\n%s", diff)
			}
		})
	}
}

func text(t *testing.T, u *unstructured.Unstructured) string {
	t.Helper()
	data, err := json.MarshalIndent(u.Object, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
