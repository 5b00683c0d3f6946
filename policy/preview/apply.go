package preview

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// lastApplied is where kubectl keeps what it applied last.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Applied is what "kubectl apply" makes of an object that there is: what the
// manifest says, without what it said when it was applied last, and with what
// others have added since.
func Applied(old, manifest *unstructured.Unstructured) *unstructured.Unstructured {
	var last map[string]any
	if text := old.GetAnnotations()[lastApplied]; text != "" {
		_ = json.Unmarshal([]byte(text), &last) // what is not JSON says nothing
	}
	stored := &unstructured.Unstructured{Object: mergedInto(old.Object, last, manifest.Object)}
	stored.SetCreationTimestamp(old.GetCreationTimestamp())
	if status, has := old.Object["status"]; has {
		stored.Object["status"] = status
	}
	return stored
}

func mergedInto(old, last, manifest map[string]any) map[string]any {
	stored := runtime.DeepCopyJSON(old)
	for key := range last {
		if _, still := manifest[key]; !still {
			delete(stored, key)
		}
	}
	for key, value := range manifest {
		inner, isObject := value.(map[string]any)
		was, wasObject := old[key].(map[string]any)
		if isObject && wasObject {
			before, _ := last[key].(map[string]any)
			value = mergedInto(was, before, inner)
		}
		stored[key] = value
	}
	return stored
}
