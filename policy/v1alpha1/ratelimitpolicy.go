package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RateLimitPolicy limits how many requests a Gateway lets through in a time. It
// can be attached to a GatewayClass, Gateway, ListenerSet, listener, Route or
// rule of a Route; what applies in the end is merged from all of them and
// written into EffectivePolicy objects.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=ratelimitpolicies,singular=ratelimitpolicy,categories=attache;gateway-api,scope=Namespaced
// +kubebuilder:metadata:labels="gateway.networking.k8s.io/policy=Inherited"
// +kubebuilder:metadata:annotations=`attache.dev/summary={"RATE":"requestsPerSecond"}`
// +kubebuilder:metadata:annotations=`attache.dev/applies-to={"HTTPRoute":["*"],"GRPCRoute":["*"],"TLSRoute":[],"TCPRoute":[],"UDPRoute":[],"*":["*"]}`
// +kubebuilder:metadata:annotations=`attache.dev/bounds={"requestsPerSecond":"quantity","burst":"integer"}`
// +kubebuilder:printcolumn:name="TARGET",type=string,JSONPath=`.status.summary.target`,description="What the policy is attached to"
// +kubebuilder:printcolumn:name="STRATEGY",type=string,JSONPath=`.spec.strategy`,description="How it is merged with other policies"
// +kubebuilder:printcolumn:name="ACCEPTED",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether it is accepted everywhere"
// +kubebuilder:printcolumn:name="PROGRAMMED",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Programmed")].status`,description="Whether any of its values are in force (first ancestor)"
// +kubebuilder:printcolumn:name="ENFORCED",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Enforced")].status`,description="What data planes made of it (first ancestor)"
// +kubebuilder:printcolumn:name="IN EFFECT",type=string,JSONPath=`.status.summary.inEffect`,description="Paths on which it decides a value, of those that it reaches"
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type RateLimitPolicy struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the policy asks for.
	//
	// +required
	Spec RateLimitPolicySpec `json:"spec"`

	// Status is what became of it. Written by controllers.
	//
	// +optional
	Status PolicyStatus `json:"status,omitzero"`
}

// RateLimitPolicyList is a list of RateLimitPolicy.
//
// +kubebuilder:object:root=true
type RateLimitPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []RateLimitPolicy `json:"items"`
}

