package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// EffectivePolicy says which policies are in force on one Route or Gateway,
// with the author of every single value. attache writes one for each Route and
// each Gateway that any policy reaches, and nobody else should: what is written
// here by hand changes nothing and is put right again.
//
// Its name is the kind of the object in lower case, a dot, and the object's
// name: httproute.checkout, gateway.public. It belongs to that object and goes
// with it.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=effectivepolicies,singular=effective-policy,shortName=effective-policies;epol,categories=attache;gateway-api,scope=Namespaced
// +kubebuilder:printcolumn:name="TARGET",type=string,JSONPath=`.status.summary.target`,description="The Route or Gateway that this is about"
// +kubebuilder:printcolumn:name="SCOPES",type=integer,JSONPath=`.status.summary.scopes`,description="How many differing results there are"
// +kubebuilder:printcolumn:name="TIMEOUT",type=string,JSONPath=`.status.summary.timeout`,description="Request timeout, or mixed"
// +kubebuilder:printcolumn:name="RETRIES",type=string,JSONPath=`.status.summary.retries`,description="Retries after the first try, or mixed"
// +kubebuilder:printcolumn:name="RATE",type=string,JSONPath=`.status.summary.rate`,description="Requests per second, or mixed"
// +kubebuilder:printcolumn:name="OVERRIDDEN",type=string,JSONPath=`.status.summary.overridden`,description="Whether an override of a higher level beats a value of a lower one"
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type EffectivePolicy struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// TargetRef names the Route or Gateway, in the same namespace, that this
	// object describes.
	//
	// +required
	TargetRef gatewayv1.LocalPolicyTargetReference `json:"targetRef"`

	// Status is the whole content. It is absent only between the creation of
	// the object and the first write of its status.
	//
	// +optional
	Status EffectivePolicyStatus `json:"status,omitzero"`
}

// EffectivePolicyList is a list of EffectivePolicy.
//
// +kubebuilder:object:root=true
type EffectivePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []EffectivePolicy `json:"items"`
}

// EffectivePolicyStatus is what is in force, and why.
type EffectivePolicyStatus struct {
	// ObservedGeneration is metadata.generation of the target for which this
	// was computed. When the target has a higher one, this is about to change.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Digest is the SHA-256 of the effective values of all scopes, in their
	// order; parents, rules and origins are left out. It changes exactly when
	// what is in force changes. Example: "sha256:9f86d0…".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Digest string `json:"digest,omitempty"`

	// Summary repeats the first scope in a few words, for the columns of
	// "kubectl get". Programs should read Scopes.
	//
	// +optional
	Summary *EffectiveSummary `json:"summary,omitempty"`

	// Scopes are the differing results on this object, sorted. All ways through
	// the object that have the same result share one entry, so a Route that is
	// treated alike everywhere has one.
	//
	// +optional
	// +listType=atomic
	Scopes []EffectiveScope `json:"scopes,omitempty"`
}

// EffectiveSummary is a few words on an EffectivePolicy, for people.
type EffectiveSummary struct {
	// Target is the kind and name of the target. Example: "HTTPRoute/checkout".
	//
	// +optional
	Target string `json:"target,omitempty"`

	// Scopes is the number of scopes.
	//
	// +optional
	Scopes int32 `json:"scopes,omitempty"`

	// Timeout is the request timeout in force, "mixed" when scopes differ, and
	// absent when there is none.
	//
	// +optional
	Timeout string `json:"timeout,omitempty"`

	// Retries is the number of retries in force, "mixed" when scopes differ,
	// and absent when there is none.
	//
	// +optional
	Retries string `json:"retries,omitempty"`

	// Rate is the number of requests per second in force, "mixed" when scopes
	// differ, and absent when there is none.
	//
	// +optional
	Rate string `json:"rate,omitempty"`

	// Overridden is "yes" when an override of a higher level took the place of
	// a value of a lower one, and "no" otherwise.
	//
	// +optional
	Overridden string `json:"overridden,omitempty"`
}

