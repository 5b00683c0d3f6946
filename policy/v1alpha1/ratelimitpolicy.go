package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RateLimitPolicy limits the rate of requests that a Gateway lets through. It
// can be attached to a GatewayClass, Gateway, ListenerSet, listener, Route or
// rule of a Route; what applies in the end is merged from all of them and
// written into EffectivePolicy objects.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=ratelimitpolicies,singular=ratelimitpolicy,categories=attache;gateway-api,scope=Namespaced
// +kubebuilder:metadata:labels="gateway.networking.k8s.io/policy=Inherited"
// +kubebuilder:metadata:labels="app.kubernetes.io/part-of=attache"
// +kubebuilder:metadata:annotations=`attache.dev/stated-by=["requestsPerSecond","limits.*"]`
// +kubebuilder:metadata:annotations=`attache.dev/summary={"RATE":"requestsPerSecond"}`
// +kubebuilder:metadata:annotations=`attache.dev/applies-to={"HTTPRoute":["*"],"GRPCRoute":["*"],"TLSRoute":[],"TCPRoute":[],"UDPRoute":[],"*":["*"]}`
// +kubebuilder:metadata:annotations=`attache.dev/bounds={"requestsPerSecond":{"type":"quantity","off":{"mode":"Disabled"}},"burst":"integer","key":{"type":"text","absent":"All"},"counter":{"type":"text","absent":"Rule"}}`
// +kubebuilder:metadata:annotations=`attache.dev/whole=["requestsPerSecond+burst+key+counter+mode","limits.*"]`
// +kubebuilder:printcolumn:name="TARGET",type=string,JSONPath=`.status.summary.target`,description="What the policy is attached to"
// +kubebuilder:printcolumn:name="STRATEGY",type=string,JSONPath=`.spec.strategy`,description="How it is merged with other policies"
// +kubebuilder:printcolumn:name="ACCEPTED",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether it is accepted everywhere"
// +kubebuilder:printcolumn:name="PROGRAMMED",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Programmed")].status`,description="Whether any of its values are in force (first ancestor)"
// +kubebuilder:printcolumn:name="ENFORCED",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Enforced")].status`,description="Whether data planes enforce it (first ancestor)"
// +kubebuilder:printcolumn:name="IN EFFECT",type=string,JSONPath=`.status.summary.inEffect`,description="Paths on which it decides a value, out of those that it reaches"
// +kubebuilder:printcolumn:name="PROGRESS",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Reconciling")].message`,description="While a far-reaching edit is written: how many routes are done, out of those that it reaches"
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type RateLimitPolicy struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the policy asks for.
	//
	// +required
	Spec RateLimitPolicySpec `json:"spec"`

	// Status is the observed state of the policy. Written by controllers; until then, Ready is Unknown.
	//
	// +optional
	// +default={"ancestors": [], "conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending", "message": "Waiting for controller", "lastTransitionTime": "1970-01-01T00:00:00Z"}]}
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
// +kubebuilder:validation:XValidation:rule=`[has(self.targetRef), has(self.targetRefs), has(self.targetSelectors)].filter(x, x).size() == 1`,message="write exactly one of targetRef (one target), targetRefs (a list of 1 to 16 targets) and targetSelectors (targets by label)",messageExpression=`has(self.targetSelectors) ? 'targetSelectors and %s are both set: write one of them'.format([has(self.targetRef) ? 'targetRef' : 'targetRefs']) : has(self.targetRef) ? 'targetRef and targetRefs are both set: write one of them, and move the other target into targetRefs' : 'the policy names no target: write targetRef (one target), targetRefs (a list of 1 to 16 targets) or targetSelectors (targets by label)'`
// +kubebuilder:validation:XValidation:rule=`has(self.default) || has(self.override) || has(self.bounds)`,message="the policy says nothing: write at least one of default, override and bounds"
// +kubebuilder:validation:XValidation:rule=`!has(self.default) || has(self.default.requestsPerSecond) || has(self.default.burst) || has(self.default.key) || has(self.default.counter) || has(self.default.mode) || has(self.default.limits)`,message="default is empty: set at least one of its fields (requestsPerSecond, burst, key, counter, mode, limits), such as requestsPerSecond: 100, or remove default",fieldPath=`.default`
// +kubebuilder:validation:XValidation:rule=`!has(self.override) || has(self.override.requestsPerSecond) || has(self.override.burst) || has(self.override.key) || has(self.override.counter) || has(self.override.mode) || has(self.override.limits)`,message="override is empty: set at least one of its fields (requestsPerSecond, burst, key, counter, mode, limits), such as requestsPerSecond: 100, or remove override",fieldPath=`.override`
// +kubebuilder:validation:XValidation:rule=`!has(self.bounds) || has(self.bounds.requestsPerSecond) || has(self.bounds.burst) || has(self.bounds.key) || has(self.bounds.counter)`,message="bounds is empty: set at least one of its fields (requestsPerSecond, burst, key, counter), such as requestsPerSecond: {max: 1000}, or remove bounds",fieldPath=`.bounds`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.requestsPerSecond) && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.max) && isQuantity(string(self.default.requestsPerSecond)) && isQuantity(string(self.bounds.requestsPerSecond.max))) || quantity(string(self.default.requestsPerSecond)).compareTo(quantity(string(self.bounds.requestsPerSecond.max))) <= 0`,message="default.requestsPerSecond is above bounds.requestsPerSecond.max of the same policy: move the value or the bound",messageExpression=`'default.requestsPerSecond %s is above bounds.requestsPerSecond.max %s of the same policy: write %s or less, or raise the bound'.format([string(self.default.requestsPerSecond), string(self.bounds.requestsPerSecond.max), string(self.bounds.requestsPerSecond.max)])`,fieldPath=`.default.requestsPerSecond`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.requestsPerSecond) && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.min) && isQuantity(string(self.default.requestsPerSecond)) && isQuantity(string(self.bounds.requestsPerSecond.min))) || quantity(string(self.default.requestsPerSecond)).compareTo(quantity(string(self.bounds.requestsPerSecond.min))) >= 0`,message="default.requestsPerSecond is below bounds.requestsPerSecond.min of the same policy: move the value or the bound",messageExpression=`'default.requestsPerSecond %s is below bounds.requestsPerSecond.min %s of the same policy: write %s or more, or lower the bound'.format([string(self.default.requestsPerSecond), string(self.bounds.requestsPerSecond.min), string(self.bounds.requestsPerSecond.min)])`,fieldPath=`.default.requestsPerSecond`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.requestsPerSecond) && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.max) && isQuantity(string(self.override.requestsPerSecond)) && isQuantity(string(self.bounds.requestsPerSecond.max))) || quantity(string(self.override.requestsPerSecond)).compareTo(quantity(string(self.bounds.requestsPerSecond.max))) <= 0`,message="override.requestsPerSecond is above bounds.requestsPerSecond.max of the same policy: move the value or the bound",messageExpression=`'override.requestsPerSecond %s is above bounds.requestsPerSecond.max %s of the same policy: write %s or less, or raise the bound'.format([string(self.override.requestsPerSecond), string(self.bounds.requestsPerSecond.max), string(self.bounds.requestsPerSecond.max)])`,fieldPath=`.override.requestsPerSecond`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.requestsPerSecond) && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.min) && isQuantity(string(self.override.requestsPerSecond)) && isQuantity(string(self.bounds.requestsPerSecond.min))) || quantity(string(self.override.requestsPerSecond)).compareTo(quantity(string(self.bounds.requestsPerSecond.min))) >= 0`,message="override.requestsPerSecond is below bounds.requestsPerSecond.min of the same policy: move the value or the bound",messageExpression=`'override.requestsPerSecond %s is below bounds.requestsPerSecond.min %s of the same policy: write %s or more, or lower the bound'.format([string(self.override.requestsPerSecond), string(self.bounds.requestsPerSecond.min), string(self.bounds.requestsPerSecond.min)])`,fieldPath=`.override.requestsPerSecond`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.burst) && has(self.bounds) && has(self.bounds.burst) && has(self.bounds.burst.max)) || self.default.burst <= self.bounds.burst.max`,message="default.burst is above bounds.burst.max of the same policy: move the value or the bound",messageExpression=`'default.burst %d is above bounds.burst.max %d of the same policy: write %d or less, or raise the bound'.format([self.default.burst, self.bounds.burst.max, self.bounds.burst.max])`,fieldPath=`.default.burst`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.burst) && has(self.bounds) && has(self.bounds.burst) && has(self.bounds.burst.min)) || self.default.burst >= self.bounds.burst.min`,message="default.burst is below bounds.burst.min of the same policy: move the value or the bound",messageExpression=`'default.burst %d is below bounds.burst.min %d of the same policy: write %d or more, or lower the bound'.format([self.default.burst, self.bounds.burst.min, self.bounds.burst.min])`,fieldPath=`.default.burst`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.burst) && has(self.bounds) && has(self.bounds.burst) && has(self.bounds.burst.max)) || self.override.burst <= self.bounds.burst.max`,message="override.burst is above bounds.burst.max of the same policy: move the value or the bound",messageExpression=`'override.burst %d is above bounds.burst.max %d of the same policy: write %d or less, or raise the bound'.format([self.override.burst, self.bounds.burst.max, self.bounds.burst.max])`,fieldPath=`.override.burst`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.burst) && has(self.bounds) && has(self.bounds.burst) && has(self.bounds.burst.min)) || self.override.burst >= self.bounds.burst.min`,message="override.burst is below bounds.burst.min of the same policy: move the value or the bound",messageExpression=`'override.burst %d is below bounds.burst.min %d of the same policy: write %d or more, or lower the bound'.format([self.override.burst, self.bounds.burst.min, self.bounds.burst.min])`,fieldPath=`.override.burst`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.requestsPerSecond) && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.oneOf)) || self.bounds.requestsPerSecond.oneOf.exists(v, isQuantity(string(v)) && isQuantity(string(self.default.requestsPerSecond)) && quantity(string(v)).compareTo(quantity(string(self.default.requestsPerSecond))) == 0)`,message="default.requestsPerSecond is not in bounds.requestsPerSecond.oneOf of the same policy: write one of them, or add it",fieldPath=`.default.requestsPerSecond`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.requestsPerSecond) && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.oneOf)) || self.bounds.requestsPerSecond.oneOf.exists(v, isQuantity(string(v)) && isQuantity(string(self.override.requestsPerSecond)) && quantity(string(v)).compareTo(quantity(string(self.override.requestsPerSecond))) == 0)`,message="override.requestsPerSecond is not in bounds.requestsPerSecond.oneOf of the same policy: write one of them, or add it",fieldPath=`.override.requestsPerSecond`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.burst) && has(self.bounds) && has(self.bounds.burst) && has(self.bounds.burst.oneOf)) || self.default.burst in self.bounds.burst.oneOf`,message="default.burst is not in bounds.burst.oneOf of the same policy: write one of them, or add it",fieldPath=`.default.burst`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.burst) && has(self.bounds) && has(self.bounds.burst) && has(self.bounds.burst.oneOf)) || self.override.burst in self.bounds.burst.oneOf`,message="override.burst is not in bounds.burst.oneOf of the same policy: write one of them, or add it",fieldPath=`.override.burst`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.key) && has(self.bounds) && has(self.bounds.key) && has(self.bounds.key.oneOf)) || self.default.key in self.bounds.key.oneOf`,message="default.key is not in bounds.key.oneOf of the same policy: write one of them, or add it",fieldPath=`.default.key`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.key) && has(self.bounds) && has(self.bounds.key) && has(self.bounds.key.oneOf)) || self.override.key in self.bounds.key.oneOf`,message="override.key is not in bounds.key.oneOf of the same policy: write one of them, or add it",fieldPath=`.override.key`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.counter) && has(self.bounds) && has(self.bounds.counter) && has(self.bounds.counter.oneOf)) || self.default.counter in self.bounds.counter.oneOf`,message="default.counter is not in bounds.counter.oneOf of the same policy: write one of them, or add it",fieldPath=`.default.counter`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.counter) && has(self.bounds) && has(self.bounds.counter) && has(self.bounds.counter.oneOf)) || self.override.counter in self.bounds.counter.oneOf`,message="override.counter is not in bounds.counter.oneOf of the same policy: write one of them, or add it",fieldPath=`.override.counter`
// +kubebuilder:validation:XValidation:rule=`!has(self.default) || !(has(self.default.burst) || has(self.default.key) || has(self.default.counter) || has(self.default.mode)) || has(self.default.requestsPerSecond) || (has(self.default.mode) && self.default.mode == 'Disabled')`,message="default states burst, key, counter or mode without the rate: a limit is one thing and is taken whole, so write requestsPerSecond beside them, or mode: Disabled",fieldPath=`.default`
// +kubebuilder:validation:XValidation:rule=`!has(self.default) || !has(self.default.limits) || size(self.default.limits) <= 8`,message="default.limits has more than 8 names: keep at most 8 in one block",fieldPath=`.default.limits`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.mode) && self.default.mode == 'Disabled' && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.max))`,message="default.mode: Disabled switches the limit off, which is above bounds.requestsPerSecond.max of the same policy: write a rate, or remove the bound",fieldPath=`.default.mode`
// +kubebuilder:validation:XValidation:rule=`!has(self.override) || !(has(self.override.burst) || has(self.override.key) || has(self.override.counter) || has(self.override.mode)) || has(self.override.requestsPerSecond) || (has(self.override.mode) && self.override.mode == 'Disabled')`,message="override states burst, key, counter or mode without the rate: a limit is one thing and is taken whole, so write requestsPerSecond beside them, or mode: Disabled",fieldPath=`.override`
// +kubebuilder:validation:XValidation:rule=`!has(self.override) || !has(self.override.limits) || size(self.override.limits) <= 8`,message="override.limits has more than 8 names: keep at most 8 in one block",fieldPath=`.override.limits`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.mode) && self.override.mode == 'Disabled' && has(self.bounds) && has(self.bounds.requestsPerSecond) && has(self.bounds.requestsPerSecond.max))`,message="override.mode: Disabled switches the limit off, which is above bounds.requestsPerSecond.max of the same policy: write a rate, or remove the bound",fieldPath=`.override.mode`
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
	// choose: a value outside them is moved to the nearest end. Example:
	// {requestsPerSecond: {max: 1000}}.
	//
	// +optional
	Bounds *RateLimitBounds `json:"bounds,omitempty"`
}

