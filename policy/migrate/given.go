package migrate

import (
	"maps"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// useRoutes finds the routes that policies are for among those that exist (M39).
func (c *converter) useRoutes() {
	v := &routing.Covering{View: c.old.view, Side: routing.NewNewSide(c.options.Routes, hierarchy.Ref{})}
	by := map[hierarchy.Ref]map[int][]*ingress{}
	for _, host := range c.hostOrder() {
		for _, l := range c.old.view.Server(host).Locations {
			w := c.old.owners[l]
			if !w.ingress.chosen || l.Default && l.Action.Backend == nil || l.Action.Redirect != "" || l.Action.Status == 503 {
				continue
			}
			place, why := v.Place(host, l)
			if place.Route == nil {
				f := c.report.about(w.ingress, Unbound, "%s %s: no route that exists answers it as the controller does (%s); no policy is written for it", routing.HostText(host), l.Path, why)
				f.Line, f.Host, f.Effect = w.ingress.object.line(w.field), host, Breaks
				continue
			}
			ref := place.Route.Meta().Ref
			if by[ref] == nil {
				by[ref] = map[int][]*ingress{}
			}
			if !slices.Contains(by[ref][place.Rule], w.ingress) {
				by[ref][place.Rule] = append(by[ref][place.Rule], w.ingress)
			}
		}
	}
	for _, ref := range slices.SortedFunc(maps.Keys(by), hierarchy.Compare) {
		c.useRoute(ref, by[ref])
	}
}

// useRoute states on one route, or on its rules, what its Ingresses want.
func (c *converter) useRoute(ref hierarchy.Ref, rules map[int][]*ingress) {
	object, _ := c.options.Routes.Get(ref)
	route, _ := object.(*hierarchy.Route)
	if route == nil {
		return
	}
	var oldest *ingress
	same := len(rules) == len(route.Rules)
	for _, i := range slices.Sorted(maps.Keys(rules)) {
		list := rules[i]
		slices.SortFunc(list, func(a, b *ingress) int { return a.age - b.age })
		for _, g := range list[1:] {
			if jsonText(c.old.ingressWants(g)) != jsonText(c.old.ingressWants(list[0])) {
				c.report.about(g, Conflict, "a rule of %s stands for Ingress %s, too, which is older and wants other policies: split the rule", ref, list[0].place()).Effect = Differs
			}
		}
		if oldest == nil || list[0].age < oldest.age {
			oldest = list[0]
		}
	}
	for _, list := range rules {
		same = same && jsonText(c.old.ingressWants(list[0])) == jsonText(c.old.ingressWants(oldest))
	}
	if same {
		for _, list := range rules {
			c.givenAt[list[0]] = ref
		}
		c.given = append(c.given, routeWants{ref: ref, ingress: oldest, wants: c.old.ingressWants(oldest), forwards: true})
		return
	}
	r := routeWants{ref: ref, ingress: oldest, wants: wants{}, rules: map[string]wants{}, forwards: true}
	for _, i := range slices.Sorted(maps.Keys(rules)) {
		g := rules[i][0]
		wanted := c.old.ingressWants(g)
		switch name := route.Rules[i].Name; {
		case len(wanted) == 0:
		case name == "":
			c.report.about(g, Unresolved, "rules[%d] of %s stands for it and for no other rule's Ingress, and has no name that a policy could use: give the rule a name", i, ref).Effect = Differs
		default:
			r.rules[name] = wanted
			if c.givenAt[g].IsZero() {
				c.givenAt[g] = ref.WithSection(name)
			}
		}
	}
	c.given = append(c.given, r)
}
