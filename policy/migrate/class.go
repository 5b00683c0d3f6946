package migrate

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

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

// classify says to which class and controller an Ingress belongs (M6); an empty
// controller when nothing says so. wanted is that of --controller.
func (c *classes) classify(g *ingress, wanted string) {
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
		if k := byPrefix(g, wanted); k != "" && (!known(g.controller) || g.controller == HAProxy && k == HAProxyIngress) {
			g.controller = k
		}
		return
	}
	g.controller = byPrefix(g, wanted)
}

func known(name string) bool { return slices.Contains(Controllers(), name) }

// byPrefix is the controller whose annotations an Ingress has: the one that is wanted if
// it reads one of them, for some prefixes are those of several.
func byPrefix(g *ingress, wanted string) string {
	list := controllers()
	slices.SortStableFunc(list, func(a, b controller) int {
		switch wanted {
		case a.name:
			return -1
		case b.name:
			return 1
		}
		return 0
	})
	for i := range list {
		for _, name := range slices.Sorted(maps.Keys(g.annotations)) {
			if _, ok := list[i].own(name); ok {
				return list[i].name
			}
		}
	}
	return ""
}

// classAnnotation is what spec.ingressClassName took the place of.
const classAnnotation = "kubernetes.io/ingress.class"
