package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// PolicyTargetReference names what a policy is attached to: a GatewayClass, a
// Gateway, a ListenerSet, a listener of one of the two, a Namespace, a Route of
// any kind, or a rule of a Route.
//
// +kubebuilder:validation:XValidation:rule=`!(self.kind == 'GatewayClass' && has(self.sectionName))`,message="a GatewayClass has no sections: remove sectionName",fieldPath=`.sectionName`
// +kubebuilder:validation:XValidation:rule=`!(self.kind == 'GatewayClass' && has(self.__namespace__))`,message="a GatewayClass is in no namespace: remove namespace",fieldPath=`.namespace`
// +kubebuilder:validation:XValidation:rule=`!(self.kind == 'Namespace' && self.group == "" && has(self.sectionName))`,message="a Namespace has no sections: remove sectionName",fieldPath=`.sectionName`
// +kubebuilder:validation:XValidation:rule=`!(self.kind == 'Namespace' && self.group == "" && has(self.__namespace__))`,message="a Namespace is in no namespace: remove namespace",fieldPath=`.namespace`
// +kubebuilder:validation:XValidation:rule=`!(self.kind == 'Namespace' && self.group == 'gateway.networking.k8s.io')`,message="Namespace is a kind of the core group: write group: \"\"",fieldPath=`.group`
// +kubebuilder:validation:XValidation:rule=`self.group != 'gateway.networking.k8s.io' || !['GatewayClass', 'Gateway', 'ListenerSet', 'HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'].exists(k, k != self.kind && k.lowerAscii() == self.kind.lowerAscii())`,message="kind is misspelled: kinds are case-sensitive, such as HTTPRoute or GatewayClass",messageExpression=`'"%s" is not how the kind is spelled: write %s'.format([self.kind, ['GatewayClass', 'Gateway', 'ListenerSet', 'HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'].filter(k, k.lowerAscii() == self.kind.lowerAscii())[0]])`,fieldPath=`.kind`
type PolicyTargetReference struct {
	// Group is the API group of the target, without a version.
	//
	// Valid: "gateway.networking.k8s.io". Invalid:
	// "gateway.networking.k8s.io/v1" (carries a version).
	//
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`!self.contains('/')`,message="group carries a version: write the part before the slash",messageExpression=`'"%s" carries a version: write group: %s'.format([self, self.split('/')[0]])`
	// +kubebuilder:validation:XValidation:rule=`size(self) == 0 || self.contains('/') || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="not an API group: write lower-case words with dots between them, such as gateway.networking.k8s.io",messageExpression=`'"%s" is not an API group: write lower-case words with dots between them, such as gateway.networking.k8s.io'.format([self])`
	Group string `json:"group"`

	// Kind is the kind of the target.
	//
	// Valid: "HTTPRoute", "Gateway", "GatewayClass", "Namespace" (with group
	// ""), a Route kind of your own. Invalid: "httproutes" (the name of the resource, not the kind).
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule=`self.matches('^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$')`,message="not a kind: write one word of letters and digits, such as HTTPRoute",messageExpression=`'"%s" is not a kind: write one word of letters and digits, such as HTTPRoute'.format([self])`
	Kind string `json:"kind"`

	// Name is the name of the target.
	//
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`size(self) > 0`,message="name is empty: write the name of the target object"
	Name string `json:"name"`

	// Namespace is the namespace of the target. Default: the namespace of the
	// policy. Another namespace must permit it with a ReferenceGrant. Not for a
	// GatewayClass, which is in no namespace.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule=`self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')`,message="not the name of a namespace: write lower-case letters, digits and dashes, or remove the field",messageExpression=`'"%s" is not the name of a namespace: write lower-case letters, digits and dashes, or remove the field'.format([self])`
	Namespace *string `json:"namespace,omitempty"`

	// SectionName narrows the target to a part of it: for a Gateway or a
	// ListenerSet the name of a listener, for a Route the name of a rule.
	// Default: the whole object. A rule without a name cannot be named here.
	//
	// Valid: "https", "pay". Invalid: "rules[2]", "Pay".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="not the name of a listener or a rule: write lower-case letters, digits, dashes and dots; give a rule without a name its own name first",messageExpression=`'"%s" is not the name of a listener or a rule: write lower-case letters, digits, dashes and dots; give a rule without a name its own name first'.format([self])`
	SectionName *string `json:"sectionName,omitempty"`
}

