package policy

import (
	"fmt"
	"strconv"

	"github.com/attache-dev/attache/hierarchy"
)

// Paths is a set of paths of one target with one result: every listener in
// Parents crossed with every rule in Rules.
type Paths[R comparable] struct {
	Parents []*hierarchy.Listener
	// Rules are names, or rules[2] for a rule without one; ["*"] when it is all
	// rules of the route, or none to tell apart.
	Rules  []string
	Result R
}

// Scope is a set of paths with one effective policy.
type Scope = Paths[*Result]

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
func group[R comparable](listeners []*hierarchy.Listener, rules []string, cells []R) []Paths[R] {
	if len(listeners) == 0 {
		return nil
	}
	if uniform(cells) {
		return []Paths[R]{{Parents: listeners, Rules: []string{"*"}, Result: cells[0]}}
	}
	type key struct {
		result R
		rules  string
	}
	var scopes []Paths[R]
	index := map[key]int{}
	for i, l := range listeners {
		for _, part := range partition(rules, cells[i*len(rules):(i+1)*len(rules)]) {
			k := key{part.Result, fmt.Sprintf("%q", part.Rules)}
			if at, seen := index[k]; seen {
				scopes[at].Parents = append(scopes[at].Parents, l)
				continue
			}
			index[k] = len(scopes)
			part.Parents = []*hierarchy.Listener{l}
			scopes = append(scopes, part)
		}
	}
	return scopes
}

// partition groups the rules on one listener by result, in rule order.
func partition[R comparable](rules []string, cells []R) []Paths[R] {
	if uniform(cells) {
		return []Paths[R]{{Rules: []string{"*"}, Result: cells[0]}}
	}
	var parts []Paths[R]
	index := map[R]int{}
	for j, result := range cells {
		at, seen := index[result]
		if !seen {
			at = len(parts)
			index[result] = at
			parts = append(parts, Paths[R]{Result: result})
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
