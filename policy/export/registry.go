package export

import "slices"

// registry has every exporter, sorted by name.
var registry = []Registration{
	{Exporter: agentgatewayExporter{}, Title: "agentgateway", Kinds: []Kind{agentgatewayPolicy}, Experimental: true},
	{Exporter: envoyExporter{}, Title: "Envoy Gateway", Kinds: []Kind{backendTrafficPolicy}, Injects: true},
	{Exporter: kgatewayExporter{}, Title: "kgateway", Kinds: []Kind{trafficPolicy}, Injects: true, Experimental: true},
	{Exporter: nginxExporter{}, Title: "NGINX Gateway Fabric", Kinds: []Kind{proxySettingsPolicy, nginxRateLimitPolicy}, Experimental: true},
	{Exporter: standardExporter{}, Title: "the standard fields of routes", Injects: true},
	{Exporter: traefikExporter{}, Title: "Traefik", Kinds: []Kind{TraefikMiddleware}, Injects: true, Named: true},
}

// Exporters lists the registry, sorted by name.
func Exporters() []Registration { return slices.Clone(registry) }

// Lookup finds an exporter by name.
func Lookup(name string) (Registration, bool) {
	i := slices.IndexFunc(registry, func(r Registration) bool { return r.Name() == name })
	if i < 0 {
		return Registration{}, false
	}
	return registry[i], true
}

// ExporterNames are the names of all exporters, sorted.
func ExporterNames() []string {
	names := make([]string, len(registry))
	for i, r := range registry {
		names[i] = r.Name()
	}
	return names
}
