package status

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
)

// nothing is a live route with nothing of ours on it.
type nothing struct{}

func (nothing) Annotations(hierarchy.Ref) (map[string]string, bool)       { return nil, true }
func (nothing) EffectivePolicy(string, string) *unstructured.Unstructured { return nil }
func (nothing) Policy(hierarchy.Ref) *unstructured.Unstructured           { return nil }

// A server-side apply creates an object that does not exist, so it has to say which object it is
// about: with the UID of one that has gone, the API server refuses it.
func TestAnAnnotationIsAppliedToTheVeryObjectThatWasResolved(t *testing.T) {
	target := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout")
	e := &effective.Target{Target: target, UID: "17", Scopes: []effective.Scope{{Result: &effective.PathPolicies{Reached: true}}}}
	writes := Planner{Now: func() time.Time { return time.Unix(0, 0) }}.Target(target, e, nothing{})
	if len(writes) == 0 || writes[0].Verb != Apply || writes[0].Object.GetUID() != "17" {
		t.Errorf("the writes are %v", writes)
	}
}
