package edit

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
)

// guardrailResource is the API resource of guardrails.
var guardrailResource = schema.GroupVersionResource{Group: policy.Group, Version: "v1alpha1", Resource: "policyguardrails"}

// GuardrailsOf lists the guardrails of a cluster; there are none where the CRD
// is not installed.
func GuardrailsOf(ctx context.Context, client dynamic.Interface) ([]*unstructured.Unstructured, error) {
	list, err := client.Resource(guardrailResource).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", guardrailResource.GroupResource(), err)
	}
	objects := make([]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		objects[i] = &list.Items[i]
	}
	return objects, nil
}

// Compilers are the compilers for the languages of guardrails.
var Compilers = guardrail.Compilers{CEL: celrule.Compile, Rego: regorule.Compile}
