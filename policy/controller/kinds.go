package controller

import (
	"context"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/status"
)

// reasonInvalidPolicyKind is the reason of the event on a CRD that says something
// about its kind that makes no sense.
const reasonInvalidPolicyKind = "InvalidPolicyKind"

var crdResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// kindFaults remembers what was told of CRDs, by their names. A CRD has no status in
// which it could be said: an event is all that its author gets to see (semantics,
// names in annotations).
type kindFaults map[string]string

// news are the kinds of whose faults nothing was told yet, or something else.
func (told kindFaults) news(s *policy.Snapshot) map[string]string {
	news := map[string]string{}
	for _, k := range s.Kinds() {
		var lines []string
		for _, f := range k.Faults {
			lines = append(lines, f.String())
		}
		note := strings.Join(lines, "; ")
		switch {
		case note == "":
			delete(told, k.Definition.Name)
		case told[k.Definition.Name] != note:
			told[k.Definition.Name], news[k.Definition.Name] = note, note
		}
	}
	return news
}

// tellOfKinds makes an event on each CRD of the news.
func (c *Controller) tellOfKinds(ctx context.Context, news map[string]string) {
	for name, note := range news {
		about, err := c.client.Resource(crdResource).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			continue // it is gone, or kinds and the log have to do
		}
		about.SetResourceVersion("") // the same said of a later version is the same
		c.tell(ctx, c.planner.Event(about, status.Event{
			Type: status.EventWarning, Reason: reasonInvalidPolicyKind,
			Note: "Left out, as it makes no sense; the rest counts: " + note,
		}))
	}
}
