package export

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/export/field"
)

// Checker reports why the CRD of a route would refuse it. It does not change the route.
type Checker interface {
	Check(route *unstructured.Unstructured) (problems []string)
}

// Injected is a route after the injection.
type Injected struct {
	// Rules are spec.rules.
	Rules []any
	// Record is the record of what was injected. It has no rules if nothing was.
	Record injected.Record
	// Refused has the reasons, by index of the rule, why nothing was injected into a rule: the route
	// would no longer be valid.
	Refused map[int]string
}

// In reports whether a route has exactly these rules and this record. The record alone proves only what
// was injected once: a later write that did not pass the webhook may have removed it.
func (i Injected) In(route *unstructured.Unstructured) bool {
	have := injected.RecordOf(route.Object)
	if len(i.Record.Rules) == 0 && len(have.Rules) == 0 {
		return true
	}
	rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
	return i.Record.String() == have.String() && field.EqualJSON(rules, i.Rules)
}

// Inject puts injections into the rules of a route (E8.5). own is the route as its owner wrote it, and
// is not changed. A rule that would no longer be valid stays as the owner wrote it.
func Inject(own *unstructured.Unstructured, injections []RuleInjection, check Checker) Injected {
	rules, _, _ := unstructured.NestedSlice(own.Object, "spec", "rules") // a copy
	merged := mergeInjections(injections)
	result := put(rules, merged)
	if check == nil || len(result.Record.Rules) == 0 || len(refusals(own, result.Rules, check)) == 0 {
		return result
	}
	refused := map[int]string{}
	var valid []RuleInjection
	for _, injection := range merged {
		alone := put(rules, []RuleInjection{injection})
		if problems := refusals(own, alone.Rules, check); len(problems) > 0 {
			refused[injection.Rule] = problems[0]
			continue
		}
		valid = append(valid, injection)
	}
	result = put(rules, valid)
	result.Refused = refused
	return result
}

// RefusedRules returns the reasons, by index of the rule, why injections cannot be put into rules of a
// stored route: it would no longer be valid.
func RefusedRules(stored *unstructured.Unstructured, injections []RuleInjection, check Checker) map[int]string {
	return Inject(&unstructured.Unstructured{Object: injected.OwnObject(stored.Object)}, injections, check).Refused
}

// refusals returns the problems that a route has with other rules and does not have without them.
func refusals(own *unstructured.Unstructured, rules []any, check Checker) []string {
	spec, isObject := own.Object["spec"].(map[string]any)
	if !isObject {
		return []string{"spec: it is not an object"}
	}
	object, with := maps.Clone(own.Object), maps.Clone(spec)
	object["spec"], with["rules"] = with, rules
	problems := check.Check(&unstructured.Unstructured{Object: object})
	if len(problems) == 0 {
		return nil
	}
	before := check.Check(own)
	return slices.DeleteFunc(problems, func(p string) bool { return slices.Contains(before, p) })
}

// Refuse returns the projection without the injections into some rules, with which the route would not
// be valid (E8.5): their values are not in force. refused has the reasons by rule. Objects that only
// filters of such a rule would name are left out.
func (p Projection) Refuse(in Input, refused map[int]string) Projection {
	if len(refused) == 0 {
		return p
	}
	left := Projection{}
	var unnamed []string
	for _, injection := range p.Rules {
		if _, out := refused[injection.Rule]; out {
			unnamed = slices.Concat(unnamed, injection.First, injection.Last)
			continue
		}
		left.Rules = append(left.Rules, injection)
	}
	for i, object := range p.Objects {
		if !slices.Contains(unnamed, object.GetName()) {
			left.Objects, left.keys = append(left.Objects, object), append(left.keys, p.keys[i])
		}
	}
	left.Outcomes = slices.Clone(p.Outcomes)
	for path, outcomes := range left.Outcomes {
		why, out := refused[in.Paths[path].Rule]
		if !out {
			continue
		}
		changed := slices.Clone(outcomes)
		for i := range changed {
			if o := &changed[i]; o.Verdict != Unsupported && (o.InRoute() || o.Object != "" && left.Object(o.Object) == nil) {
				*o = Outcome{Field: o.Field, Verdict: Unsupported, Reason: Invalid, Message: Invalid.Message(why)}
			}
		}
		left.Outcomes[path] = changed
	}
	return left
}

