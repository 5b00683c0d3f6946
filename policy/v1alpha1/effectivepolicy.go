package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// EffectivePolicy says which policies are in force on one Route or Gateway, and
// for every single value which object states it. attache writes one for each
// Route and each Gateway that any policy reaches, and nobody else should: edits
// by others have no effect and are reverted.
//
// Its name is the kind of the object in lower case, a dot, and the object's
// name: httproute.checkout, gateway.public. For kinds of groups other than
// Gateway API's, and for names that are too long, a hash follows. It is owned by
// that object and is deleted with it.
//
// +kubebuilder:object:root=true
// +kubebuilder:metadata:labels="app.kubernetes.io/part-of=attache"
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=effectivepolicies,singular=effectivepolicy,shortName=effective-policy;effective-policies;epol,categories=attache;gateway-api,scope=Namespaced
// +kubebuilder:printcolumn:name="TARGET",type=string,JSONPath=`.status.summary.target`,description="The Route or Gateway that this is about"
// +kubebuilder:printcolumn:name="SCOPES",type=integer,JSONPath=`.status.summary.scopes`,description="How many different results there are"
// +kubebuilder:printcolumn:name="TIMEOUT",type=string,JSONPath=`.status.summary.timeout`,description="Request timeout; off, or mixed where scopes differ"
// +kubebuilder:printcolumn:name="RETRIES",type=string,JSONPath=`.status.summary.retries`,description="Retries after the first try; off, or mixed where scopes differ"
// +kubebuilder:printcolumn:name="RATE",type=string,JSONPath=`.status.summary.rate`,description="Requests per second, and the number of further limits; off, or mixed where scopes differ"
// +kubebuilder:printcolumn:name="CONSTRAINED",type=string,JSONPath=`.status.summary.constrained`,description="How policies above the Route constrain it: no, override, bounds or both"
// +kubebuilder:printcolumn:name="ENFORCED",type=string,JSONPath=`.status.summary.enforced`,description="Whether data planes enforce it"
// +kubebuilder:printcolumn:name="GATEWAYS",type=string,priority=1,JSONPath=`.status.summary.gateways`,description="The Gateways that traffic comes through"
// +kubebuilder:printcolumn:name="SET BY",type=string,priority=1,JSONPath=`.status.summary.setBy`,description="The objects that state the values"
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
	// ObservedGeneration is the metadata.generation of the target for which this
	// was computed. When the target has a higher one, this is about to change.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Digest is the SHA-256 of the scopes as the annotation has them: parents,
	// rules and effective values, without origins. It changes exactly when what
	// is in force changes. Example: "sha256:9f86d0…".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Digest string `json:"digest,omitempty"`

	// Conditions are about the publication. Published is True when the scopes are
	// the result of the current policies. It is False when a guardrail withholds
	// that result (GuardrailViolated) or could not be evaluated in time
	// (Undecided): then the scopes are those that were published last.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// FromAbove says that the scopes are the result of the policies above the
	// Route, without the Route's own values and policies: its first result is
	// withheld, and nothing was published before.
	//
	// +optional
	FromAbove bool `json:"fromAbove,omitempty"`

	// Summary describes the scopes in a few words, for the columns of "kubectl
	// get". Programs should read scopes.
	//
	// +optional
	Summary *EffectiveSummary `json:"summary,omitempty"`

	// Scopes are the different results on this object, sorted. All paths through
	// the object that have the same result share one entry, so a Route that has
	// the same result everywhere has one.
	//
	// +optional
	// +listType=atomic
	Scopes []EffectiveScope `json:"scopes,omitempty"`

	// StatedBy says which policy states a value, where a data plane has to know
	// that: a limit is counted together with the others of its policy, but not
	// with those of other policies. The policy kind declares these values with the
	// annotation attache.dev/stated-by.
	//
	// +optional
	// +listType=atomic
	StatedBy []StatedValue `json:"statedBy,omitempty"`

	// Enforcement says how data planes enforce the results. Absent on
	// EffectivePolicies of Gateways, and where no exporter is enabled.
	//
	// +optional
	// +listType=atomic
	Enforcement []EnforcementEntry `json:"enforcement,omitempty"`
}

// StatedValue is a value of one scope, and the policy that states it.
type StatedValue struct {
	// Scope is the index of the scope in scopes, from 0.
	//
	// +required
	Scope int32 `json:"scope"`

	// Policy is the policy kind, as in scopes[].effective.
	//
	// +required
	// +kubebuilder:validation:MaxLength=317
	Policy string `json:"policy"`

	// Field is the path of the value. Example: "limits.per-user".
	//
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Field string `json:"field"`

	// From is the policy.
	//
	// +required
	From EnforcementName `json:"from"`
}

