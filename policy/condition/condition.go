package condition

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// New is a condition that has not been written yet.
func New(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

// In reads the list of conditions at a path of an object: status, conditions.
func In(object map[string]any, path ...string) []metav1.Condition {
	list, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	return Read(list)
}

// Read reads conditions from a list.
func Read(list any) []metav1.Condition {
	entries, _ := list.([]any)
	conditions := make([]metav1.Condition, 0, len(entries))
	for _, entry := range entries {
		if object, ok := entry.(map[string]any); ok {
			conditions = append(conditions, read(object))
		}
	}
	return conditions
}

func read(object map[string]any) metav1.Condition {
	text := func(key string) string { value, _ := object[key].(string); return value }
	c := New(text("type"), metav1.ConditionStatus(text("status")), text("reason"), text("message"))
	switch generation := object["observedGeneration"].(type) {
	case int64:
		c.ObservedGeneration = generation
	case float64:
		c.ObservedGeneration = int64(generation)
	}
	if since, err := time.Parse(time.RFC3339, text("lastTransitionTime")); err == nil {
		c.LastTransitionTime = metav1.NewTime(since)
	}
	return c
}

// Object returns a condition in unstructured form. An unknown generation or time is left out.
func Object(c *metav1.Condition) map[string]any {
	object := map[string]any{"type": c.Type, "status": string(c.Status), "reason": c.Reason, "message": c.Message}
	if c.ObservedGeneration != 0 {
		object["observedGeneration"] = c.ObservedGeneration
	}
	if !c.LastTransitionTime.IsZero() {
		object["lastTransitionTime"] = c.LastTransitionTime.UTC().Format(time.RFC3339)
	}
	return object
}

// Objects returns conditions in unstructured form.
func Objects(conditions []metav1.Condition) []any {
	list := make([]any, len(conditions))
	for i := range conditions {
		list[i] = Object(&conditions[i])
	}
	return list
}

// At returns a condition as it is written for a generation: with the time of the last transition,
// which stays the same while the status equals that of the live condition.
func At(c metav1.Condition, generation int64, live []metav1.Condition, now time.Time) metav1.Condition {
	c.ObservedGeneration, c.LastTransitionTime = generation, metav1.NewTime(now)
	for i := range live {
		if old := &live[i]; old.Type == c.Type && old.Status == c.Status && !old.LastTransitionTime.IsZero() {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	return c
}

// Observed reports whether a condition is about a generation, or does not say which generation it
// is about.
func Observed(c *metav1.Condition, generation int64) bool {
	return c.ObservedGeneration == 0 || c.ObservedGeneration == generation
}