// put is Inject without a check. rules is not changed.
func put(rules []any, injections []RuleInjection) Injected {
	result := Injected{Rules: slices.Clone(rules)}
	for _, injection := range injections {
		if injection.Rule >= len(rules) {
			continue
		}
		rule, isObject := rules[injection.Rule].(map[string]any)
		if !isObject {
			continue
		}
		copied := runtime.DeepCopyJSON(rule)
		entry := injection.into(copied)
		if len(entry.Wrote) == 0 {
			continue
		}
		entry.Hash, entry.Index = injected.MatchesHash(rule), injection.Rule
		entry.Rule, _ = rule["name"].(string)
		result.Rules[injection.Rule] = copied
		result.Record.Rules = append(result.Record.Rules, entry)
	}
	return result
}

// into puts the injection into one rule and returns the record of it.
func (i RuleInjection) into(rule map[string]any) injected.RuleRecord {
	entry := injected.RuleRecord{Had: map[string]any{}, Wrote: map[string]any{}}
	leaves := i.complete(rule)
	for _, leaf := range injected.Leaves() {
		value, stated := leaves[leaf[0]+"."+leaf[1]]
		if !stated {
			continue
		}
		had, present := injected.LeafOf(rule, leaf)
		if present == (value != nil) && (!present || field.EqualJSON(had, value)) {
			continue
		}
		if present {
			setIn(entry.Had, leaf, had)
		} else if empty, found := rule[leaf[0]].(map[string]any); found && len(empty) == 0 {
			entry.Had[leaf[0]] = map[string]any{}
		}
		setIn(entry.Wrote, leaf, value)
		injected.SetLeaf(rule, leaf, value, false)
	}
	if names := slices.Concat(i.First, i.Last); len(names) > 0 {
		filters, _ := rule["filters"].([]any)
		rule["filters"] = slices.Concat(filtersFor(i.First), filters, filtersFor(i.Last))
		entry.Wrote["filters"] = field.Anys(names)
	}
	return entry
}

// complete adds to the leaves what the CRD requires: if the owner's backendRequest is longer than an
// injected request timeout, it is lowered to that.
func (i RuleInjection) complete(rule map[string]any) map[string]any {
	leaves := maps.Clone(i.Leaves)
	if leaves == nil {
		leaves = map[string]any{}
	}
	whole, ok := field.ParseDuration(leaves[RequestLeaf])
	own, stated := injected.LeafOf(rule, []string{"timeouts", "backendRequest"})
	if _, put := leaves[BackendLeaf]; put || !stated || !ok {
		return leaves
	}
	if d, ok := field.ParseDuration(own); ok && whole.Duration > 0 && d.Duration > whole.Duration {
		leaves[BackendLeaf] = whole.Text
	}
	return leaves
}

func setIn(object map[string]any, leaf []string, value any) {
	inner, _ := object[leaf[0]].(map[string]any)
	if inner == nil {
		inner = map[string]any{}
		object[leaf[0]] = inner
	}
	inner[leaf[1]] = value
}

// filtersFor returns the filters that name Middlewares.
func filtersFor(names []string) []any {
	filters := make([]any, len(names))
	for i, name := range names {
		filters[i] = map[string]any{"type": "ExtensionRef", "extensionRef": map[string]any{
			"group": TraefikMiddleware.Group, "kind": TraefikMiddleware.Kind, "name": name,
		}}
	}
	return filters
}

// mergeInjections merges the injections of several exporters rule by rule, sorted by rule. Exporters
// agree on leaves, because all classes that read a field are compared (E6.2).
func mergeInjections(injections []RuleInjection) []RuleInjection {
	byRule := map[int]RuleInjection{}
	for _, i := range injections {
		merged := byRule[i.Rule]
		merged.Rule = i.Rule
		for leaf, value := range i.Leaves {
			if merged.Leaves == nil {
				merged.Leaves = map[string]any{}
			}
			merged.Leaves[leaf] = value
		}
		merged.First = append(merged.First, i.First...)
		merged.Last = append(merged.Last, i.Last...)
		byRule[i.Rule] = merged
	}
	var list []RuleInjection
	for _, rule := range slices.Sorted(maps.Keys(byRule)) {
		list = append(list, byRule[rule])
	}
	return list
}
