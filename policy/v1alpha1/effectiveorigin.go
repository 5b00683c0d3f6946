package v1alpha1

import apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

// OriginBlock says in which form a value is stated.
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

// Level is where in the hierarchy a policy is attached, from the least specific to
// the most specific.
//
// +kubebuilder:validation:Enum=GatewayClass;Gateway;ListenerSet;Listener;PlatformNamespace;Namespace;Route;RouteRule
type Level string

// EffectiveOrigin says where one value comes from.
type EffectiveOrigin struct {
	// Policy is the policy kind, written as the keys of effective.
	//
	// +required
	Policy string `json:"policy"`

	// Field is the path of the value below the kind, with dots; a key that has
	// dots is in brackets. Examples: "request", "limits.perUser.requests",
	// 'labels["a.b"]'.
	//
	// +required
	Field string `json:"field"`

	// Level is the level at which the value is stated.
	//
	// +optional
	Level Level `json:"level,omitempty"`

	// Block is the form in which the value was given.
	//
	// +required
	Block OriginBlock `json:"block"`

	// From is the object that states the value: a policy, or the Route itself.
	//
	// +required
	From EffectiveReference `json:"from"`

	// Target is what that object is attached to.
	//
	// +optional
	Target *EffectiveReference `json:"target,omitempty"`

	// Beat are the other values stated for this field, over which this one takes
	// precedence, strongest first.
	//
	// +optional
	// +listType=atomic
	Beat []EffectiveBeaten `json:"beat,omitempty"`

	// ClampedBy is the policy whose bounds moved the value, or the object that
	// states the field that this one must not exceed. Absent when the value is as
	// its author wrote it.
	//
	// +optional
	ClampedBy *EffectiveReference `json:"clampedBy,omitempty"`

	// Stated is what the author wrote, where ClampedBy moved it.
	//
	// +optional
	Stated *apiextensionsv1.JSON `json:"stated,omitempty"`
}

// EffectiveBeaten is a stated value that lost.
type EffectiveBeaten struct {
	// Level is the level at which the value is stated.
	//
	// +optional
	Level Level `json:"level,omitempty"`

	// Block is the form in which the value was given.
	//
	// +required
	Block OriginBlock `json:"block"`

	// Value is the stated value.
	//
	// +optional
	Value *apiextensionsv1.JSON `json:"value,omitempty"`

	// From is the object that states it.
	//
	// +required
	From EffectiveReference `json:"from"`
}

// NotSetRule is what removed a value that was stated.
//
// +kubebuilder:validation:Enum=AtomicOverride;AtomicDefault;Whole;Null;Bounds;NotApplicable;Incomplete
type NotSetRule string

const (
	// NotSetAtomicOverride is an Atomic override, which replaces everything below it.
	NotSetAtomicOverride NotSetRule = "AtomicOverride"
	// NotSetAtomicDefault is an Atomic default, which yields as a whole.
	NotSetAtomicDefault NotSetRule = "AtomicDefault"
	// NotSetWhole is a value that is taken as a whole from the strongest policy that has it.
	NotSetWhole NotSetRule = "Whole"
	// NotSetNull is a null, which removes what weaker layers say.
	NotSetNull NotSetRule = "Null"
	// NotSetBounds is a bound that removed what switched a field off.
	NotSetBounds NotSetRule = "Bounds"
	// NotSetNotApplicable is a field that has no meaning for the kind of Route.
	NotSetNotApplicable NotSetRule = "NotApplicable"
	// NotSetIncomplete is part of a limit that states no rate.
	NotSetIncomplete NotSetRule = "Incomplete"
)

// EffectiveNotSet is a value that was stated and is not in force.
type EffectiveNotSet struct {
	// Policy is the policy kind, written as the keys of effective.
	//
	// +required
	Policy string `json:"policy"`

	// Field is the path of the value below the kind, as in origins.
	//
	// +required
	Field string `json:"field"`

	// Value is what was stated.
	//
	// +optional
	Value *apiextensionsv1.JSON `json:"value,omitempty"`

	// Level is the level at which it was stated.
	//
	// +optional
	Level Level `json:"level,omitempty"`

	// Block is the form in which it was given.
	//
	// +required
	Block OriginBlock `json:"block"`

	// From is the object that states it.
	//
	// +required
	From EffectiveReference `json:"from"`

	// Rule is what removed it.
	//
	// +required
	Rule NotSetRule `json:"rule"`

	// By is the object that caused this. Absent where there is none.
	//
	// +optional
	By *EffectiveReference `json:"by,omitempty"`
}

// EffectiveNotApplicable is a field that has no meaning for a kind of Route.
type EffectiveNotApplicable struct {
	// Policy is the policy kind, written as the keys of effective.
	//
	// +required
	Policy string `json:"policy"`

	// Field is the path of the field below the kind, as in origins.
	//
	// +required
	Field string `json:"field"`

	// From is the policy that sets it.
	//
	// +required
	From EffectiveReference `json:"from"`
}

// EffectiveInvalid is a rule of a policy kind that the merged values violate.
type EffectiveInvalid struct {
	// Policy is the policy kind, written as the keys of effective.
	//
	// +required
	Policy string `json:"policy"`

	// Field is the path of the value that the rule is about, as in origins.
	// Absent when it is about the kind's values together.
	//
	// +optional
	Field string `json:"field,omitempty"`

	// Message says what is wrong, and what to write instead.
	//
	// +required
	Message string `json:"message"`

	// From are the objects that state the values involved.
	//
	// +optional
	// +listType=atomic
	From []EffectiveReference `json:"from,omitempty"`
}
