package document

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
)

// New makes an object that is to be written.
func New(apiVersion, kind, namespace, name string, labels map[string]string, annotations map[string]string, spec map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"namespace": namespace, "name": name}, "spec": spec,
	}}
	if len(labels) > 0 {
		u.SetLabels(labels)
	}
	if len(annotations) > 0 {
		u.SetAnnotations(annotations)
	}
	return u
}

// The API versions of what is written.
const (
	GatewayAPI = hierarchy.Group + "/v1"
	PolicyAPI  = "attache.dev/v1alpha1"
)

// kindOrder is the order in which objects are written (M3).
func kindOrder(kind string) int {
	order := []string{"Gateway", "ListenerSet", "ReferenceGrant", "HTTPRoute", "GRPCRoute", "TLSRoute"}
	if i := slices.Index(order, kind); i >= 0 {
		return i
	}
	return len(order)
}

// Sort orders objects as they are written (M3).
func Sort(list []*unstructured.Unstructured) {
	slices.SortStableFunc(list, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(kindOrder(a.GetKind())-kindOrder(b.GetKind()), cmp.Compare(a.GetKind(), b.GetKind()),
			cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
}
