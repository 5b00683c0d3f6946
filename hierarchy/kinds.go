package hierarchy

import "k8s.io/apimachinery/pkg/runtime/schema"

// The kinds of the hierarchy that are not routes, and Service, which a mesh route names as its
// parent.
var (
	GatewayClassKind   = schema.GroupKind{Group: Group, Kind: "GatewayClass"}
	GatewayKind        = schema.GroupKind{Group: Group, Kind: "Gateway"}
	ListenerSetKind    = schema.GroupKind{Group: Group, Kind: "ListenerSet"}
	ReferenceGrantKind = schema.GroupKind{Group: Group, Kind: "ReferenceGrant"}
	NamespaceKind      = schema.GroupKind{Kind: "Namespace"}
	ServiceKind        = schema.GroupKind{Kind: "Service"}
)

// The protocols of listeners. Any other protocol is implementation-specific, of the form
// "<domain>/<name>", and serves no kind that we know.
const (
	ProtocolHTTP  = "HTTP"
	ProtocolHTTPS = "HTTPS"
	ProtocolTLS   = "TLS"
	ProtocolTCP   = "TCP"
	ProtocolUDP   = "UDP"
)

// tlsPassthrough is the TLS mode in which a listener sees only the server name that a client asks
// for. The other mode, Terminate, is the default (R19).
const tlsPassthrough = "Passthrough"

// routeKind is what binding has to know about one kind of route.
type routeKind struct {
	kind schema.GroupKind
	// protocols are the protocols whose listeners serve the kind when they do not list kinds (R16).
	protocols []string
	// terminated says that a TLS listener that terminates serves the kind, too:
	// what is left is a stream of bytes (R16).
	terminated bool
	// hostnames says that spec.hostnames is matched against the listener (R21).
	hostnames bool
	// distinguishable says that a listener can tell two routes of the kind
	// apart. Where it cannot, only the oldest is active (R30).
	distinguishable bool
	// defaultRule says that a route without rules has one match-all rule (R54).
	defaultRule bool
}

// routeKinds are the route kinds of Gateway API. To add one, add a row.
var routeKinds = [...]routeKind{
	{kind: schema.GroupKind{Group: Group, Kind: "HTTPRoute"}, protocols: []string{ProtocolHTTP, ProtocolHTTPS}, hostnames: true, distinguishable: true, defaultRule: true},
	{kind: schema.GroupKind{Group: Group, Kind: "GRPCRoute"}, protocols: []string{ProtocolHTTP, ProtocolHTTPS}, hostnames: true, distinguishable: true},
	{kind: schema.GroupKind{Group: Group, Kind: "TLSRoute"}, protocols: []string{ProtocolTLS}, hostnames: true, distinguishable: true},
	{kind: schema.GroupKind{Group: Group, Kind: "TCPRoute"}, protocols: []string{ProtocolTCP}, terminated: true},
	{kind: schema.GroupKind{Group: Group, Kind: "UDPRoute"}, protocols: []string{ProtocolUDP}},
}

// customRoute is the row of every route kind that is not Gateway API's. A custom kind is served
// like HTTPRoute where a listener lists no kinds. When a listener of a standard protocol lists it,
// we trust the listener's owner that the implementation serves it there. Only the implementation
// knows how to tell routes of the kind apart, so all of them count as active.
var customRoute = routeKind{protocols: []string{ProtocolHTTP, ProtocolHTTPS}, hostnames: true, distinguishable: true}

// rowOf returns the row of a route kind.
func rowOf(kind schema.GroupKind) *routeKind {
	if row := standardRow(kind); row != nil {
		return row
	}
	return &customRoute
}

// standardRow returns the row of a route kind of Gateway API, or nil.
func standardRow(kind schema.GroupKind) *routeKind {
	if kind.Group != Group {
		return nil
	}
	for i := range routeKinds {
		if routeKinds[i].kind == kind {
			return &routeKinds[i]
		}
	}
	return nil
}

// IsStandardRoute reports whether a kind is one of Gateway API's own route kinds.
func IsStandardRoute(gk schema.GroupKind) bool { return standardRow(gk) != nil }

// HasDefaultRule reports whether a route of a kind that has no rules has one match-all rule (R54).
func HasDefaultRule(gk schema.GroupKind) bool { return rowOf(gk).defaultRule }

// KindName is how people write a kind: "HTTPRoute" for Gateway API's own, "Kind.group" elsewhere.
func KindName(gk schema.GroupKind) string {
	if gk.Group == Group {
		return gk.Kind
	}
	return gk.Kind + "." + gk.Group
}

// implied says that a listener serves the kind when it lists none.
func (k *routeKind) implied(spec *ListenerSpec) bool {
	for _, p := range k.protocols {
		if p == spec.Protocol {
			return true
		}
	}
	return k.terminated && spec.Protocol == ProtocolTLS && spec.TLSMode != tlsPassthrough
}

func standardProtocol(protocol string) bool {
	switch protocol {
	case ProtocolHTTP, ProtocolHTTPS, ProtocolTLS, ProtocolTCP, ProtocolUDP:
		return true
	}
	return false
}

// servesListed reports whether a listener can serve a kind that it lists (R16, R17). Kinds in
// Gateway API's own group are known completely; for a kind of another group, the listener's owner
// is trusted.
func servesListed(spec *ListenerSpec, kind schema.GroupKind) bool {
	if kind.Group == Group {
		row := standardRow(kind)
		return row != nil && row.implied(spec)
	}
	return standardProtocol(spec.Protocol)
}

// protocolWords describes what determines the kinds of a listener.
func protocolWords(spec *ListenerSpec) string {
	if spec.Protocol == ProtocolTLS && spec.TLSMode == tlsPassthrough {
		return spec.Protocol + " in mode " + spec.TLSMode
	}
	return spec.Protocol
}

// supportedKinds are the kinds that a listener admits, in the order of allowedRoutes.kinds, or else
// of the table, without duplicates.
func supportedKinds(spec *ListenerSpec) []schema.GroupKind {
	var supported []schema.GroupKind
	if len(spec.Kinds) == 0 {
		for i := range routeKinds {
			if routeKinds[i].implied(spec) {
				supported = append(supported, routeKinds[i].kind)
			}
		}
		return supported
	}
	for _, kind := range spec.Kinds {
		if servesListed(spec, kind) && !containsKind(supported, kind) {
			supported = append(supported, kind)
		}
	}
	return supported
}

func containsKind(kinds []schema.GroupKind, kind schema.GroupKind) bool {
	for _, k := range kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// admitsKind is the part of the listener gate that checks the kind (R16, R18).
func (l *Listener) admitsKind(kind schema.GroupKind) bool {
	if containsKind(l.Supported, kind) {
		return true
	}
	// Supported cannot name the custom kinds that HTTP listeners imply: they depend on the cluster.
	return len(l.Spec.Kinds) == 0 && kind.Group != Group && customRoute.implied(&l.Spec)
}
