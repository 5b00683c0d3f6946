package evaluate

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
)

// Enforced answers what data planes make of a target, on a graph that has it. nil is a world of
// which that is not known.
type Enforced func(g *hierarchy.Graph, t *effective.Target) Outcomes

// Outcomes lists, for a listener and the index of a rule, what data planes make of each field: the
// variable enforcement. The list must not be changed.
type Outcomes func(l *hierarchy.Listener, rule int) []any

// side is one side of a target under judgement, with what data planes make of it once a rule has
// asked.
type side struct {
	graph    *hierarchy.Graph
	target   *effective.Target
	outcomes Outcomes
}

// outcomesInput is the variable enforcement: an empty list where nothing is known.
func (x *Evaluator) outcomesInput(p path, route *hierarchy.Route, asBefore bool) []any {
	on := &x.now
	if asBefore {
		on = &x.was
	}
	if x.Enforced == nil || on.target == nil || route == nil {
		return []any{}
	}
	if on.outcomes == nil {
		on.outcomes = x.Enforced(on.graph, on.target)
	}
	return on.outcomes(p.listener, max(indexOf(route, p.rule), 0))
}

// indexOf is the place of a rule in a route that may be another version of the one it is of; -1
// when it is not there.
func indexOf(route *hierarchy.Route, rule hierarchy.RuleRef) int {
	index := rule.Index
	if rule.Name != "" {
		index = slices.IndexFunc(route.Rules, func(r hierarchy.Rule) bool { return r.Name == rule.Name })
	}
	if index >= len(route.Rules) {
		return -1
	}
	return index
}
