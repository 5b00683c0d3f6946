package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TimeoutPolicy limits how long requests and connections through a Gateway may
// take. It can be attached to a GatewayClass, Gateway, ListenerSet, listener,
// Route or rule of a Route; what applies in the end is merged from all of them
// and written into EffectivePolicy objects.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=timeoutpolicies,singular=timeoutpolicy,categories=attache;gateway-api,scope=Namespaced
// +kubebuilder:metadata:labels="gateway.networking.k8s.io/policy=Inherited"
// +kubebuilder:metadata:labels="app.kubernetes.io/part-of=attache"
// +kubebuilder:metadata:annotations=`attache.dev/summary={"TIMEOUT":"request"}`
// +kubebuilder:metadata:annotations=`attache.dev/inline={"HTTPRoute":{"request":"timeouts.request","backend":"timeouts.backendRequest"}}`
// +kubebuilder:metadata:annotations=`attache.dev/applies-to={"HTTPRoute":["*"],"GRPCRoute":["*"],"TLSRoute":["connect","idle"],"TCPRoute":["connect","idle"],"UDPRoute":["idle"],"*":["*"]}`
// +kubebuilder:metadata:annotations=`attache.dev/bounds={"request":"duration","backend":"duration","connect":"duration","idle":"duration"}`
// +kubebuilder:metadata:annotations=`attache.dev/at-most={"backend":"request"}`
// +kubebuilder:printcolumn:name="TARGET",type=string,JSONPath=`.status.summary.target`,description="What the policy is attached to"
// +kubebuilder:printcolumn:name="STRATEGY",type=string,JSONPath=`.spec.strategy`,description="How it is merged with other policies"
// +kubebuilder:printcolumn:name="ACCEPTED",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether it is accepted everywhere"
// +kubebuilder:printcolumn:name="PROGRAMMED",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Programmed")].status`,description="Whether any of its values are in force (first ancestor)"
// +kubebuilder:printcolumn:name="ENFORCED",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Enforced")].status`,description="Whether data planes enforce it (first ancestor)"
// +kubebuilder:printcolumn:name="IN EFFECT",type=string,JSONPath=`.status.summary.inEffect`,description="Paths on which it decides a value, out of those that it reaches"
// +kubebuilder:printcolumn:name="PROGRESS",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Reconciling")].message`,description="While a far-reaching edit is written: how many routes are done, out of those that it reaches"
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type TimeoutPolicy struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the policy asks for.
	//
	// +required
	Spec TimeoutPolicySpec `json:"spec"`

	// Status is the observed state of the policy. Written by controllers; until then, Ready is Unknown.
	//
	// +optional
	// +default={"ancestors": [], "conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending", "message": "Waiting for controller", "lastTransitionTime": "1970-01-01T00:00:00Z"}]}
	Status PolicyStatus `json:"status,omitzero"`
}

// TimeoutPolicyList is a list of TimeoutPolicy.
//
// +kubebuilder:object:root=true
type TimeoutPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []TimeoutPolicy `json:"items"`
}