// PolicyTargetSelector stands for one target reference to each object of a kind
// with certain labels, as such objects come and go. It selects in the namespace
// of the policy; only policies in a platform namespace can select GatewayClasses
// and other Namespaces. Without matchLabels and matchExpressions it selects all
// objects of the kind.
//
// +kubebuilder:validation:XValidation:rule=`!(self.kind == 'GatewayClass' && has(self.sectionName))`,message="a GatewayClass has no sections: remove sectionName",fieldPath=`.sectionName`
// +kubebuilder:validation:XValidation:rule=`!(self.kind == 'Namespace' && self.group == "" && has(self.sectionName))`,message="a Namespace has no sections: remove sectionName",fieldPath=`.sectionName`
// +kubebuilder:validation:XValidation:rule=`!(self.kind == 'Namespace' && self.group == 'gateway.networking.k8s.io')`,message="Namespace is a kind of the core group: write group: \"\"",fieldPath=`.group`
// +kubebuilder:validation:XValidation:rule=`self.group != 'gateway.networking.k8s.io' || !['GatewayClass', 'Gateway', 'ListenerSet', 'HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'].exists(k, k != self.kind && k.lowerAscii() == self.kind.lowerAscii())`,message="kind is misspelled: kinds are case-sensitive, such as HTTPRoute or GatewayClass",messageExpression=`'"%s" is not how the kind is spelled: write %s'.format([self.kind, ['GatewayClass', 'Gateway', 'ListenerSet', 'HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'].filter(k, k.lowerAscii() == self.kind.lowerAscii())[0]])`,fieldPath=`.kind`
type PolicyTargetSelector struct {
	// Group is the API group of the targets, without a version. "" is the core
	// group, for Namespaces.
	//
	// Valid: "gateway.networking.k8s.io", "". Invalid:
	// "gateway.networking.k8s.io/v1" (carries a version).
	//
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`!self.contains('/')`,message="group carries a version: write the part before the slash",messageExpression=`'"%s" carries a version: write group: %s'.format([self, self.split('/')[0]])`
	// +kubebuilder:validation:XValidation:rule=`size(self) == 0 || self.contains('/') || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="not an API group: write lower-case words with dots between them, such as gateway.networking.k8s.io",messageExpression=`'"%s" is not an API group: write lower-case words with dots between them, such as gateway.networking.k8s.io'.format([self])`
	Group string `json:"group"`

	// Kind is the kind of the targets.
	//
	// Valid: "HTTPRoute", "Gateway", "Namespace" (with group ""). Invalid:
	// "httproutes" (the name of the resource, not the kind).
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule=`self.matches('^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$')`,message="not a kind: write one word of letters and digits, such as HTTPRoute",messageExpression=`'"%s" is not a kind: write one word of letters and digits, such as HTTPRoute'.format([self])`
	Kind string `json:"kind"`

	// MatchLabels are the labels that a target must have, all of them. Whoever
	// can write the labels of an object decides whether it is selected.
	//
	// Valid: {tier: web}. Invalid: {"tier name": web}.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule=`self.all(k, size(k) <= 317 && k.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))`,message="matchLabels has a key that no label can have: write at most 63 letters, digits, dashes, underscores and dots, such as tier or example.com/tier"
	MatchLabels map[string]LabelValue `json:"matchLabels,omitempty"`

	// MatchExpressions are further requirements on the labels of a target. All of
	// them must be met.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	MatchExpressions []LabelExpression `json:"matchExpressions,omitempty"`

	// SectionName narrows each target to a part of it: for a Gateway or a
	// ListenerSet the listener of this name, for a Route the rule. An object
	// that has no such section, or two of them, is not selected. Default: the
	// whole object.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="not the name of a listener or a rule: write lower-case letters, digits, dashes and dots; give a rule without a name its own name first",messageExpression=`'"%s" is not the name of a listener or a rule: write lower-case letters, digits, dashes and dots; give a rule without a name its own name first'.format([self])`
	SectionName *string `json:"sectionName,omitempty"`
}

// LabelValue is the value of a label: at most 63 letters, digits, dashes,
// underscores and dots, or empty.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule=`self.matches('^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$')`,message="not the value of a label: write at most 63 letters, digits, dashes, underscores and dots, with a letter or digit at both ends",messageExpression=`'"%s" is not the value of a label: write at most 63 letters, digits, dashes, underscores and dots, with a letter or digit at both ends'.format([self])`
type LabelValue string

// LabelOperator says how a LabelExpression compares the label with its values.
//
// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
type LabelOperator string

