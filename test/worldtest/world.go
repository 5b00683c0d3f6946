package worldtest

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/policy"
)

// Objects reads manifests as a person would write them, undefaulted and separated by "---". Whole
// numbers are int64, as an API server's decoder has them.
func Objects(t testing.TB, manifests string) []*unstructured.Unstructured {
	t.Helper()
	var list []*unstructured.Unstructured
	for document := range strings.SplitSeq(manifests, "\n---\n") {
		u, err := decode(document)
		if err != nil {
			t.Fatalf("%v in:\n%s", err, document)
		}
		if len(u.Object) > 0 {
			list = append(list, u)
		}
	}
	return list
}

// Readable is what can be read of a text that a fuzzer made.
func Readable(text string) []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for document := range strings.SplitSeq(text, "\n---\n") {
		if u, err := decode(document); err == nil && u.Object != nil {
			list = append(list, u)
		}
	}
	return list
}

func decode(document string) (*unstructured.Unstructured, error) {
	data, err := yaml.YAMLToJSON([]byte(document))
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	return u, json.Unmarshal(data, &u.Object)
}

// Object reads one manifest.
func Object(t testing.TB, manifest string) *unstructured.Unstructured {
	t.Helper()
	list := Objects(t, manifest)
	if len(list) != 1 {
		t.Fatalf("want one object, got %d in:\n%s", len(list), manifest)
	}
	return list[0]
}

// Kinds are the CRDs of this project's policy kinds.
func Kinds(t testing.TB) []*unstructured.Unstructured {
	t.Helper()
	var list []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		list = append(list, Objects(t, string(file.Data))...)
	}
	return list
}

// Snapshot is a snapshot of this project's kinds and the manifests given, which have no problems.
func Snapshot(t testing.TB, manifests string) *policy.Snapshot {
	t.Helper()
	s, problems := policy.NewSnapshot(policy.Options{}).With(append(Kinds(t), Objects(t, manifests)...)...)
	for _, p := range problems {
		t.Errorf("%v", p)
	}
	return s
}
