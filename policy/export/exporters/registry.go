package exporters

import (
	"slices"

	"github.com/attache-dev/attache/policy/export"
)

// registry has every exporter, sorted by name.
var registry = []export.Registration{
	{Exporter: agentgatewayExporter{}, Title: "agentgateway", Kinds: []export.Kind{agentgatewayPolicy}, Experimental: true},
	{Exporter: envoyExporter{}, Title: "Envoy Gateway", Kinds: []export.Kind{backendTrafficPolicy}, Injects: true},
	{Exporter: kgatewayExporter{}, Title: "kgateway", Kinds: []export.Kind{trafficPolicy}, Injects: true, Experimental: true},
	{Exporter: nginxExporter{}, Title: "NGINX Gateway Fabric", Kinds: []export.Kind{proxySettingsPolicy, nginxRateLimitPolicy}, Experimental: true},
	{Exporter: standardExporter{}, Title: "the standard fields of routes", Injects: true},
	{Exporter: traefikExporter{}, Title: "Traefik", Kinds: []export.Kind{export.TraefikMiddleware}, Injects: true, Named: true},
}

// All lists the registry, sorted by name.
func All() []export.Registration { return slices.Clone(registry) }

// Lookup finds an exporter by name.
func Lookup(name string) (export.Registration, bool) {
	i := slices.IndexFunc(registry, func(r export.Registration) bool { return r.Name() == name })
	if i < 0 {
		return export.Registration{}, false
	}
	return registry[i], true
}

// Names are the names of all exporters, sorted.
func Names() []string {
	names := make([]string, len(registry))
	for i, r := range registry {
		names[i] = r.Name()
	}
	return names
}
