package hierarchy

import (
	"strconv"
	"strings"
)

// RuleRef names one rule of a route.
type RuleRef struct {
	// Index is the place of the rule in spec.rules.
	Index int
	// Name is what only this rule of the route is called; empty when it has no name, or one that
	// another rule has too (R53).
	Name string
}

// String is how people read a RuleRef: the name, or "rules[2]".
func (r RuleRef) String() string {
	if r.Name == "" {
		return "rules[" + strconv.Itoa(r.Index) + "]"
	}
	return r.Name
}

// RuleSet is some of the rules of one route.
type RuleSet struct {
	// All says that it is every rule of the route; also for a route without rules.
	All bool
	// Rules are the rules in the order of the route; nil when All is set.
	Rules []RuleRef
}

// AllRules is every rule of a route.
func AllRules() RuleSet { return RuleSet{All: true} }

// Names are the rules as people read them; "*" stands for all.
func (s RuleSet) Names() []string {
	if s.All {
		return []string{"*"}
	}
	names := make([]string, len(s.Rules))
	for i, r := range s.Rules {
		names[i] = r.String()
	}
	return names
}

// String lists the names.
func (s RuleSet) String() string { return strings.Join(s.Names(), ", ") }

// Has says whether the rule with an index is one of the set.
func (s RuleSet) Has(index int) bool {
	for _, r := range s.Rules {
		if r.Index == index {
			return true
		}
	}
	return s.All
}

// RuleRefs names the rules of a route, in their order.
func (o *Route) RuleRefs() []RuleRef {
	times := make(map[string]int, len(o.Rules))
	for i := range o.Rules {
		times[o.Rules[i].Name]++
	}
	refs := make([]RuleRef, len(o.Rules))
	for i := range o.Rules {
		refs[i].Index = i
		if name := o.Rules[i].Name; times[name] == 1 {
			refs[i].Name = name
		}
	}
	return refs
}
