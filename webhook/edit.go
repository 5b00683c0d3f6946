package webhook

import (
	"reflect"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/status"
)

// edit is what a request is about to do.
func (r *request) edit(mayRead guardrail.Reader) guardrail.Edit {
	e := guardrail.Edit{
		Old:       r.named(r.old),
		New:       r.named(r.object),
		Operation: string(r.Operation),
		User:      r.user(),
		MayRead:   mayRead,
	}
	if r.Operation == admissionv1.Delete {
		e.New = nil
	}
	return e
}

// user is who makes the request, as rules see them.
func (r *request) user() map[string]any {
	groups := make([]any, len(r.UserInfo.Groups))
	for i, g := range r.UserInfo.Groups {
		groups[i] = g
	}
	return map[string]any{"username": r.UserInfo.Username, "groups": groups}
}

// changes says whether an edit changes anything that the engine reads. It
// reads the spec of everything, and of parts of the hierarchy the labels.
func changes(old, object *unstructured.Unstructured) bool {
	if old == nil || object == nil {
		return true
	}
	return specChanges(old, object) || !reflect.DeepEqual(old.GetLabels(), object.GetLabels())
}

func specChanges(old, object *unstructured.Unstructured) bool {
	return !reflect.DeepEqual(old.Object["spec"], object.Object["spec"])
}

// hierarchyKinds are the kinds besides routes and policies whose edits change
// effective policies.
var hierarchyKinds = []schema.GroupKind{
	{Group: hierarchy.Group, Kind: "GatewayClass"},
	{Group: hierarchy.Group, Kind: "Gateway"},
	{Group: hierarchy.Group, Kind: "ListenerSet"},
	{Group: hierarchy.Group, Kind: "ReferenceGrant"},
	hierarchy.NamespaceKind,
}

var (
	guardrailKind = schema.GroupKind{Group: policy.Group, Kind: "PolicyGuardrail"}
	effectiveKind = schema.GroupKind{Group: policy.Group, Kind: status.Kind}
)

// matters says whether edits of a kind change effective policies.
func matters(s *policy.Snapshot, gk schema.GroupKind) bool {
	_, isPolicy := s.Kind(gk)
	return isPolicy || s.IsRoute(gk) || slices.Contains(hierarchyKinds, gk)
}

// annotated says whether objects of a kind carry the annotation.
func annotated(s *policy.Snapshot, gk schema.GroupKind) bool {
	return s.IsRoute(gk) || gk == hierarchy.GatewayKind
}
