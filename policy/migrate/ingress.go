package migrate

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// Object is one object of the input and where it stands.
type Object struct {
	*unstructured.Unstructured
	File     string
	Document int
	// Line finds the line of a field; nil when the object is not from a file.
	Line func(field string) int
}

// line is the line of a field, 0 when nobody knows.
func (o *Object) line(field string) int {
	if o.Line == nil {
		return 0
	}
	return o.Line(field)
}

// ingress is one Ingress, decoded once (M91).
type ingress struct {
	object      Object
	namespace   string
	name        string
	created     time.Time
	labels      map[string]string
	annotations map[string]string
	class       string
	controller  string
	rules       []ingressRule
	backend     *backendRef
	tls         []ingressTLS
	// age is the place among the Ingresses of the run, the oldest first (M8).
	age int
	// set is what the annotations come to.
	set *settings
	// refused says why the controller does not serve it (M10).
	refused string
	chosen  bool
}

type ingressRule struct {
	host  string
	paths []ingressPath
}

type ingressPath struct {
	path    string
	kind    string
	backend *backendRef
	// resource says that the backend is no Service.
	resource bool
}

type ingressTLS struct {
	hosts  []string
	secret string
}

// backendRef is a Service's port, by number or by name.
type backendRef struct {
	service string
	port    int32
	named   string
}

func (g *ingress) place() string { return g.namespace + "/" + g.name }

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

// hosts are the hosts of the rules, each once, in their order; routing.CatchAll
// for a rule without one.
func (g *ingress) hosts() []string {
	var list []string
	for _, r := range g.rules {
		host := r.host
		if host == "" {
			host = routing.CatchAll
		}
		if !slices.Contains(list, host) {
			list = append(list, host)
		}
	}
	return list
}

// read is a path as the controller reads it (M13): its text and whether it is Exact.
// ALB's ImplementationSpecific is a pattern: without a wildcard it is the whole path.
func (p *ingressPath) read(controller string) (path string, exact bool) {
	path = p.path
	switch {
	case path == "":
		return "/", p.kind == "Exact"
	case controller != ALB || p.kind == "Exact" || p.kind == "Prefix":
		return path, p.kind == "Exact"
	case path == "/*":
		return "/", false
	}
	return path, !strings.ContainsAny(path, "*?")
}

// pattern says what a path is that no match stands for; empty when there is one.
func (p *ingressPath) pattern(controller string) string {
	specific := p.kind != "Exact" && p.kind != "Prefix"
	switch {
	case controller == Kong && specific && strings.HasPrefix(p.path, "/~"):
		return "a path that begins with /~ is a regular expression of Kong's"
	case controller == ALB && specific && p.path != "/*" && strings.ContainsAny(p.path, "*?"):
		return "a path with * or ? is a pattern of ALB's"
	}
	return ""
}
