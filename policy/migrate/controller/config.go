package controller

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/policy/migrate/document"
)

// Config is what a controller's ConfigMap says, or what holds without it (M9).
type Config struct {
	Object *document.Object
	Values map[string]string
	// standard are the values without a ConfigMap.
	standard func(key string) string
}

// compiledIn are the values of ingress-nginx v1.15 without a ConfigMap, from
// internal/ingress/controller/config/config.go (V2).
func compiledIn(key string) string {
	switch key {
	case "proxy-connect-timeout":
		return "5"
	case "proxy-read-timeout", "proxy-send-timeout":
		return "60"
	case "proxy-next-upstream":
		return "error timeout"
	case "proxy-next-upstream-tries":
		return "3"
	case "proxy-next-upstream-timeout":
		return "0"
	case "proxy-body-size":
		return "1m"
	case "ssl-redirect", "hsts", "hsts-include-subdomains", "strict-validate-path-type":
		return "true"
	case "force-ssl-redirect", "hsts-preload", "retry-non-idempotent", "use-forwarded-headers", "use-proxy-protocol", "preserve-trailing-slash",
		"use-port-in-redirects", "allow-snippet-annotations", "service-upstream", "enable-modsecurity":
		return "false"
	case "http-redirect-code":
		return "308"
	case "hsts-max-age":
		return "31536000"
	case "limit-req-status-code":
		return "503"
	case "no-tls-redirect-locations":
		return "/.well-known/acme-challenge"
	case "annotations-risk-level":
		return "High"
	case "proxy-http-version":
		return "1.1"
	case "load-balance":
		return "round_robin"
	}
	return ""
}

// Value is the value that applies for a key.
func (c *Config) Value(key string) string { return cmp.Or(c.Values[key], c.standard(key)) }

// Stated says whether the ConfigMap has the key.
func (c *Config) Stated(key string) bool { return c.Values[key] != "" }

// FindConfig is the ConfigMap of the controller: the one that is named, else the
// one with the controller's label that is neither the TCP nor the UDP map.
func FindConfig(objects []document.Object, named types.NamespacedName, of *Controller) *Config {
	c := &Config{Values: map[string]string{}, standard: of.standard}
	for i := range objects {
		o := &objects[i]
		if o.GetKind() != "ConfigMap" {
			continue
		}
		is := o.GetNamespace() == named.Namespace && o.GetName() == named.Name
		if named.Name == "" {
			is = of.Label != "" && o.GetLabels()["app.kubernetes.io/name"] == of.Label &&
				!strings.HasSuffix(o.GetName(), "tcp") && !strings.HasSuffix(o.GetName(), "udp") &&
				!strings.HasSuffix(o.GetName(), "tcp-services") && !strings.HasSuffix(o.GetName(), "udp-services")
		}
		if !is || c.Object != nil && c.Object.GetNamespace()+"/"+c.Object.GetName() < o.GetNamespace()+"/"+o.GetName() {
			continue
		}
		c.Object, c.Values = o, map[string]string{}
		data, _ := o.Object["data"].(map[string]any)
		for key, value := range data {
			if text, ok := value.(string); ok && strings.TrimSpace(text) != "" {
				c.Values[key] = strings.TrimSpace(text)
			}
		}
	}
	return c
}

// NamedConfigMaps are the ConfigMaps that annotations of Ingresses name.
func NamedConfigMaps(objects []document.Object) []types.NamespacedName {
	var list []types.NamespacedName
	for i := range objects {
		o := &objects[i]
		name := o.GetAnnotations()["nginx.ingress.kubernetes.io/custom-headers"]
		if o.GetKind() != "Ingress" || name == "" {
			continue
		}
		place := types.NamespacedName{Namespace: o.GetNamespace(), Name: name}
		if namespace, rest, ok := strings.Cut(name, "/"); ok {
			place = types.NamespacedName{Namespace: namespace, Name: rest}
		}
		list = append(list, place)
	}
	return list
}
