package newside

import (
	"maps"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// useRoutes finds the routes that policies are for among those that exist (M39).
func (c *Side) useRoutes() {
	v := &routing.Covering{View: c.Old.View, Side: routing.NewNewSide(c.Options.Routes, hierarchy.Ref{})}
	by := map[hierarchy.Ref]map[int][]*ingress.Ingress{}
	for _, host := range c.HostOrder() {
		for _, l := range c.Old.View.Server(host).Locations {
			w := c.Old.Owners[l]
			if !w.Ingress.Chosen || l.Default && l.Action.Backend == nil || l.Action.Redirect != "" || l.Action.Status == 503 {
				continue
			}
			place, why := v.Place(host, l)
			if place.Route == nil {
				f := c.Report.About(w.Ingress, finding.Unbound, "%s %s: no route that exists answers it as the controller does (%s); no policy is written for it", routing.HostText(host), l.Path, why)
				f.Line, f.Host, f.Effect = w.Ingress.Object.LineOf(w.Field), host, finding.Breaks
				continue
			}
			ref := place.Route.Meta().Ref
			if by[ref] == nil {
				by[ref] = map[int][]*ingress.Ingress{}
			}
			if !slices.Contains(by[ref][place.Rule], w.Ingress) {
				by[ref][place.Rule] = append(by[ref][place.Rule], w.Ingress)
			}
		}
	}
	for _, ref := range slices.SortedFunc(maps.Keys(by), hierarchy.Compare) {
		c.useRoute(ref, by[ref])
	}
}

// useRoute states on one route, or on its rules, what its Ingresses want.
func (c *Side) useRoute(ref hierarchy.Ref, rules map[int][]*ingress.Ingress) {
	object, _ := c.Options.Routes.Get(ref)
	route, _ := object.(*hierarchy.Route)
	if route == nil {
		return
	}
	var oldest *ingress.Ingress
	same := len(rules) == len(route.Rules)
	for _, i := range slices.Sorted(maps.Keys(rules)) {
		list := rules[i]
		slices.SortFunc(list, func(a, b *ingress.Ingress) int { return a.Age - b.Age })
		for _, g := range list[1:] {
			if statement.JSON(c.Old.IngressWants(g)) != statement.JSON(c.Old.IngressWants(list[0])) {
				c.Report.About(g, finding.Conflict, "a rule of %s stands for Ingress %s, too, which is older and wants other policies: split the rule", ref, list[0].Place()).Effect = finding.Differs
			}
		}
		if oldest == nil || list[0].Age < oldest.Age {
			oldest = list[0]
		}
	}
	for _, list := range rules {
		same = same && statement.JSON(c.Old.IngressWants(list[0])) == statement.JSON(c.Old.IngressWants(oldest))
	}
	if same {
		for _, list := range rules {
			c.givenAt[list[0]] = ref
		}
		c.given = append(c.given, statement.Route{Ref: ref, Ingress: oldest, Wants: c.Old.IngressWants(oldest), Forwards: true})
		return
	}
	r := statement.Route{Ref: ref, Ingress: oldest, Wants: statement.Wants{}, Rules: map[string]statement.Wants{}, Forwards: true}
	for _, i := range slices.Sorted(maps.Keys(rules)) {
		g := rules[i][0]
		wanted := c.Old.IngressWants(g)
		switch name := route.Rules[i].Name; {
		case len(wanted) == 0:
		case name == "":
			c.Report.About(g, finding.Unresolved, "rules[%d] of %s stands for it and for no other rule's Ingress, and has no name that a policy could use: give the rule a name", i, ref).Effect = finding.Differs
		default:
			r.Rules[name] = wanted
			if c.givenAt[g].IsZero() {
				c.givenAt[g] = ref.WithSection(name)
			}
		}
	}
	c.given = append(c.given, r)
}
