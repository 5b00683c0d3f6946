package webhook

import (
	"reflect"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// edit is a write of one object, with everything that is known before it and
// what would be known after it.
type edit struct {
	ref hierarchy.Ref
	// old is nil for a creation, object for a deletion.
	old, object   *unstructured.Unstructured
	before, after *policy.Snapshot
	// problems are what could not be read in the object as it would be.
	problems []hierarchy.Problem
}

// newEdit makes the edit of a request. The old object in the request is newer
// than, or the same as, what the snapshot has of it, so it takes its place.
func newEdit(s *policy.Snapshot, req *request) *edit {
	e := &edit{ref: req.ref(), old: req.named(req.old), object: req.named(req.object), before: s}
	if req.Operation == admissionv1.Delete {
		e.object = nil
	}
	if e.old != nil {
		e.before, _ = s.With(e.old)
	}
	if e.object == nil {
		e.after = e.before.Without(e.ref)
		return e
	}
	e.after, e.problems = e.before.With(e.object)
	return e
}

// changes says whether the edit changes anything that the engine reads. It
// reads the spec of everything, and of parts of the hierarchy the labels.
func (e *edit) changes() bool {
	if e.old == nil || e.object == nil {
		return true
	}
	return !reflect.DeepEqual(e.old.Object["spec"], e.object.Object["spec"]) ||
		!reflect.DeepEqual(e.old.GetLabels(), e.object.GetLabels())
}

// touched lists the routes and Gateways whose effective policy the edit may
// change, sorted.
func (e *edit) touched() []hierarchy.Ref {
	all := append(slices.Clone(e.before.Touched(e.ref)), e.after.Touched(e.ref)...)
	slices.SortFunc(all, hierarchy.Compare)
	return slices.Compact(all)
}

// hierarchyKinds are the kinds besides routes and policies whose edits change
// effective policies.
var hierarchyKinds = []schema.GroupKind{
	{Group: hierarchy.Group, Kind: "GatewayClass"},
	{Group: hierarchy.Group, Kind: "Gateway"},
	{Group: hierarchy.Group, Kind: "ListenerSet"},
	{Group: hierarchy.Group, Kind: "ReferenceGrant"},
}

// matters says whether edits of a kind change effective policies.
func matters(s *policy.Snapshot, gk schema.GroupKind) bool {
	_, isPolicy := s.Kind(gk)
	return isPolicy || s.IsRoute(gk) || slices.Contains(hierarchyKinds, gk)
}

// annotated says whether objects of a kind carry the annotation.
func annotated(s *policy.Snapshot, gk schema.GroupKind) bool {
	return s.IsRoute(gk) || gk == schema.GroupKind{Group: hierarchy.Group, Kind: "Gateway"}
}
