package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/request"
)

// unreached are the rules of a route that no request reaches, with the rule that takes all
// their requests, and the matches of other routes that are the same as one of its own (Q12).
func unreached(g *hierarchy.Graph, ref hierarchy.Ref) []Remark {
	object, _ := g.Get(ref)
	route, ok := object.(*hierarchy.Route)
	if !ok {
		return nil
	}
	x := request.New(g)
	remarks := hiddenRules(x, route)
	type pair struct {
		rule  int
		other string
	}
	places := map[pair][]string{}
	var order []pair
	for _, o := range x.Overlaps(ref) {
		hidden := slices.ContainsFunc(remarks, func(r Remark) bool { return r.Field == ruleField(o.Rule) })
		if o.Relation != request.Equal || hidden {
			continue
		}
		p := pair{o.Rule, ruleText(o.Other, o.OtherRule, o.OtherMatch)}
		if places[p] == nil {
			order = append(order, p)
		}
		if l := o.Listener.Ref.Section; !slices.Contains(places[p], l) {
			places[p] = append(places[p], l)
		}
	}
	for _, p := range order {
		remarks = append(remarks, Remark{
			ruleField(p.rule) + ".matches",
			fmt.Sprintf("%s matches the same requests on %s; the older route serves them, or the first by namespace and name", p.other, named("listener", places[p])),
		})
	}
	return remarks
}

func ruleField(i int) string { return fmt.Sprintf("spec.rules[%d]", i) }

// hiddenRules has a remark for each rule and for each set of rules that hides it somewhere.
func hiddenRules(x *request.Index, route *hierarchy.Route) []Remark {
	bound := len(x.Graph().BoundTo(route.Meta().Ref))
	hidden := x.Hidden(route.Meta().Ref)
	var remarks []Remark
	for i := range route.Rules {
		var order []string
		places := map[string][]string{}
		for _, h := range hidden {
			if h.Rule != i {
				continue
			}
			by := hiders(h.By)
			if places[by] == nil {
				order = append(order, by)
			}
			places[by] = append(places[by], h.Listener.Ref.Section)
		}
		for _, by := range order {
			where := ""
			if len(places[by]) < bound {
				where = " on " + strings.TrimPrefix(Listed("listener", places[by]), "the ")
			}
			remarks = append(remarks, Remark{
				ruleField(i),
				fmt.Sprintf("no request reaches this rule%s: %s all that it matches", where, by),
			})
		}
	}
	return remarks
}

// hiders says which rules take the requests of another one.
func hiders(by []request.Hider) string {
	if len(by) == 1 {
		return ruleText(by[0].Route, by[0].Rule, -1) + " takes"
	}
	if len(by) == 2 {
		return ruleText(by[0].Route, by[0].Rule, -1) + " and " + ruleText(by[1].Route, by[1].Rule, -1) + " together take"
	}
	const most = 3
	names := make([]string, len(by))
	for i, h := range by {
		names[i] = ruleText(h.Route, h.Rule, -1)
	}
	return prose.Clauses(names, most) + " together take"
}
