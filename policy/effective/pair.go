package effective

import (
	"reflect"

	"github.com/attache-dev/attache/hierarchy"
)

// pairRules returns, for each rule of after, the index of the same rule in before, or -1 if there
// is none (semantics section 11). It is the rule with the same name; else a rule with equal matches
// and filters, preferably one that is equal as a whole; else an equal rule; else the rule with the
// same index. So inserting, removing, moving or naming a rule does not affect the others.
func pairRules(before, after *Target) []int {
	pairs := make([]int, len(after.rules))
	if sameRules(before, after) {
		for i := range pairs {
			pairs[i] = i
		}
		return pairs
	}
	p := pairing{pairs: pairs, taken: make([]bool, len(before.rules))}
	for j := range pairs {
		pairs[j] = -1
	}
	if before.route == nil || after.route == nil || len(before.route.Rules) != len(before.rules) || len(after.route.Rules) != len(after.rules) {
		p.match(func(i, j int) bool { return sameRule(before.rules[i], after.rules[j]) })
		return pairs
	}
	old, now := before.route.Rules, after.route.Rules
	p.match(func(i, j int) bool {
		return before.rules[i].Name != "" && before.rules[i].Name == after.rules[j].Name
	})
	equal := func(i, j int) bool { return reflect.DeepEqual(old[i], now[j]) }
	alike := func(i, j int) bool {
		return reflect.DeepEqual(old[i].Matches, now[j].Matches) && reflect.DeepEqual(old[i].Filters, now[j].Filters)
	}
	p.match(equal)
	p.match(func(i, j int) bool { return alike(i, j) && sameRest(&old[i], &now[j]) })
	p.match(alike)
	p.match(func(i, j int) bool { return sameRest(&old[i], &now[j]) })
	p.match(func(i, j int) bool { return i == j })
	return pairs
}

// sameRest reports whether two rules are equal except for name, matches and filters.
func sameRest(a, b *hierarchy.Rule) bool {
	return reflect.DeepEqual(a.Inline, b.Inline) && reflect.DeepEqual(a.Forwards, b.Forwards)
}

// pairing pairs the remaining rules, one by one.
type pairing struct {
	pairs []int
	taken []bool
}

func (p *pairing) match(same func(i, j int) bool) {
	for j, paired := range p.pairs {
		if paired >= 0 {
			continue
		}
		for i := range p.taken {
			if !p.taken[i] && same(i, j) {
				p.pairs[j], p.taken[i] = i, true
				break
			}
		}
	}
}

// ruleSides is one rule on both sides, by index; -1 on a side that does not have it.
type ruleSides struct{ before, after int }

// pairedRules are the rules of both sides, paired, each with its name: those of after first, then
// those that are gone.
func pairedRules(before, after *Target) ([]hierarchy.RuleRef, []ruleSides) {
	var names []hierarchy.RuleRef
	var sides []ruleSides
	if before == nil {
		before = &Target{}
	}
	if after == nil {
		after = &Target{}
	}
	gone := make([]bool, len(before.rules))
	for i := range gone {
		gone[i] = true
	}
	for j, i := range pairRules(before, after) {
		names = append(names, after.rules[j])
		sides = append(sides, ruleSides{i, j})
		if i >= 0 {
			gone[i] = false
		}
	}
	for i, isGone := range gone {
		if isGone {
			names = append(names, before.rules[i])
			sides = append(sides, ruleSides{i, -1})
		}
	}
	return names, sides
}

// Both computes the effective policy of one route or Gateway in two versions of a snapshot, nil where
// there is no such object.
func Both(before, after *Resolver, ref hierarchy.Ref) (old, now *Target) {
	graph := before.s.Graph()
	if graph != after.s.Graph() {
		return before.Target(ref), after.Target(ref)
	}
	object, _ := graph.Get(ref)
	switch o := object.(type) {
	case *hierarchy.Route:
		listeners := graph.BoundTo(ref)
		return before.along(o, listeners, before.rules(o), nil), after.along(o, listeners, after.rules(o), nil)
	case *hierarchy.Gateway:
		return before.gateway(o), after.gateway(o)
	}
	return nil, nil
}