// LabelExpression is one requirement on a label.
//
// +kubebuilder:validation:XValidation:rule=`!(self.operator in ['In', 'NotIn']) || (has(self.values) && size(self.values) > 0)`,message="In and NotIn need values: list at least one, or write operator: Exists",fieldPath=`.values`
// +kubebuilder:validation:XValidation:rule=`!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values) || size(self.values) == 0`,message="Exists and DoesNotExist take no values: remove values, or write operator: In",fieldPath=`.values`
type LabelExpression struct {
	// Key is the key of the label. Valid: "tier", "example.com/tier".
	//
	// +required
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:XValidation:rule=`self.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$')`,message="not the key of a label: write at most 63 letters, digits, dashes, underscores and dots, such as tier or example.com/tier",messageExpression=`'"%s" is not the key of a label: write at most 63 letters, digits, dashes, underscores and dots, such as tier or example.com/tier'.format([self])`
	Key string `json:"key"`

	// Operator is In (one of the values), NotIn (none of them, or no such
	// label), Exists or DoesNotExist.
	//
	// +required
	Operator LabelOperator `json:"operator"`

	// Values are the values for In and NotIn.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Values []LabelValue `json:"values,omitempty"`
}

// MergeStrategy says how a block of a policy is merged with what other policies
// of the same kind say on the same path through the Gateway.
//
// +kubebuilder:validation:Enum=Patch;Atomic
type MergeStrategy string

const (
	// MergePatch merges field by field (RFC 7386): fields that only one side
	// sets are kept. Lists are replaced whole.
	MergePatch MergeStrategy = "Patch"
	// MergeAtomic takes one block as a whole and drops the other.
	MergeAtomic MergeStrategy = "Atomic"
)

// Targeting is the part of the spec that all policy kinds have in common.
type Targeting struct {
	// TargetRef is the one target of this policy. Exactly one of targetRef,
	// targetRefs and targetSelectors must be set.
	//
	// +optional
	TargetRef *PolicyTargetReference `json:"targetRef,omitempty"`

	// TargetRefs are the targets of this policy, 1 to 16 of them, without
	// duplicates.
	// Exactly one of targetRef, targetRefs and targetSelectors must be set.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule=`size(self) > 0`,message="targetRefs is empty: list 1 to 16 targets, or write targetRef"
	// +kubebuilder:validation:XValidation:rule=`self.all(a, self.exists_one(b, a.group == b.group && a.kind == b.kind && a.name == b.name && has(a.__namespace__) == has(b.__namespace__) && (!has(a.__namespace__) || a.__namespace__ == b.__namespace__) && has(a.sectionName) == has(b.sectionName) && (!has(a.sectionName) || a.sectionName == b.sectionName)))`,message="targetRefs names a target twice: keep one of the two"
	TargetRefs []PolicyTargetReference `json:"targetRefs,omitempty"`

	// TargetSelectors select the targets of this policy by their labels, with 1 to
	// 16 selectors. A policy that names a target in targetRef or targetRefs takes
	// precedence over one that selects it. Exactly one of targetRef, targetRefs
	// and targetSelectors must be set.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule=`size(self) > 0`,message="targetSelectors is empty: list 1 to 16 selectors, or write targetRef"
	TargetSelectors []PolicyTargetSelector `json:"targetSelectors,omitempty"`

	// Strategy says how the blocks of this policy are merged with those of other
	// policies: Patch, the default, merges field by field; Atomic takes one block
	// as a whole.
	//
	// +optional
	// +kubebuilder:default=Patch
	Strategy MergeStrategy `json:"strategy,omitempty"`
}

// Duration is a length of time in the format of GEP-2257: one to four whole
// numbers of at most five digits, each with its unit h, m, s or ms. The parts
// are added up.
//
// Valid: "30s", "1h30m", "250ms", "0s". Invalid: "30" (no unit), "1.5h" (a
// fraction: write 1h30m), "1d" (write 24h), "-5s", "100us".
//
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:Pattern=`^([0-9]{1,5}(h|m|s|ms)){1,4}$`
// +kubebuilder:validation:XValidation:rule=`self.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')`,message="not a GEP-2257 duration: write at most four whole numbers, each with its unit h, m, s or ms, such as 30s, 1m30s or 250ms",messageExpression=`'"%s" is not a GEP-2257 duration: write %s'.format([self, self.matches('^([0-9]{1,5}([.][0-9]{1,3})?(h|m|s)|[0-9]{1,5}ms){1,4}$') ? [duration(self)].map(d, [d.getHours(), d.getMinutes() % 60, d.getSeconds() % 60, (d - duration('%ds'.format([d.getSeconds()]))).getMilliseconds()]).map(p, p.all(n, n == 0) ? '0s' : '%s%s%s%s'.format([p[0] > 0 ? '%dh'.format([p[0]]) : "", p[1] > 0 ? '%dm'.format([p[1]]) : "", p[2] > 0 ? '%ds'.format([p[2]]) : "", p[3] > 0 ? '%dms'.format([p[3]]) : ""]))[0] : self.matches('^[0-9]{1,5}$') ? self + 's' : self.matches('^[0-9]{1,3}d$') ? '%dh'.format([int(self.replace('d', "")) * 24]) : 'at most four whole numbers, each with its unit h, m, s or ms, such as 30s, 1m30s or 250ms'])`
type Duration string

