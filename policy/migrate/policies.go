package migrate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// writePolicies writes the policies of Ingresses, and the defaults (M44 to M46).
func (c *converter) writePolicies() error {
	defaults, onRoutes, err := c.placeDefaults()
	if err != nil {
		return err
	}
	routes := c.routeWants(onRoutes)
	above := map[hierarchy.Ref]wants{}
	if len(defaults) > 0 {
		above[c.gateway.ref()] = defaults
	}
	before := slices.Concat(perIngress(routes), perRule(routes), aboveRoutes(above))
	if c.options.Lift == LiftNone {
		c.write(before)
		return nil
	}
	out, err := c.lifter().lift(routes, above, before)
	if err != nil {
		return err
	}
	c.write(out.statements)
	c.lifted, c.above = out.lifted, out.above
	for _, f := range out.findings {
		c.report.add(f)
	}
	return nil
}

// routeWants are what is stated on the routes that are written. onRoutes are the
// defaults of the controller, where each route states them.
func (c *converter) routeWants(onRoutes wants) []routeWants {
	var list []routeWants
	for _, r := range c.given {
		if len(r.rules) == 0 {
			r.wants = r.wants.over(onRoutes)
		} else {
			r.wants = onRoutes
		}
		list = append(list, r)
	}
	list = append(list, c.bridges...)
	for _, g := range c.old.ingresses {
		w := c.routes[g]
		if w == nil {
			continue
		}
		for i, name := range w.names {
			own := w.all[name].over(c.old.ingressWants(g)).over(onRoutes)
			ref := hierarchy.NewRef(hierarchy.Group, w.kinds[i], g.namespace, name)
			list = append(list, routeWants{ref: ref, ingress: g, wants: own, rules: w.rules[name], forwards: true})
		}
	}
	return list
}

// firstRoute is the first route of an Ingress with a backend, zero when there is none.
func (c *converter) firstRoute(g *ingress) hierarchy.Ref {
	if ref := c.givenAt[g]; !ref.IsZero() {
		return ref
	}
	if w := c.routes[g]; w != nil && len(w.names) > 0 {
		return hierarchy.NewRef(hierarchy.Group, w.kinds[0], g.namespace, w.names[0])
	}
	return hierarchy.Ref{}
}

// policyOf is a policy of an Ingress as a finding names it: where the field is stated
// for its first route.
func (c *converter) policyOf(g *ingress, kind, field string) (Became, string) {
	became := Became{Kind: kind, Namespace: g.namespace, Name: c.existing.free(kind, g.namespace, g.name), Field: field}
	if route := c.firstRoute(g); !route.IsZero() {
		became.Namespace, became.Name = route.Namespace, c.existing.free(kind, route.Namespace, strings.TrimSuffix(route.Name+"-"+route.Section, "-"))
		first, _, _ := strings.Cut(field, ".")
		for _, at := range c.placesOf(route) {
			if stated, ok := c.policies.statedOn(at, kind, first); ok {
				became.Namespace, became.Name = stated.Namespace, stated.Name
				break
			}
		}
	}
	return became, fmt.Sprintf("%s %s/%s", kind, became.Namespace, became.Name)
}

// placesOf are the places at which something can be stated for a route, itself first.
func (c *converter) placesOf(route hierarchy.Ref) []hierarchy.Ref {
	return append([]hierarchy.Ref{route, route.Object()}, c.above[route.Object()]...)
}

// lifter lifts what this run states.
func (c *converter) lifter() *lifter {
	return &lifter{options: &c.options, names: c.existing, objects: c.objects}
}

// write writes the policies of statements.
func (c *converter) write(list []statement) {
	c.policies.write(list)
	c.objects = append(c.objects, c.policies.objects...)
}

// notWritten adds that the routes which a policy is for are held back.
func (c *converter) notWritten(g *ingress) string {
	switch w := c.routes[g]; {
	case !c.givenAt[g].IsZero():
	case c.options.Routes != nil:
		return "; nothing is written for it, since no route stands for the Ingress alone"
	case w == nil || len(w.names) == 0 && w.held:
		return "; it is held back with the routes"
	case len(w.names) == 0:
		return "; nothing is written for it, since no route of the Ingress has a backend"
	}
	return ""
}

// countRoutes is how many routes with a backend were written for an Ingress.
func (c *converter) countRoutes(g *ingress) int {
	if w := c.routes[g]; w != nil {
		return len(w.names)
	}
	return 0
}
