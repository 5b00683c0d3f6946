package status

import (
	"fmt"
	"hash/fnv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/condition"
)

// The types of events.
const (
	EventNormal  = "Normal"
	EventWarning = "Warning"
)

// ReasonPublished is the reason of the event that ends GuardrailViolated.
const ReasonPublished = "Published"

// maxNote is the longest note that an event can have.
const maxNote = 1024

// Event is an event about an object.
type Event struct {
	// Type is Normal or Warning.
	Type, Reason, Note string
}

// Event returns the write of an event about a namespaced object. The same event again is not a
// second one while the API server keeps the first, because its name is derived from its content.
func (p Planner) Event(about *unstructured.Unstructured, e Event) Write {
	namespace := about.GetNamespace()
	if namespace == "" {
		namespace = metav1.NamespaceDefault // for cluster-scoped objects, where kubectl looks for them
	}
	note := prose.Clip(prose.Visible(e.Note), maxNote)
	sum := fnv.New64a()
	fmt.Fprint(sum, about.GetUID(), about.GetResourceVersion(), e.Reason, note)
	return Write{Create, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "events.k8s.io/v1", "kind": "Event",
		"metadata":            map[string]any{"namespace": namespace, "name": fmt.Sprintf("%.200s.%x", about.GetName(), sum.Sum64())},
		"eventTime":           p.Now().UTC().Format(metav1.RFC3339Micro),
		"reportingController": ControllerName,
		"reportingInstance":   p.Instance,
		"action":              "Publish",
		"reason":              e.Reason,
		"type":                e.Type,
		"note":                note,
		"regarding": map[string]any{
			"apiVersion": about.GetAPIVersion(), "kind": about.GetKind(),
			"namespace": about.GetNamespace(), "name": about.GetName(), "uid": string(about.GetUID()),
		},
	}}}
}

// Turned returns the events that go with a new status of a policy: one when a guardrail begins to
// hold it back, and one when no guardrail does any longer. The previous status is in the cluster,
// so a restart does not repeat events.
func (p Planner) Turned(before, after *unstructured.Unstructured) []Write {
	was, now := heldBack(before), heldBack(after)
	switch {
	case was == "" && now != "":
		return []Write{p.Event(after, Event{EventWarning, ReasonGuardrailViolated, now})}
	case was != "" && now == "" && after != nil:
		return []Write{p.Event(after, Event{EventNormal, ReasonPublished, "No guardrail holds back what the policy says any more."})}
	}
	return nil
}

// heldBack returns the message of the first of our conditions that says that a guardrail holds a
// policy back; empty when none does.
func heldBack(u *unstructured.Unstructured) string {
	if u == nil {
		return ""
	}
	ancestors, _, _ := unstructured.NestedSlice(u.Object, "status", "ancestors")
	for _, a := range ancestors {
		a, _ := a.(map[string]any)
		for _, c := range condition.Read(a["conditions"]) {
			if a["controllerName"] == ControllerName && c.Reason == ReasonGuardrailViolated {
				return c.Message
			}
		}
	}
	return ""
}
