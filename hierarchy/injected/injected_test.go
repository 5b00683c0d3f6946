package injected_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy/injected"
)

// leafValues are values that stand in routes, by the group of the leaf.
var leafValues = map[string][]any{
	"timeouts": {"1s", "2s", "10s"},
	"retry":    {int64(1), int64(3), []any{int64(503)}, "25ms"},
}

func drawRule(t *rapid.T, i int) map[string]any {
	rule := map[string]any{"matches": []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/" + string(rune('a'+i))}}}}
	if rapid.Bool().Draw(t, "named") {
		rule["name"] = "rule-" + string(rune('a'+i))
	}
	for _, leaf := range injected.Leaves() {
		if rapid.Bool().Draw(t, "stated") {
			injected.SetLeaf(rule, leaf, rapid.SampledFrom(leafValues[leaf[0]]).Draw(t, leaf[1]), false)
		}
	}
	return rule
}

// inject writes some leaves of a rule and records what stood there, as an exporter does.
func inject(t *rapid.T, rule map[string]any, i int) injected.RuleRecord {
	name, _ := rule["name"].(string)
	record := injected.RuleRecord{Had: map[string]any{}, Wrote: map[string]any{}, Hash: injected.MatchesHash(rule), Index: i, Rule: name}
	for _, leaf := range injected.Leaves() {
		if !rapid.Bool().Draw(t, "written") {
			continue
		}
		value := rapid.SampledFrom(leafValues[leaf[0]]).Draw(t, leaf[1])
		if had, stood := injected.LeafOf(rule, leaf); stood {
			injected.SetLeaf(record.Had, leaf, had, false)
		}
		injected.SetLeaf(record.Wrote, leaf, value, false)
		injected.SetLeaf(rule, leaf, value, false)
	}
	return record
}

// TestWhatIsPutInIsTakenOut: the owner's rules are restored completely, wherever the rules are by
// now, and the route from which they are read is not changed.
func TestWhatIsPutInIsTakenOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var own, rules []any
		var record injected.Record
		for i := range rapid.IntRange(1, 4).Draw(t, "rules") {
			rule := drawRule(t, i)
			own = append(own, injected.CopyJSON(rule))
			record.Rules = append(record.Rules, inject(t, rule, i))
			rules = append(rules, rule)
		}
		if rapid.Bool().Draw(t, "reversed") {
			for i, j := 0, len(rules)-1; i < j; i, j = i+1, j-1 {
				rules[i], rules[j], own[i], own[j] = rules[j], rules[i], own[j], own[i]
			}
		}
		object := map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{injected.Annotation: record.String()}},
			"spec":     map[string]any{"rules": rules},
		}
		before := injected.CopyJSON(object)
		spec, _ := injected.OwnObject(object)["spec"].(map[string]any)
		got, _ := spec["rules"].([]any)
		if diff := cmp.Diff(own, got); diff != "" {
			t.Fatalf("the owner's rules (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before, any(object)); diff != "" {
			t.Fatalf("the route was changed (-before +after):\n%s", diff)
		}
	})
}

// TestWhatTheOwnerWroteSinceStays: a record explains a leaf only while it has the injected value.
func TestWhatTheOwnerWroteSinceStays(t *testing.T) {
	rule := map[string]any{"name": "pay", "timeouts": map[string]any{"request": "7s", "backendRequest": "2s"}}
	record := injected.Record{Rules: []injected.RuleRecord{{
		Rule: "pay", Hash: injected.MatchesHash(rule), Had: map[string]any{},
		Wrote: map[string]any{"timeouts": map[string]any{"request": "10s", "backendRequest": "2s"}},
	}}}
	rules, changed := injected.Own(map[string]any{"spec": map[string]any{"rules": []any{rule}}}, record)
	want := []any{map[string]any{"name": "pay", "timeouts": map[string]any{"request": "7s"}}}
	if diff := cmp.Diff(want, rules); !changed || diff != "" {
		t.Errorf("changed %t (-want +got):\n%s", changed, diff)
	}
}

// TestWhatIsNoRecordExplainsNothing: anybody who can write the route can write the annotation.
func TestWhatIsNoRecordExplainsNothing(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"rules":1}`, `{"rules":[{"wrote":[]}]}`} {
		if r := injected.ParseRecord(text); len(r.Rules) != 0 {
			t.Errorf("%s is read as %+v", text, r)
		}
	}
}

// TestARecordStandsAsLongAsNobodyWritesThere: a value that was reverted or moved is no longer
// recorded.
func TestARecordStandsAsLongAsNobodyWritesThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t, 0)
		entry := inject(t, rule, 0)
		entry.Wrote["filters"] = []any{"limit"}
		rule["filters"] = []any{map[string]any{"type": "ExtensionRef", "extensionRef": map[string]any{"name": "limit"}}}
		record := injected.Record{Rules: []injected.RuleRecord{entry}}
		if !record.Stands([]any{rule}) {
			t.Errorf("%v does not stand in %v", entry, rule)
		}
		if record.Stands(nil) {
			t.Error("it stands in a route without rules")
		}
		for _, leaf := range injected.Leaves() {
			inner, _ := entry.Wrote[leaf[0]].(map[string]any)
			wrote, stated := inner[leaf[1]]
			if !stated {
				continue
			}
			changed := injected.CopyJSON(rule).(map[string]any)
			injected.SetLeaf(changed, leaf, map[bool]any{true: "7s", false: nil}[wrote == nil], false)
			if record.Stands([]any{changed}) {
				t.Errorf("%v stands in %v", entry, changed)
			}
		}
		delete(rule, "filters")
		if record.Stands([]any{rule}) {
			t.Error("it stands without its filter")
		}
	})
}
