package gitops

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/attache-dev/attache/crds"
)

// object is an example of a kind.
func object(t *testing.T, kind, file string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(bytesOf(t, filepath.Join(examples, "argocd", "attache.dev", kind, "testdata", file)), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

// TestKstatus asks the library by which Helm and Flux see whether an object is ready. It considers
// an object without a status ready, which is why the CRDs have a status as a default.
func TestKstatus(t *testing.T) {
	want := map[string]status.Status{
		"new.yaml": status.CurrentStatus, "pending.yaml": status.InProgressStatus, "edited.yaml": status.InProgressStatus,
		"degraded.yaml": status.InProgressStatus, "healthy.yaml": status.CurrentStatus,
	}
	for _, kind := range []string{"PolicyGuardrail", "RateLimitPolicy", "RetryPolicy", "TimeoutPolicy"} {
		for file, expected := range want {
			result, err := status.Compute(object(t, kind, file))
			if err != nil || result.Status != expected {
				t.Errorf("%s %s is %+v, %v; want %s", kind, file, result, err, expected)
			}
		}
	}
}

// The examples of objects that no controller has seen have the status of the CRDs.
func TestPendingIsTheDefaultOfTheCRDs(t *testing.T) {
	seen := 0
	for _, file := range crds.Attache() {
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(file.Data, &crd.Object); err != nil {
			t.Fatal(err)
		}
		kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
		if kind == "EffectivePolicy" {
			continue // nobody but attache writes them
		}
		versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
		byDefault, _, _ := unstructured.NestedFieldNoCopy(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "status", "default")
		if got := object(t, kind, "pending.yaml").Object["status"]; !reflect.DeepEqual(got, byDefault) {
			t.Errorf("a new %s has %v, the example %v", kind, byDefault, got)
		}
		seen++
	}
	if seen != 4 {
		t.Errorf("%d kinds", seen)
	}
}
