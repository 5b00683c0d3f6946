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
	// unique is the name by which objects attach to the rule. It is empty if the rule has no name, or
	// another rule has the same one.
	unique string
	paths  []*Path
	beside []*Path
	agreement
	*want
	sheet sheet
	// puts are the leaves that are put into the rule; nil removes one.
	puts map[string]any
	// own is what the owner states in the rule.
	own ownWords
}

// rulesOf returns the rules that have paths, in spec order. title is that of the exporter.
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

// pathsOf returns the paths of one rule, sorted by listener.
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

// uniqueName returns the name of a rule if no other rule has it.
func uniqueName(rules []Rule, i int) string {
	for j := range rules {
		if j != i && rules[j].Name == rules[i].Name {
			return ""
		}
	}
	return rules[i].Name
}

// label is the name of the rule in paths and messages: pay, or 2.
func (r *rule) label() string {
	if r.unique != "" {
		return r.unique
	}
	return strconv.Itoa(r.index)
}

// inRoute is the JSON path of a leaf in the route.
func (r *rule) inRoute(leaf string) string { return "rules[" + r.label() + "]." + leaf }

// states reports whether a field has a value on which the paths agree.
func (r *rule) states(f Field) bool {
	_, ok := r.want.leaves[f]
	return ok
}

// each calls say with the draft of each of the fields that has a value.
func (r *rule) each(fields []Field, say func(v *verdict)) {
	for _, f := range fields {
		if r.states(f) {
			say(r.sheet.at(f))
		}
	}
}

// all returns the fields of a policy that have a value.
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

// of returns the fields of one limit that have a value.
func (r *rule) of(l *limit) []Field {
	return slices.DeleteFunc(r.all(RateLimitPolicy), func(f Field) bool { return f.Limit != l.name })
}

// every returns all fields that have a value.
func (r *rule) every() []Field { return sortedFields(r.want.leaves) }

// refuseNotProxied is for a rule that does not proxy: nothing of it is in force, whether its listeners
// agree or not.
func (r *rule) refuseNotProxied() {
	r.each(r.every(), func(v *verdict) { v.because(NotProxied) })
	for f := range r.differ {
		r.sheet.at(f).because(NotProxied)
	}
}
