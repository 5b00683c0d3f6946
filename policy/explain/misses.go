package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/request"
)

// unreached returns remarks on the rules of a route that no request reaches, with the rule that
// takes all their requests, and on matches of other routes that are equal to one of its own (Q12).
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
		hidden := slices.ContainsFunc(remarks, func(r Remark) bool { return r.entry == o.Rule+1 })
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
			p.rule + 1,
		})
	}
	return remarks
}

func ruleField(i int) string { return fmt.Sprintf("spec.rules[%d]", i) }

// hiddenRules returns a remark for each rule and each set of rules that hides it on some listener.
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
				i + 1,
			})
		}
	}
	return remarks
}

// hiders returns which rules take the requests of another one.
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

// Near misses (semantics section 10): objects that are not found, and would be found if one word
// were different. They reveal other namespaces, so they are only for users who may read everything
// in the snapshot.

// Elsewhere returns the namespaces that have an object of the given kind and name, other than the
// given one; empty when there are none.
func Elsewhere(s *policy.Snapshot, ref hierarchy.Ref) string {
	ref = ref.Object()
	if _, there := s.Graph().Get(ref); there {
		return ""
	}
	var namespaces []string
	add := func(meta *hierarchy.Meta) {
		if o := meta.Ref; o.GroupKind == ref.GroupKind && o.Name == ref.Name && o.Namespace != ref.Namespace {
			namespaces = append(namespaces, o.Namespace)
		}
	}
	for g := range s.Graph().Gateways() {
		add(g.Meta())
	}
	for l := range s.Graph().ListenerSets() {
		add(l.Meta())
	}
	for r := range s.Graph().Routes() {
		add(r.Meta())
	}
	namespaces = append(namespaces, s.OutsideNamed(ref)...)
	if len(namespaces) == 0 {
		return ""
	}
	slices.Sort(namespaces)
	article, place := "a", "namespace"
	if strings.ContainsAny(ref.Kind[:1], "AEIOUH") && ref.Kind != "Host" {
		article = "an"
	}
	if len(namespaces) > 1 {
		place = "namespaces"
	}
	return fmt.Sprintf("%s %s %s is in %s %s", article, ref.Kind, ref.Name, place, prose.List(namespaces, 3))
}

// nearParent returns where a parent is that was not found.
func nearParent(s *policy.Snapshot, b hierarchy.Binding) string {
	if b.Reason != hierarchy.ReasonParentNotFound {
		return ""
	}
	return Elsewhere(s, b.Parent.Ref)
}

// NearMiss returns what nearly fits when a policy is not accepted at a target; empty when nothing
// does.
func NearMiss(s *policy.Snapshot, p *policy.Policy, a policy.Acceptance) string {
	switch a.Reason {
	case policy.ReasonTargetNotFound:
		return nearTarget(s, a.Target.Ref)
	case policy.ReasonRefNotPermitted:
		return nearGrant(s, p, a.Target.Ref)
	}
	return ""
}

// nearTarget returns the sections of an object that does not have the named one, or the namespace
// of an object that is not in this one, or the nearest name.
func nearTarget(s *policy.Snapshot, target hierarchy.Ref) string {
	if names := s.SectionNames(target); target.Section != "" && there(s, target) {
		if len(names) == 0 {
			return "none there has a name"
		}
		return "it has " + prose.List(slices.Sorted(slices.Values(names)), 8)
	}
	if elsewhere := Elsewhere(s, target); elsewhere != "" {
		return elsewhere
	}
	var names []string
	for object := range s.Graph().Objects(target.GroupKind, target.Namespace) {
		names = append(names, object.Meta().Ref.Name)
	}
	for _, ref := range s.Outside(target.GroupKind, target.Namespace) {
		names = append(names, ref.Name)
	}
	if near, ok := prose.Closest(target.Name, names); ok {
		return "did you mean " + near + "?"
	}
	return ""
}

// there reports whether an object exists, on the hierarchy or outside.
func there(s *policy.Snapshot, ref hierarchy.Ref) bool {
	return s.Graph().Exists(ref) || slices.Contains(s.Outside(ref.GroupKind, ref.Namespace), ref.Object())
}

// nearGrant returns which ReferenceGrant would permit a reference if one of its fields were
// different, and which field.
func nearGrant(s *policy.Snapshot, p *policy.Policy, target hierarchy.Ref) string {
	near, found := s.NearGrant(p, target)
	if !found {
		return ""
	}
	return fmt.Sprintf("%s nearly does: %s", near.Grant, near.Text())
}

// WithNearMiss adds a near miss to a message.
func WithNearMiss(message, near string) string {
	if near == "" {
		return message
	}
	return message + "; " + near
}
