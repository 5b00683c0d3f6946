package hierarchy

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
	// Headers and Query name a field once each: of two entries with one name
	// the first counts. Names of headers are as written.
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
	// Backend is its place in Rule.Backends.
	Backend int
	// Port is 0 when not set.
	Port   int32
	Weight int64
	// Filters are for requests to this backend alone.
	Filters []Filter
}

// The types of a Filter that have a field of their own here.
const (
	FilterRequestHeaders  = "RequestHeaderModifier"
	FilterResponseHeaders = "ResponseHeaderModifier"
	FilterRedirect        = "RequestRedirect"
	FilterRewrite         = "URLRewrite"
)

// Filter is one filter of a rule or of a backendRef.
type Filter struct {
	Type string
	// Headers is of RequestHeaderModifier and ResponseHeaderModifier.
	Headers *HeaderEdit
	// Redirect is of RequestRedirect.
	Redirect *Redirect
	// Rewrite is of URLRewrite.
	Rewrite *Rewrite
	// Other is what a filter of another type states, its type aside.
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

// matchesEverything is what a rule without matches has (R54). It is shared, and
// never changed.
var matchesEverything = []Match{{PathType: MatchPathPrefix, Path: "/"}}

// matchesEveryCall is what a rule of a GRPCRoute without matches has.
var matchesEveryCall = []Match{{}}
