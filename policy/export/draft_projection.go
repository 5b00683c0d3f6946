package export

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// refusedWhole returns the projection of a route for which the exporter can write nothing at all, if
// that is so.
func refusedWhole(in *Input, title string) (Projection, bool) {
	switch {
	case in.MissingCRD:
		return refused(in, title, MissingCRD, title), true
	case in.ParametersDiffer != "":
		return refused(in, title, ParametersDiffer, in.ParametersDiffer, title), true
	}
	return Projection{}, false
}

// refused is a projection that writes nothing, for one reason.
func refused(in *Input, title string, reason Reason, args ...any) Projection {
	return Projection{Outcomes: outcomes(in, func(*Path, Field) (*verdict, string) {
		v := &verdict{}
		return v.because(reason, args...), title
	})}
}

// outcomesOf is outcomes for exporters that find the same on all paths of a rule.
func outcomesOf(in *Input, rules []*rule, title string) [][]Outcome {
	byIndex := make([]*rule, len(in.Rules))
	for _, r := range rules {
		byIndex[r.index] = r
	}
	return outcomes(in, func(p *Path, f Field) (*verdict, string) { return byIndex[p.Rule].sheet[f], title })
}

// outcomes returns the outcomes of each path. What is found of a field depends only on the rule and on
// the data plane, so paths share lists. verdicts returns what was found, and the title of the data
// plane.
func outcomes(in *Input, verdicts func(p *Path, f Field) (*verdict, string)) [][]Outcome {
	type kind struct {
		rule       int
		controller string
		effective  *Effective
	}
	known := map[kind][]Outcome{}
	all := make([][]Outcome, len(in.Paths))
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
func outcomesOn(p *Path, verdicts func(p *Path, f Field) (*verdict, string)) []Outcome {
	leaves := p.Effective.all()
	list := make([]Outcome, 0, len(leaves))
	for _, leaf := range leaves {
		v, plane := verdicts(p, leaf.Field)
		if message, invalid := p.Effective.Invalid[leaf.Field.Policy]; invalid {
			kept := v
			v = &verdict{}
			v.because(Invalid, message)
			if kept != nil {
				v.notes = kept.notes
			}
		}
		list = append(list, v.outcome(leaf.Field, plane))
	}
	return list
}

// injections collects what is put into the rules of the route.
func injections(rules []*rule) []RuleInjection {
	var all []RuleInjection
	for _, r := range rules {
		if len(r.puts) > 0 {
			all = append(all, RuleInjection{Rule: r.index, Leaves: r.puts})
		}
	}
	return all
}

// sortObjects sorts objects by group, kind and name.
func sortObjects(objects []*unstructured.Unstructured) {
	slices.SortFunc(objects, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(strings.Compare(a.GroupVersionKind().Group, b.GroupVersionKind().Group),
			strings.Compare(a.GetKind(), b.GetKind()), strings.Compare(a.GetName(), b.GetName()))
	})
}
