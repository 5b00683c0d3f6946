package draft

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// Rule is one rule of the route while it is projected.
type Rule struct {
	*export.Rule
	In *export.Input
	// Plane is the title of the exporter, or of the data plane that reads the route.
	Plane string
	// Index is the index of the rule in In.Rules.
	Index int
	// Unique is the name by which objects attach to the rule. It is empty if the rule has no name, or
	// another rule has the same one.
	Unique string
	// Paths are the paths of the exporter, Beside those of others (E6.2), both sorted by listener.
	Paths, Beside []*export.Path
	Agreement
	*Want
	Sheet Sheet
	// Puts are the leaves that are put into the rule; nil removes one.
	Puts map[string]any
	// Own is what the owner states in the rule.
	Own OwnWords
}

// RulesOf returns the rules that have paths, in spec order. title is that of the exporter.
func RulesOf(in *export.Input, title string) []*Rule {
	paths, beside := byRule(in.Paths, len(in.Rules)), byRule(in.Beside, len(in.Rules))
	rules := make([]*Rule, 0, len(in.Rules))
	for i := range in.Rules {
		if len(paths[i]) == 0 {
			continue
		}
		r := &Rule{
			Rule: &in.Rules[i], In: in, Plane: title, Index: i, Unique: uniqueName(in.Rules, i),
			Paths: paths[i], Beside: beside[i], Puts: map[string]any{}, Own: ownWordsOf(in.Rules[i].Inline),
		}
		if last := len(rules) - 1; last >= 0 && sameValues(rules[last].Paths, r.Paths) {
			r.Agreement, r.Want = rules[last].Agreement, rules[last].Want
		} else {
			r.Agreement = agree(r.Paths)
			for f, d := range r.Differ {
				d.message = export.ListenersDiffer.Message(d.Args()...)
				r.Differ[f] = d
			}
			r.Want = NewWant(r.Agreement.Leaves)
		}
		r.Sheet = newSheet(r.Want.fields, r.Differ)
		rules = append(rules, r)
	}
	return rules
}

// sameValues reports whether the same effective policies apply to two rules on the same listeners.
func sameValues(a, b []*export.Path) bool {
	return slices.EqualFunc(a, b, func(x, y *export.Path) bool { return x.Effective == y.Effective && x.Listener == y.Listener })
}

// byRule returns the paths of each rule, sorted by listener.
func byRule(all []export.Path, rules int) [][]*export.Path {
	type placed struct {
		*export.Path
		where string
	}
	sorted := make([]placed, len(all))
	for i := range all {
		sorted[i].Path = &all[i]
		if i > 0 && all[i].Listener == all[i-1].Listener {
			sorted[i].where = sorted[i-1].where
		} else {
			sorted[i].where = all[i].Where()
		}
	}
	slices.SortStableFunc(sorted, func(a, b placed) int {
		if c := cmp.Compare(a.Rule, b.Rule); c != 0 {
			return c
		}
		if c := cmp.Compare(a.where, b.where); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a.Listener.Ref.Kind, b.Listener.Ref.Kind), cmp.Compare(a.Listener.Class.Name, b.Listener.Class.Name))
	})
	list, byRule := make([]*export.Path, len(sorted)), make([][]*export.Path, rules)
	for i, from := 0, 0; i < len(sorted); i++ {
		list[i] = sorted[i].Path
		if i+1 == len(sorted) || sorted[i+1].Rule != sorted[i].Rule {
			byRule[sorted[i].Rule] = list[from : i+1 : i+1]
			from = i + 1
		}
	}
	return byRule
}

// uniqueName returns the name of a rule if no other rule has it.
func uniqueName(rules []export.Rule, i int) string {
	for j := range rules {
		if j != i && rules[j].Name == rules[i].Name {
			return ""
		}
	}
	return rules[i].Name
}

// Label is the name of the rule in paths and messages: pay, or 2.
func (r *Rule) Label() string {
	if r.Unique != "" {
		return r.Unique
	}
	return strconv.Itoa(r.Index)
}

// InRoute is the JSON path of a leaf in the route.
func (r *Rule) InRoute(leaf string) string { return "rules[" + r.Label() + "]." + leaf }

// States reports whether a field has a value on which the paths agree.
func (r *Rule) States(f field.Field) bool {
	_, ok := r.Want.Leaves[f]
	return ok
}

// Each calls say with the draft of each of the fields that has a value.
func (r *Rule) Each(fields []field.Field, say func(v *Outcome)) {
	for _, f := range fields {
		if r.States(f) {
			say(r.Sheet.At(f))
		}
	}
}

// FieldsOf returns the fields of a policy that have a value.
func (r *Rule) FieldsOf(policy string) []field.Field {
	fields := r.Want.fields // sorted by policy
	from := slices.IndexFunc(fields, func(f field.Field) bool { return f.Policy == policy })
	if from < 0 {
		return nil
	}
	to := from
	for to < len(fields) && fields[to].Policy == policy {
		to++
	}
	return fields[from:to:to]
}

// LimitFields returns the fields of one limit that have a value.
func (r *Rule) LimitFields(l *Limit) []field.Field { return slices.Clip(l.fields) }

// Fields returns all fields that have a value.
func (r *Rule) Fields() []field.Field { return slices.Clip(r.Want.fields) }

// RefuseNotProxied is for a rule that does not proxy: nothing of it is in force, whether its listeners
// agree or not.
func (r *Rule) RefuseNotProxied() {
	r.Each(r.Fields(), func(v *Outcome) { v.Because(export.NotProxied) })
	for f := range r.Differ {
		r.Sheet.At(f).Because(export.NotProxied)
	}
}
