package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// PolicyGuardrail says what must not happen to the policies in force, whoever
// edits which object. It is checked on the effective policy of every path through
// a Gateway that an edit changes, not on the text of one object: when the edit is
// made, and again before a result is published.
//
// +kubebuilder:object:root=true
// +kubebuilder:metadata:labels="app.kubernetes.io/part-of=attache"
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=policyguardrails,singular=policyguardrail,categories=attache,scope=Cluster
// +kubebuilder:printcolumn:name="ENFORCEMENT",type=string,JSONPath=`.spec.enforcement`,description="What happens to an edit that violates it"
// +kubebuilder:printcolumn:name="LANGUAGE",type=string,JSONPath=`.status.language`,description="CEL or Rego"
// +kubebuilder:printcolumn:name="READY",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether it compiles and its examples hold"
// +kubebuilder:printcolumn:name="VIOLATIONS",type=integer,JSONPath=`.status.violations`,description="How many violations there are now"
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type PolicyGuardrail struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what must not happen.
	//
	// +required
	Spec PolicyGuardrailSpec `json:"spec"`

	// Status says whether it works and what violates it. Written by attache; until then, Ready is Unknown.
	//
	// +optional
	// +default={"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending", "message": "Waiting for controller", "lastTransitionTime": "1970-01-01T00:00:00Z"}]}
	Status PolicyGuardrailStatus `json:"status,omitzero"`
}

// PolicyGuardrailList is a list of PolicyGuardrail.
//
// +kubebuilder:object:root=true
type PolicyGuardrailList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []PolicyGuardrail `json:"items"`
}

// GuardrailEnforcement is what happens to an edit that violates a guardrail.
//
// +kubebuilder:validation:Enum=Deny;Warn;Audit
type GuardrailEnforcement string

const (
	// GuardrailDeny refuses the edit, and keeps its result from being published.
	GuardrailDeny GuardrailEnforcement = "Deny"
	// GuardrailWarn lets it pass with a warning.
	GuardrailWarn GuardrailEnforcement = "Warn"
	// GuardrailAudit lets it pass silently and counts the violation.
	GuardrailAudit GuardrailEnforcement = "Audit"
)

// PolicyGuardrailSpec is what a guardrail checks, where it does so, and the
// consequences of a violation.
//
// +kubebuilder:validation:XValidation:rule=`has(self.cel) != has(self.rego)`,message="write exactly one of cel (a list of expressions) and rego (a module)",messageExpression=`has(self.cel) ? 'cel and rego are both set: keep one, and move the other into a guardrail of its own' : 'the guardrail checks nothing: write cel (a list of expressions) or rego (a module)'`
type PolicyGuardrailSpec struct {
	// Match selects what is checked. All parts must match. Default: every path
	// through every Gateway.
	//
	// +optional
	Match *GuardrailMatch `json:"match,omitempty"`

	// Enforcement is what happens to an edit that causes a new violation or makes
	// one worse: Deny, the default, refuses it; Warn lets it pass with a warning;
	// Audit counts it in the status. An edit is never refused for what violated
	// the guardrail before it.
	//
	// +optional
	// +kubebuilder:default=Deny
	Enforcement GuardrailEnforcement `json:"enforcement,omitempty"`

	// CEL is a list of expressions, 1 to 32, each of which must be true. Exactly
	// one of cel and rego must be set.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule=`size(self) > 0`,message="cel is empty: list at least one expression with its message, or write rego"
	CEL []GuardrailExpression `json:"cel,omitempty"`

	// Rego is a module in Rego v1 that defines one or both of the sets deny and
	// warn: "deny contains message if { … }". An entry is a message, or an object
	// {msg, fieldPath?, code?}. What is in warn only warns. Exactly one of cel and
	// rego must be set.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=32768
	// +kubebuilder:validation:XValidation:rule=`self.matches('[^ \\t\\r\\n]')`,message="rego is empty: write a module that defines deny or warn, such as: package guardrail, and a rule deny contains message if { ... }"
	Rego string `json:"rego,omitempty"`

	// Examples are inputs with their expected answers. They run whenever the
	// guardrail is written; if one gets another answer, the guardrail is refused.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule=`self.all(a, self.exists_one(b, a.name == b.name))`,message="two examples have one name: give each its own"
	Examples []GuardrailExample `json:"examples,omitempty"`

	// Exceptions permit violations of the guardrail for a limited time, at most 64.
	// What an exception covers does not count as a violation when an edit is
	// reviewed, before a result is published, and in the audit. When it ends, the
	// audit counts what it covered; exceptionsEnd says what happens to the results
	// that are published by then.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Exceptions []GuardrailException `json:"exceptions,omitempty"`

	// ExceptionsEnd says what happens to the published results that an exception
	// covered when it ends. Keep, the default, leaves them until their next change,
	// so that nothing breaks at midnight. Withhold evaluates them again at that
	// time and withdraws them, as if they were new. It has no effect unless
	// enforcement is Deny.
	//
	// +optional
	// +kubebuilder:default=Keep
	ExceptionsEnd GuardrailExceptionsEnd `json:"exceptionsEnd,omitempty"`
}

