package v1alpha1

import (
	"k8s.io/apimachinery/pkg/runtime"
)

// EnforcementEntry says how a data plane enforces a result: one exporter, one
// state and the same outcomes for all its listeners and rules.
type EnforcementEntry struct {
	// Exporter is the name of the exporter that writes the result for the data
	// plane. Absent when there is none.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Exporter string `json:"exporter,omitempty"`

	// Controller is the controllerName of the GatewayClass.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Controller string `json:"controller,omitempty"`

	// Parents are the listeners that this is about.
	//
	// +required
	// +listType=atomic
	Parents []EnforcementParent `json:"parents"`

	// Rules are the rules that this is about. Absent when it is all of them.
	//
	// +optional
	// +listType=atomic
	Rules []EnforcementRule `json:"rules,omitempty"`

	// State is what the data plane reports about what was written for it. Planned
	// and NoExporter mean that nothing was written.
	//
	// +required
	State EnforcementState `json:"state"`

	// Message says, in the data plane's own words, why it refuses or ignores what
	// was written, or why nothing could be written.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// Refused is a digest of the content that the data plane refused and of the
	// generations of the Gateways that it was for. The same content is not written
	// again until the annotation attache.dev/retry of the Route changes.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Refused string `json:"refused,omitempty"`

	// Objects are the objects of the data plane's API that carry the result.
	//
	// +optional
	// +listType=atomic
	Objects []EnforcementObject `json:"objects,omitempty"`

	// Fields say for every value whether it is enforced, sorted by policy and
	// field.
	//
	// +optional
	// +listType=atomic
	Fields []EnforcementField `json:"fields"`

	// Projected counts the fields that are in force as stated and that are left
	// out of fields, since the object would be too large with them.
	//
	// +optional
	Projected int32 `json:"projected,omitempty"`
}

// EnforcementState is what a data plane reports about what was written for it.
//
// +kubebuilder:validation:Enum=Accepted;Pending;Rejected;Conflicted;NotWritten;Drifted;Planned;NoExporter
type EnforcementState string

// EnforcementParent is a listener through which traffic comes in.
type EnforcementParent struct {
	// Gateway is the Gateway that serves the listener.
	//
	// +required
	Gateway EnforcementName `json:"gateway"`

	// ListenerSet is the ListenerSet that the listener comes from. Absent for a
	// listener of the Gateway itself.
	//
	// +optional
	ListenerSet *EnforcementName `json:"listenerSet,omitempty"`

	// Listener is the name of the listener.
	//
	// +optional
	Listener string `json:"listener,omitempty"`
}

// EnforcementName is the namespace and name of an object.
type EnforcementName struct {
	// Namespace of the object.
	//
	// +required
	Namespace string `json:"namespace"`

	// Name of the object.
	//
	// +required
	Name string `json:"name"`
}

// EnforcementRule is one rule of the Route.
type EnforcementRule struct {
	// Index is the index of the rule in spec.rules, from 0.
	//
	// +required
	Index int32 `json:"index"`

	// Name of the rule, where it has one of its own.
	//
	// +optional
	Name string `json:"name,omitempty"`
}

// EnforcementObject names an object of a data plane's API.
type EnforcementObject struct {
	// Group of the object.
	//
	// +required
	Group string `json:"group"`

	// Kind of the object.
	//
	// +required
	Kind string `json:"kind"`

	// Namespace of the object.
	//
	// +required
	Namespace string `json:"namespace"`

	// Name of the object.
	//
	// +required
	Name string `json:"name"`
}

// EnforcementOutcome says whether one value is in force.
//
// +kubebuilder:validation:Enum=Projected;Degraded;Unsupported
type EnforcementOutcome string

// EnforcementField says whether one value is in force.
//
// +kubebuilder:validation:XValidation:rule="self.outcome == 'Projected' || has(self.reason)",message="reason is required unless outcome is Projected"
type EnforcementField struct {
	// Policy is the policy kind.
	//
	// +required
	Policy string `json:"policy"`

	// Field is the path of the value below the kind. Example: "request".
	//
	// +required
	Field string `json:"field"`

	// Outcome is Projected when the value is in force as stated, Degraded when it
	// is in force with the difference that reason names, and Unsupported when it is
	// not in force.
	//
	// +required
	Outcome EnforcementOutcome `json:"outcome"`

	// Reason says in one word why the value is not in force as stated.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`

	// Message explains the reason in a sentence.
	//
	// +optional
	Message string `json:"message,omitempty"`

	// As is where the value is written: a path in one of objects, or in the Route
	// ("rules[pay].timeouts.request"), or "(absent)" where the absence of a field
	// means the value.
	//
	// +optional
	As string `json:"as,omitempty"`

	// Value is what was written.
	//
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Value *runtime.RawExtension `json:"value,omitempty"`

	// Notes are remarks about what is in force that do not lower the outcome.
	//
	// +optional
	// +listType=atomic
	Notes []string `json:"notes,omitempty"`
}
