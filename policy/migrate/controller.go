package migrate

import (
	"maps"
	"slices"
	"strings"
)

// input is what annotations are read with: all that configures one controller.
type input struct {
	objects []Object
	config  *config
	// ingresses are those of the run, the oldest first; refused ones are among them.
	ingresses []*ingress
}

// controller is what is known of one ingress controller.
type controller struct {
	name string
	// of is spec.controller of its IngressClass, class the usual name of that.
	of, class string
	// prefixes are those of its annotations, the one that counts first. also are names
	// outside of them that it reads; anyCase says that upper and lower case are equal.
	prefixes []string
	also     []string
	anyCase  bool
	rows     func() []Row
	keys     func() []Row
	// convert is what becomes of an annotation in a policy, defaults what holds without
	// one; nil of ingress-nginx, which has its own code. services says that annotations
	// of Services are read.
	convert  func(in *input, s *settings, short string) *conversion
	defaults func(in *input) wants
	services bool
	// conflicts says what several Ingresses state differently that can be only one; nil
	// where there is no such thing.
	conflicts func(in *input, r *report)
	// standard are the values of its ConfigMap that hold without one, label finds it.
	standard func(key string) string
	label    string
	version  string
	// source is the document that its names are from, with the version.
	source string
	// notes are what is to be known of it: a name and a sentence.
	notes [][2]string
	// nginx says that the host view is that of ingress-nginx.
	nginx bool
}

// The names of the controllers, as --controller takes them.
const (
	IngressNginx   = "ingress-nginx"
	Traefik        = "traefik"
	HAProxy        = "haproxy"
	HAProxyIngress = "haproxy-ingress"
	Kong           = "kong"
	ALB            = "alb"
)

// controllers are those that can be left.
func controllers() []controller {
	return []controller{
		{
			name: IngressNginx, of: "k8s.io/ingress-nginx", class: "nginx",
			prefixes: []string{"nginx.ingress.kubernetes.io/"}, rows: nginxAnnotations, keys: nginxKeys, nginx: true,
			standard: compiledIn, label: IngressNginx, version: "v1.15",
			source: "kubernetes/ingress-nginx v1.15.1, internal/ingress/annotations and internal/ingress/controller/config",
		},
		{
			name: Traefik, of: "traefik.io/ingress-controller", class: "traefik",
			prefixes: []string{"traefik.ingress.kubernetes.io/"}, anyCase: true, rows: traefikRows, convert: traefikConvert, defaults: traefikWants, services: true,
			standard: nothing, version: "Traefik v3",
			source: "Traefik v3.7, reference/routing-configuration/kubernetes/ingress",
			notes: [][2]string{
				{"entry-points", "respondingTimeouts of entry points are arguments of Traefik and stand in no object: --set idle=… states them"},
				{"prefixes", "a Prefix takes what begins with its text, /app also /apple, unless strictPrefixMatching is on; one of a route takes whole path elements"},
			},
		},
		{
			name: HAProxy, of: "haproxy.org/ingress-controller", class: "haproxy",
			prefixes: []string{"haproxy.org/", "haproxy.com/", "ingress.kubernetes.io/"}, rows: haproxyRows, keys: haproxyKeys, convert: haproxyConvert, defaults: haproxyWants, services: true,
			standard: haproxyDefaults, label: "kubernetes-ingress", version: "version 3.2",
			source: "haproxytech/kubernetes-ingress 3.2, documentation/annotations.md",
			notes: [][2]string{
				{"rate-limit-status-code", "it refuses with 403 where a limit is reached, most data planes with 429"},
				{"prefixes", "an ImplementationSpecific path takes what begins with its text, /app also /apple; a PathPrefix takes whole path elements"},
			},
		},
		{
			name: HAProxyIngress, of: "haproxy-ingress.github.io/controller", class: "haproxy-ingress",
			prefixes: []string{"haproxy-ingress.github.io/", "ingress.kubernetes.io/"}, rows: haproxyIngressRows, keys: haproxyIngressKeys, convert: haproxyIngressConvert, defaults: haproxyWants, services: true,
			standard: haproxyIngressDefaults, label: "haproxy-ingress", version: "v0.15",
			source: "jcmoraisjr/haproxy-ingress up to v0.16, docs/content/en/docs/configuration/keys.md",
			notes: [][2]string{
				{"prefixes", "an ImplementationSpecific path takes what begins with its text, /app also /apple; a PathPrefix takes whole path elements"},
			},
		},
		{
			name: Kong, of: "ingress-controllers.konghq.com/kong", class: "kong",
			prefixes: []string{"konghq.com/"}, also: []string{"ingress.kubernetes.io/force-ssl-redirect", "ingress.kubernetes.io/service-upstream"}, rows: kongRows, convert: kongConvert, defaults: kongWants, services: true,
			standard: nothing, version: "Kong 3",
			source: "Kong Ingress Controller 3.5, reference/annotations and internal/annotations",
			notes: [][2]string{
				{"prefixes", "an ImplementationSpecific path takes what begins with its text, /app also /apple; a PathPrefix takes whole path elements"},
				{"global-plugins", "a KongClusterPlugin with the label global: \"true\" holds for every route, though no annotation names it; what it does is not written"},
			},
		},
		{
			name: ALB, of: "ingress.k8s.aws/alb", class: "alb",
			prefixes: []string{"alb.ingress.kubernetes.io/"}, rows: albRows, convert: albConvert, defaults: albWants, conflicts: albConflicts, services: true,
			standard: nothing, version: "the AWS Load Balancer Controller",
			source: "AWS Load Balancer Controller 2 and 3, docs/guide/ingress/annotations.md and pkg/annotations/constants.go",
			notes: [][2]string{
				{"scheme", "load balancers are internal unless scheme says internet-facing; who can reach the Gateway is its data plane's matter"},
			},
		},
	}
}

