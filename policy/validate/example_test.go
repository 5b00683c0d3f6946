package validate_test

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/policy/validate"
)

func Example() {
	r, _ := validate.New()
	for _, f := range crds.Attache() {
		crd := &unstructured.Unstructured{}
		_ = yaml.Unmarshal(f.Data, &crd.Object)
		_ = r.Add(crd)
	}
	u := &unstructured.Unstructured{}
	_ = yaml.Unmarshal([]byte(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: api-timeout, namespace: shop}
spec:
  targetRef: {group: gateway.networking.k8s.io/v1, kind: HTTPRoute, name: api-route}
  default: {request: 30s}
`), &u.Object)
	prepared, problems, _ := r.Prepare(context.Background(), u)
	fmt.Println(prepared.Object["spec"].(map[string]any)["strategy"])
	for _, p := range problems {
		fmt.Println(p)
	}
	// Output:
	// Patch
	// spec.targetRef.group: Invalid value: "gateway.networking.k8s.io/v1": "gateway.networking.k8s.io/v1" carries a version: write group: gateway.networking.k8s.io
}