// GuardrailExceptionsEnd says what happens to published results when an exception
// that covered them ends.
//
// +kubebuilder:validation:Enum=Keep;Withhold
type GuardrailExceptionsEnd string

const (
	// GuardrailKeep leaves them until their next change.
	GuardrailKeep GuardrailExceptionsEnd = "Keep"
	// GuardrailWithhold evaluates them again, and withdraws those that violate it.
	GuardrailWithhold GuardrailExceptionsEnd = "Withhold"
)

// GuardrailException permits violations of a guardrail until a given time.
type GuardrailException struct {
	// Name identifies the exception within its guardrail.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// Reason says why there is an exception. People read it wherever it is used.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason"`

	// Until is when it ends, such as 2027-01-31T00:00:00Z.
	//
	// +required
	Until metav1.Time `json:"until"`

	// Match says what the exception covers. All parts that are given must match.
	//
	// +required
	Match GuardrailExceptionMatch `json:"match"`
}

// GuardrailExceptionMatch selects objections.
//
// +kubebuilder:validation:XValidation:rule=`(has(self.namespaces) && size(self.namespaces) > 0) || (has(self.routes) && size(self.routes) > 0) || (has(self.policies) && size(self.policies) > 0)`,message="an exception must not cover everything: name namespaces, routes or policies"
type GuardrailExceptionMatch struct {
	// Namespaces are the namespaces of the routes.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	Namespaces []string `json:"namespaces,omitempty"`

	// Routes are the routes.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Routes []GuardrailExempt `json:"routes,omitempty"`

	// Policies are the policies that set the value at fault: the value at the
	// fieldPath of the objection or, without one, any value of the policy kinds
	// that the guardrail is about. A value that is written in a route comes from
	// the route.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Policies []GuardrailExempt `json:"policies,omitempty"`
}

