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
	// Kinds are those it writes; none for the standard fields.
	Kinds []Kind
	// Injects says that it writes into routes.
	Injects bool
	// Named says that routes name its objects: while a data plane still has a route
	// that names one, the object must be there.
	Named bool
	// Experimental says that the exporter computes and is not yet to be run: its
	// CRDs and states have not been tried.
	Experimental bool
}

// writes says whether the exporter writes a kind.
func (r Registration) writes(gk schema.GroupKind) bool {
	return slices.ContainsFunc(r.Kinds, func(k Kind) bool { return k.GroupKind() == gk })
}
