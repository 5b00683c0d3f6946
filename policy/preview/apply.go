package preview

import (
	"encoding/json"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apijson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
)

// lastApplied is the annotation in which kubectl keeps the manifest that it applied last.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Applied returns what "kubectl apply" would store for an existing object: the fields of the
// manifest, without those of the manifest that was applied last, and with those that others have
// added since.
func Applied(old, manifest *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	var original []byte
	if text := old.GetAnnotations()[lastApplied]; json.Valid([]byte(text)) {
		original = []byte(text) // invalid JSON counts as empty
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