// RateLimitPolicySpec is the spec of a RateLimitPolicy: its targets, and at least one
// of default, override and bounds.
//
// +kubebuilder:validation:XValidation:rule=`has(self.targetRef) != has(self.targetRefs)`,message="write exactly one of targetRef (one target) and targetRefs (a list of 1 to 16 targets)",messageExpression=`has(self.targetRef) ? 'targetRef and targetRefs are both set: write one of them, and move the other target into targetRefs' : 'the policy names no target: write targetRef (one target) or targetRefs (a list of 1 to 16 targets)'`
// +kubebuilder:validation:XValidation:rule=`has(self.default) || has(self.override) || has(self.bounds)`,message="the policy says nothing: write at least one of default, override and bounds"
// +kubebuilder:validation:XValidation:rule=`!has(self.default) || has(self.default.requestsPerSecond) || has(self.default.burst) || has(self.default.key) || has(self.default.counter) || has(self.default.mode)`,message="default is empty: set at least one of its fields (requestsPerSecond, burst, key, counter, mode), such as requestsPerSecond: 100, or remove default",fieldPath=`.default`
// +kubebuilder:validation:XValidation:rule=`!has(self.override) || has(self.override.requestsPerSecond) || has(self.override.burst) || has(self.override.key) || has(self.override.counter) || has(self.override.mode)`,message="override is empty: set at least one of its fields (requestsPerSecond, burst, key, counter, mode), such as requestsPerSecond: 100, or remove override",fieldPath=`.override`
// +kubebuilder:validation:XValidation:rule=`!has(self.bounds) || has(self.bounds.requestsPerSecond) || has(self.bounds.burst)`,message="bounds is empty: set at least one of its fields (requestsPerSecond, burst), such as requestsPerSecond: {max: 1000}, or remove bounds",fieldPath=`.bounds`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.requestsPerSecond) && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.max) && isQuantity(string(self.default.requestsPerSecond)) && isQuantity(string(self.bounds.requestsPerSecond.max))) || quantity(string(self.default.requestsPerSecond)).compareTo(quantity(string(self.bounds.requestsPerSecond.max))) <= 0`,message="default.requestsPerSecond is above bounds.requestsPerSecond.max of the same policy: move the value or the bound",messageExpression=`'default.requestsPerSecond %s is above bounds.requestsPerSecond.max %s of the same policy: write %s or less, or raise the bound'.format([string(self.default.requestsPerSecond), string(self.bounds.requestsPerSecond.max), string(self.bounds.requestsPerSecond.max)])`,fieldPath=`.default.requestsPerSecond`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.requestsPerSecond) && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.min) && isQuantity(string(self.default.requestsPerSecond)) && isQuantity(string(self.bounds.requestsPerSecond.min))) || quantity(string(self.default.requestsPerSecond)).compareTo(quantity(string(self.bounds.requestsPerSecond.min))) >= 0`,message="default.requestsPerSecond is below bounds.requestsPerSecond.min of the same policy: move the value or the bound",messageExpression=`'default.requestsPerSecond %s is below bounds.requestsPerSecond.min %s of the same policy: write %s or more, or lower the bound'.format([string(self.default.requestsPerSecond), string(self.bounds.requestsPerSecond.min), string(self.bounds.requestsPerSecond.min)])`,fieldPath=`.default.requestsPerSecond`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.requestsPerSecond) && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.max) && isQuantity(string(self.override.requestsPerSecond)) && isQuantity(string(self.bounds.requestsPerSecond.max))) || quantity(string(self.override.requestsPerSecond)).compareTo(quantity(string(self.bounds.requestsPerSecond.max))) <= 0`,message="override.requestsPerSecond is above bounds.requestsPerSecond.max of the same policy: move the value or the bound",messageExpression=`'override.requestsPerSecond %s is above bounds.requestsPerSecond.max %s of the same policy: write %s or less, or raise the bound'.format([string(self.override.requestsPerSecond), string(self.bounds.requestsPerSecond.max), string(self.bounds.requestsPerSecond.max)])`,fieldPath=`.override.requestsPerSecond`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.requestsPerSecond) && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.min) && isQuantity(string(self.override.requestsPerSecond)) && isQuantity(string(self.bounds.requestsPerSecond.min))) || quantity(string(self.override.requestsPerSecond)).compareTo(quantity(string(self.bounds.requestsPerSecond.min))) >= 0`,message="override.requestsPerSecond is below bounds.requestsPerSecond.min of the same policy: move the value or the bound",messageExpression=`'override.requestsPerSecond %s is below bounds.requestsPerSecond.min %s of the same policy: write %s or more, or lower the bound'.format([string(self.override.requestsPerSecond), string(self.bounds.requestsPerSecond.min), string(self.bounds.requestsPerSecond.min)])`,fieldPath=`.override.requestsPerSecond`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.burst) && has(self.bounds) && has(self.bounds.burst) && has(self.bounds.burst.max)) || self.default.burst <= self.bounds.burst.max`,message="default.burst is above bounds.burst.max of the same policy: move the value or the bound",messageExpression=`'default.burst %d is above bounds.burst.max %d of the same policy: write %d or less, or raise the bound'.format([self.default.burst, self.bounds.burst.max, self.bounds.burst.max])`,fieldPath=`.default.burst`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.burst) && has(self.bounds) && has(self.bounds.burst) && has(self.bounds.burst.min)) || self.default.burst >= self.bounds.burst.min`,message="default.burst is below bounds.burst.min of the same policy: move the value or the bound",messageExpression=`'default.burst %d is below bounds.burst.min %d of the same policy: write %d or more, or lower the bound'.format([self.default.burst, self.bounds.burst.min, self.bounds.burst.min])`,fieldPath=`.default.burst`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.burst) && has(self.bounds) && has(self.bounds.burst) && has(self.bounds.burst.max)) || self.override.burst <= self.bounds.burst.max`,message="override.burst is above bounds.burst.max of the same policy: move the value or the bound",messageExpression=`'override.burst %d is above bounds.burst.max %d of the same policy: write %d or less, or raise the bound'.format([self.override.burst, self.bounds.burst.max, self.bounds.burst.max])`,fieldPath=`.override.burst`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.burst) && has(self.bounds) && has(self.bounds.burst) && has(self.bounds.burst.min)) || self.override.burst >= self.bounds.burst.min`,message="override.burst is below bounds.burst.min of the same policy: move the value or the bound",messageExpression=`'override.burst %d is below bounds.burst.min %d of the same policy: write %d or more, or lower the bound'.format([self.override.burst, self.bounds.burst.min, self.bounds.burst.min])`,fieldPath=`.override.burst`
type RateLimitPolicySpec struct {
	Targeting `json:",inline"`

	// Default holds values that more specific policies, and the Route itself,
	// may replace.
	//
	// +optional
	Default *RateLimitSettings `json:"default,omitempty"`

	// Override holds values that replace those of more specific policies and of
	// the Route itself.
	//
	// +optional
	Override *RateLimitSettings `json:"override,omitempty"`

	// Bounds limit what more specific policies, and the Route itself, may
	// choose: a value outside moves to the nearest end. Example:
	// {requestsPerSecond: {max: 1000}}.
	//
	// +optional
	Bounds *RateLimitBounds `json:"bounds,omitempty"`
}

