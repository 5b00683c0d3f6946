package effective

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
)

// RuleSet is which rules of the target a scope is about.
func (e *Target) RuleSet(s Scope) hierarchy.RuleSet {
	if slices.Equal(s.Rules, allRules) {
		return hierarchy.AllRules()
	}
	set := hierarchy.RuleSet{}
	for _, name := range s.Rules {
		rule := hierarchy.RuleRef{Index: slices.Index(e.rules, name)}
		if name != rule.String() {
			rule.Name = name
		}
		set.Rules = append(set.Rules, rule)
	}
	return set
}

// At is the same result for another generation of the target.
func (e *Target) At(generation int64) *Target {
	if e == nil {
		return nil
	}
	at := *e
	at.Generation = generation
	return &at
}