// GuardrailExempt names an object.
type GuardrailExempt struct {
	// Group of the object. Default: attache.dev for policies and
	// gateway.networking.k8s.io for routes; a kind of any other group needs its group,
	// here or after the kind.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`

	// Kind of the object: "TimeoutPolicy", or "BackendTrafficPolicy.gateway.envoyproxy.io"
	// with its group.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	Kind string `json:"kind"`

	// Namespace of the object.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace"`

	// Name of the object.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// GuardrailMatch selects paths through Gateways. A part that is left out selects
// everything.
type GuardrailMatch struct {
	// PolicyKinds are the policy kinds whose values the guardrail is about: it is
	// checked when one of them changes. They are written as in EffectivePolicy:
	// "TimeoutPolicy" for a kind of attache,
	// "BackendTrafficPolicy.gateway.envoyproxy.io" for a kind of another group.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule=`size(self) > 0`,message="policyKinds is empty: list at least one kind such as TimeoutPolicy, or remove it to select all"
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule=`self.matches('^[A-Z][A-Za-z0-9]*([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$') && !self.endsWith('.attache.dev') && !['TimeoutPolicy', 'RetryPolicy', 'RateLimitPolicy'].exists(k, k != self && k.lowerAscii() == self.lowerAscii())`,message="not a kind: write TimeoutPolicy for a kind of attache, and Kind.group, such as BackendTrafficPolicy.gateway.envoyproxy.io, for others",messageExpression=`self.endsWith('.attache.dev') ? '"%s" names our own group: write %s'.format([self, self.split('.')[0]]) : ['TimeoutPolicy', 'RetryPolicy', 'RateLimitPolicy'].exists(k, k.lowerAscii() == self.lowerAscii()) ? '"%s" is not how the kind is spelled: write %s'.format([self, ['TimeoutPolicy', 'RetryPolicy', 'RateLimitPolicy'].filter(k, k.lowerAscii() == self.lowerAscii())[0]]) : '"%s" is not a kind: write TimeoutPolicy for a kind of attache, and Kind.group, such as BackendTrafficPolicy.gateway.envoyproxy.io, for others'.format([self])`
	PolicyKinds []string `json:"policyKinds,omitempty"`

	// RouteKinds are kinds of Routes: "HTTPRoute" for a kind of Gateway API,
	// "Kind.group" for a kind of your own.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule=`size(self) > 0`,message="routeKinds is empty: list at least one kind such as HTTPRoute, or remove it to select all"
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule=`self.matches('^[A-Z][A-Za-z0-9]*([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$') && !self.endsWith('.gateway.networking.k8s.io') && !['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'].exists(k, k != self && k.lowerAscii() == self.lowerAscii())`,message="not a kind of Route: write HTTPRoute for a kind of Gateway API, and Kind.group for a kind of your own",messageExpression=`self.endsWith('.gateway.networking.k8s.io') ? '"%s" names the group of Gateway API: write %s'.format([self, self.split('.')[0]]) : ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'].exists(k, k.lowerAscii() == self.lowerAscii()) ? '"%s" is not how the kind is spelled: write %s'.format([self, ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'].filter(k, k.lowerAscii() == self.lowerAscii())[0]]) : '"%s" is not a kind of Route: write HTTPRoute for a kind of Gateway API, and Kind.group for a kind of your own'.format([self])`
	RouteKinds []string `json:"routeKinds,omitempty"`

	// NamespaceSelector selects by the labels of the Route's namespace. The label
	// kubernetes.io/metadata.name is the name of the namespace, and nobody can
	// change it.
	//
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`

	// RouteSelector selects by the labels of the Route.
	//
	// +optional
	RouteSelector *metav1.LabelSelector `json:"routeSelector,omitempty"`

	// GatewaySelector selects by the labels of the Gateway.
	//
	// +optional
	GatewaySelector *metav1.LabelSelector `json:"gatewaySelector,omitempty"`

	// GatewayClassNames are names of GatewayClasses.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule=`size(self) > 0`,message="gatewayClassNames is empty: list at least one name, or remove it to select all"
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	GatewayClassNames []string `json:"gatewayClassNames,omitempty"`
}

// GuardrailExpression is one CEL expression and what to say when it is false.
//
// +kubebuilder:validation:XValidation:rule=`has(self.message) != has(self.messageExpression)`,message="write exactly one of message (a text) and messageExpression (an expression that makes one)",messageExpression=`has(self.message) ? 'message and messageExpression are both set: keep one of them' : 'the expression has no message: write message and say what to do instead'`
type GuardrailExpression struct {
	// Expression is a CEL expression on the input document, with the functions
	// that Kubernetes provides. True means that all is well, false is a violation.
	//
	// Valid: "has(effective.RateLimitPolicy)". Invalid: "effective" (neither true
	// nor false).
	//
	// +required
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:XValidation:rule=`self.matches('[^ \\t\\r\\n]')`,message="the expression is empty: write one that is true when all is fine, such as has(effective.RateLimitPolicy)"
	Expression string `json:"expression"`

	// Message is what people read. It should say what to do instead.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches('[^ \\t\\r\\n]')`,message="message is empty: say what to do instead"
	Message string `json:"message,omitempty"`

	// MessageExpression is a CEL expression that makes the message.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule=`self.matches('[^ \\t\\r\\n]')`,message="messageExpression is empty: write a CEL expression that makes a text, or use message"
	MessageExpression string `json:"messageExpression,omitempty"`

	// FieldPath is the value that the expression is about, as a path in the input
	// document. Messages then show the value and who set it.
	//
	// Valid: "effective.TimeoutPolicy.request",
	// 'effective["ColourPolicy.example.com"].hue'. Invalid: ".request".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule=`self.matches('^(effective|origins|before|route|rule|listener|gateway|gatewayClass|namespace|enforcement|object|oldObject|operation|user|change)([[]"[^"]+"[]]|[.][^. ]+)*$')`,message="not a path in the input document: begin with one of its variables, such as effective.TimeoutPolicy.request",messageExpression=`'"%s" is not a path in the input document: begin with one of its variables, such as effective.TimeoutPolicy.request'.format([self])`
	FieldPath string `json:"fieldPath,omitempty"`
}

// GuardrailExample is an input and its expected answer.
type GuardrailExample struct {
	// Name says what the example shows.
	//
	// +required
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule=`self.matches('[^ \\t\\r\\n]')`,message="the name is empty: say what the example shows"
	Name string `json:"name"`

	// Input is the input document. Variables that are left out are null.
	//
	// +required
	Input GuardrailInput `json:"input"`

	// Allowed is the expected answer: true when nothing is wrong with the input,
	// or when it is only warned about.
	//
	// +required
	Allowed bool `json:"allowed"`
}

// GuardrailInput is an input document: effective, route, namespace and so on.
//
// +kubebuilder:pruning:PreserveUnknownFields
// +kubebuilder:validation:Type=object
type GuardrailInput struct {
	runtime.RawExtension `json:",inline"`
}

// Condition of a PolicyGuardrail, and its reasons.
const (
	// GuardrailConditionReady is True when the guardrail works.
	GuardrailConditionReady = "Ready"
	// GuardrailReasonCompiled is the reason of Ready=True.
	GuardrailReasonCompiled = "Compiled"
	// GuardrailReasonDoesNotCompile is the reason when an expression, the module
	// or a selector is wrong. Such a guardrail checks nothing.
	GuardrailReasonDoesNotCompile = "DoesNotCompile"
	// GuardrailReasonExampleFails is the reason when an embedded example does not
	// get its expected answer.
	GuardrailReasonExampleFails = "ExampleFails"
)

// PolicyGuardrailStatus says whether a guardrail works and what violates it.
type PolicyGuardrailStatus struct {
	// ObservedGeneration is the metadata.generation of the spec that this is
	// about.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Language is CEL or Rego.
	//
	// +optional
	// +kubebuilder:validation:Enum=CEL;Rego
	Language string `json:"language,omitempty"`

	// Violations counts what violates the guardrail now: paths through Gateways,
	// each counted once for each objection.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Violations *int64 `json:"violations,omitempty"`

	// FirstViolations are the first 20 violations, sorted.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	FirstViolations []GuardrailViolation `json:"firstViolations,omitempty"`

	// Exceptions are the exceptions that are in use, sorted by name, with what each
	// covers now, and those that end within 14 days.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Exceptions []GuardrailExceptionUse `json:"exceptions,omitempty"`

	// Conditions of the guardrail. Ready is True with reason Compiled, or False
	// with reason DoesNotCompile or ExampleFails.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// GuardrailExceptionUse is what an exception that is in force covers.
type GuardrailExceptionUse struct {
	// Name of the exception.
	//
	// +required
	Name string `json:"name"`

	// Until is when it ends.
	//
	// +required
	Until metav1.Time `json:"until"`

	// Covers counts what would violate the guardrail without it, as violations
	// does.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Covers *int64 `json:"covers"`

	// EndsSoon is set when it ends within 14 days.
	//
	// +optional
	EndsSoon bool `json:"endsSoon,omitempty"`
}

// GuardrailViolation is one violation that exists now.
type GuardrailViolation struct {
	// Path is the path through a Gateway that violates the guardrail.
	// Example: "HTTPRoute shop/checkout rule pay on infra/public#https".
	//
	// +required
	Path string `json:"path"`

	// Message is what the guardrail says.
	//
	// +optional
	Message string `json:"message,omitempty"`

	// Field is the value that the message is about, as a path in the input
	// document.
	//
	// +optional
	Field string `json:"field,omitempty"`

	// Since is when the violation was first seen.
	//
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
}
