package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RetryPolicy says when, and how often, a failed request is sent to a backend
// again. It can be attached to a GatewayClass, Gateway, ListenerSet, listener,
// Route or rule of a Route; what applies in the end is merged from all of them
// and written into EffectivePolicy objects.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=retrypolicies,singular=retrypolicy,categories=attache;gateway-api,scope=Namespaced
// +kubebuilder:metadata:labels="gateway.networking.k8s.io/policy=Inherited"
// +kubebuilder:metadata:labels="app.kubernetes.io/part-of=attache"
// +kubebuilder:metadata:annotations=`attache.dev/summary={"RETRIES":"maxRetries"}`
// +kubebuilder:metadata:annotations=`attache.dev/inline={"HTTPRoute":{"maxRetries":"retry.attempts","retryOn":{"path":"retry.codes","as":"string"},"backoffBase":"retry.backoff"}}`
// +kubebuilder:metadata:annotations=`attache.dev/applies-to={"HTTPRoute":["*"],"GRPCRoute":["*"],"TLSRoute":[],"TCPRoute":[],"UDPRoute":[],"*":["*"]}`
// +kubebuilder:metadata:annotations=`attache.dev/bounds={"maxRetries":"integer","perTryTimeout":"duration","backoffBase":{"type":"duration","off":null},"backoffMax":{"type":"duration","off":null}}`
// +kubebuilder:metadata:annotations=`attache.dev/at-most={"backoffBase":"backoffMax"}`
// +kubebuilder:printcolumn:name="TARGET",type=string,JSONPath=`.status.summary.target`,description="What the policy is attached to"
// +kubebuilder:printcolumn:name="STRATEGY",type=string,JSONPath=`.spec.strategy`,description="How it is merged with other policies"
// +kubebuilder:printcolumn:name="ACCEPTED",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether it is accepted everywhere"
// +kubebuilder:printcolumn:name="PROGRAMMED",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Programmed")].status`,description="Whether any of its values are in force (first ancestor)"
// +kubebuilder:printcolumn:name="ENFORCED",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Enforced")].status`,description="Whether data planes enforce it (first ancestor)"
// +kubebuilder:printcolumn:name="IN EFFECT",type=string,JSONPath=`.status.summary.inEffect`,description="Paths on which it decides a value, out of those that it reaches"
// +kubebuilder:printcolumn:name="PROGRESS",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Reconciling")].message`,description="While a far-reaching edit is written: how many routes are done, out of those that it reaches"
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type RetryPolicy struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the policy asks for.
	//
	// +required
	Spec RetryPolicySpec `json:"spec"`

	// Status is the observed state of the policy. Written by controllers; until then, Ready is Unknown.
	//
	// +optional
	// +default={"ancestors": [], "conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending", "message": "Waiting for controller", "lastTransitionTime": "1970-01-01T00:00:00Z"}]}
	Status PolicyStatus `json:"status,omitzero"`
}

// RetryPolicyList is a list of RetryPolicy.
//
// +kubebuilder:object:root=true
type RetryPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []RetryPolicy `json:"items"`
}

