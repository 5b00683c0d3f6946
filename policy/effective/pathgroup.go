package effective

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
)

// PathGroup is a set of paths of one target with one result: every listener in
// Parents crossed with every rule in Rules.
type PathGroup[R comparable] struct {
	Parents []*hierarchy.Listener
	// Rules are all rules of the route, or some of them; a route without rules has all.
	Rules  hierarchy.RuleSet
	Result R
}

// Scope is a set of paths with one effective policy.
type Scope = PathGroup[*PathPolicies]

// ruleRefs names the rules of a route; there is one column for a route without any.
func ruleRefs(route *hierarchy.Route) []hierarchy.RuleRef {
	if len(route.Rules) == 0 {
		return []hierarchy.RuleRef{hierarchy.NoRule()}
	}
	return route.RuleRefs()
}

// sameRule reports whether two names, from two versions of a route, name the same rule.
func sameRule(a, b hierarchy.RuleRef) bool {
	return a.Name == b.Name && (a.Name != "" || a.Index == b.Index)
}

// Band is consecutive listeners of one Gateway whose rules have the same results.
type Band[R comparable] struct {
	Listeners []*hierarchy.Listener
	// Row is the result of each rule.
	Row []R
}

// bands groups listeners with equal rows. There is a row for each listener.
func bands[R comparable](listeners []*hierarchy.Listener, rows [][]R) []Band[R] {
	list := make([]Band[R], 0, min(len(rows), 2))
	for i, row := range rows {
		if n := len(list) - 1; n >= 0 && listeners[i].Gateway == listeners[i-1].Gateway && sameRow(list[n].Row, row) {
			list[n].Listeners = listeners[i-len(list[n].Listeners) : i+1]
			continue
		}
		list = append(list, Band[R]{listeners[i : i+1], row})
	}
	return list
}

// sameRow compares two rows, which often are the same slice.
func sameRow[R comparable](a, b []R) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b))
}

// group turns paths into scopes. rows holds the result of each rule for each listener. It first
// groups the rules of each listener by result, and then the listeners for which the same rules have
// the same result. The scopes are sorted by their first listener and then by their first rule.
func group[R comparable](listeners []*hierarchy.Listener, rules []hierarchy.RuleRef, rows [][]R) []PathGroup[R] {
	return groupBands(listeners, rules, bands(listeners, rows))
}

// groupBands is group for paths in bands.
func groupBands[R comparable](listeners []*hierarchy.Listener, rules []hierarchy.RuleRef, list []Band[R]) []PathGroup[R] {
	if len(list) == 0 {
		return nil
	}
	first := list[0].Row
	if uniform(first) && !slices.ContainsFunc(list, func(b Band[R]) bool { return !sameRow(b.Row, first) }) {
		return []PathGroup[R]{{Parents: listeners, Rules: hierarchy.AllRules(), Result: first[0]}}
	}
	scopes := make([]PathGroup[R], 0, len(list))
	for _, band := range list {
		for _, part := range partition(rules, band.Row) {
			at := slices.IndexFunc(scopes, func(s PathGroup[R]) bool { return s.Result == part.Result && s.Rules.Equal(part.Rules) })
			if at < 0 {
				part.Parents = slices.Clip(band.Listeners)
				scopes = append(scopes, part)
				continue
			}
			scopes[at].Parents = append(scopes[at].Parents, band.Listeners...)
		}
	}
	return scopes
}

// partition groups the rules on one listener by result, in rule order.
func partition[R comparable](rules []hierarchy.RuleRef, cells []R) []PathGroup[R] {
	if uniform(cells) {
		return []PathGroup[R]{{Rules: hierarchy.AllRules(), Result: cells[0]}}
	}
	var parts []PathGroup[R]
	for j, result := range cells {
		at := slices.IndexFunc(parts, func(p PathGroup[R]) bool { return p.Result == result })
		if at < 0 {
			at = len(parts)
			parts = append(parts, PathGroup[R]{Result: result})
		}
		parts[at].Rules.Rules = append(parts[at].Rules.Rules, rules[j])
	}
	return parts
}

func uniform[R comparable](cells []R) bool {
	for _, c := range cells[1:] {
		if c != cells[0] {
			return false
		}
	}
	return true
}

// Fitting returns the parts of a scope of a route whose paths pass the test. Listeners on which the
// same rules pass stay together.
func Fitting(s Scope, route *hierarchy.Route, fits func(l *hierarchy.Listener, rule hierarchy.RuleRef) (bool, error)) ([]Scope, error) {
	rules := s.Rules.In(route)
	var parts []Scope
	for _, l := range s.Parents {
		var fitting []hierarchy.RuleRef
		for _, rule := range rules {
			ok, err := fits(l, rule)
			if err != nil {
				return nil, err
			}
			if ok {
				fitting = append(fitting, rule)
			}
		}
		if len(fitting) == 0 {
			continue
		}
		set := route.SetOf(fitting)
		at := slices.IndexFunc(parts, func(p Scope) bool { return p.Rules.Equal(set) })
		if at < 0 {
			at = len(parts)
			parts = append(parts, Scope{Rules: set, Result: s.Result})
		}
		parts[at].Parents = append(parts[at].Parents, l)
	}
	return parts, nil
}
