package ingress

import (
	"strings"

	"github.com/attache-dev/attache/policy/migrate/document"
)

// Decode reads an Ingress. What does not follow the API is left out and returned
// as a list of problems.
func Decode(o document.Object) (*Ingress, []string) {
	g := &Ingress{
		Object: o, Namespace: o.GetNamespace(), Name: o.GetName(), Created: o.GetCreationTimestamp().Time,
		Labels: o.GetLabels(), Annotations: o.GetAnnotations(), Chosen: true,
	}
	if g.Namespace == "" {
		g.Namespace = "default"
	}
	var bad []string
	spec := child(o.Object, "spec", &bad)
	g.Class, _ = spec["ingressClassName"].(string)
	g.Backend, _ = decodeBackend(child(spec, "defaultBackend", &bad))
	for _, item := range items(spec, "rules", &bad) {
		r := Rule{}
		r.Host, _ = item["host"].(string)
		r.Host = strings.ToLower(r.Host)
		for _, p := range items(child(item, "http", &bad), "paths", &bad) {
			path := Path{}
			path.Path, _ = p["path"].(string)
			path.Kind, _ = p["pathType"].(string)
			path.Backend, path.Resource = decodeBackend(child(p, "backend", &bad))
			r.Paths = append(r.Paths, path)
		}
		g.Rules = append(g.Rules, r)
	}
	for _, item := range items(spec, "tls", &bad) {
		t := TLS{}
		t.Secret, _ = item["secretName"].(string)
		hosts, _ := item["hosts"].([]any)
		for _, h := range hosts {
			if host, ok := h.(string); ok {
				t.Hosts = append(t.Hosts, strings.ToLower(host))
			}
		}
		g.TLS = append(g.TLS, t)
	}
	return g, bad
}

func decodeBackend(b map[string]any) (ref *Backend, resource bool) {
	if b == nil {
		return nil, false
	}
	if _, ok := b["resource"]; ok {
		return nil, true
	}
	service, _ := b["service"].(map[string]any)
	name, _ := service["name"].(string)
	port, _ := service["port"].(map[string]any)
	if name == "" {
		return nil, false
	}
	ref = &Backend{Service: name, Port: Port(port["number"])}
	ref.Named, _ = port["name"].(string)
	return ref, false
}

// Port is a port number, whichever type the decoder used for it.
func Port(value any) int32 {
	switch n := value.(type) {
	case int64:
		return int32(min(max(n, 0), 65535))
	case float64:
		return int32(min(max(n, 0), 65535))
	}
	return 0
}

// child is an object below another one. A value of another type is added to bad.
func child(parent map[string]any, key string, bad *[]string) map[string]any {
	value, ok := parent[key]
	if !ok || value == nil {
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		*bad = append(*bad, key+" is no object")
	}
	return object
}

func items(parent map[string]any, key string, bad *[]string) []map[string]any {
	value, ok := parent[key]
	if !ok || value == nil {
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		*bad = append(*bad, key+" is no list")
		return nil
	}
	var out []map[string]any
	for _, item := range list {
		if object, ok := item.(map[string]any); ok {
			out = append(out, object)
		} else {
			*bad = append(*bad, "an entry of "+key+" is no object")
		}
	}
	return out
}
