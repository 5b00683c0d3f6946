package migrate

import (
	"cmp"
	"slices"
	"strings"
)

// controller is what is known of one ingress controller.
type controller struct {
	name string
	// of is spec.controller of its IngressClass, class the usual name of that.
	of, class string
	// prefixes are those of its annotations, the canonical one first.
	prefixes []string
	rows     func() []Row
	keys     func() []Row
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
		},
	}
}

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
	Controller  string `json:"controller"`
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
		t := Table{Controller: c.name}
		for _, r := range c.rows() {
			r.Name = c.prefixes[0] + r.Name
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
			return name, true
		}
	}
	return "", false
}

// rowsByName are the rows of a table by name.
func rowsByName(rows []Row) map[string]*Row {
	byName := make(map[string]*Row, len(rows))
	for i := range rows {
		byName[rows[i].Name] = &rows[i]
	}
	return byName
}

// classes are the IngressClasses of the input.
type classes struct {
	// controllers are their spec.controller by name.
	controllers map[string]string
	// fallback is the one that is marked as the default.
	fallback string
}

func readClasses(objects []Object) classes {
	c := classes{controllers: map[string]string{}}
	for _, o := range objects {
		if o.GetKind() != "IngressClass" {
			continue
		}
		spec, _ := o.Object["spec"].(map[string]any)
		name, _ := spec["controller"].(string)
		c.controllers[o.GetName()] = name
		if o.GetAnnotations()["ingressclass.kubernetes.io/is-default-class"] == "true" && (c.fallback == "" || o.GetName() < c.fallback) {
			c.fallback = o.GetName()
		}
	}
	return c
}

// classAnnotation is what spec.ingressClassName took the place of.
const classAnnotation = "kubernetes.io/ingress.class"

// classify says to which class and controller an Ingress belongs (M6); an empty
// controller when nothing says so.
func (c *classes) classify(g *ingress) {
	g.class = cmp.Or(g.class, g.annotations[classAnnotation], c.fallback)
	if of, ok := c.controllers[g.class]; ok {
		for _, k := range controllers() {
			if of == k.of || strings.HasPrefix(of, k.of+"/") {
				g.controller = k.name
			}
		}
		if g.controller == "" {
			g.controller = of
		}
		return
	}
	if g.class != "" {
		g.controller = g.class
		for _, k := range controllers() {
			if g.class == k.class {
				g.controller = k.name
			}
		}
		if k := byPrefix(g); k != "" && !known(g.controller) {
			g.controller = k
		}
		return
	}
	g.controller = byPrefix(g)
}

func known(name string) bool { return slices.Contains(Controllers(), name) }

// byPrefix is the controller whose annotations an Ingress has.
func byPrefix(g *ingress) string {
	for _, k := range controllers() {
		for name := range g.annotations {
			if _, ok := k.own(name); ok {
				return k.name
			}
		}
	}
	return ""
}
