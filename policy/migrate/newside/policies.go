package newside

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/lift"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// writePolicies writes the policies of Ingresses, and the defaults (M44 to M46).
func (c *Side) writePolicies() error {
	defaults, onRoutes, err := c.placeDefaults()
	if err != nil {
		return err
	}
	routes := c.routeWants(onRoutes)
	above := map[hierarchy.Ref]statement.Wants{}
	if len(defaults) > 0 {
		above[c.gateway.ref()] = defaults
	}
	before := slices.Concat(statement.PerIngress(routes), statement.PerRule(routes), statement.Above(above))
	if c.Options.Lift == option.LiftNone {
		c.write(before)
		return nil
	}
	out, err := c.lifter().Lift(routes, above, before)
	if err != nil {
		return err
	}
	c.write(out.Statements)
	c.Lifted, c.above = out.Lifted, out.Above
	for _, f := range out.Findings {
		c.Report.Add(f)
	}
	return nil
}

// routeWants are what is stated on the routes that are written. onRoutes are the
// defaults of the controller, where each route states them.
func (c *Side) routeWants(onRoutes statement.Wants) []statement.Route {
	var list []statement.Route
	for _, r := range c.given {
		if len(r.Rules) == 0 {
			r.Wants = r.Wants.Over(onRoutes)
		} else {
			r.Wants = onRoutes
		}
		list = append(list, r)
	}
	list = append(list, c.bridges...)
	for _, g := range c.Old.Ingresses {
		w := c.routes[g]
		if w == nil {
			continue
		}
		for i, name := range w.names {
			own := w.all[name].Over(c.Old.IngressWants(g)).Over(onRoutes)
			ref := hierarchy.NewRef(hierarchy.Group, w.kinds[i], g.Namespace, name)
			list = append(list, statement.Route{Ref: ref, Ingress: g, Wants: own, Rules: w.rules[name], Forwards: true})
		}
	}
	return list
}

// firstRoute is the first route of an Ingress with a backend, zero when there is none.
func (c *Side) firstRoute(g *ingress.Ingress) hierarchy.Ref {
	if ref := c.givenAt[g]; !ref.IsZero() {
		return ref
	}
	if w := c.routes[g]; w != nil && len(w.names) > 0 {
		return hierarchy.NewRef(hierarchy.Group, w.kinds[0], g.Namespace, w.names[0])
	}
	return hierarchy.Ref{}
}

// PolicyOf is a policy of an Ingress as a finding names it: where the field is stated
// for its first route.
func (c *Side) PolicyOf(g *ingress.Ingress, kind, field string) (finding.Became, string) {
	became := finding.Became{Kind: kind, Namespace: g.Namespace, Name: c.Names.Free(kind, g.Namespace, g.Name), Field: field}
	if route := c.firstRoute(g); !route.IsZero() {
		became.Namespace, became.Name = route.Namespace, c.Names.Free(kind, route.Namespace, strings.TrimSuffix(route.Name+"-"+route.Section, "-"))
		first, _, _ := strings.Cut(field, ".")
		for _, at := range c.placesOf(route) {
			if stated, ok := c.policies.StatedOn(at, kind, first); ok {
				became.Namespace, became.Name = stated.Namespace, stated.Name
				break
			}
		}
	}
	return became, fmt.Sprintf("%s %s/%s", kind, became.Namespace, became.Name)
}

// placesOf are the places at which something can be stated for a route, itself first.
func (c *Side) placesOf(route hierarchy.Ref) []hierarchy.Ref {
	return append([]hierarchy.Ref{route, route.Object()}, c.above[route.Object()]...)
}

// lifter lifts the policies of this run.
func (c *Side) lifter() *lift.Lifter {
	return &lift.Lifter{Options: &c.Options, Names: c.Names, Objects: c.Objects}
}

// write writes the policies of statements.
func (c *Side) write(list []statement.Policy) {
	c.policies.Write(list)
	c.Objects = append(c.Objects, c.policies.Objects...)
}

// NotWritten says why the policy of an Ingress is not written; empty when it is.
func (c *Side) NotWritten(g *ingress.Ingress) string {
	switch w := c.routes[g]; {
	case !c.givenAt[g].IsZero():
	case c.Options.Routes != nil:
		return "; nothing is written for it, since no route stands for the Ingress alone"
	case w == nil || len(w.names) == 0 && w.held:
		return "; it is held back with the routes"
	case len(w.names) == 0:
		return "; nothing is written for it, since no route of the Ingress has a backend"
	}
	return ""
}

// CountRoutes is how many routes with a backend were written for an Ingress.
func (c *Side) CountRoutes(g *ingress.Ingress) int {
	if w := c.routes[g]; w != nil {
		return len(w.names)
	}
	return 0
}
