package preview

import (
	"encoding/json"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apijson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
)

// lastApplied is where kubectl keeps what it applied last.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Applied is what "kubectl apply" makes of an object that there is: what the
// manifest says, without what it said when it was applied last, and with what
// others have added since.
func Applied(old, manifest *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	var original []byte
	if text := old.GetAnnotations()[lastApplied]; json.Valid([]byte(text)) {
		original = []byte(text) // what is not JSON says nothing
	}
	modified, err := json.Marshal(manifest.Object)
	if err != nil {
		return nil, err
	}
	current, err := json.Marshal(old.Object)
	if err != nil {
		return nil, err
	}
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(original, modified, current)
	if err != nil {
		return nil, err
	}
	merged, err := jsonpatch.MergePatch(current, patch)
	if err != nil {
		return nil, err
	}
	stored := &unstructured.Unstructured{}
	if err := apijson.Unmarshal(merged, &stored.Object); err != nil {
		return nil, err
	}
	stored.SetCreationTimestamp(old.GetCreationTimestamp())
	if status, has := old.Object["status"]; has {
		stored.Object["status"] = status
	}
	return stored, nil
}
