package policy_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/policy"
)

// objects reads YAML documents separated by "---".
func objects(t testing.TB, text string) []*unstructured.Unstructured {
	t.Helper()
	var list []*unstructured.Unstructured
	for doc := range strings.SplitSeq(text, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			t.Fatalf("%v in:\n%s", err, doc)
		}
		if len(u.Object) > 0 {
			u.Object = normal(u.Object).(map[string]any)
			list = append(list, u)
		}
	}
	return list
}

// normal turns whole floats into int64, as the API server's decoder does.
func normal(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = normal(x[k])
		}
	case []any:
		for i := range x {
			x[i] = normal(x[i])
		}
	case float64:
		if x == float64(int64(x)) {
			return int64(x)
		}
	}
	return v
}

// ourKinds are the CRDs of this project.
func ourKinds(t testing.TB) []*unstructured.Unstructured {
	t.Helper()
	var list []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		list = append(list, objects(t, string(file.Data))...)
	}
	return list
}

// world is a snapshot of our kinds and the objects given.
func world(t testing.TB, text string) *policy.Snapshot {
	t.Helper()
	s, problems := policy.NewSnapshot(policy.Options{}).With(append(ourKinds(t), objects(t, text)...)...)
	for _, p := range problems {
		t.Errorf("%v", p)
	}
	return s
}
