package controller

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/status"
)

var (
	eventKind     = schema.GroupKind{Group: "events.k8s.io", Kind: "Event"}
	eventResource = schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}
)

// eventTime is how long writing an event may take.
const eventTime = 5 * time.Second

// tell writes events. One that fails is not tried again: the status says the same.
func (c *Controller) tell(ctx context.Context, events ...status.Write) {
	ctx, cancel := context.WithTimeout(ctx, eventTime)
	defer cancel()
	for _, e := range events {
		if err := c.write(ctx, e); err != nil {
			c.options.Log.Error(err, "Cannot write an event")
		}
	}
}

// tellOfRoute makes an event on a route that has just been held back.
func (c *Controller) tellOfRoute(ctx context.Context, ref hierarchy.Ref) {
	note, uid, news := c.state.newlyWithheld(ref)
	if !news {
		return
	}
	about := &unstructured.Unstructured{}
	about.SetAPIVersion(ref.GroupKind.Group + "/" + c.source.Version(ref))
	about.SetKind(ref.Kind)
	about.SetNamespace(ref.Namespace)
	about.SetName(ref.Name)
	about.SetUID(uid)
	c.tell(ctx, c.planner.Event(about, status.Event{Type: status.EventWarning, Reason: status.ReasonGuardrailViolated, Note: note}))
}