// DurationRange limits a length of time. "0s" switches a timeout off, so it is
// longer than any max and satisfies every min; neither end can be "0s".
//
// +kubebuilder:validation:XValidation:rule=`has(self.min) || has(self.max) || has(self.oneOf)`,message="the bound is empty: set min, max or both, such as max: 60s, or oneOf"
// +kubebuilder:validation:XValidation:rule=`!has(self.oneOf) || (!has(self.min) && !has(self.max))`,message="oneOf says everything: remove min and max, or oneOf",fieldPath=`.oneOf`
// +kubebuilder:validation:XValidation:rule=`!(has(self.min) && has(self.max) && self.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && self.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || duration(self.min) <= duration(self.max)`,message="min is above max: exchange the two",messageExpression=`'min %s is above max %s: exchange the two'.format([self.min, self.max])`
// +kubebuilder:validation:XValidation:rule=`!(has(self.max) && self.max.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || duration(self.max) > duration('0s')`,message="max 0s means no limit, for 0s switches a timeout off: remove max, or write a time above 0s",fieldPath=`.max`
// +kubebuilder:validation:XValidation:rule=`!(has(self.min) && self.min.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')) || duration(self.min) > duration('0s')`,message="min 0s would demand that the timeout be off: remove min, or write a time above 0s; to switch the timeout off for all, write it in override",fieldPath=`.min`
type DurationRange struct {
	// Min is the shortest time allowed. Valid: "100ms". Invalid: "0s".
	//
	// +optional
	Min *Duration `json:"min,omitempty"`

	// Max is the longest time allowed. A field that nobody sets gets this value.
	// Valid: "60s". Invalid: "0s", "1.5m".
	//
	// +optional
	Max *Duration `json:"max,omitempty"`

	// OneOf are the only values allowed, instead of min and max. A value that is
	// not among them is replaced with the first.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	OneOf []Duration `json:"oneOf,omitempty"`
}

// RetriesRange limits a number of retries.
//
// +kubebuilder:validation:XValidation:rule=`has(self.min) || has(self.max) || has(self.oneOf)`,message="the bound is empty: set min, max or both, such as max: 5, or oneOf"
// +kubebuilder:validation:XValidation:rule=`!has(self.oneOf) || (!has(self.min) && !has(self.max))`,message="oneOf says everything: remove min and max, or oneOf",fieldPath=`.oneOf`
// +kubebuilder:validation:XValidation:rule=`!has(self.min) || !has(self.max) || self.min <= self.max`,message="min is above max: exchange the two",messageExpression=`'min %d is above max %d: exchange the two'.format([self.min, self.max])`
type RetriesRange struct {
	// Min is the smallest number allowed. Valid: 0 to 100.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Min *int32 `json:"min,omitempty"`

	// Max is the largest number allowed. A field that nobody sets gets this value.
	// Valid: 0 to 100.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Max *int32 `json:"max,omitempty"`

	// OneOf are the only values allowed, instead of min and max. A value that is
	// not among them is replaced with the first.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:Minimum=0
	// +kubebuilder:validation:items:Maximum=100
	OneOf []int32 `json:"oneOf,omitempty"`
}

// BurstRange limits the size of a burst.
//
// +kubebuilder:validation:XValidation:rule=`has(self.min) || has(self.max) || has(self.oneOf)`,message="the bound is empty: set min, max or both, such as max: 50, or oneOf"
// +kubebuilder:validation:XValidation:rule=`!has(self.oneOf) || (!has(self.min) && !has(self.max))`,message="oneOf says everything: remove min and max, or oneOf",fieldPath=`.oneOf`
// +kubebuilder:validation:XValidation:rule=`!has(self.min) || !has(self.max) || self.min <= self.max`,message="min is above max: exchange the two",messageExpression=`'min %d is above max %d: exchange the two'.format([self.min, self.max])`
type BurstRange struct {
	// Min is the smallest burst allowed. Valid: 0 to 1000000000.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000
	Min *int32 `json:"min,omitempty"`

	// Max is the largest burst allowed. A field that nobody sets gets this value.
	// Valid: 0 to 1000000000.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000
	Max *int32 `json:"max,omitempty"`

	// OneOf are the only values allowed, instead of min and max. A value that is
	// not among them is replaced with the first.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:Minimum=0
	// +kubebuilder:validation:items:Maximum=1000000000
	OneOf []int32 `json:"oneOf,omitempty"`
}

