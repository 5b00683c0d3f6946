package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
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
			fmt.Sprintf("%s matches the same requests on %s; the older route serves them, or the first by namespace and name", p.other, strings.TrimPrefix(Listed("listener", places[p]), "the ")),
		})
	}
	return remarks
}

func ruleField(i int) string { return fmt.Sprintf("spec.rules[%d]", i) }

func hiddenRules(x *request.Index, route *hierarchy.Route) []Remark {
	var remarks []Remark
	bound := len(x.Graph().BoundTo(route.Meta().Ref))
	for i := range route.Rules {
		var listeners []string
		by := ""
		for _, h := range x.Hidden(route.Meta().Ref) {
			if h.Rule == i {
				listeners = append(listeners, h.Listener.Ref.Section)
				by = ruleText(h.By, h.ByRule, -1)
			}
		}
		if len(listeners) == 0 {
			continue
		}
		where := ""
		if len(listeners) < bound {
			where = " on " + strings.TrimPrefix(Listed("listener", listeners), "the ")
		}
		remarks = append(remarks, Remark{
			ruleField(i),
			fmt.Sprintf("no request reaches this rule%s: %s takes all that it matches", where, by),
		})
	}
	return remarks
}
