// +kubebuilder:object:generate=true
// +groupName=attache.dev

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of every kind in this package.
const GroupName = "attache.dev"

var (
	// GroupVersion is the group and version of every kind in this package.
	GroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}

	// SchemeBuilder collects what AddToScheme registers.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme registers every kind of this package in a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&TimeoutPolicy{}, &TimeoutPolicyList{},
		&RetryPolicy{}, &RetryPolicyList{},
		&RateLimitPolicy{}, &RateLimitPolicyList{},
		&EffectivePolicy{}, &EffectivePolicyList{},
		&PolicyGuardrail{}, &PolicyGuardrailList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
