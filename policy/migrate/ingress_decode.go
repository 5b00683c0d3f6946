package migrate

import "strings"

// decodeIngress reads an Ingress. What is not as the API has it is left out, and
// said.
func decodeIngress(o Object) (*ingress, []string) {
	g := &ingress{
		object: o, namespace: o.GetNamespace(), name: o.GetName(), created: o.GetCreationTimestamp().Time,
		labels: o.GetLabels(), annotations: o.GetAnnotations(), chosen: true,
	}
	if g.namespace == "" {
		g.namespace = "default"
	}
	var bad []string
	spec := child(o.Object, "spec", &bad)
	g.class, _ = spec["ingressClassName"].(string)
	g.backend, _ = decodeBackend(child(spec, "defaultBackend", &bad))
	for _, item := range items(spec, "rules", &bad) {
		r := ingressRule{}
		r.host, _ = item["host"].(string)
		r.host = strings.ToLower(r.host)
		for _, p := range items(child(item, "http", &bad), "paths", &bad) {
			path := ingressPath{}
			path.path, _ = p["path"].(string)
			path.kind, _ = p["pathType"].(string)
			path.backend, path.resource = decodeBackend(child(p, "backend", &bad))
			r.paths = append(r.paths, path)
		}
		g.rules = append(g.rules, r)
	}
	for _, item := range items(spec, "tls", &bad) {
		t := ingressTLS{}
		t.secret, _ = item["secretName"].(string)
		hosts, _ := item["hosts"].([]any)
		for _, h := range hosts {
			if host, ok := h.(string); ok {
				t.hosts = append(t.hosts, strings.ToLower(host))
			}
		}
		g.tls = append(g.tls, t)
	}
	return g, bad
}

func decodeBackend(b map[string]any) (ref *backendRef, resource bool) {
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
	ref = &backendRef{service: name, port: number(port["number"])}
	ref.named, _ = port["name"].(string)
	return ref, false
}

// number is a port of whatever type a decoder made of it.
func number(value any) int32 {
	switch n := value.(type) {
	case int64:
		return int32(min(max(n, 0), 65535))
	case float64:
		return int32(min(max(n, 0), 65535))
	}
	return 0
}

// child is an object below another one; what is of another type is said.
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
