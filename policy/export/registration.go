package export

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kind is a kind of a data plane's API that an exporter writes.
type Kind struct {
	Group, Version, Kind, Plural string
}

// GroupKind is the kind without its version.
func (k Kind) GroupKind() schema.GroupKind { return schema.GroupKind{Group: k.Group, Kind: k.Kind} }

// TraefikMiddleware is the kind that filters of routes name.
var TraefikMiddleware = Kind{Group: "traefik.io", Version: "v1alpha1", Kind: "Middleware", Plural: "middlewares"}

// The names of exporters.
const (
	EnvoyGateway = "envoy-gateway"
	Kgateway     = "kgateway"
	Agentgateway = "agentgateway"
	Nginx        = "nginx"
	Traefik      = "traefik"
	Standard     = "standard"
)

// Registration is one row of the registry: an exporter and what it needs.
type Registration struct {
	Exporter
	// Title is the plane's name in sentences.
	Title string
	// Kinds are the kinds that it writes; none for the standard fields.
	Kinds []Kind
	// Injects is true if it writes into routes.
	Injects bool
	// Named is true if routes name its objects. Such an object must exist as long as a data plane may
	// still have a route that names it.
	Named bool
	// Experimental is true if the exporter only computes. It writes nothing in a cluster, because it has
	// not been tried with a running data plane.
	Experimental bool
}

// writes reports whether the exporter writes a kind.
func (r Registration) writes(gk schema.GroupKind) bool {
	return slices.ContainsFunc(r.Kinds, func(k Kind) bool { return k.GroupKind() == gk })
}