// TimeoutPolicySpec is the spec of a TimeoutPolicy: its targets, and at least one
// of default, override and bounds.
//
// +kubebuilder:validation:XValidation:rule=`[has(self.targetRef), has(self.targetRefs), has(self.targetSelectors)].filter(x, x).size() == 1`,message="write exactly one of targetRef (one target), targetRefs (a list of 1 to 16 targets) and targetSelectors (targets by label)",messageExpression=`has(self.targetSelectors) ? 'targetSelectors and %s are both set: write one of them'.format([has(self.targetRef) ? 'targetRef' : 'targetRefs']) : has(self.targetRef) ? 'targetRef and targetRefs are both set: write one of them, and move the other target into targetRefs' : 'the policy names no target: write targetRef (one target), targetRefs (a list of 1 to 16 targets) or targetSelectors (targets by label)'`
// +kubebuilder:validation:XValidation:rule=`has(self.default) || has(self.override) || has(self.bounds)`,message="the policy says nothing: write at least one of default, override and bounds"
// +kubebuilder:validation:XValidation:rule=`!has(self.default) || has(self.default.request) || has(self.default.backend) || has(self.default.connect) || has(self.default.idle)`,message="default is empty: set at least one of its fields (request, backend, connect, idle), such as request: 30s, or remove default",fieldPath=`.default`
// +kubebuilder:validation:XValidation:rule=`!has(self.override) || has(self.override.request) || has(self.override.backend) || has(self.override.connect) || has(self.override.idle)`,message="override is empty: set at least one of its fields (request, backend, connect, idle), such as request: 30s, or remove override",fieldPath=`.override`
// +kubebuilder:validation:XValidation:rule=`!has(self.bounds) || has(self.bounds.request) || has(self.bounds.backend) || has(self.bounds.connect) || has(self.bounds.idle)`,message="bounds is empty: set at least one of its fields (request, backend, connect, idle), such as request: {max: 60s}, or remove bounds",fieldPath=`.bounds`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.request) && has(self.bounds) && has(self.bounds.request) && has(self.bounds.request.max) && self.default.request.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.request.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.default.request) > duration('0s') && duration(self.default.request) <= duration(self.bounds.request.max))`,message="default.request is longer than bounds.request.max of the same policy: write a shorter time, or raise the bound",messageExpression=`'default.request %s %s bounds.request.max %s of the same policy: write %s or less, or raise the bound'.format([self.default.request, duration(self.default.request) == duration('0s') ? 'switches the timeout off, which is longer than' : 'is longer than', self.bounds.request.max, self.bounds.request.max])`,fieldPath=`.default.request`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.request) && has(self.bounds) && has(self.bounds.request) && has(self.bounds.request.min) && self.default.request.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.request.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.default.request) == duration('0s') || duration(self.default.request) >= duration(self.bounds.request.min))`,message="default.request is shorter than bounds.request.min of the same policy: write a longer time, or lower the bound",messageExpression=`'default.request %s is shorter than bounds.request.min %s of the same policy: write %s or more, or lower the bound'.format([self.default.request, self.bounds.request.min, self.bounds.request.min])`,fieldPath=`.default.request`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.request) && has(self.bounds) && has(self.bounds.request) && has(self.bounds.request.max) && self.override.request.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.request.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.override.request) > duration('0s') && duration(self.override.request) <= duration(self.bounds.request.max))`,message="override.request is longer than bounds.request.max of the same policy: write a shorter time, or raise the bound",messageExpression=`'override.request %s %s bounds.request.max %s of the same policy: write %s or less, or raise the bound'.format([self.override.request, duration(self.override.request) == duration('0s') ? 'switches the timeout off, which is longer than' : 'is longer than', self.bounds.request.max, self.bounds.request.max])`,fieldPath=`.override.request`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.request) && has(self.bounds) && has(self.bounds.request) && has(self.bounds.request.min) && self.override.request.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.request.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.override.request) == duration('0s') || duration(self.override.request) >= duration(self.bounds.request.min))`,message="override.request is shorter than bounds.request.min of the same policy: write a longer time, or lower the bound",messageExpression=`'override.request %s is shorter than bounds.request.min %s of the same policy: write %s or more, or lower the bound'.format([self.override.request, self.bounds.request.min, self.bounds.request.min])`,fieldPath=`.override.request`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.backend) && has(self.bounds) && has(self.bounds.backend) && has(self.bounds.backend.max) && self.default.backend.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.backend.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.default.backend) > duration('0s') && duration(self.default.backend) <= duration(self.bounds.backend.max))`,message="default.backend is longer than bounds.backend.max of the same policy: write a shorter time, or raise the bound",messageExpression=`'default.backend %s %s bounds.backend.max %s of the same policy: write %s or less, or raise the bound'.format([self.default.backend, duration(self.default.backend) == duration('0s') ? 'switches the timeout off, which is longer than' : 'is longer than', self.bounds.backend.max, self.bounds.backend.max])`,fieldPath=`.default.backend`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.backend) && has(self.bounds) && has(self.bounds.backend) && has(self.bounds.backend.min) && self.default.backend.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.backend.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.default.backend) == duration('0s') || duration(self.default.backend) >= duration(self.bounds.backend.min))`,message="default.backend is shorter than bounds.backend.min of the same policy: write a longer time, or lower the bound",messageExpression=`'default.backend %s is shorter than bounds.backend.min %s of the same policy: write %s or more, or lower the bound'.format([self.default.backend, self.bounds.backend.min, self.bounds.backend.min])`,fieldPath=`.default.backend`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.backend) && has(self.bounds) && has(self.bounds.backend) && has(self.bounds.backend.max) && self.override.backend.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.backend.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.override.backend) > duration('0s') && duration(self.override.backend) <= duration(self.bounds.backend.max))`,message="override.backend is longer than bounds.backend.max of the same policy: write a shorter time, or raise the bound",messageExpression=`'override.backend %s %s bounds.backend.max %s of the same policy: write %s or less, or raise the bound'.format([self.override.backend, duration(self.override.backend) == duration('0s') ? 'switches the timeout off, which is longer than' : 'is longer than', self.bounds.backend.max, self.bounds.backend.max])`,fieldPath=`.override.backend`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.backend) && has(self.bounds) && has(self.bounds.backend) && has(self.bounds.backend.min) && self.override.backend.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.backend.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.override.backend) == duration('0s') || duration(self.override.backend) >= duration(self.bounds.backend.min))`,message="override.backend is shorter than bounds.backend.min of the same policy: write a longer time, or lower the bound",messageExpression=`'override.backend %s is shorter than bounds.backend.min %s of the same policy: write %s or more, or lower the bound'.format([self.override.backend, self.bounds.backend.min, self.bounds.backend.min])`,fieldPath=`.override.backend`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.connect) && has(self.bounds) && has(self.bounds.connect) && has(self.bounds.connect.max) && self.default.connect.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.connect.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.default.connect) > duration('0s') && duration(self.default.connect) <= duration(self.bounds.connect.max))`,message="default.connect is longer than bounds.connect.max of the same policy: write a shorter time, or raise the bound",messageExpression=`'default.connect %s %s bounds.connect.max %s of the same policy: write %s or less, or raise the bound'.format([self.default.connect, duration(self.default.connect) == duration('0s') ? 'switches the timeout off, which is longer than' : 'is longer than', self.bounds.connect.max, self.bounds.connect.max])`,fieldPath=`.default.connect`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.connect) && has(self.bounds) && has(self.bounds.connect) && has(self.bounds.connect.min) && self.default.connect.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.connect.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.default.connect) == duration('0s') || duration(self.default.connect) >= duration(self.bounds.connect.min))`,message="default.connect is shorter than bounds.connect.min of the same policy: write a longer time, or lower the bound",messageExpression=`'default.connect %s is shorter than bounds.connect.min %s of the same policy: write %s or more, or lower the bound'.format([self.default.connect, self.bounds.connect.min, self.bounds.connect.min])`,fieldPath=`.default.connect`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.connect) && has(self.bounds) && has(self.bounds.connect) && has(self.bounds.connect.max) && self.override.connect.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.connect.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.override.connect) > duration('0s') && duration(self.override.connect) <= duration(self.bounds.connect.max))`,message="override.connect is longer than bounds.connect.max of the same policy: write a shorter time, or raise the bound",messageExpression=`'override.connect %s %s bounds.connect.max %s of the same policy: write %s or less, or raise the bound'.format([self.override.connect, duration(self.override.connect) == duration('0s') ? 'switches the timeout off, which is longer than' : 'is longer than', self.bounds.connect.max, self.bounds.connect.max])`,fieldPath=`.override.connect`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.connect) && has(self.bounds) && has(self.bounds.connect) && has(self.bounds.connect.min) && self.override.connect.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.connect.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.override.connect) == duration('0s') || duration(self.override.connect) >= duration(self.bounds.connect.min))`,message="override.connect is shorter than bounds.connect.min of the same policy: write a longer time, or lower the bound",messageExpression=`'override.connect %s is shorter than bounds.connect.min %s of the same policy: write %s or more, or lower the bound'.format([self.override.connect, self.bounds.connect.min, self.bounds.connect.min])`,fieldPath=`.override.connect`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.idle) && has(self.bounds) && has(self.bounds.idle) && has(self.bounds.idle.max) && self.default.idle.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.idle.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.default.idle) > duration('0s') && duration(self.default.idle) <= duration(self.bounds.idle.max))`,message="default.idle is longer than bounds.idle.max of the same policy: write a shorter time, or raise the bound",messageExpression=`'default.idle %s %s bounds.idle.max %s of the same policy: write %s or less, or raise the bound'.format([self.default.idle, duration(self.default.idle) == duration('0s') ? 'switches the timeout off, which is longer than' : 'is longer than', self.bounds.idle.max, self.bounds.idle.max])`,fieldPath=`.default.idle`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.idle) && has(self.bounds) && has(self.bounds.idle) && has(self.bounds.idle.min) && self.default.idle.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.idle.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.default.idle) == duration('0s') || duration(self.default.idle) >= duration(self.bounds.idle.min))`,message="default.idle is shorter than bounds.idle.min of the same policy: write a longer time, or lower the bound",messageExpression=`'default.idle %s is shorter than bounds.idle.min %s of the same policy: write %s or more, or lower the bound'.format([self.default.idle, self.bounds.idle.min, self.bounds.idle.min])`,fieldPath=`.default.idle`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.idle) && has(self.bounds) && has(self.bounds.idle) && has(self.bounds.idle.max) && self.override.idle.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.idle.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.override.idle) > duration('0s') && duration(self.override.idle) <= duration(self.bounds.idle.max))`,message="override.idle is longer than bounds.idle.max of the same policy: write a shorter time, or raise the bound",messageExpression=`'override.idle %s %s bounds.idle.max %s of the same policy: write %s or less, or raise the bound'.format([self.override.idle, duration(self.override.idle) == duration('0s') ? 'switches the timeout off, which is longer than' : 'is longer than', self.bounds.idle.max, self.bounds.idle.max])`,fieldPath=`.override.idle`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.idle) && has(self.bounds) && has(self.bounds.idle) && has(self.bounds.idle.min) && self.override.idle.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.bounds.idle.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || (duration(self.override.idle) == duration('0s') || duration(self.override.idle) >= duration(self.bounds.idle.min))`,message="override.idle is shorter than bounds.idle.min of the same policy: write a longer time, or lower the bound",messageExpression=`'override.idle %s is shorter than bounds.idle.min %s of the same policy: write %s or more, or lower the bound'.format([self.override.idle, self.bounds.idle.min, self.bounds.idle.min])`,fieldPath=`.override.idle`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.request) && has(self.bounds) && has(self.bounds.request) && has(self.bounds.request.oneOf)) || self.bounds.request.oneOf.exists(v, self.default.request.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && v.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(v) == duration(self.default.request))`,message="default.request is not in bounds.request.oneOf of the same policy: write one of them, or add it",fieldPath=`.default.request`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.request) && has(self.bounds) && has(self.bounds.request) && has(self.bounds.request.oneOf)) || self.bounds.request.oneOf.exists(v, self.override.request.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && v.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(v) == duration(self.override.request))`,message="override.request is not in bounds.request.oneOf of the same policy: write one of them, or add it",fieldPath=`.override.request`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.backend) && has(self.bounds) && has(self.bounds.backend) && has(self.bounds.backend.oneOf)) || self.bounds.backend.oneOf.exists(v, self.default.backend.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && v.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(v) == duration(self.default.backend))`,message="default.backend is not in bounds.backend.oneOf of the same policy: write one of them, or add it",fieldPath=`.default.backend`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.backend) && has(self.bounds) && has(self.bounds.backend) && has(self.bounds.backend.oneOf)) || self.bounds.backend.oneOf.exists(v, self.override.backend.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && v.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(v) == duration(self.override.backend))`,message="override.backend is not in bounds.backend.oneOf of the same policy: write one of them, or add it",fieldPath=`.override.backend`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.connect) && has(self.bounds) && has(self.bounds.connect) && has(self.bounds.connect.oneOf)) || self.bounds.connect.oneOf.exists(v, self.default.connect.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && v.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(v) == duration(self.default.connect))`,message="default.connect is not in bounds.connect.oneOf of the same policy: write one of them, or add it",fieldPath=`.default.connect`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.connect) && has(self.bounds) && has(self.bounds.connect) && has(self.bounds.connect.oneOf)) || self.bounds.connect.oneOf.exists(v, self.override.connect.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && v.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(v) == duration(self.override.connect))`,message="override.connect is not in bounds.connect.oneOf of the same policy: write one of them, or add it",fieldPath=`.override.connect`
// +kubebuilder:validation:XValidation:rule=`!(has(self.default) && has(self.default.idle) && has(self.bounds) && has(self.bounds.idle) && has(self.bounds.idle.oneOf)) || self.bounds.idle.oneOf.exists(v, self.default.idle.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && v.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(v) == duration(self.default.idle))`,message="default.idle is not in bounds.idle.oneOf of the same policy: write one of them, or add it",fieldPath=`.default.idle`
// +kubebuilder:validation:XValidation:rule=`!(has(self.override) && has(self.override.idle) && has(self.bounds) && has(self.bounds.idle) && has(self.bounds.idle.oneOf)) || self.bounds.idle.oneOf.exists(v, self.override.idle.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && v.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(v) == duration(self.override.idle))`,message="override.idle is not in bounds.idle.oneOf of the same policy: write one of them, or add it",fieldPath=`.override.idle`
type TimeoutPolicySpec struct {
	Targeting `json:",inline"`

	// Default holds values that more specific policies, and the Route itself,
	// may replace.
	//
	// +optional
	Default *TimeoutSettings `json:"default,omitempty"`

	// Override holds values that replace those of more specific policies and of
	// the Route itself.
	//
	// +optional
	Override *TimeoutSettings `json:"override,omitempty"`

	// Bounds limit what more specific policies, and the Route itself, may
	// choose: a value outside them is moved to the nearest end. Example:
	// {request: {max: 60s}}.
	//
	// +optional
	Bounds *TimeoutBounds `json:"bounds,omitempty"`
}

