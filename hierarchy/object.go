package hierarchy

import (
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object is a decoded object of the hierarchy: *GatewayClass, *Gateway,
// *ListenerSet, *Route, *Namespace or *ReferenceGrant. Objects are compact,
// immutable, and all the engine keeps of what it was given.
type Object interface {
	Meta() *Meta
}

// Meta is what every object has.
type Meta struct {
	Ref Ref
	// Created is metadata.creationTimestamp; zero when the object has none
	// (a manifest), which counts as younger than any time.
	Created    time.Time
	Generation int64
	UID        string
	Labels     map[string]string
}

// GatewayClass is the top of the hierarchy.
type GatewayClass struct {
	meta       Meta
	Controller string
	// Parameters is spec.parametersRef, nil when absent.
	Parameters *Reference
	// Export is the annotation attache.dev/export, which chooses how policies
	// are enforced on the class; empty when absent.
	Export string
}

// Gateway is a decoded Gateway with its own listeners in spec order.
type Gateway struct {
	meta      Meta
	Class     string
	Listeners []ListenerSpec
	// AllowedListeners says which ListenerSets may join (R34); its From is
	// "None" when absent.
	AllowedListeners From
	// DefaultScope is spec.defaultScope of the experimental channel (R31).
	DefaultScope string
	Parameters   *Reference
	// References are the certificates of spec.tls: the client certificate for
	// backends and the CA certificates for clients.
	References []Reference
}

// ListenerSet is a decoded ListenerSet with its entries in spec order.
type ListenerSet struct {
	meta      Meta
	Parent    Ref
	Listeners []ListenerSpec
}

// From is a namespaces.from gate: All, Selector, Same or None.
type From struct {
	From string
	// Selector is nil unless From is Selector; a Selector gate without a
	// selector admits nothing (R15).
	Selector labels.Selector
}

// ListenerSpec is one listener as its object states it.
type ListenerSpec struct {
	Name     string
	Port     int32
	Protocol string
	// Hostname is empty when the listener matches every host.
	Hostname string
	// TLSMode is Terminate or Passthrough when the listener has a tls stanza
	// or its protocol implies one, else empty (R19).
	TLSMode string
	// Kinds is allowedRoutes.kinds; nil means what the protocol implies (R16).
	Kinds []schema.GroupKind
	// Namespaces is allowedRoutes.namespaces, Same when absent (R12).
	Namespaces   From
	Certificates []Reference
}

// Reference is a reference from one object to another that is not part of the
// hierarchy: a backend, a certificate, a parameters object.
type Reference struct {
	To Ref
	// Field is where it stands in the referring object, for messages:
	// "spec.rules[0].backendRefs[1]".
	Field string
}

// ParentRef is one entry of a route's spec.parentRefs, defaulted (R3).
type ParentRef struct {
	// Ref is the parent object; its Section is sectionName.
	Ref Ref
	// Port is 0 when not set.
	Port int32
	// Index is the first place in spec.parentRefs that says this.
	Index int
}

// Route is a decoded route of any kind.
type Route struct {
	meta      Meta
	Parents   []ParentRef // distinct, in spec order (R10)
	Hostnames []string
	Rules     []Rule
	// UseDefaultGateways is spec.useDefaultGateways of the experimental
	// channel (R31).
	UseDefaultGateways string
}

// Rule is one rule of a route.
type Rule struct {
	// Name is empty when the rule has none; no name is ever invented (R53).
	Name string
	// Inline is what the rule says besides name, matches, filters and
	// backendRefs (timeouts, retry, ...): the route owner's own values that
	// policy kinds may map to their fields. Nil when there is nothing.
	Inline map[string]any
	// Matches are the requests that the rule is for: any of them. Empty in a
	// route of a kind that is neither HTTPRoute nor GRPCRoute.
	Matches []Match
	// Hash is of the matches of a rule without a name: it stands for the rule
	// where a name is needed. Empty for a rule with a name.
	Hash    string
	Filters []Filter
	// Forwards are the entries of backendRefs, in their order.
	Forwards []Forward
	// Backends are what backendRefs and filters name.
	Backends []Reference
	// Extensions are ExtensionRef filters.
	Extensions []Reference
}

// Namespace is a Namespace's labels, kubernetes.io/metadata.name included (R15).
type Namespace struct{ meta Meta }

// ReferenceGrant is a decoded ReferenceGrant.
type ReferenceGrant struct {
	meta Meta
	From []GrantFrom
	To   []GrantTo
}

// GrantFrom is one spec.from entry of a ReferenceGrant.
type GrantFrom struct{ Group, Kind, Namespace string }

// GrantTo is one spec.to entry of a ReferenceGrant; an empty Name is every name.
type GrantTo struct{ Group, Kind, Name string }

// Meta returns the object's metadata.
func (o *GatewayClass) Meta() *Meta { return &o.meta }

// Meta returns the object's metadata.
func (o *Gateway) Meta() *Meta { return &o.meta }

// Meta returns the object's metadata.
func (o *ListenerSet) Meta() *Meta { return &o.meta }

// Meta returns the object's metadata.
func (o *Route) Meta() *Meta { return &o.meta }

// Meta returns the object's metadata.
func (o *Namespace) Meta() *Meta { return &o.meta }

// Meta returns the object's metadata.
func (o *ReferenceGrant) Meta() *Meta { return &o.meta }
