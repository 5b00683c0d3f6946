package export

import (
	"cmp"
	"slices"
	"strconv"
)

// rule is one rule of the route while it is projected.
type rule struct {
	*Rule
	in    *Input
	plane string // the exporter's title
	index int
	// unique is the name by which objects attach to the rule: empty when it has
	// none, or shares it.
	unique string
	paths  []*Path
	beside []*Path
	agreement
	*want
	sheet sheet
	// puts are what is put into the rule, leaf by leaf; nil takes one out.
	puts map[string]any
	// own are the owner's words.
	own ownWords
}

// rulesOf prepares the rules that have paths, in spec order.
func rulesOf(in *Input, title string) []*rule {
	var rules []*rule
	for i := range in.Rules {
		paths := pathsOf(in.Paths, i)
		if len(paths) == 0 {
			continue
		}
		r := &rule{
			Rule: &in.Rules[i], in: in, plane: title, index: i, unique: uniqueName(in.Rules, i),
			paths: paths, beside: pathsOf(in.Beside, i), agreement: agree(paths),
			sheet: sheet{}, puts: map[string]any{}, own: ownWordsOf(in.Rules[i].Inline),
		}
		r.want = newWant(r.agreement.leaves)
		for f, d := range r.differ {
			r.sheet.at(f).because(ListenersDiffer, d.args()...)
		}
		rules = append(rules, r)
	}
	return rules
}

// pathsOf are the paths of one rule, sorted by listener.
func pathsOf(all []Path, index int) []*Path {
	var paths []*Path
	for i := range all {
		if all[i].Rule == index {
			paths = append(paths, &all[i])
		}
	}
	slices.SortStableFunc(paths, func(a, b *Path) int {
		return cmp.Or(cmp.Compare(a.where(), b.where()), cmp.Compare(a.Listener.Kind, b.Listener.Kind), cmp.Compare(a.Class, b.Class))
	})
	return paths
}

// uniqueName is a rule's name if no other rule has it.
func uniqueName(rules []Rule, i int) string {
	for j := range rules {
		if j != i && rules[j].Name == rules[i].Name {
			return ""
		}
	}
	return rules[i].Name
}

// label is the rule as paths and messages name it: pay, or 2.
func (r *rule) label() string {
	if r.unique != "" {
		return r.unique
	}
	return strconv.Itoa(r.index)
}

// inRoute is the JSON path of a leaf in the route.
func (r *rule) inRoute(leaf string) string { return "rules[" + r.label() + "]." + leaf }

// states says whether a field has a value on which the paths agree.
func (r *rule) states(f Field) bool {
	_, ok := r.want.leaves[f]
	return ok
}

// each calls say with the verdict on each of the fields that has a value.
func (r *rule) each(fields []Field, say func(v *verdict)) {
	for _, f := range fields {
		if r.states(f) {
			say(r.sheet.at(f))
		}
	}
}

// all are the fields of a policy that have a value.
func (r *rule) all(policy string) []Field {
	var fields []Field
	for f := range r.want.leaves {
		if f.Policy == policy {
			fields = append(fields, f)
		}
	}
	slices.SortFunc(fields, CompareFields)
	return fields
}

// every are all fields that have a value.
func (r *rule) every() []Field { return sortedFields(r.want.leaves) }

// refuse gives every field one reason.
func (r *rule) refuse(reason Reason, args ...any) {
	r.each(r.every(), func(v *verdict) { v.because(reason, args...) })
}

// answers: the rule does not proxy, so that nothing of it is in force, whether its
// listeners agree or not.
func (r *rule) answers() {
	r.refuse(NotProxied)
	for f := range r.differ {
		r.sheet.at(f).because(NotProxied)
	}
}

// outcomes expands the verdicts on rules to the paths. A verdict depends on the rule and on the
// plane alone.
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

// outcomesOn are those of one path.
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

// outcomesOf is outcomes for exporters whose verdicts are the same on all
// paths of a rule.
func outcomesOf(in *Input, rules []*rule, title string) [][]Outcome {
	byIndex := make([]*rule, len(in.Rules))
	for _, r := range rules {
		byIndex[r.index] = r
	}
	return outcomes(in, func(p *Path, f Field) (*verdict, string) { return byIndex[p.Rule].sheet[f], title })
}

// injections are what is put into the route's rules.
func injections(rules []*rule) []RuleInjection {
	var all []RuleInjection
	for _, r := range rules {
		if len(r.puts) > 0 {
			all = append(all, RuleInjection{Rule: r.index, Leaves: r.puts})
		}
	}
	return all
}

// refused is the projection of a route for which nothing can be written.
func refused(in *Input, title string, reason Reason, args ...any) Projection {
	return Projection{Outcomes: outcomes(in, func(*Path, Field) (*verdict, string) {
		v := &verdict{}
		return v.because(reason, args...), title
	})}
}
