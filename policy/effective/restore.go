package effective

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// PublishedScope is a published result: the part of a scope that is written to the API server.
type PublishedScope struct {
	// Parents are the listeners. The Gateway of each has to be set.
	Parents []*hierarchy.Listener
	Rules   hierarchy.RuleSet
	// Values and Origins are keyed by policy kind, as results show it. The Value of an origin is
	// found by its Path.
	Values  map[string]map[string]any
	Origins map[string][]Origin
}

// Restore recreates an effective policy from what was published for a target, so that it can be
// compared with another. "All rules" means those that the route has now: a result for all rules
// also applies to a rule that was added since. Kinds that are no longer policy kinds are left out.
//
// It has the values, and the published part of origins. So it is not equal to the original
// effective policy, but has the same values.
func Restore(s *policy.Snapshot, target hierarchy.Ref, scopes []PublishedScope) *Target {
	e := &Target{Target: target, rules: []hierarchy.RuleRef{hierarchy.NoRule()}}
	if object, exists := s.Graph().Get(target); exists {
		e.UID = object.Meta().UID
		if route, isRoute := object.(*hierarchy.Route); isRoute {
			e.rules = ruleRefs(route)
		}
	}
	at := map[listenerKey]int{}
	for _, scope := range scopes {
		for _, l := range scope.Parents {
			if _, known := at[keyOf(l)]; !known {
				at[keyOf(l)] = len(e.listeners)
				e.listeners = append(e.listeners, l)
			}
		}
		for _, rule := range scope.Rules.Rules {
			if !containsRule(e.rules, rule) {
				e.rules = append(e.rules, rule)
			}
		}
	}
	e.rows = make([][]*PathPolicies, len(e.listeners))
	for i := range e.rows {
		e.rows[i] = make([]*PathPolicies, len(e.rules))
	}
	for _, scope := range scopes {
		result := restored(s, scope)
		for j, rule := range e.rules {
			if !scope.Rules.All && !containsRule(scope.Rules.Rules, rule) {
				continue
			}
			for _, l := range scope.Parents {
				e.rows[at[keyOf(l)]][j] = result
			}
		}
		e.Scopes = append(e.Scopes, Scope{Parents: scope.Parents, Rules: scope.Rules, Result: result})
	}
	return e
}

func containsRule(rules []hierarchy.RuleRef, rule hierarchy.RuleRef) bool {
	return slices.ContainsFunc(rules, func(r hierarchy.RuleRef) bool { return sameRule(r, rule) })
}

func restored(s *policy.Snapshot, scope PublishedScope) *PathPolicies {
	result := &PathPolicies{Reached: true}
	for _, kind := range s.Kinds() {
		value, published := scope.Values[kind.Name()]
		if !published {
			continue
		}
		m := &Policy{Kind: kind, Value: value, Origins: scope.Origins[kind.Name()]}
		for i := range m.Origins {
			m.Origins[i].Value, _ = valueAt(value, m.Origins[i].Path)
		}
		sortOrigins(m.Origins)
		result.Kinds = append(result.Kinds, m)
	}
	result.representative = result
	return result
}

// ChangedOrigins yields the origins, on both sides, of the values that differ between two effective
// policies, path by path. Either may be nil.
func ChangedOrigins(before, after *Target) []Origin {
	var list []Origin
	for _, paths := range Compare(before, after) {
		for _, leaf := range differences(paths.Result) {
			for _, o := range []*Origin{leaf.before, leaf.after} {
				if o != nil {
					list = append(list, *o)
				}
			}
		}
	}
	return list
}
