package export

import "slices"

// Plane is what is known of the data planes of one controllerName (E1.1).
type Plane struct {
	Controller string
	// Title is the plane's name in sentences.
	Title string
	// Exporter is the name of the one that serves it, empty when none does.
	Exporter string
	// Request, Backend and Retry say which standard fields of routes it reads.
	Request, Backend, Retry bool
	// connected are the words of retryOn that its retries always mean when the
	// route asks for them (E7.8).
	connected []string
	// anyCode says that it retries any status code that the CRD allows.
	anyCode bool
	// perService are fields that it has per Service alone.
	perService []string
	// backendAlone says that it makes the backend timeout that of the whole
	// request where the route has no retry stanza.
	backendAlone bool
	// quirk is how it departs from the standard.
	quirk quirk
}

// quirk names the ways in which a plane departs from the standard (12.S5).
type quirk int

const (
	// backendShortensAll: with retries the backend timeout ends the whole request.
	backendShortensAll quirk = iota + 1
	// backendIsRequest: the backend timeout takes the place of the request's.
	backendIsRequest
	// backendBetweenReads: the backend timeout is between two reads.
	backendBetweenReads
	// alwaysRetries: a route without a retry stanza is retried.
	alwaysRetries
)

// planes are the controllerNames that are known, as docs show them.
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

// Planes lists the controllerNames that are known.
func Planes() []Plane { return slices.Clone(planes) }

// PlaneOf is the plane of a controllerName. One that is not known has no
// exporter and counts as one that reads all standard fields.
func PlaneOf(controller string) Plane {
	i := slices.IndexFunc(planes, func(p Plane) bool { return p.Controller == controller })
	if i < 0 {
		return Plane{Controller: controller, Title: "the data plane", Request: true, Backend: true, Retry: true, connected: connectionWords}
	}
	return planes[i]
}

// reads says whether the plane reads a leaf of a route's rules.
func (p Plane) reads(leaf string) bool {
	switch leaf {
	case leafRequest:
		return p.Request
	case leafBackend:
		return p.Backend
	}
	return p.Retry
}

// ControllerOf is the first controllerName of an exporter's data plane.
func ControllerOf(exporter string) string {
	i := slices.IndexFunc(planes, func(p Plane) bool { return p.Exporter == exporter })
	return planes[i].Controller
}
