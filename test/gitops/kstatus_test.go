package gitops

import (
	"path/filepath"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// TestKstatus asks the library by which Helm and Flux see whether an object is ready. It considers
// an object without a status ready: the page says so.
func TestKstatus(t *testing.T) {
	want := map[string]status.Status{
		"new.yaml": status.CurrentStatus, "edited.yaml": status.InProgressStatus, "degraded.yaml": status.InProgressStatus, "healthy.yaml": status.CurrentStatus,
	}
	for _, kind := range []string{"PolicyGuardrail", "RateLimitPolicy", "RetryPolicy", "TimeoutPolicy"} {
		for file, expected := range want {
			object := &unstructured.Unstructured{}
			text := bytesOf(t, filepath.Join(examples, "argocd", "attache.dev", kind, "testdata", file))
			if err := yaml.Unmarshal(text, &object.Object); err != nil {
				t.Fatal(err)
			}
			result, err := status.Compute(object)
			if err != nil || result.Status != expected {
				t.Errorf("%s %s is %+v, %v; want %s", kind, file, result, err, expected)
			}
		}
	}
}
