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

// ConditionEnforced reports whether data planes enforce a policy (GEP-713 does not define a
// condition for it).
const ConditionEnforced = "Enforced"

// ReasonNotEnforced is the reason of the event that reports that data planes no longer enforce a
// policy.
const ReasonNotEnforced = "NotEnforced"

// EnforcedOf combines the Enforced conditions of a policy: False when one is False, True when all
// are True, and nothing while any is unknown. The message is that of the first condition that
// decides.
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

// ourConditions returns the conditions of one type in our entries.
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

// largestEnforcement is the maximum number of bytes of outcomes in an EffectivePolicy; beyond it,
// fields that are in force as stated are only counted.
const largestEnforcement = 64 << 10

// WithEnforcement adds to an EffectivePolicy how data planes enforce it.
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
	// These paths only contain maps.
	_ = unstructured.SetNestedField(object.Object, list, "status", "enforcement")
	_ = unstructured.SetNestedField(object.Object, enforcement.Summary(entries), "status", "summary", "enforced")
}

// shorten replaces the fields of an entry that are in force as stated by their number.
func shorten(entry map[string]any) {
	fields, _ := entry["fields"].([]any)
	kept := slices.DeleteFunc(slices.Clone(fields), func(f any) bool {
		field, _ := f.(map[string]any)
		return field["outcome"] == string(export.Projected)
	})
	entry["fields"], entry["projected"] = kept, int64(len(fields)-len(kept))
}
