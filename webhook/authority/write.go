package authority

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// ownLabel is on the Secret that we made: no other one is written.
const ownLabel = "attache.dev/authority"

// fieldManager writes caBundle. It is not the controller's, whose ownership has a meaning.
const fieldManager = "attache-authority"

// secretData decodes the data of a Secret.
func secretData(u *unstructured.Unstructured) (map[string][]byte, error) {
	texts, _, err := unstructured.NestedStringMap(u.Object, "data")
	if err != nil {
		return nil, fmt.Errorf("reading the data of a Secret: %w", err)
	}
	data := make(map[string][]byte, len(texts))
	for key, text := range texts {
		if data[key], err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, fmt.Errorf("reading %s of a Secret: %w", key, err)
		}
	}
	return data, nil
}

// store creates the Secret, or replaces the version of it that was read.
func (k *Keeper) store(ctx context.Context, read *unstructured.Unstructured, s *state) error {
	data, err := s.data()
	if err != nil {
		return err
	}
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls"}}
	if read != nil {
		u = read.DeepCopy()
	}
	u.SetNamespace(k.options.Namespace)
	u.SetName(k.options.Secret)
	labels := u.GetLabels()
	if labels == nil {
		labels = map[string]string{"app.kubernetes.io/part-of": "attache", "app.kubernetes.io/managed-by": "attache"}
	}
	labels[ownLabel] = "true"
	u.SetLabels(labels)
	annotations := u.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[sinceAnnotation] = s.since.UTC().Format(time.RFC3339Nano)
	u.SetAnnotations(annotations)
	encoded := map[string]any{}
	for key, text := range data {
		encoded[key] = base64.StdEncoding.EncodeToString(text)
	}
	u.Object["data"] = encoded
	client := k.client.Resource(secrets).Namespace(k.options.Namespace)
	if read == nil {
		_, err = client.Create(ctx, u, metav1.CreateOptions{FieldManager: fieldManager})
	} else {
		_, err = client.Update(ctx, u, metav1.UpdateOptions{FieldManager: fieldManager})
	}
	if err != nil {
		return fmt.Errorf("writing Secret %s: %w", k.options.Secret, err)
	}
	return nil
}

// publish has every webhook trust a bundle.
func (k *Keeper) publish(ctx context.Context, trusted []byte) error {
	for _, w := range k.trust.configurations {
		u := w.object()
		if u == nil {
			continue
		}
		if err := k.inject(ctx, w, u, trusted); err != nil && !errors.IsNotFound(err) {
			return fmt.Errorf("writing caBundle of %s %s: %w", w.resource.Resource, w.name, err)
		}
	}
	return nil
}

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// inject writes the bundle where another one stands. The version that was seen is part of the
// patch, since it names webhooks by their places.
func (k *Keeper) inject(ctx context.Context, w *watched, u *unstructured.Unstructured, trusted []byte) error {
	patch := []operation{{"replace", "/metadata/resourceVersion", u.GetResourceVersion()}}
	for i, h := range hooksOf(u) {
		if !bytes.Equal(h.bundle, trusted) {
			patch = append(patch, operation{"add", fmt.Sprintf("/webhooks/%d/clientConfig/caBundle", i), trusted})
		}
	}
	if len(patch) == 1 {
		return k.disown(ctx, w, u)
	}
	written, err := k.patch(ctx, w, patch)
	if err != nil {
		return err
	}
	return k.disown(ctx, w, written)
}

// disown takes our ownership of caBundle back. An applier that drops a webhook could not remove it
// while somebody else owned a part.
func (k *Keeper) disown(ctx context.Context, w *watched, u *unstructured.Unstructured) error {
	var others []metav1.ManagedFieldsEntry
	for _, m := range u.GetManagedFields() {
		if m.Manager != fieldManager {
			others = append(others, m)
		}
	}
	if len(others) == len(u.GetManagedFields()) || len(others) == 0 {
		return nil
	}
	_, err := k.patch(ctx, w, []operation{
		{"replace", "/metadata/resourceVersion", u.GetResourceVersion()},
		{"replace", "/metadata/managedFields", others},
	})
	return err
}

func (k *Keeper) patch(ctx context.Context, w *watched, operations []operation) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(operations)
	if err != nil {
		return nil, err
	}
	return k.client.Resource(w.resource).Patch(ctx, w.name, types.JSONPatchType, text, metav1.PatchOptions{FieldManager: fieldManager})
}