// RateLimitCounter says what shares one counter.
//
// +kubebuilder:validation:Enum=Rule;Route;Gateway
type RateLimitCounter string

const (
	// CountRule counts every rule of every Route for itself.
	CountRule RateLimitCounter = "Rule"
	// CountRoute counts all rules of a Route together.
	CountRoute RateLimitCounter = "Route"
	// CountGateway counts everything that comes through a Gateway together.
	CountGateway RateLimitCounter = "Gateway"
)

// RateLimitMode switches a rate limit on or off.
//
// +kubebuilder:validation:Enum=Enforce;Disabled
type RateLimitMode string

const (
	// RateLimitEnforce refuses requests above the limit.
	RateLimitEnforce RateLimitMode = "Enforce"
	// RateLimitDisabled lets everything through.
	RateLimitDisabled RateLimitMode = "Disabled"
)

// RateLimitSettings are the values of a RateLimitPolicy. Absence of a field
// leaves the decision to others.
//
// +kubebuilder:validation:XValidation:rule=`!has(self.requestsPerSecond) || !isQuantity(string(self.requestsPerSecond)) || quantity(string(self.requestsPerSecond)).isGreaterThan(quantity('0'))`,message="requestsPerSecond must be above 0, such as 100 or 500m; to switch the limit off write mode: Disabled",messageExpression=`'requestsPerSecond %s is not above 0: write a rate such as 100 or 500m; to switch the limit off write mode: Disabled'.format([string(self.requestsPerSecond)])`,fieldPath=`.requestsPerSecond`
type RateLimitSettings struct {
	// RequestsPerSecond is how many requests per second are let through, for
	// each key and counter. A quantity: a whole number, or a text with a
	// fraction or suffix ("500m" is one request each two seconds). Above 0.
	// Default: none, the rate is not limited.
	//
	// Valid: 100, "100", "500m", "1k", "1.5". Invalid: 0, -1, 1.5 (without
	// quotes), "100/s".
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule=`isQuantity(string(self))`,message="not a number: write a number such as 100, or a quantity in quotes such as 500m or 1.5k",messageExpression=`'"%s" is not a number: write a number such as 100, or a quantity such as 500m or 1k; the unit, requests per second, is fixed'.format([string(self)])`
	RequestsPerSecond *resource.Quantity `json:"requestsPerSecond,omitempty"`

	// Burst is how many requests may come at once on top of the rate. Default:
	// none, the data plane decides.
	//
	// Valid: 0 to 1000000000. Invalid: -1, "50" (in quotes).
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000
	Burst *int32 `json:"burst,omitempty"`

	// Key says who is counted apart: All, everybody together; ClientIP, every
	// address for itself; Header:<name>, every value of that request header for
	// itself. Absent means All.
	//
	// Valid: "All", "ClientIP", "Header:x-tenant". Invalid: "header:x-tenant"
	// (lower case), "Header:" (no name), "Header:x tenant" (a space).
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:XValidation:rule=`self.matches('^(All|ClientIP|Header:[!#$%&\'*+.^_|~0-9A-Za-z-]{1,256})$')`,message="not a key: write All, ClientIP or Header:<name> with a valid header name, such as Header:x-tenant",messageExpression=`'"%s" is not a key: write %s'.format([self, self.lowerAscii() == 'all' ? 'All' : self.lowerAscii() == 'clientip' ? 'ClientIP' : self.matches('^[hH][eE][aA][dD][eE][rR]: *[!#$%&\'*+.^_|~0-9A-Za-z-]{1,256}$') ? 'Header:%s'.format([self.substring(7).trim()]) : 'All, ClientIP or Header:<name>, where the name has no spaces or separators, such as Header:x-tenant'])`
	Key *string `json:"key,omitempty"`

	// Counter says what shares one counter: Rule, every rule of a Route for
	// itself; Route, all rules of a Route together; Gateway, all that comes
	// through a Gateway together. Absent means Rule.
	//
	// +optional
	Counter *RateLimitCounter `json:"counter,omitempty"`

	// Mode switches the limit on (Enforce) or off (Disabled). Absent means
	// Enforce.
	//
	// +optional
	Mode *RateLimitMode `json:"mode,omitempty"`
}

// RateLimitBounds limit the values of a RateLimitPolicy.
type RateLimitBounds struct {
	// RequestsPerSecond limits the rate. Example: {max: 1000}.
	//
	// +optional
	RequestsPerSecond *RateRange `json:"requestsPerSecond,omitempty"`

	// Burst limits the burst. Example: {max: 100}.
	//
	// +optional
	Burst *BurstRange `json:"burst,omitempty"`
}