// RetryPolicySpec is the spec of a RetryPolicy: its targets, and at least one
// of default, override and bounds.
//
// +kubebuilder:validation:XValidation:rule=`[has(self.targetRef), has(self.targetRefs), has(self.targetSelectors)].filter(x, x).size() == 1`,message="write exactly one of targetRef (one target), targetRefs (a list of 1 to 16 targets) and targetSelectors (targets by label)",messageExpression=`has(self.targetSelectors) ? 'targetSelectors and %s are both set: write one of them'.format([has(self.targetRef) ? 'targetRef' : 'targetRefs']) : has(self.targetRef) ? 'targetRef and targetRefs are both set: write one of them, and move the other target into targetRefs' : 'the policy names no target: write targetRef (one target), targetRefs (a list of 1 to 16 targets) or targetSelectors (targets by label)'`
// +kubebuilder:validation:XValidation:rule=`has(self.default) || has(self.override) || has(self.bounds)`,message="the policy says nothing: write at least one of default, override and bounds"
// +kubebuilder:validation:XValidation:rule=`!has(self.default) || has(self.default.maxRetries) || has(self.default.retryOn) || has(self.default.backoffPolicy) || has(self.default.backoffBase) || has(self.default.backoffMax) || has(self.default.perTryTimeout)`,message="default is empty: set at least one of its fields (maxRetries, retryOn, backoffPolicy, backoffBase, backoffMax, perTryTimeout), such as maxRetries: 3, or remove default",fieldPath=`.default`
// +kubebuilder:validation:XValidation:rule=`!has(self.override) || has(self.override.maxRetries) || has(self.override.retryOn) || has(self.override.backoffPolicy) || has(self.override.backoffBase) || has(self.override.backoffMax) || has(self.override.perTryTimeout)`,message="override is empty: set at least one of its fields (maxRetries, retryOn, backoffPolicy, backoffBase, backoffMax, perTryTimeout), such as maxRetries: 3, or remove override",fieldPath=`.override`
// +kubebuilder:validation:XValidation:rule=`!has(self.bounds) || has(self.bounds.maxRetries) || has(self.bounds.perTryTimeout)`,message="bounds is empty: set at least one of its fields (maxRetries, perTryTimeout), such as maxRetries: {max: 5}, or remove bounds",fieldPath=`.bounds`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.maxRetries) && self.default.maxRetries == 0 && (has(self.default.backoffPolicy) || has(self.default.backoffBase) || has(self.default.backoffMax)))`,message="default sets maxRetries: 0, so that nothing is retried, and says how to wait between retries: remove backoffPolicy, backoffBase and backoffMax, or write maxRetries: 1 or more",fieldPath=`.default`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.maxRetries) && self.override.maxRetries == 0 && (has(self.override.backoffPolicy) || has(self.override.backoffBase) || has(self.override.backoffMax)))`,message="override sets maxRetries: 0, so that nothing is retried, and says how to wait between retries: remove backoffPolicy, backoffBase and backoffMax, or write maxRetries: 1 or more",fieldPath=`.override`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.maxRetries) && has(self.bounds) && has(self.bounds.maxRetries) && has(self.bounds.maxRetries.max)) || self.default.maxRetries <= self.bounds.maxRetries.max`,message="default.maxRetries is above bounds.maxRetries.max of the same policy: move the value or the bound",messageExpression=`'default.maxRetries %d is above bounds.maxRetries.max %d of the same policy: write %d or less, or raise the bound'.format([self.default.maxRetries, self.bounds.maxRetries.max, self.bounds.maxRetries.max])`,fieldPath=`.default.maxRetries`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.maxRetries) && has(self.bounds) && has(self.bounds.maxRetries) && has(self.bounds.maxRetries.min)) || self.default.maxRetries >= self.bounds.maxRetries.min`,message="default.maxRetries is below bounds.maxRetries.min of the same policy: move the value or the bound",messageExpression=`'default.maxRetries %d is below bounds.maxRetries.min %d of the same policy: write %d or more, or lower the bound'.format([self.default.maxRetries, self.bounds.maxRetries.min, self.bounds.maxRetries.min])`,fieldPath=`.default.maxRetries`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.maxRetries) && has(self.bounds) && has(self.bounds.maxRetries) && has(self.bounds.maxRetries.max)) || self.override.maxRetries <= self.bounds.maxRetries.max`,message="override.maxRetries is above bounds.maxRetries.max of the same policy: move the value or the bound",messageExpression=`'override.maxRetries %d is above bounds.maxRetries.max %d of the same policy: write %d or less, or raise the bound'.format([self.override.maxRetries, self.bounds.maxRetries.max, self.bounds.maxRetries.max])`,fieldPath=`.override.maxRetries`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.maxRetries) && has(self.bounds) && has(self.bounds.maxRetries) && has(self.bounds.maxRetries.min)) || self.override.maxRetries >= self.bounds.maxRetries.min`,message="override.maxRetries is below bounds.maxRetries.min of the same policy: move the value or the bound",messageExpression=`'override.maxRetries %d is below bounds.maxRetries.min %d of the same policy: write %d or more, or lower the bound'.format([self.override.maxRetries, self.bounds.maxRetries.min, self.bounds.maxRetries.min])`,fieldPath=`.override.maxRetries`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.perTryTimeout) && has(self.bounds) && has(self.bounds.perTryTimeout) && has(self.bounds.perTryTimeout.max) && self.default.perTryTimeout.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.perTryTimeout.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.default.perTryTimeout) > duration('0s') && duration(self.default.perTryTimeout) <= duration(self.bounds.perTryTimeout.max))`,message="default.perTryTimeout is longer than bounds.perTryTimeout.max of the same policy: write a shorter time, or raise the bound",messageExpression=`'default.perTryTimeout %s %s bounds.perTryTimeout.max %s of the same policy: write %s or less, or raise the bound'.format([self.default.perTryTimeout, duration(self.default.perTryTimeout) == duration('0s') ? 'switches the timeout off, which is longer than' : 'is longer than', self.bounds.perTryTimeout.max, self.bounds.perTryTimeout.max])`,fieldPath=`.default.perTryTimeout`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.perTryTimeout) && has(self.bounds) && has(self.bounds.perTryTimeout) && has(self.bounds.perTryTimeout.min) && self.default.perTryTimeout.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.perTryTimeout.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.default.perTryTimeout) == duration('0s') || duration(self.default.perTryTimeout) >= duration(self.bounds.perTryTimeout.min))`,message="default.perTryTimeout is shorter than bounds.perTryTimeout.min of the same policy: write a longer time, or lower the bound",messageExpression=`'default.perTryTimeout %s is shorter than bounds.perTryTimeout.min %s of the same policy: write %s or more, or lower the bound'.format([self.default.perTryTimeout, self.bounds.perTryTimeout.min, self.bounds.perTryTimeout.min])`,fieldPath=`.default.perTryTimeout`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.perTryTimeout) && has(self.bounds) && has(self.bounds.perTryTimeout) && has(self.bounds.perTryTimeout.max) && self.override.perTryTimeout.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.perTryTimeout.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.override.perTryTimeout) > duration('0s') && duration(self.override.perTryTimeout) <= duration(self.bounds.perTryTimeout.max))`,message="override.perTryTimeout is longer than bounds.perTryTimeout.max of the same policy: write a shorter time, or raise the bound",messageExpression=`'override.perTryTimeout %s %s bounds.perTryTimeout.max %s of the same policy: write %s or less, or raise the bound'.format([self.override.perTryTimeout, duration(self.override.perTryTimeout) == duration('0s') ? 'switches the timeout off, which is longer than' : 'is longer than', self.bounds.perTryTimeout.max, self.bounds.perTryTimeout.max])`,fieldPath=`.override.perTryTimeout`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.perTryTimeout) && has(self.bounds) && has(self.bounds.perTryTimeout) && has(self.bounds.perTryTimeout.min) && self.override.perTryTimeout.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.perTryTimeout.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.override.perTryTimeout) == duration('0s') || duration(self.override.perTryTimeout) >= duration(self.bounds.perTryTimeout.min))`,message="override.perTryTimeout is shorter than bounds.perTryTimeout.min of the same policy: write a longer time, or lower the bound",messageExpression=`'override.perTryTimeout %s is shorter than bounds.perTryTimeout.min %s of the same policy: write %s or more, or lower the bound'.format([self.override.perTryTimeout, self.bounds.perTryTimeout.min, self.bounds.perTryTimeout.min])`,fieldPath=`.override.perTryTimeout`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.maxRetries) && has(self.bounds) && has(self.bounds.maxRetries) && has(self.bounds.maxRetries.oneOf)) || self.default.maxRetries in self.bounds.maxRetries.oneOf`,message="default.maxRetries is not in bounds.maxRetries.oneOf of the same policy: write one of them, or add it",fieldPath=`.default.maxRetries`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.maxRetries) && has(self.bounds) && has(self.bounds.maxRetries) && has(self.bounds.maxRetries.oneOf)) || self.override.maxRetries in self.bounds.maxRetries.oneOf`,message="override.maxRetries is not in bounds.maxRetries.oneOf of the same policy: write one of them, or add it",fieldPath=`.override.maxRetries`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.perTryTimeout) && has(self.bounds) && has(self.bounds.perTryTimeout) && has(self.bounds.perTryTimeout.oneOf)) || self.bounds.perTryTimeout.oneOf.exists(v, self.default.perTryTimeout.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && v.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(v) == duration(self.default.perTryTimeout))`,message="default.perTryTimeout is not in bounds.perTryTimeout.oneOf of the same policy: write one of them, or add it",fieldPath=`.default.perTryTimeout`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.perTryTimeout) && has(self.bounds) && has(self.bounds.perTryTimeout) && has(self.bounds.perTryTimeout.oneOf)) || self.bounds.perTryTimeout.oneOf.exists(v, self.override.perTryTimeout.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && v.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(v) == duration(self.override.perTryTimeout))`,message="override.perTryTimeout is not in bounds.perTryTimeout.oneOf of the same policy: write one of them, or add it",fieldPath=`.override.perTryTimeout`
type RetryPolicySpec struct {
	Targeting `json:",inline"`

	// Default holds values that more specific policies, and the Route itself,
	// may replace.
	//
	// +optional
	Default *RetrySettings `json:"default,omitempty"`

	// Override holds values that replace those of more specific policies and of
	// the Route itself.
	//
	// +optional
	Override *RetrySettings `json:"override,omitempty"`

	// Bounds limit what more specific policies, and the Route itself, may
	// choose: a value outside them is moved to the nearest end. Example:
	// {maxRetries: {max: 5}}.
	//
	// +optional
	Bounds *RetryBounds `json:"bounds,omitempty"`
}

