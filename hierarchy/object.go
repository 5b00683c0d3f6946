package hierarchy

import (
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object is a decoded object of the hierarchy: *GatewayClass, *Gateway, *ListenerSet, *Route,
// *Namespace or *ReferenceGrant. Objects are compact, immutable, and the only thing that the engine
// keeps of its input.
type Object interface {
	Meta() *Meta
}

// Meta is the metadata of an object.
type Meta struct {
	Ref Ref
	// Created is metadata.creationTimestamp; zero when the object has none
	// (a manifest), which counts as younger than any time.
	Created    time.Time
	Generation int64
	UID        string
	Labels     map[string]string
}

// Annotations of a Gateway that switch on observation of what concerns it.
const (
	MetricsAnnotation  = Group + "/enable-metrics"
	TracingAnnotation  = Group + "/enable-tracing"
	LogLevelAnnotation = Group + "/log-level"
)

// Watched says which of these are switched on.
type Watched struct {
	// Metrics adds metric series for the Gateway, Tracing traces each review that concerns it, and
	// Debug logs each of these reviews.
	Metrics, Tracing, Debug bool
}

// ExportAnnotation on a GatewayClass chooses how policies are enforced there.
const ExportAnnotation = "attache.dev/export"

// The values of a namespaces.from (R13).
const (
	FromAll      = "All"
	FromSame     = "Same"
	FromSelector = "Selector"
	FromNone     = "None"
)

// NamespaceNameLabel is on every Namespace of a cluster (R15).
const NamespaceNameLabel = "kubernetes.io/metadata.name"

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
	Watched    Watched
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

// ListenerSpec is one listener as written in its object.
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
	// Field is its path in the referring object, for messages: "spec.rules[0].backendRefs[1]".
	Field string
}

// ParentRef is one entry of a route's spec.parentRefs, defaulted (R3).
type ParentRef struct {
	// Ref is the parent object; its Section is sectionName.
	Ref Ref
	// Port is 0 when not set.
	Port int32
	// Index is the first index in spec.parentRefs with this reference.
	Index int
}

// Same reports whether another entry names the same parent (R10).
func (p ParentRef) Same(other ParentRef) bool { return p.Ref == other.Ref && p.Port == other.Port }

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
	// Inline has the fields of the rule other than name, matches, filters and backendRefs (timeouts,
	// retry, ...): the route owner's own values that policy kinds may map to their fields. Nil when
	// there are none.
	Inline map[string]any
	// Matches are the requests that the rule is for: any of them. Empty in a
	// route of a kind that is neither HTTPRoute nor GRPCRoute.
	Matches []Match
	// Hash is the hash of the matches of a rule without a name, and identifies the rule where a name
	// is needed. It is empty for a rule with a name.
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

// The types of a Match's path and fields, and of a path's change by a filter.
const (
	MatchExact      = "Exact"
	MatchPathPrefix = "PathPrefix"
	MatchRegex      = "RegularExpression"
)

// Match is one entry of spec.rules[].matches of an HTTPRoute or a GRPCRoute,
// defaulted. A request has to satisfy all of it.
type Match struct {
	// PathType is MatchExact, MatchPathPrefix or MatchRegex; empty in a
	// GRPCRoute.
	PathType string
	Path     string
	// Method is an HTTP method, or the method of a gRPC service; empty is any.
	Method string
	// Service is a gRPC service; empty is any. RPCType says how Service and
	// Method are compared; it is empty when the match names neither.
	Service, RPCType string
	// Headers and Query have each name once: if two entries have the same name, the first one
	// counts. Header names are kept as written.
	Headers, Query []FieldMatch
}

// FieldMatch is a condition on one header or query parameter.
type FieldMatch struct {
	// Type is MatchExact or MatchRegex.
	Type        string
	Name, Value string
}

// Forward is one entry of spec.rules[].backendRefs.
type Forward struct {
	// Backend is its index in Rule.Backends.
	Backend int
	// Port is 0 when not set.
	Port   int32
	Weight int64
	// Filters apply only to requests to this backend.
	Filters []Filter
}

// The types of a Filter that have their own field in this struct.
const (
	FilterRequestHeaders  = "RequestHeaderModifier"
	FilterResponseHeaders = "ResponseHeaderModifier"
	FilterRedirect        = "RequestRedirect"
	FilterRewrite         = "URLRewrite"
)

// Filter is one filter of a rule or of a backendRef.
type Filter struct {
	Type string
	// Headers is set for RequestHeaderModifier and ResponseHeaderModifier.
	Headers *HeaderEdit
	// Redirect is set for RequestRedirect.
	Redirect *Redirect
	// Rewrite is set for URLRewrite.
	Rewrite *Rewrite
	// Other has the fields of a filter of another type, except its type.
	Other map[string]any
}

// HeaderEdit is what a header modifier does.
type HeaderEdit struct {
	Set, Add []Header
	Remove   []string
}

// Header is a header with one value.
type Header struct{ Name, Value string }

// Redirect is what a RequestRedirect filter answers with. Empty fields are
// those of the request.
type Redirect struct {
	Scheme, Hostname string
	Path             *PathChange
	Port             int32
	Code             int
}

// Rewrite is what a URLRewrite filter changes.
type Rewrite struct {
	Hostname string
	Path     *PathChange
}

// PathChange replaces the path of a request, or the part of it that the
// matching PathPrefix covers.
type PathChange struct {
	// Full says that the whole path is replaced.
	Full  bool
	Value string
}
