package controller

import (
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// Input is what annotations are read with: everything that configures one controller.
type Input struct {
	Objects []document.Object
	Config  *Config
	// Ingresses are those of the run, the oldest first; refused ones are among them.
	Ingresses []*ingress.Ingress
}

// Controller is what is known of one ingress controller.
type Controller struct {
	// Name is the name that --controller takes.
	Name string
	// of is spec.controller of its IngressClass, class the usual name of that class.
	of, class string
	// Prefixes are those of its annotations; the first one takes precedence. also are names
	// without such a prefix that it reads, and anyCase says that upper and lower case are
	// equal.
	Prefixes []string
	also     []string
	anyCase  bool
	// Rows are the rows of its annotations, Keys those of its ConfigMap.
	Rows func() []Row
	Keys func() []Row
	// Convert says what becomes of an annotation in a policy, and Defaults what applies
	// without annotations. Both are nil for ingress-nginx, whose annotations package oldside
	// reads.
	Convert  func(in *Input, s *ingress.Settings, short string) *Conversion
	Defaults func(in *Input) statement.Wants
	// Services says that annotations of Services are read.
	Services bool
	// Conflicts reports where Ingresses state different values for something that they
	// share; nil when they share nothing.
	Conflicts func(in *Input, r *finding.Report)
	// standard are the values that apply without a ConfigMap.
	standard func(key string) string
	// Label is the value of app.kubernetes.io/name on its ConfigMap and its Deployment.
	Label string
	// Version is the version that the tables describe, as messages name it.
	Version string
	// source is the document that its names are from, with the version.
	source string
	// Notes say what to know about it: a name and a sentence each.
	Notes [][2]string
	// Nginx says that the host view is that of ingress-nginx.
	Nginx bool
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

// controllers are those that a migration can start from.
func controllers() []Controller {
	return []Controller{
		{
			Name: IngressNginx, of: "k8s.io/ingress-nginx", class: "nginx",
			Prefixes: []string{"nginx.ingress.kubernetes.io/"}, Rows: nginxAnnotations, Keys: nginxKeys, Nginx: true,
			standard: compiledIn, Label: IngressNginx, Version: "v1.15",
			source: "kubernetes/ingress-nginx v1.15.1, internal/ingress/annotations and internal/ingress/controller/config",
		},
		{
			Name: Traefik, of: "traefik.io/ingress-controller", class: "traefik",
			Prefixes: []string{"traefik.ingress.kubernetes.io/"}, anyCase: true, Rows: traefikRows, Convert: traefikConvert, Defaults: traefikWants, Services: true,
			standard: nothing, Version: "Traefik v3",
			source: "Traefik v3.7, reference/routing-configuration/kubernetes/ingress",
			Notes: [][2]string{
				{"entry-points", "respondingTimeouts of entry points are arguments of Traefik and stand in no object: --set idle=… states them"},
				{"prefixes", "a Prefix takes what begins with its text, /app also /apple, unless strictPrefixMatching is on; one of a route takes whole path elements"},
			},
		},
		{
			Name: HAProxy, of: "haproxy.org/ingress-controller", class: "haproxy",
			Prefixes: []string{"haproxy.org/", "haproxy.com/", "ingress.kubernetes.io/"}, Rows: haproxyRows, Keys: haproxyKeys, Convert: haproxyConvert, Defaults: haproxyWants, Services: true,
			standard: haproxyDefaults, Label: "kubernetes-ingress", Version: "version 3.2",
			source: "haproxytech/kubernetes-ingress 3.2, documentation/annotations.md",
			Notes: [][2]string{
				{"rate-limit-status-code", "it refuses with 403 where a limit is reached, most data planes with 429"},
				{"prefixes", "an ImplementationSpecific path takes what begins with its text, /app also /apple; a PathPrefix takes whole path elements"},
			},
		},
		{
			Name: HAProxyIngress, of: "haproxy-ingress.github.io/controller", class: "haproxy-ingress",
			Prefixes: []string{"haproxy-ingress.github.io/", "ingress.kubernetes.io/"}, Rows: haproxyIngressRows, Keys: haproxyIngressKeys, Convert: haproxyIngressConvert, Defaults: haproxyWants, Services: true,
			standard: haproxyIngressDefaults, Label: "haproxy-ingress", Version: "v0.15",
			source: "jcmoraisjr/haproxy-ingress up to v0.16, docs/content/en/docs/configuration/keys.md",
			Notes: [][2]string{
				{"prefixes", "an ImplementationSpecific path takes what begins with its text, /app also /apple; a PathPrefix takes whole path elements"},
			},
		},
		{
			Name: Kong, of: "ingress-controllers.konghq.com/kong", class: "kong",
			Prefixes: []string{"konghq.com/"}, also: []string{"ingress.kubernetes.io/force-ssl-redirect", "ingress.kubernetes.io/service-upstream"}, Rows: kongRows, Convert: kongConvert, Defaults: kongWants, Services: true,
			standard: nothing, Version: "Kong 3",
			source: "Kong Ingress Controller 3.5, reference/annotations and internal/annotations",
			Notes: [][2]string{
				{"prefixes", "an ImplementationSpecific path takes what begins with its text, /app also /apple; a PathPrefix takes whole path elements"},
				{"global-plugins", "a KongClusterPlugin with the label global: \"true\" holds for every route, though no annotation names it; what it does is not written"},
			},
		},
		{
			Name: ALB, of: "ingress.k8s.aws/alb", class: "alb",
			Prefixes: []string{"alb.ingress.kubernetes.io/"}, Rows: albRows, Convert: albConvert, Defaults: albWants, Conflicts: albConflicts, Services: true,
			standard: nothing, Version: "the AWS Load Balancer Controller",
			source: "AWS Load Balancer Controller 2 and 3, docs/guide/ingress/annotations.md and pkg/annotations/constants.go",
			Notes: [][2]string{
				{"scheme", "load balancers are internal unless scheme says internet-facing; who can reach the Gateway is its data plane's matter"},
			},
		},
	}
}

func nothing(string) string { return "" }

// Known are the names of the controllers that a migration can start from.
func Known() []string {
	var names []string
	for _, c := range controllers() {
		names = append(names, c.Name)
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
		if name != "" && name != c.Name {
			continue
		}
		t := Table{Controller: c.Name, Source: c.source}
		for _, r := range c.Rows() {
			r.Name = c.fullName(r.Name)
			t.Annotations = append(t.Annotations, r)
		}
		if c.Keys != nil {
			t.Keys = c.Keys()
		}
		list = append(list, t)
	}
	return list
}

// Short says whether an annotation is one of the controller's, and its short name.
func (c *Controller) Short(annotation string) (string, bool) {
	for _, prefix := range c.Prefixes {
		if name, ok := strings.CutPrefix(annotation, prefix); ok {
			if c.anyCase {
				name = strings.ToLower(name)
			}
			return name, true
		}
	}
	if slices.Contains(c.also, annotation) {
		return finding.ShortName(annotation), true
	}
	return "", false
}

// fullName is a name with its prefix.
func (c *Controller) fullName(short string) string {
	for _, name := range c.also {
		if finding.ShortName(name) == short {
			return name
		}
	}
	return c.Prefixes[0] + short
}

// Preferred is the annotation that takes precedence over one which states the same with
// another prefix, or in other upper and lower case; empty when there is none.
func (c *Controller) Preferred(annotations map[string]string, name, short string) string {
	if len(c.Prefixes) == 1 && !c.anyCase {
		return ""
	}
	rank := func(name string) int {
		return slices.IndexFunc(c.Prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
	for _, candidate := range slices.Sorted(maps.Keys(annotations)) {
		same, ours := c.Short(candidate)
		if ours && same == short && strings.TrimSpace(annotations[candidate]) != "" &&
			(rank(candidate) < rank(name) || rank(candidate) == rank(name) && candidate < name) {
			return candidate
		}
	}
	return ""
}

// RowsByName are the rows of a table by name.
func RowsByName(rows []Row) map[string]*Row {
	byName := make(map[string]*Row, len(rows))
	for i := range rows {
		byName[rows[i].Name] = &rows[i]
	}
	return byName
}

// ByName is the controller of a name, nil when there is none.
func ByName(name string) *Controller {
	for _, c := range controllers() {
		if c.Name == name {
			return &c
		}
	}
	return nil
}
