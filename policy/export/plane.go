package export

import "slices"

// Plane is what is known of the data planes of one controllerName (E1.1).
type Plane struct {
	Controller string
	// Title is the plane's name in sentences.
	Title string
	// Exporter is the name of the exporter that serves it, empty if none does.
	Exporter string
	// Request, Backend and Retry tell which standard fields of routes it reads.
	Request, Backend, Retry bool
	// connected are the words of retryOn that its retries always include, if the route asks for any
	// (E7.8).
	connected []string
	// anyCode is true if it retries on any status code that the CRD allows.
	anyCode bool
	// perService are the fields that it only has per Service.
	perService []string
	// backendAlone is true if the backend timeout limits the whole request where the route has no retry
	// stanza.
	backendAlone bool
	// quirk is how it deviates from the standard, 0 if it does not.
	quirk quirk
}

// quirk is a way in which a plane deviates from the standard (12.S5).
type quirk int

const (
	// backendShortensAll: with retries the backend timeout ends the whole request.
	backendShortensAll quirk = iota + 1
	// backendIsRequest: the backend timeout replaces the request timeout.
	backendIsRequest
	// backendBetweenReads: the backend timeout limits the time between two reads.
	backendBetweenReads
	// alwaysRetries: a route without a retry stanza is retried.
	alwaysRetries
)

// planes are the known controllerNames, in the order of the docs.
var planes = []Plane{
	{Controller: "gateway.envoyproxy.io/gatewayclass-controller", Title: "Envoy Gateway", Exporter: EnvoyGateway, Request: true, Backend: true, Retry: true, connected: envoyWords, anyCode: true, backendAlone: true},
	{Controller: "kgateway.dev/kgateway", Title: "kgateway", Exporter: Kgateway, Request: true, Backend: true, Retry: true, connected: envoyWords, anyCode: true, backendAlone: true},
	{Controller: "agentgateway.dev/agentgateway", Title: "agentgateway", Exporter: Agentgateway, Request: true, Backend: true, Retry: true, connected: connectionWords},
	{Controller: "kgateway.dev/agentgateway", Title: "agentgateway", Exporter: Agentgateway, Request: true, Backend: true, Retry: true, connected: connectionWords},
	{Controller: "gateway.nginx.org/nginx-gateway-controller", Title: "NGINX Gateway Fabric", Exporter: Nginx},
	{Controller: "traefik.io/gateway-controller", Title: "Traefik", Exporter: Traefik},
	{Controller: "io.cilium/gateway-controller", Title: "Cilium", Exporter: Standard, Request: true, Backend: true, Retry: true,
		connected: []string{"connect-failure", "refused-stream", "reset"}, anyCode: true, quirk: backendShortensAll},
	istio("istio.io/gateway-controller"),
	istio("istio.io/unmanaged-gateway"),
	istio("openshift.io/gateway-controller/v1"),
	istio("istio.aks.azure.com/gateway-controller"),
	{Controller: "projectcontour.io/gateway-controller", Title: "Contour", Exporter: Standard, Request: true, Backend: true, quirk: backendIsRequest},
	kong("konghq.com/kic-gateway-controller"),
	kong("konghq.com/gateway-operator"),
	{Controller: "networking.gke.io/gateway", Title: "GKE Gateway"},
	{Controller: "gateway.k8s.aws/alb", Title: "AWS Load Balancer Controller"},
	{Controller: "haproxy-ingress.github.io/controller", Title: "HAProxy Ingress"},
}

func istio(controller string) Plane {
	return Plane{Controller: controller, Title: "Istio", Exporter: Standard, Request: true, Backend: true, Retry: true,
		connected: envoyWords, anyCode: true, backendAlone: true, perService: []string{connect, idle}, quirk: alwaysRetries}
}

func kong(controller string) Plane {
	return Plane{Controller: controller, Title: "Kong", Exporter: Standard, Backend: true,
		perService: []string{connect, idle}, quirk: backendBetweenReads}
}

// Planes lists the known controllerNames.
func Planes() []Plane { return slices.Clone(planes) }

// PlaneOf returns the plane of a controllerName. An unknown one has no exporter and counts as one that
// reads all standard fields.
func PlaneOf(controller string) Plane {
	i := slices.IndexFunc(planes, func(p Plane) bool { return p.Controller == controller })
	if i < 0 {
		return Plane{Controller: controller, Title: "the data plane", Request: true, Backend: true, Retry: true, connected: connectionWords}
	}
	return planes[i]
}

// reads reports whether the plane reads a leaf of a route's rules.
func (p Plane) reads(leaf string) bool {
	switch leaf {
	case leafRequest:
		return p.Request
	case leafBackend:
		return p.Backend
	}
	return p.Retry
}

// ControllerOf returns the first controllerName of an exporter's data plane.
func ControllerOf(exporter string) string {
	i := slices.IndexFunc(planes, func(p Plane) bool { return p.Exporter == exporter })
	return planes[i].Controller
}
