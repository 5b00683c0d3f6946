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
	In    *export.Input
	Plane string // the exporter's title
	Index int
	// Unique is the name by which objects attach to the rule. It is empty if the rule has no name, or
	// another rule has the same one.
	Unique string
	Paths  []*export.Path
	Beside []*export.Path
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
	var rules []*Rule
	for i := range in.Rules {
		paths := pathsOf(in.Paths, i)
		if len(paths) == 0 {
			continue
		}
		r := &Rule{
			Rule: &in.Rules[i], In: in, Plane: title, Index: i, Unique: uniqueName(in.Rules, i),
			Paths: paths, Beside: pathsOf(in.Beside, i), Agreement: agree(paths),
			Sheet: Sheet{}, Puts: map[string]any{}, Own: ownWordsOf(in.Rules[i].Inline),
		}
		r.Want = NewWant(r.Agreement.Leaves)
		for f, d := range r.Differ {
			r.Sheet.At(f).Because(export.ListenersDiffer, d.Args()...)
		}
		rules = append(rules, r)
	}
	return rules
}

// pathsOf returns the paths of one rule, sorted by listener.
func pathsOf(all []export.Path, index int) []*export.Path {
	var paths []*export.Path
	for i := range all {
		if all[i].Rule == index {
			paths = append(paths, &all[i])
		}
	}
	slices.SortStableFunc(paths, func(a, b *export.Path) int {
		return cmp.Or(cmp.Compare(a.Where(), b.Where()), cmp.Compare(a.Listener.Kind, b.Listener.Kind), cmp.Compare(a.Class, b.Class))
	})
	return paths
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
	var fields []field.Field
	for f := range r.Want.Leaves {
		if f.Policy == policy {
			fields = append(fields, f)
		}
	}
	slices.SortFunc(fields, field.Compare)
	return fields
}

// LimitFields returns the fields of one limit that have a value.
func (r *Rule) LimitFields(l *Limit) []field.Field {
	return slices.DeleteFunc(r.FieldsOf(field.RateLimitPolicy), func(f field.Field) bool { return f.Limit != l.Name })
}

// Fields returns all fields that have a value.
func (r *Rule) Fields() []field.Field { return field.Sorted(r.Want.Leaves) }

// RefuseNotProxied is for a rule that does not proxy: nothing of it is in force, whether its listeners
// agree or not.
func (r *Rule) RefuseNotProxied() {
	r.Each(r.Fields(), func(v *Outcome) { v.Because(export.NotProxied) })
	for f := range r.Differ {
		r.Sheet.At(f).Because(export.NotProxied)
	}
}