// RateRange limits a rate.
//
// +kubebuilder:validation:XValidation:rule=`has(self.min) || has(self.max) || has(self.oneOf)`,message="the bound is empty: set min, max or both, such as max: 500, or oneOf"
// +kubebuilder:validation:XValidation:rule=`!has(self.oneOf) || (!has(self.min) && !has(self.max))`,message="oneOf says everything: remove min and max, or oneOf",fieldPath=`.oneOf`
// +kubebuilder:validation:XValidation:rule=`!has(self.min) || !has(self.max) || !isQuantity(string(self.min)) || !isQuantity(string(self.max)) || quantity(string(self.min)).compareTo(quantity(string(self.max))) <= 0`,message="min is above max: exchange the two",messageExpression=`'min %s is above max %s: exchange the two'.format([string(self.min), string(self.max)])`
// +kubebuilder:validation:XValidation:rule=`!has(self.max) || !isQuantity(string(self.max)) || quantity(string(self.max)).isGreaterThan(quantity('0'))`,message="max must be above 0, such as 100 or 500m: a rate of 0 would let nothing through",fieldPath=`.max`
// +kubebuilder:validation:XValidation:rule=`!has(self.min) || !isQuantity(string(self.min)) || quantity(string(self.min)).isGreaterThan(quantity('0'))`,message="min must be above 0, such as 1 or 500m; for no lower end remove min",fieldPath=`.min`
type RateRange struct {
	// Min is the smallest rate allowed, in requests per second. Valid: 10,
	// "500m". Invalid: 0, 0.5 (write "500m").
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule=`isQuantity(string(self))`,message="not a number: write a number such as 100, or a quantity in quotes such as 500m or 1.5k",messageExpression=`'"%s" is not a number: write a number such as 100, or a quantity such as 500m or 1k; the unit, requests per second, is fixed'.format([string(self)])`
	Min *resource.Quantity `json:"min,omitempty"`

	// Max is the largest rate allowed, in requests per second. A field that
	// nobody sets gets this value. Valid: 500, "1k". Invalid: 0, 0.5 (write
	// "500m").
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule=`isQuantity(string(self))`,message="not a number: write a number such as 100, or a quantity in quotes such as 500m or 1.5k",messageExpression=`'"%s" is not a number: write a number such as 100, or a quantity such as 500m or 1k; the unit, requests per second, is fixed'.format([string(self)])`
	Max *resource.Quantity `json:"max,omitempty"`

	// OneOf are the only values allowed, instead of min and max. A value that is
	// not among them is replaced with the first.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:XIntOrString
	// +kubebuilder:validation:items:MaxLength=32
	OneOf []resource.Quantity `json:"oneOf,omitempty"`
}

// PolicyStatus is the status of a policy: the conditions that Gateway API defines
// for every policy, with one entry per affected Gateway, and a summary of them.
type PolicyStatus struct {
	gatewayv1.PolicyStatus `json:",inline"`

	// ObservedGeneration is the metadata.generation of the policy for which this was
	// computed.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions sum up attache's entries among the ancestors. Ready is True when
	// the policy is accepted in every one of them. Reconciling is present while the
	// results of a far-reaching edit are written, and its message counts them.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Paths is how many paths of Routes the policy reaches.
	//
	// +optional
	Paths int64 `json:"paths,omitempty"`

	// PathsInEffect is the number of those paths on which the policy decides at
	// least one value.
	//
	// +optional
	PathsInEffect int64 `json:"pathsInEffect,omitempty"`

	// Summary describes the policy in a few words, for the columns of "kubectl
	// get".
	//
	// +optional
	Summary *PolicySummary `json:"summary,omitempty"`
}

// PolicySummary describes a policy in a few words, for people.
type PolicySummary struct {
	// Target is the first target in short form, with the number of further ones.
	// Examples: "HTTPRoute/checkout", "Gateway/public#https (+2)".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Target string `json:"target,omitempty"`

	// InEffect is pathsInEffect out of paths. Example: "3/5".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	InEffect string `json:"inEffect,omitempty"`
}
