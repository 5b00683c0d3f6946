package export

import (
	"slices"

	"github.com/attache-dev/attache/policy/export/field"
)

// Plane is what is known of the data planes of one controllerName (E1.1).
type Plane struct {
	Controller string
	// Title is the plane's name in sentences.
	Title string
	// Exporter is the name of the exporter that serves it, empty if none does.
	Exporter string
	// Request, Backend and Retry tell which standard fields of routes it reads.
	Request, Backend, Retry bool
	// Connected are the words of retryOn that its retries always include, if the route asks for any
	// (E7.8).
	Connected []string
	// AnyCode is true if it retries on any status code that the CRD allows.
	AnyCode bool
	// PerService are the fields that it only has per Service.
	PerService []string
	// BackendAlone is true if the backend timeout limits the whole request where the route has no retry
	// stanza.
	BackendAlone bool
	// Quirk is how it deviates from the standard, 0 if it does not.
	Quirk Quirk
}

// Quirk is a way in which a plane deviates from the standard (12.S5).
type Quirk int

const (
	// BackendShortensAll says that with retries the backend timeout ends the whole request.
	BackendShortensAll Quirk = iota + 1
	// BackendIsRequest says that the backend timeout replaces the request timeout.
	BackendIsRequest
	// BackendBetweenReads says that the backend timeout limits the time between two reads.
	BackendBetweenReads
	// AlwaysRetries says that a route without a retry stanza is retried.
	AlwaysRetries
)

// planes are the known controllerNames, in the order of the docs.
var planes = []Plane{
	{Controller: "gateway.envoyproxy.io/gatewayclass-controller", Title: "Envoy Gateway", Exporter: EnvoyGateway, Request: true, Backend: true, Retry: true, Connected: field.EnvoyWords, AnyCode: true, BackendAlone: true},
	{Controller: "kgateway.dev/kgateway", Title: "kgateway", Exporter: Kgateway, Request: true, Backend: true, Retry: true, Connected: field.EnvoyWords, AnyCode: true, BackendAlone: true},
	{Controller: "agentgateway.dev/agentgateway", Title: "agentgateway", Exporter: Agentgateway, Request: true, Backend: true, Retry: true, Connected: field.ConnectionWords},
	{Controller: "kgateway.dev/agentgateway", Title: "agentgateway", Exporter: Agentgateway, Request: true, Backend: true, Retry: true, Connected: field.ConnectionWords},
	{Controller: "gateway.nginx.org/nginx-gateway-controller", Title: "NGINX Gateway Fabric", Exporter: Nginx},
	{Controller: "traefik.io/gateway-controller", Title: "Traefik", Exporter: Traefik},
	{Controller: "io.cilium/gateway-controller", Title: "Cilium", Exporter: Standard, Request: true, Backend: true, Retry: true,
		Connected: []string{"connect-failure", "refused-stream", "reset"}, AnyCode: true, Quirk: BackendShortensAll},
	istio("istio.io/gateway-controller"),
	istio("istio.io/unmanaged-gateway"),
	istio("openshift.io/gateway-controller/v1"),
	istio("istio.aks.azure.com/gateway-controller"),
	{Controller: "projectcontour.io/gateway-controller", Title: "Contour", Exporter: Standard, Request: true, Backend: true, Quirk: BackendIsRequest},
	kong("konghq.com/kic-gateway-controller"),
	kong("konghq.com/gateway-operator"),
	{Controller: "networking.gke.io/gateway", Title: "GKE Gateway"},
	{Controller: "gateway.k8s.aws/alb", Title: "AWS Load Balancer Controller"},
	{Controller: "haproxy-ingress.github.io/controller", Title: "HAProxy Ingress"},
}

func istio(controller string) Plane {
	return Plane{Controller: controller, Title: "Istio", Exporter: Standard, Request: true, Backend: true, Retry: true,
		Connected: field.EnvoyWords, AnyCode: true, BackendAlone: true, PerService: []string{field.Connect, field.Idle}, Quirk: AlwaysRetries}
}

func kong(controller string) Plane {
	return Plane{Controller: controller, Title: "Kong", Exporter: Standard, Backend: true,
		PerService: []string{field.Connect, field.Idle}, Quirk: BackendBetweenReads}
}

// Planes lists the known controllerNames.
func Planes() []Plane { return slices.Clone(planes) }

// PlaneOf returns the plane of a controllerName. An unknown one has no exporter and counts as one that
// reads all standard fields.
func PlaneOf(controller string) Plane {
	i := slices.IndexFunc(planes, func(p Plane) bool { return p.Controller == controller })
	if i < 0 {
		return Plane{Controller: controller, Title: "the data plane", Request: true, Backend: true, Retry: true, Connected: field.ConnectionWords}
	}
	return planes[i]
}

// Reads reports whether the plane reads a leaf of a route's rules.
func (p Plane) Reads(leaf string) bool {
	switch leaf {
	case RequestLeaf:
		return p.Request
	case BackendLeaf:
		return p.Backend
	}
	return p.Retry
}

// ControllerOf returns the first controllerName of an exporter's data plane.
func ControllerOf(exporter string) string {
	i := slices.IndexFunc(planes, func(p Plane) bool { return p.Exporter == exporter })
	return planes[i].Controller
}