// EffectiveScope is one result and the ways through the object that have it.
type EffectiveScope struct {
	// Parents are the listeners through which traffic comes in. Never empty.
	//
	// +required
	// +kubebuilder:validation:MinItems=1
	// +listType=atomic
	Parents []EffectiveParent `json:"parents"`

	// Rules are the rules of the Route that this result is about: their names,
	// "rules[2]" for the third rule when it has no name, or "*" alone when all
	// rules of the Route agree, when it has none, and for a Gateway.
	//
	// +optional
	// +listType=atomic
	Rules []string `json:"rules,omitempty"`

	// Effective holds the merged values by policy kind: "TimeoutPolicy" for a
	// kind of group attache.dev, "BackendTrafficPolicy.gateway.envoyproxy.io"
	// for a kind of any other group.
	//
	// +optional
	Effective map[string]EffectiveValues `json:"effective,omitempty"`

	// Origins say where each of the values came from, sorted by policy kind and
	// field. Every value has exactly one.
	//
	// +optional
	// +listType=atomic
	Origins []EffectiveOrigin `json:"origins,omitempty"`

	// NotApplicable are the fields that policies set and that mean nothing for
	// this kind of Route. Example: "RetryPolicy.maxRetries" on a TCPRoute.
	//
	// +optional
	// +listType=atomic
	NotApplicable []string `json:"notApplicable,omitempty"`

	// Invalid says what is wrong with the merged values: policies that are
	// right each by itself can contradict each other when merged, such as a
	// backend timeout that is longer than the request timeout.
	//
	// +optional
	// +listType=atomic
	Invalid []string `json:"invalid,omitempty"`
}

// EffectiveParent is a listener through which traffic comes in.
type EffectiveParent struct {
	// Gateway is the namespace and name of the Gateway. Example: "infra/public".
	//
	// +required
	Gateway string `json:"gateway"`

	// ListenerSet is the namespace and name of the ListenerSet that the
	// listener comes from. Absent for a listener of the Gateway itself.
	//
	// +optional
	ListenerSet string `json:"listenerSet,omitempty"`

	// Listener is the name of the listener. Example: "https".
	//
	// +optional
	Listener string `json:"listener,omitempty"`
}

// EffectiveValues are the merged values of one policy kind: the fields of that
// kind, whatever they are.
//
// +kubebuilder:pruning:PreserveUnknownFields
// +kubebuilder:validation:Type=object
type EffectiveValues struct {
	runtime.RawExtension `json:",inline"`
}

// OriginBlock says in what form a value was given.
//
// +kubebuilder:validation:Enum=default;override;inline;bound
type OriginBlock string

const (
	// OriginDefault is a value from the default block of a policy.
	OriginDefault OriginBlock = "default"
	// OriginOverride is a value from the override block of a policy.
	OriginOverride OriginBlock = "override"
	// OriginInline is a value that the Route states itself.
	OriginInline OriginBlock = "inline"
	// OriginBound is the max of a bound, on a field that nobody set.
	OriginBound OriginBlock = "bound"
)

// EffectiveOrigin says where one value came from.
type EffectiveOrigin struct {
	// Policy is the policy kind, written as the keys of effective.
	//
	// +required
	Policy string `json:"policy"`

	// Field is the path of the value below the kind. Example: "request".
	//
	// +required
	Field string `json:"field"`

	// From is the object that states the value: kind, namespace and name.
	// Example: "TimeoutPolicy infra-system/edge-ceiling".
	//
	// +required
	From string `json:"from"`

	// Target is what that object was attached to. Examples:
	// "GatewayClass edge", "HTTPRoute shop/checkout#pay".
	//
	// +optional
	Target string `json:"target,omitempty"`

	// Block is the form in which the value was given.
	//
	// +required
	Block OriginBlock `json:"block"`

	// Beat are the other sources of a value for this field, which this one
	// takes precedence over, strongest first.
	// Example: "TimeoutPolicy shop/checkout (default)".
	//
	// +optional
	// +listType=atomic
	Beat []string `json:"beat,omitempty"`

	// ClampedBy is the policy whose bounds moved the value to their nearest
	// end. Absent when the value is as its author wrote it.
	// Example: "TimeoutPolicy infra/public".
	//
	// +optional
	ClampedBy string `json:"clampedBy,omitempty"`
}
