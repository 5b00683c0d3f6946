package injected

import (
	"encoding/json"
	"slices"
)

// Own returns the rules of a route as its owner wrote them (E8.4): it reverts the values that the
// records explain. The object's own record comes first; for an update, the record of the old object
// follows. The first record that explains a leaf counts. The object is not changed; if there is
// nothing to revert, its rules are returned as they are.
func Own(object map[string]any, records ...Record) (rules []any, changed bool) {
	spec, _ := object["spec"].(map[string]any)
	rules, _ = spec["rules"].([]any)
	entries := make([][]*RuleRecord, 0, len(records))
	for _, r := range records {
		if len(r.Rules) > 0 {
			entries = append(entries, r.Match(rules))
		}
	}
	if len(entries) == 0 {
		return rules, false
	}
	own := slices.Clone(rules)
	for i := range rules {
		rule, isObject := rules[i].(map[string]any)
		if !isObject {
			continue
		}
		var found []*RuleRecord
		for _, matched := range entries {
			if matched[i] != nil {
				found = append(found, matched[i])
			}
		}
		if len(found) == 0 {
			continue
		}
		copied, _ := CopyJSON(rule).(map[string]any)
		if takeBack(copied, found) {
			own[i], changed = copied, true
		}
	}
	if !changed {
		return rules, false
	}
	return own, true
}

// OwnObject is the object with its rules as its owner wrote them, by its own record; the object
// itself when there is nothing to revert.
func OwnObject(object map[string]any, older ...Record) map[string]any {
	rules, changed := Own(object, append([]Record{RecordOf(object)}, older...)...)
	if !changed {
		return object
	}
	copied := make(map[string]any, len(object))
	for k, v := range object {
		copied[k] = v
	}
	spec, _ := object["spec"].(map[string]any)
	own := make(map[string]any, len(spec))
	for k, v := range spec {
		own[k] = v
	}
	own["rules"] = rules
	copied["spec"] = own
	return copied
}

// takeBack reverts the values of a rule that entries explain, and reports whether there were any.
func takeBack(rule map[string]any, entries []*RuleRecord) bool {
	changed := false
	for _, leaf := range Leaves() {
		now, present := LeafOf(rule, leaf)
		for _, e := range entries {
			wrote, stated := statedLeaf(e.Wrote, leaf)
			if !stated || present != (wrote != nil) || (present && !equalJSON(now, wrote)) {
				continue
			}
			had, _ := LeafOf(e.Had, leaf)
			_, keep := e.Had[leaf[0]].(map[string]any)
			SetLeaf(rule, leaf, had, keep)
			changed = changed || had != nil || present
			break
		}
	}
	for _, e := range entries {
		names, _ := e.Wrote["filters"].([]any)
		changed = dropFilters(rule, names) || changed
	}
	return changed
}

// statedLeaf is like LeafOf, but distinguishes null from absence.
func statedLeaf(object map[string]any, leaf []string) (any, bool) {
	inner, _ := object[leaf[0]].(map[string]any)
	v, found := inner[leaf[1]]
	return v, found
}

// dropFilters removes ExtensionRef filters by the names that they refer to.
func dropFilters(rule map[string]any, names []any) bool {
	filters, _ := rule["filters"].([]any)
	if len(names) == 0 || len(filters) == 0 {
		return false
	}
	kept := slices.DeleteFunc(slices.Clone(filters), func(f any) bool {
		return slices.ContainsFunc(names, func(name any) bool { return refersTo(f, name) })
	})
	if len(kept) == len(filters) {
		return false
	}
	if len(kept) == 0 {
		delete(rule, "filters")
	} else {
		rule["filters"] = kept
	}
	return true
}

// Match finds the entry for each rule: the entry with the same name; otherwise the one with the
// same matches, even if the rule was renamed; otherwise the one with the same index, if neither has
// a name.
func (r Record) Match(rules []any) []*RuleRecord {
	matched := make([]*RuleRecord, len(rules))
	used := make([]bool, len(r.Rules))
	names, hashes := make([]string, len(rules)), make([]string, len(rules))
	times := map[string]int{}
	for i := range rules {
		rule, _ := rules[i].(map[string]any)
		names[i], _ = rule["name"].(string)
		hashes[i] = MatchesHash(rule)
		times[names[i]]++
	}
	pass := func(fits func(e *RuleRecord, i int) bool) {
		for j := range r.Rules {
			for i := range rules {
				if !used[j] && matched[i] == nil && fits(&r.Rules[j], i) {
					matched[i], used[j] = &r.Rules[j], true
				}
			}
		}
	}
	pass(func(e *RuleRecord, i int) bool { return e.Rule != "" && e.Rule == names[i] && times[names[i]] == 1 })
	pass(func(e *RuleRecord, i int) bool { return e.Hash == hashes[i] })
	pass(func(e *RuleRecord, i int) bool { return e.Rule == "" && names[i] == "" && e.Index == i })
	return matched
}

func equalJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
