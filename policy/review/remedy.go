package review

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/merge"
)

// remedy returns what would resolve a violation; empty if only the guardrail's message can say.
// Changes of the edit itself come first, because its author can revert them.
func (v Verdict) remedy(x evaluate.Violation) string {
	deleted := v.edit.deletes()
	switch {
	case x.Failed:
		return fmt.Sprintf("mend guardrail %s", x.Guardrail)
	case x.Hidden:
		return ""
	case deleted != nil:
		return v.remedyOfDeletion(x, hierarchy.RefOf(deleted))
	case x.Origin != nil:
		if own := v.ownField(*x.Origin); own != "" {
			return fmt.Sprintf("change %s of %s", own, x.Origin.From)
		}
	}
	if back := v.takenBack(x); back != "" {
		return back
	}
	switch {
	case x.Origin == nil, !v.edit.MayRead.May(x.Origin.From.Namespace):
		return ""
	case x.Origin.Block == merge.Inline:
		return fmt.Sprintf("change what %s says itself", x.Origin.From)
	}
	return fmt.Sprintf("have %s of %s changed", x.Origin.Path, x.Origin.From)
}

// remedyOfDeletion returns what has to be done before an object can be deleted.
func (v Verdict) remedyOfDeletion(x evaluate.Violation, deleted hierarchy.Ref) string {
	switch {
	case x.Origin == nil:
		return fmt.Sprintf("first move the settings of %[1]s to another policy, then delete %[1]s", deleted)
	case !v.edit.MayRead.May(x.Origin.From.Namespace):
		return ""
	case x.Origin.Block == merge.Inline:
		return fmt.Sprintf("first change what %s says itself", x.Origin.From)
	}
	return fmt.Sprintf("first change %s of %s", x.Origin.Path, x.Origin.From)
}

// takenBack returns which of the edit's own changes to revert: among the fields of the violation's
// kind, on its path, the offending field first.
func (v Verdict) takenBack(x evaluate.Violation) string {
	changes := v.Changes()
	kinds := make([]string, len(changes))
	for i, c := range changes {
		kinds[i] = c.Kind
	}
	kind, field, ofResult := evaluate.SplitPath(kinds, x.FieldPath)
	if !ofResult {
		return "" // the guardrail does not name a field
	}
	var text string
	for _, c := range changes {
		switch {
		case c.Target != x.Target || c.Kind != kind || !x.Rule.IsNone() && !c.Rules.Has(x.Rule.Index):
		case text != "" && !slices.Equal(c.Path, field):
		default:
			if back := v.undone(c); back != "" {
				text = back
			}
		}
	}
	return text
}

// undone returns how to revert a change that an object of the edit states itself.
func (v Verdict) undone(c effective.Change) string {
	if c.After != nil {
		if own := v.ownField(*c.After); own != "" {
			if c.Before != nil && c.Before.From == c.After.From {
				return fmt.Sprintf("put %s of %s back to %s", own, c.After.From, shown(c.Before))
			}
			return fmt.Sprintf("remove %s: %s from %s", own, shown(c.After), c.After.From)
		}
	}
	if c.Before != nil && v.edit.sets(c.Before.From) {
		return fmt.Sprintf("keep %s: %s in %s", c.Before.Path, shown(c.Before), c.Before.From)
	}
	return ""
}

// sets reports whether the edit writes an object, which exists after it.
func (e Edit) sets(ref hierarchy.Ref) bool {
	return slices.ContainsFunc(e.set(), func(u *unstructured.Unstructured) bool { return hierarchy.RefOf(u) == ref })
}

// ownField returns where an object of the edit sets a value, if it does.
func (v Verdict) ownField(o effective.Origin) string {
	for _, u := range v.edit.set() {
		if hierarchy.RefOf(u) == o.From {
			return FieldOf(v.After, u, o)
		}
	}
	return ""
}

// FieldOf returns the path of a value in the object that it comes from.
func FieldOf(s *policy.Snapshot, from *unstructured.Unstructured, o effective.Origin) string {
	if o.Block == merge.Inline {
		return inlineField(s, from, o)
	}
	spec, _ := from.Object["spec"].(map[string]any)
	for _, block := range []string{o.Block.String(), o.Block.String() + "s"} {
		if _, has := spec[block]; has {
			return "spec." + block + "." + o.Path.String()
		}
	}
	return "spec." + o.Path.String()
}

// inlineField returns where a rule of a route states a value itself.
func inlineField(s *policy.Snapshot, route *unstructured.Unstructured, o effective.Origin) string {
	rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
	for i, r := range rules {
		rule, _ := r.(map[string]any)
		place := fmt.Sprintf("rules[%d]", i)
		if name, _ := rule["name"].(string); o.Target.Section != place && o.Target.Section != name {
			continue
		}
		for _, kind := range s.Kinds() {
			for _, field := range kind.InlineFields(o.From.GroupKind) {
				if _, stated, err := unstructured.NestedFieldNoCopy(rule, field.Path...); stated && err == nil && slices.Equal(field.Field, o.Path) {
					return "spec." + place + "." + field.Path.String()
				}
			}
		}
		return "spec." + place
	}
	return "spec.rules"
}
