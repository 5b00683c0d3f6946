package status

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
)

// ConditionEnforced says what data planes made of a policy (GEP-713 has no word
// for it).
const ConditionEnforced = "Enforced"

// ReasonNotEnforced is the reason of the event that tells that data planes do not
// do what a policy says any more.
const ReasonNotEnforced = "NotEnforced"

// EnforcedOf is what the conditions Enforced of a policy say together: False when
// one does, True when all do, and nothing while any is not known. The message is
// that of the first that decides.
func EnforcedOf(u *unstructured.Unstructured) (value, message string) {
	if u == nil {
		return "", ""
	}
	ancestors, _, _ := unstructured.NestedSlice(u.Object, "status", "ancestors")
	unknown := false
	for _, c := range ourConditions(ancestors, ConditionEnforced) {
		switch c.Status {
		case metav1.ConditionFalse:
			return "False", c.Message
		case metav1.ConditionTrue:
			if value == "" {
				value, message = "True", c.Message
			}
		default:
			unknown = true
		}
	}
	if unknown {
		return "", ""
	}
	return value, message
}

// ourConditions are those of one type in our entries.
func ourConditions(ancestors []any, kind string) []metav1.Condition {
	var found []metav1.Condition
	for _, a := range ancestors {
		if !ours(a) {
			continue
		}
		entry, _ := a.(map[string]any)
		for _, c := range condition.Read(entry["conditions"]) {
			if c.Type == kind {
				found = append(found, c)
			}
		}
	}
	return found
}

// largestEnforcement is how many bytes of outcomes an EffectivePolicy shows;
// beyond it, fields that are in force as stated are counted alone.
const largestEnforcement = 64 << 10

// WithEnforcement adds to an EffectivePolicy what data planes make of it.
func WithEnforcement(object *unstructured.Unstructured, entries []enforcement.Entry) {
	showEnforcement(object, entries)
}

func showEnforcement(object *unstructured.Unstructured, entries []enforcement.Entry) {
	if len(entries) == 0 {
		return
	}
	list := make([]any, len(entries))
	for i := range entries {
		list[i] = entries[i].Object()
	}
	if text, err := json.Marshal(list); err == nil && len(text) > largestEnforcement {
		for _, entry := range list {
			shorten(entry.(map[string]any))
		}
	}
	// The paths hold maps alone.
	_ = unstructured.SetNestedField(object.Object, list, "status", "enforcement")
	_ = unstructured.SetNestedField(object.Object, enforcement.Summary(entries), "status", "summary", "enforced")
}

// shorten counts the fields of an entry that are in force as stated.
func shorten(entry map[string]any) {
	fields, _ := entry["fields"].([]any)
	kept := slices.DeleteFunc(slices.Clone(fields), func(f any) bool {
		field, _ := f.(map[string]any)
		return field["outcome"] == string(export.Projected)
	})
	entry["fields"], entry["projected"] = kept, int64(len(fields)-len(kept))
}