// TimeoutSettings are the values of a TimeoutPolicy. In each of them "0s"
// switches that timeout off; a field that is absent leaves the decision to
// others.
//
// +kubebuilder:validation:XValidation:rule=`!(has(self.backend) && has(self.request) && self.backend.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.request.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || duration(self.request) == duration('0s') || duration(self.backend) <= duration(self.request)`,message="backend is longer than request: write a backend timeout that is not longer than request, or request: 0s to switch the request timeout off",messageExpression=`'backend %s is longer than request %s: write backend: %s or less, or request: 0s to switch the request timeout off'.format([self.backend, self.request, self.request])`
type TimeoutSettings struct {
	// Request is the time for the whole request as the client sees it, including
	// all retries. "0s" means no limit. Default: none, the data plane decides.
	// Applies to HTTPRoute and GRPCRoute.
	//
	// Valid: "30s", "1m30s", "0s". Invalid: "30", "1.5m".
	//
	// +optional
	Request *Duration `json:"request,omitempty"`

	// Backend is the time for one attempt at one backend. It must not be longer
	// than request, unless request is "0s". "0s" means no limit. Default: none,
	// the data plane decides. Applies to HTTPRoute and GRPCRoute.
	//
	// Valid: "10s". Invalid: "20s" together with request: 10s.
	//
	// +optional
	Backend *Duration `json:"backend,omitempty"`

	// Connect is the time to establish a connection to a backend. "0s" means no
	// limit. Default: none, the data plane decides. Applies to all Routes except
	// UDPRoute.
	//
	// Valid: "5s", "500ms". Invalid: "5".
	//
	// +optional
	Connect *Duration `json:"connect,omitempty"`

	// Idle is how long a connection or stream may stay without traffic. "0s"
	// means no limit. Default: none, the data plane decides. Applies to all
	// Routes.
	//
	// Valid: "1h", "300s". Invalid: "1d" (write 24h).
	//
	// +optional
	Idle *Duration `json:"idle,omitempty"`
}

// TimeoutBounds limit the values of a TimeoutPolicy.
type TimeoutBounds struct {
	// Request limits the request timeout. Example: {max: 60s}.
	//
	// +optional
	Request *DurationRange `json:"request,omitempty"`

	// Backend limits the backend timeout. Example: {min: 100ms, max: 30s}.
	//
	// +optional
	Backend *DurationRange `json:"backend,omitempty"`

	// Connect limits the connect timeout. Example: {max: 10s}.
	//
	// +optional
	Connect *DurationRange `json:"connect,omitempty"`

	// Idle limits the idle timeout. Example: {max: 1h}.
	//
	// +optional
	Idle *DurationRange `json:"idle,omitempty"`
}
