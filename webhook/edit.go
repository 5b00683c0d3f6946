package webhook

import (
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/review"
)

// change is what a request is about to do to its object.
func (r *request) change() review.ObjectChange {
	c := review.ObjectChange{Old: r.named(r.old), New: r.named(r.object)}
	if r.Operation == admissionv1.Delete {
		c.New = nil
	}
	return c
}

// author is who makes the request.
func (r *request) author() *review.Author {
	return &review.Author{Username: r.UserInfo.Username, Groups: r.UserInfo.Groups}
}

// hierarchyKinds are the kinds besides routes and policies whose edits change
// effective policies.
var hierarchyKinds = []schema.GroupKind{
	hierarchy.GatewayClassKind,
	hierarchy.GatewayKind,
	hierarchy.ListenerSetKind,
	hierarchy.ReferenceGrantKind,
	hierarchy.NamespaceKind,
}

// affectsPolicies says whether edits of a kind change effective policies.
func affectsPolicies(s *policy.Snapshot, gk schema.GroupKind) bool {
	_, isPolicy := s.Kind(gk)
	return isPolicy || s.IsRoute(gk) || slices.Contains(hierarchyKinds, gk)
}

// annotated says whether objects of a kind carry the annotation.
func annotated(s *policy.Snapshot, gk schema.GroupKind) bool {
	return s.IsRoute(gk) || gk == hierarchy.GatewayKind
}