// RateLimitCounter says which requests share one counter.
//
// +kubebuilder:validation:Enum=Rule;Route;Gateway
type RateLimitCounter string

const (
	// CountRule counts every rule of every Route separately.
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

// RateLimitSettings are the values of a RateLimitPolicy. A field that is absent
// leaves the decision to others.
//
// +kubebuilder:validation:XValidation:rule=`!has(self.requestsPerSecond) || !isQuantity(string(self.requestsPerSecond)) || quantity(string(self.requestsPerSecond)).isGreaterThan(quantity('0'))`,message="requestsPerSecond must be above 0, such as 100 or 500m; to switch the limit off write mode: Disabled",messageExpression=`'requestsPerSecond %s is not above 0: write a rate such as 100 or 500m; to switch the limit off write mode: Disabled'.format([string(self.requestsPerSecond)])`,fieldPath=`.requestsPerSecond`
type RateLimitSettings struct {
	// RequestsPerSecond is how many requests per second are let through, for
	// each key and counter. A quantity: a whole number, or a string with a
	// fraction or suffix ("500m" is one request every two seconds). Above 0.
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

	// Burst is how many requests may arrive at once in addition to the rate.
	// Default: none, the data plane decides.
	//
	// Valid: 0 to 1000000000. Invalid: -1, "50" (in quotes).
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000
	Burst *int32 `json:"burst,omitempty"`

	// Key says which clients are counted separately: All counts everybody
	// together; ClientIP counts every address separately; Header:<name> counts
	// every value of that request header separately. Absent means All.
	//
	// Valid: "All", "ClientIP", "Header:x-tenant". Invalid: "header:x-tenant"
	// (lower case), "Header:" (no name), "Header:x tenant" (a space).
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:XValidation:rule=`self.matches('^(All|ClientIP|Header:[!#$%&\'*+.^_|~0-9A-Za-z-]{1,256})$')`,message="not a key: write All, ClientIP or Header:<name> with a valid header name, such as Header:x-tenant",messageExpression=`'"%s" is not a key: write %s'.format([self, self.lowerAscii() == 'all' ? 'All' : self.lowerAscii() == 'clientip' ? 'ClientIP' : self.matches('^[hH][eE][aA][dD][eE][rR]: *[!#$%&\'*+.^_|~0-9A-Za-z-]{1,256}$') ? 'Header:%s'.format([self.substring(7).trim()]) : 'All, ClientIP or Header:<name>, where the name has no spaces or separators, such as Header:x-tenant'])`
	Key *string `json:"key,omitempty"`

	// Counter says which requests share one counter: Rule counts every rule of a
	// Route separately; Route counts all rules of a Route together; Gateway counts
	// everything that comes through a Gateway together. Absent means Rule.
	//
	// +optional
	Counter *RateLimitCounter `json:"counter,omitempty"`

	// Mode switches the limit on (Enforce) or off (Disabled). Absent means
	// Enforce.
	//
	// +optional
	Mode *RateLimitMode `json:"mode,omitempty"`

	// Limits are further limits, each with a name. All limits apply, each on its
	// own, so the strictest decides. Limits with different names are collected
	// from all policies that reach a Route; for a name that several policies
	// have, the limit of the strongest policy is taken as a whole. At most 8
	// names.
	//
	// Valid: {per-client: {requests: 100, per: 1m, key: ClientIP}}.
	//
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule=`self.all(k, size(k) <= 63 && k.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'))`,message="a limit has an invalid name: write at most 63 lower-case letters, digits and dashes, such as per-client"
	Limits map[string]NamedLimit `json:"limits,omitempty"`
}

// NamedLimit is one of several limits.
//
// +kubebuilder:validation:XValidation:rule=`has(self.requests) || (has(self.mode) && self.mode == 'Disabled')`,message="the limit says not how many requests: write requests, such as requests: 100, or mode: Disabled"
// +kubebuilder:validation:XValidation:rule=`!has(self.per) || !self.per.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') || duration(self.per) > duration('0s')`,message="per must be longer than 0s, such as 1s or 1m",fieldPath=`.per`
type NamedLimit struct {
	// Requests is how many requests are let through in the time that per says,
	// for each key and counter. Above 0. Valid: 1 to 1000000000.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000
	Requests *int32 `json:"requests,omitempty"`

	// Per is the time in which that many requests are let through. Absent means
	// 1s. Valid: "1s", "1m", "1h". Invalid: "0s".
	//
	// +optional
	Per *Duration `json:"per,omitempty"`

	// Burst is how many requests may arrive at once in addition. Default: none.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000
	Burst *int32 `json:"burst,omitempty"`

	// Key says which clients are counted separately: All, ClientIP or
	// Header:<name>. Absent means All.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:XValidation:rule=`self.matches('^(All|ClientIP|Header:[!#$%&\'*+.^_|~0-9A-Za-z-]{1,256})$')`,message="not a key: write All, ClientIP or Header:<name> with a valid header name, such as Header:x-tenant"
	Key *string `json:"key,omitempty"`

	// Counter says which requests share one counter: Rule, Route or Gateway.
	// Absent means Rule.
	//
	// +optional
	Counter *RateLimitCounter `json:"counter,omitempty"`

	// Mode switches the limit on (Enforce) or off (Disabled). Absent means
	// Enforce. Disabled opts out of a default of this name further up.
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

	// Key limits by what clients may be counted. A limit without a key counts as
	// All.
	// Example: {oneOf: [All, ClientIP]}.
	//
	// +optional
	Key *KeyChoice `json:"key,omitempty"`

	// Counter limits which counters may be used. A limit without a counter counts
	// as Rule. Example: {oneOf: [Route]}.
	//
	// +optional
	Counter *CounterChoice `json:"counter,omitempty"`
}

// KeyChoice lists the keys allowed.
type KeyChoice struct {
	// OneOf are the only values allowed. A value that is not among them is
	// replaced with the first.
	//
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=320
	// +kubebuilder:validation:XValidation:rule=`self.all(k, k.matches('^(All|ClientIP|Header:[!#$%&\'*+.^_|~0-9A-Za-z-]{1,256})$'))`,message="oneOf has what is no key: write All, ClientIP or Header:<name> with a valid header name, such as Header:x-tenant"
	OneOf []string `json:"oneOf"`
}

// CounterChoice lists the counters allowed.
type CounterChoice struct {
	// OneOf are the only values allowed. A value that is not among them is
	// replaced with the first.
	//
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	OneOf []RateLimitCounter `json:"oneOf"`
}
