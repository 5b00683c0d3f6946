package option

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// The values of options that allow a few words.
const (
	RegexAuto = "auto"
	RegexKeep = "keep"

	HSTSDrop = "drop"
	HSTSKeep = "keep"

	ReadIdle    = "idle"
	ReadBackend = "backend"

	RetriesSafe    = "safe"
	RetriesMethods = "methods"
	RetriesAll     = "all"

	ListenersAuto    = "auto"
	ListenersGateway = "gateway"
	ListenersSets    = "listenersets"

	DefaultsRoutes  = "routes"
	DefaultsGateway = "gateway"
	DefaultsNone    = "none"

	CanaryAll  = "all"
	CanaryHere = "here"

	LiftNone = "none"
	LiftAll  = "all"
	LiftMost = "most"

	LiftToNamespace = "namespace"
	LiftToListener  = "listener"
	LiftToGateway   = "gateway"
)

// Options say how to convert.
type Options struct {
	// Controller and IngressClass choose among several (M6, M7).
	Controller, IngressClass string
	// ConfigMap is the controller's; zero finds it by its label (M9).
	ConfigMap types.NamespacedName
	// NoValidation says that values are not validated, as before v1.12 (M10).
	NoValidation bool
	// ConvertUnserved converts what the controller refuses.
	ConvertUnserved bool
	// Gateway is one that exists, or with NewGateway one that is written.
	Gateway      types.NamespacedName
	NewGateway   bool
	GatewayClass string
	// Chosen says which Ingresses are written; nil means all (M4).
	Chosen func(namespace, name string, labels map[string]string) bool
	// Accept are the names of findings that the user accepts (M40).
	Accept []string

	Regex, HSTS, ReadTimeout, Retries, Listeners, Defaults, Canary, Lift string
	// LiftTo is the highest level that something is lifted to; empty is the Gateway
	// that is written, and the Namespace where one exists already (M60).
	LiftTo string

	// DefaultTLS is the Secret of the controller's default certificate,
	// DefaultBackend its default Service (M30, M37).
	DefaultTLS     types.NamespacedName
	DefaultBackend ServicePort
	// Bridge is the Service of the old controller, which answers what Ingresses that
	// are not written serve on the hosts of those that are (M5).
	Bridge ServicePort
	// Set are fields of the default TimeoutPolicy that no object of the input states:
	// arguments of the controller.
	Set map[string]string
	// Replicas is the number of Pods of the controller, each of which counts limits by itself;
	// 0 for the number that its Deployment states, or 1 (M55).
	Replicas int
	// Check says in words why the API server would refuse an object, empty when it
	// does not; nil checks nothing (M58).
	Check func(*unstructured.Unstructured) string
	// World is what lifting is proved with: the CRDs of policies, and everything that exists
	// already (M61). Stored is an object as the API server would store it.
	World *policy.Snapshot
	// Routes are routes that exist already: only policies are written, on those that
	// stand for the Ingresses (M39). Nil writes routes.
	Routes *hierarchy.Graph
	Stored func(*unstructured.Unstructured) *unstructured.Unstructured
}

// ServicePort is a port of a Service.
type ServicePort struct {
	types.NamespacedName
	Port int32
}

// WithDefaults fills in what is not stated.
func (o Options) WithDefaults() Options {
	for _, d := range []struct {
		value    *string
		standard string
	}{
		{&o.Regex, RegexAuto}, {&o.HSTS, HSTSDrop}, {&o.ReadTimeout, ReadIdle}, {&o.Retries, RetriesSafe},
		{&o.Listeners, ListenersAuto}, {&o.Defaults, DefaultsRoutes}, {&o.Canary, CanaryAll}, {&o.Lift, LiftNone},
	} {
		if *d.value == "" {
			*d.value = d.standard
		}
	}
	if o.LiftTo == "" {
		o.LiftTo = LiftToNamespace
		if o.NewGateway {
			o.LiftTo = LiftToGateway
		}
	}
	return o
}

// Accepts says whether the user accepts a finding of this name.
func (o *Options) Accepts(name string) bool { return slices.Contains(o.Accept, name) }

// IdleField is the field that nginx's read and send timeouts become (M48).
func (o *Options) IdleField() string {
	if o.ReadTimeout == ReadBackend {
		return "backend"
	}
	return "idle"
}