// BackoffPolicy says how the wait between two tries grows.
//
// +kubebuilder:validation:Enum=exponential;constant
type BackoffPolicy string

const (
	// BackoffExponential doubles the wait with every try, up to backoffMax.
	BackoffExponential BackoffPolicy = "exponential"
	// BackoffConstant waits backoffBase each time.
	BackoffConstant BackoffPolicy = "constant"
)

// RetryCondition is one reason to try again: a class of failures, an HTTP status
// code, or a gRPC status.
//
// Valid: "5xx", "gateway-error", "connect-failure", "reset", "refused-stream",
// "retriable-4xx"; a status code from "400" to "599", in quotes; and the gRPC
// statuses "cancelled", "deadline-exceeded", "internal", "resource-exhausted"
// and "unavailable". Invalid: 503 (without quotes), "200", "5XX".
//
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule=`self in ['5xx', 'gateway-error', 'connect-failure', 'reset', 'refused-stream', 'retriable-4xx', 'cancelled', 'deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable'] || self.matches('^[45][0-9][0-9]$')`,message="not a reason to retry: write 5xx, gateway-error, connect-failure, reset, refused-stream, retriable-4xx, cancelled, deadline-exceeded, internal, resource-exhausted, unavailable, or a status code from 400 to 599 in quotes",messageExpression=`'"%s" is not a reason to retry: write %s'.format([self, ['5xx', 'gateway-error', 'connect-failure', 'reset', 'refused-stream', 'retriable-4xx', 'cancelled', 'deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable'].exists(w, w == self.lowerAscii().replace('_', '-').replace(' ', '-')) ? self.lowerAscii().replace('_', '-').replace(' ', '-') : 'a status code from "400" to "599" or one of 5xx, gateway-error, connect-failure, reset, refused-stream, retriable-4xx, cancelled, deadline-exceeded, internal, resource-exhausted, unavailable'])`
type RetryCondition string