func nothing(string) string { return "" }

// Controllers are the names of the controllers that can be left.
func Controllers() []string {
	var names []string
	for _, c := range controllers() {
		names = append(names, c.name)
	}
	return names
}

// Table is what is known of one controller, as data (M41).
type Table struct {
	Controller string `json:"controller"`
	// Source is the document that the names are from.
	Source      string `json:"source"`
	Annotations []Row  `json:"annotations"`
	Keys        []Row  `json:"configMap"`
}

// Tables are those of one controller, or of all.
func Tables(name string) []Table {
	var list []Table
	for _, c := range controllers() {
		if name != "" && name != c.name {
			continue
		}
		t := Table{Controller: c.name, Source: c.source}
		for _, r := range c.rows() {
			r.Name = c.fullName(r.Name)
			t.Annotations = append(t.Annotations, r)
		}
		if c.keys != nil {
			t.Keys = c.keys()
		}
		list = append(list, t)
	}
	return list
}

// own says whether an annotation is one of the controller's, and its short name.
func (c *controller) own(annotation string) (string, bool) {
	for _, prefix := range c.prefixes {
		if name, ok := strings.CutPrefix(annotation, prefix); ok {
			if c.anyCase {
				name = strings.ToLower(name)
			}
			return name, true
		}
	}
	if slices.Contains(c.also, annotation) {
		return shortName(annotation), true
	}
	return "", false
}

// fullName is a name with its prefix.
func (c *controller) fullName(short string) string {
	for _, name := range c.also {
		if shortName(name) == short {
			return name
		}
	}
	return c.prefixes[0] + short
}

// other is the annotation that comes before one which says the same by another prefix,
// or in other letters; empty when there is none.
func (c *controller) other(annotations map[string]string, name, short string) string {
	if len(c.prefixes) == 1 && !c.anyCase {
		return ""
	}
	rank := func(name string) int {
		return slices.IndexFunc(c.prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
	for _, candidate := range slices.Sorted(maps.Keys(annotations)) {
		same, ours := c.own(candidate)
		if ours && same == short && strings.TrimSpace(annotations[candidate]) != "" &&
			(rank(candidate) < rank(name) || rank(candidate) == rank(name) && candidate < name) {
			return candidate
		}
	}
	return ""
}

// rowsByName are the rows of a table by name.
func rowsByName(rows []Row) map[string]*Row {
	byName := make(map[string]*Row, len(rows))
	for i := range rows {
		byName[rows[i].Name] = &rows[i]
	}
	return byName
}

func controllerNamed(name string) *controller {
	for _, c := range controllers() {
		if c.name == name {
			return &c
		}
	}
	return nil
}
