package controller

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/ingress"
)

// Classes are the IngressClasses of the input.
type Classes struct {
	// controllers are their spec.controller by name.
	controllers map[string]string
	// fallback is the one that is marked as the default.
	fallback string
}

// ReadClasses reads the IngressClasses of the input.
func ReadClasses(objects []document.Object) Classes {
	c := Classes{controllers: map[string]string{}}
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

// Classify sets the class and the controller of an Ingress (M6); the controller stays empty
// when nothing tells it. wanted is that of --controller.
func (c *Classes) Classify(g *ingress.Ingress, wanted string) {
	g.Class = cmp.Or(g.Class, g.Annotations[ClassAnnotation], c.fallback)
	if of, ok := c.controllers[g.Class]; ok {
		for _, k := range controllers() {
			if of == k.of || strings.HasPrefix(of, k.of+"/") {
				g.Controller = k.Name
			}
		}
		if g.Controller == "" {
			g.Controller = of
		}
		return
	}
	if g.Class != "" {
		g.Controller = g.Class
		for _, k := range controllers() {
			if g.Class == k.class {
				g.Controller = k.Name
			}
		}
		if k := byPrefix(g, wanted); k != "" && (!IsKnown(g.Controller) || g.Controller == HAProxy && k == HAProxyIngress) {
			g.Controller = k
		}
		return
	}
	g.Controller = byPrefix(g, wanted)
}

// IsKnown says whether a controller of this name can be left.
func IsKnown(name string) bool { return slices.Contains(Known(), name) }

// byPrefix is the controller whose annotations an Ingress has. Several controllers share
// some prefixes: if the wanted one reads one of the annotations, it is that one.
func byPrefix(g *ingress.Ingress, wanted string) string {
	list := controllers()
	slices.SortStableFunc(list, func(a, b Controller) int {
		switch wanted {
		case a.Name:
			return -1
		case b.Name:
			return 1
		}
		return 0
	})
	for i := range list {
		for _, name := range slices.Sorted(maps.Keys(g.Annotations)) {
			if _, ok := list[i].Short(name); ok {
				return list[i].Name
			}
		}
	}
	return ""
}

// ClassAnnotation is the annotation that spec.ingressClassName replaced.
const ClassAnnotation = "kubernetes.io/ingress.class"
