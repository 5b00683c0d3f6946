package controller

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/status"
)

var eventResource = schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}

// reasonPublished is the reason of the event that ends GuardrailViolated.
const reasonPublished = "Published"

// maxNote is the longest note that an event can have.
const maxNote = 1024

// turned returns the event that goes with a new status of a policy: one when a
// guardrail begins to hold it back, and one when none does any more. What the
// status said before is in the cluster, so a restart repeats no event.
func turned(before, after *unstructured.Unstructured) (kind, reason, note string) {
	was, now := heldBack(before), heldBack(after)
	switch {
	case was == "" && now != "":
		return "Warning", status.ReasonGuardrailViolated, now
	case was != "" && now == "" && after != nil:
		return "Normal", reasonPublished, "No guardrail holds back what the policy says any more."
	}
	return "", "", ""
}

// heldBack is the message of the first of our conditions that says that a
// guardrail holds a policy back; empty when none does.
func heldBack(u *unstructured.Unstructured) string {
	if u == nil {
		return ""
	}
	ancestors, _, _ := unstructured.NestedSlice(u.Object, "status", "ancestors")
	for _, a := range ancestors {
		a, _ := a.(map[string]any)
		conditions, _ := a["conditions"].([]any)
		for _, c := range conditions {
			c, _ := c.(map[string]any)
			if a["controllerName"] == status.Controller && c["reason"] == status.ReasonGuardrailViolated {
				return fmt.Sprint(c["message"])
			}
		}
	}
	return ""
}

// tell makes an event on a namespaced object. Telling the same again is no
// second event while the API server keeps the first. An event that fails is not
// tried again: the status says the same.
func (c *Controller) tell(ctx context.Context, about *unstructured.Unstructured, kind, reason, note string) {
	note = prose.Clip(note, maxNote)
	sum := fnv.New64a()
	fmt.Fprint(sum, about.GetUID(), about.GetResourceVersion(), reason, note)
	host, _ := os.Hostname()
	event := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "events.k8s.io/v1", "kind": "Event",
		"metadata":            map[string]any{"namespace": about.GetNamespace(), "name": fmt.Sprintf("%.200s.%x", about.GetName(), sum.Sum64())},
		"eventTime":           c.options.Now().UTC().Format(metav1.RFC3339Micro),
		"reportingController": status.Controller,
		"reportingInstance":   "attache-" + host,
		"action":              "Publish",
		"reason":              reason,
		"type":                kind,
		"note":                note,
		"regarding": map[string]any{
			"apiVersion": about.GetAPIVersion(), "kind": about.GetKind(),
			"namespace": about.GetNamespace(), "name": about.GetName(), "uid": string(about.GetUID()),
		},
	}}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := c.client.Resource(eventResource).Namespace(about.GetNamespace()).Create(ctx, event, metav1.CreateOptions{FieldManager: FieldOwner})
	if err != nil && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) {
		c.options.Log.Error(err, "Cannot write an event", "object", about.GetKind()+" "+about.GetNamespace()+"/"+about.GetName(), "reason", reason)
	}
}

// tellOfRoute makes an event on a route that has just been held back.
func (c *Controller) tellOfRoute(ctx context.Context, ref hierarchy.Ref) {
	note, uid, news := c.state.newlyHeld(ref)
	if !news {
		return
	}
	about := &unstructured.Unstructured{}
	about.SetAPIVersion(ref.GroupKind.Group + "/" + c.source.Version(ref))
	about.SetKind(ref.Kind)
	about.SetNamespace(ref.Namespace)
	about.SetName(ref.Name)
	about.SetUID(uid)
	c.tell(ctx, about, "Warning", status.ReasonGuardrailViolated, note)
}