// RetrySettings are the values of a RetryPolicy. A field that is absent leaves the
// decision to others.
//
// +kubebuilder:validation:XValidation:rule=`!(has(self.backoffBase) && has(self.backoffMax) && self.backoffBase.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.backoffMax.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || duration(self.backoffBase) <= duration(self.backoffMax)`,message="backoffBase is longer than backoffMax: exchange the two, or raise backoffMax",messageExpression=`'backoffBase %s is longer than backoffMax %s: write backoffMax: %s or more'.format([self.backoffBase, self.backoffMax, self.backoffBase])`
type RetrySettings struct {
	// MaxRetries is how many times a request is tried again after its first try.
	// 0 switches retries off. Default: none, the data plane decides.
	//
	// Valid: 0 to 100. Invalid: -1, "3" (in quotes).
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MaxRetries *int32 `json:"maxRetries,omitempty"`

	// RetryOn are the reasons to try again, without duplicates. Default: none, the
	// data plane decides. The list of a policy that takes precedence replaces the
	// whole list.
	//
	// Valid: ["5xx", "gateway-error"], ["502", "503"]. Invalid: [502] (without
	// quotes), ["5xx", "5xx"] (twice), [] (empty).
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule=`size(self) > 0`,message="retryOn is empty: list at least one reason such as 5xx, or remove it; to switch retries off write maxRetries: 0"
	// +kubebuilder:validation:XValidation:rule=`self.all(a, self.exists_one(b, a == b))`,message="retryOn lists a reason twice: keep one of the two",messageExpression=`'retryOn lists %s more than once: keep one'.format([self.filter(a, !self.exists_one(b, a == b))[0]])`
	RetryOn []RetryCondition `json:"retryOn,omitempty"`

	// BackoffPolicy says how the wait between two tries grows: exponential or
	// constant. Default: none, the data plane decides. Not together with
	// maxRetries: 0.
	//
	// +optional
	BackoffPolicy *BackoffPolicy `json:"backoffPolicy,omitempty"`

	// BackoffBase is the wait before the first retry. It must not be longer than
	// backoffMax. Default: none, the data plane decides. Not together with
	// maxRetries: 0.
	//
	// Valid: "25ms", "1s". Invalid: "1", "0.5s" (write 500ms).
	//
	// +optional
	BackoffBase *Duration `json:"backoffBase,omitempty"`

	// BackoffMax is the longest wait before a retry. Default: none, the data
	// plane decides. Not together with maxRetries: 0.
	//
	// Valid: "10s". Invalid: "1s" together with backoffBase: 2s.
	//
	// +optional
	BackoffMax *Duration `json:"backoffMax,omitempty"`

	// PerTryTimeout is the time for each try. "0s" means no limit. Default:
	// none, the data plane decides.
	//
	// Valid: "2s". Invalid: "2".
	//
	// +optional
	PerTryTimeout *Duration `json:"perTryTimeout,omitempty"`
}

// RetryBounds limit the values of a RetryPolicy.
type RetryBounds struct {
	// MaxRetries limits the number of retries. Example: {max: 5}.
	//
	// +optional
	MaxRetries *RetriesRange `json:"maxRetries,omitempty"`

	// PerTryTimeout limits the time for each try. Example: {max: 10s}.
	//
	// +optional
	PerTryTimeout *DurationRange `json:"perTryTimeout,omitempty"`
}
