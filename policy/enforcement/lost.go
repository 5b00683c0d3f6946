package enforcement

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// Loss is a mandatory value, of an override or a bound, that a data plane does not enforce on a
// path (E3.7).
type Loss struct {
	Policy hierarchy.Ref
	// Block is override or bound, Field is the field.
	Block, Field string
	Route        hierarchy.Ref
	// Rule is the name of the rule, empty for a route without rules.
	Rule string
	// Listener is the listener of the path.
	Listener hierarchy.Ref
	Reason   export.Reason
	Message  string
}

// String returns the loss as text for a warning.
func (l Loss) String() string {
	return fmt.Sprintf("%s %s of %s will not be enforced on %s: %s: %s", l.Block, l.Field, l.Policy, l.Where(), l.Reason, l.Message)
}

// Where returns the route and the rule.
func (l Loss) Where() string {
	if l.Rule == "" {
		return l.Route.String()
	}
	return l.Route.String() + " rule " + l.Rule
}

// Side is a route before or after an edit. The Target is nil if there is none.
type Side struct {
	World  World
	Target *effective.Target
}

// Losses returns the losses caused by an edit of one route, or of a policy that reaches it: values
// that were not enforced before either, for the same reason, are left out. They are sorted.
func Losses(before, after Side) []Loss {
	was := map[Loss]bool{}
	for _, l := range before.losses() {
		l.Message = ""
		was[l] = true
	}
	return slices.DeleteFunc(after.losses(), func(l Loss) bool {
		l.Message = ""
		return was[l]
	})
}

// losses returns all losses of a side.
func (s Side) losses() []Loss {
	if s.Target == nil || !s.Target.Reached() {
		return nil
	}
	object, _ := s.World.Graph.Get(s.Target.Target)
	route, isRoute := object.(*hierarchy.Route)
	if !isRoute {
		return nil
	}
	var results []Result
	for _, part := range s.World.Parts(s.Target) {
		if part.Registration.Exporter != nil && part.Choice.Settings.Mode != Plan {
			results = append(results, Result{Part: &part, Projection: part.Project()})
		}
	}
	if len(results) == 0 {
		return nil
	}
	index, rules := indexParts(results), route.RuleRefs()
	var list []Loss
	for p := range s.Target.Paths() {
		rule := ""
		if p.Rule >= 0 && p.Rule < len(rules) {
			rule = rules[p.Rule].String()
		}
		_, entry := index.next(p)
		list = append(list, lossesOn(p, entry.Outcomes, Loss{Route: s.Target.Target, Rule: rule, Listener: p.Listener.Ref})...)
	}
	slices.SortFunc(list, func(a, b Loss) int {
		return cmp.Or(hierarchy.Compare(a.Policy, b.Policy), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Field, b.Field), hierarchy.Compare(a.Listener, b.Listener))
	})
	return list
}

// lossesOn returns the losses on one path.
func lossesOn(p effective.Path, outcomes []export.Outcome, at Loss) []Loss {
	var list []Loss
	for _, m := range p.Result.Kinds {
		for i := range m.Origins {
			o := &m.Origins[i]
			f, ours := field.At(m.Kind.Name(), o.Path)
			if !ours || !o.Forced() {
				continue
			}
			for _, outcome := range outcomes {
				if outcome.Verdict != export.Unsupported || outcome.Field != f {
					continue
				}
				l := at
				l.Policy, l.Block, l.Field, l.Reason, l.Message = o.From, o.Block.String(), o.Path.String(), outcome.Reason, outcome.Message
				if !o.ClampedBy.IsZero() {
					l.Policy, l.Block = o.ClampedBy, "bound"
				}
				list = append(list, l)
			}
		}
	}
	return list
}