// EffectiveSummary describes an EffectivePolicy in a few words, for people. Besides
// the fields here it has one for each value that a policy kind declares with the
// annotation attache.dev/summary, under the name of the column in lower case.
//
// +kubebuilder:pruning:PreserveUnknownFields
type EffectiveSummary struct {
	// Target is the kind and name of the target. Example: "HTTPRoute/checkout".
	//
	// +optional
	Target string `json:"target,omitempty"`

	// Scopes is the number of scopes.
	//
	// +optional
	Scopes int32 `json:"scopes,omitempty"`

	// Constrained says how policies above the Route constrain it: no, override,
	// bounds or both.
	//
	// +optional
	Constrained string `json:"constrained,omitempty"`

	// Timeout is the request timeout in force: "off" when it is switched off,
	// "mixed" when scopes differ, and absent when there is none.
	//
	// +optional
	Timeout string `json:"timeout,omitempty"`

	// Retries is the number of retries in force: "off" for none, "mixed" when
	// scopes differ, and absent when nothing states it.
	//
	// +optional
	Retries string `json:"retries,omitempty"`

	// Rate is the number of requests per second in force, and how many further
	// limits there are: "500, +2"; "off" when it is disabled, "mixed" when scopes
	// differ, and absent when there is none.
	//
	// +optional
	Rate string `json:"rate,omitempty"`

	// Enforced says whether data planes enforce it.
	//
	// +optional
	Enforced string `json:"enforced,omitempty"`

	// Gateways are the Gateways that traffic comes through.
	//
	// +optional
	Gateways string `json:"gateways,omitempty"`

	// SetBy are the objects that state the values.
	//
	// +optional
	SetBy string `json:"setBy,omitempty"`
}

// EffectiveScope is one result and the paths through the object that have it.
type EffectiveScope struct {
	// Parents are the listeners through which traffic comes in. Never empty.
	//
	// +required
	// +kubebuilder:validation:MinItems=1
	// +listType=atomic
	Parents []EffectiveParent `json:"parents"`

	// Rules are the rules of the Route that this result is about, by their index.
	// Absent when it is about all rules of the Route, and for a Gateway.
	//
	// +optional
	// +listType=atomic
	Rules []EffectiveRule `json:"rules,omitempty"`

	// Effective holds the merged values by policy kind: "TimeoutPolicy" for a
	// kind of group attache.dev, "BackendTrafficPolicy.gateway.envoyproxy.io"
	// for a kind of any other group.
	//
	// +optional
	Effective map[string]EffectiveValues `json:"effective,omitempty"`

	// Origins say where each of the values comes from, sorted by policy kind and
	// field. Every value has exactly one.
	//
	// +optional
	// +listType=atomic
	Origins []EffectiveOrigin `json:"origins,omitempty"`

	// NotSet are the values that are stated and are not in force, with the rule
	// that removed each; the first 64.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	NotSet []EffectiveNotSet `json:"notSet,omitempty"`

	// NotSetMore is how many more such values there are.
	//
	// +optional
	NotSetMore int32 `json:"notSetMore,omitempty"`

	// NotApplicable are the fields that policies set and that have no meaning for
	// this kind of Route. They are also in notSet; this list will be removed in a
	// later release.
	//
	// +optional
	// +listType=atomic
	NotApplicable []EffectiveNotApplicable `json:"notApplicable,omitempty"`

	// Invalid says what is wrong with the merged values: policies that are
	// valid on their own can conflict once merged, such as a backend timeout
	// that is longer than the request timeout.
	//
	// +optional
	// +listType=atomic
	Invalid []EffectiveInvalid `json:"invalid,omitempty"`
}

// EffectiveParent is a listener through which traffic comes in.
type EffectiveParent struct {
	// Gateway is the Gateway.
	//
	// +required
	Gateway NamespacedName `json:"gateway"`

	// ListenerSet is the ListenerSet that the listener comes from. Absent for a
	// listener of the Gateway itself.
	//
	// +optional
	ListenerSet *NamespacedName `json:"listenerSet,omitempty"`

	// Listener is the name of the listener. Example: "https".
	//
	// +optional
	Listener string `json:"listener,omitempty"`
}

// NamespacedName is a reference to an object whose kind is known.
type NamespacedName struct {
	// Namespace of the object.
	//
	// +required
	Namespace string `json:"namespace"`

	// Name of the object.
	//
	// +required
	Name string `json:"name"`
}

// EffectiveRule names a rule of a Route.
type EffectiveRule struct {
	// Index is the index of the rule in spec.rules, from 0, in the generation that
	// observedGeneration names.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Index int32 `json:"index"`

	// Name is the name of the rule. Absent when it has none, and when another
	// rule has the same name.
	//
	// +optional
	Name string `json:"name,omitempty"`
}

// EffectiveReference names an object, or a section of it.
type EffectiveReference struct {
	// Group of the object; empty for the core group.
	//
	// +required
	Group string `json:"group"`

	// Kind of the object.
	//
	// +required
	Kind string `json:"kind"`

	// Namespace of the object. Absent for cluster-scoped objects.
	//
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// Name of the object.
	//
	// +required
	Name string `json:"name"`

	// SectionName is the listener or the rule. Absent for the whole object, and
	// for a rule without a name.
	//
	// +optional
	SectionName string `json:"sectionName,omitempty"`
}

// EffectiveValues are the merged values of one policy kind, in the fields of that
// kind.
//
// +kubebuilder:pruning:PreserveUnknownFields
// +kubebuilder:validation:Type=object
type EffectiveValues struct {
	runtime.RawExtension `json:",inline"`
}
