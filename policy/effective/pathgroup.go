package effective

import (
	"slices"
	"strconv"

	"github.com/attache-dev/attache/hierarchy"
)

// PathGroup is a set of paths of one target with one result: every listener in
// Parents crossed with every rule in Rules.
type PathGroup[R comparable] struct {
	Parents []*hierarchy.Listener
	// Rules are names, or rules[2] for a rule without one; ["*"] when it is all
	// rules of the route, or none to tell apart.
	Rules  []string
	Result R
}

// Scope is a set of paths with one effective policy.
type Scope = PathGroup[*PathPolicies]

// allRules stands for every rule of a route.
var allRules = []string{"*"}

// ruleNames are the rules of a route as people see them: the name, or rules[2]
// for a rule without one or with one that another rule has too.
func ruleNames(route *hierarchy.Route) []string {
	if len(route.Rules) == 0 {
		return []string{""}
	}
	names := make([]string, len(route.Rules))
	for i := range route.Rules {
		names[i] = ruleName(route, i)
	}
	return names
}

func ruleName(route *hierarchy.Route, i int) string {
	name := route.Rules[i].Name
	for j := range route.Rules {
		if name == "" || (j != i && route.Rules[j].Name == name) {
			return "rules[" + strconv.Itoa(i) + "]"
		}
	}
	return name
}

// group makes scopes of paths. cells holds the result of each path, the rules
// of the first listener first. For each listener, rules with the same result
// come together; then listeners for which the same rules have the same result.
// The scopes come out sorted by their first listener and then their first rule.
func group[R comparable](listeners []*hierarchy.Listener, rules []string, cells []R) []PathGroup[R] {
	if len(listeners) == 0 {
		return nil
	}
	if uniform(cells) {
		return []PathGroup[R]{{Parents: listeners, Rules: allRules, Result: cells[0]}}
	}
	var scopes []PathGroup[R]
	for i, l := range listeners {
		for _, part := range partition(rules, cells[i*len(rules):(i+1)*len(rules)]) {
			at := slices.IndexFunc(scopes, func(s PathGroup[R]) bool { return s.Result == part.Result && slices.Equal(s.Rules, part.Rules) })
			if at < 0 {
				at = len(scopes)
				scopes = append(scopes, part)
			}
			scopes[at].Parents = append(scopes[at].Parents, l)
		}
	}
	return scopes
}

// partition groups the rules on one listener by result, in rule order.
func partition[R comparable](rules []string, cells []R) []PathGroup[R] {
	if uniform(cells) {
		return []PathGroup[R]{{Rules: allRules, Result: cells[0]}}
	}
	var parts []PathGroup[R]
	for j, result := range cells {
		at := slices.IndexFunc(parts, func(p PathGroup[R]) bool { return p.Result == result })
		if at < 0 {
			at = len(parts)
			parts = append(parts, PathGroup[R]{Result: result})
		}
		parts[at].Rules = append(parts[at].Rules, rules[j])
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
