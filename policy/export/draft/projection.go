package draft

import (
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// RefusedWhole returns the projection of a route for which the exporter can write nothing at all, if
// that is so.
func RefusedWhole(in *export.Input, title string) (export.Projection, bool) {
	switch {
	case in.MissingCRD:
		return Refused(in, title, export.MissingCRD, title), true
	case in.ParametersDiffer != "":
		return Refused(in, title, export.ParametersDiffer, in.ParametersDiffer, title), true
	}
	return export.Projection{}, false
}

// Refused is a projection that writes nothing, for one reason.
func Refused(in *export.Input, title string, reason export.Reason, args ...any) export.Projection {
	return export.Projection{Outcomes: Outcomes(in, func(*export.Path, field.Field) (*Outcome, string) {
		v := &Outcome{}
		return v.Because(reason, args...), title
	})}
}

// OutcomesOf is outcomes for exporters that find the same on all paths of a rule.
func OutcomesOf(in *export.Input, rules []*Rule, title string) [][]export.Outcome {
	byIndex := make([]*Rule, len(in.Rules))
	for _, r := range rules {
		byIndex[r.Index] = r
	}
	return Outcomes(in, func(p *export.Path, f field.Field) (*Outcome, string) { return byIndex[p.Rule].Sheet[f], title })
}

// Outcomes returns the outcomes of each path. What is found of a field depends only on the rule and on
// the data plane, so paths share lists. verdicts returns what was found, and the title of the data
// plane.
func Outcomes(in *export.Input, verdicts func(p *export.Path, f field.Field) (*Outcome, string)) [][]export.Outcome {
	type kind struct {
		rule       int
		controller string
		effective  *export.Effective
	}
	known := map[kind][]export.Outcome{}
	all := make([][]export.Outcome, len(in.Paths))
	for i := range in.Paths {
		p := &in.Paths[i]
		k := kind{p.Rule, p.Controller, p.Effective}
		list, found := known[k]
		if !found {
			list = outcomesOn(p, verdicts)
			known[k] = list
		}
		all[i] = list
	}
	return all
}

// outcomesOn returns the outcomes of one path.
func outcomesOn(p *export.Path, verdicts func(p *export.Path, f field.Field) (*Outcome, string)) []export.Outcome {
	leaves := p.Effective.Leaves()
	list := make([]export.Outcome, 0, len(leaves))
	for _, leaf := range leaves {
		v, plane := verdicts(p, leaf.Field)
		if message, invalid := p.Effective.Invalid[leaf.Field.Policy]; invalid {
			kept := v
			v = &Outcome{}
			v.Because(export.Invalid, message)
			if kept != nil {
				v.notes = kept.notes
			}
		}
		list = append(list, v.outcome(leaf.Field, plane))
	}
	return list
}

// Injections collects what is put into the rules of the route.
func Injections(rules []*Rule) []export.RuleInjection {
	var all []export.RuleInjection
	for _, r := range rules {
		if len(r.Puts) > 0 {
			all = append(all, export.RuleInjection{Rule: r.Index, Leaves: r.Puts})
		}
	}
	return all
}
