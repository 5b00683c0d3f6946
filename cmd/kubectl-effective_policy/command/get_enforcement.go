package command

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/status"
)

// showEnforcement adds to the EffectivePolicy of a target how data planes enforce it: from the
// published object, or, for manifests, from what exporters would write. A route always has the
// list, a Gateway never (E3.1).
func showEnforcement(p *planes.Planes, object *unstructured.Unstructured, target hierarchy.Ref, published *unstructured.Unstructured) {
	if !p.Workspace.Snapshot.IsRoute(target.GroupKind) {
		return
	}
	// The path only contains maps.
	_ = unstructured.SetNestedSlice(object.Object, []any{}, "status", "enforcement")
	status.WithEnforcement(object, p.Enforced(target))
	copyEnforcement(object, published)
}

// copyEnforcement copies the enforcement from a published result.
func copyEnforcement(to, from *unstructured.Unstructured) {
	if from == nil {
		return
	}
	for _, path := range [][]string{{"status", "enforcement"}, {"status", "summary", "enforced"}} {
		if value, found, err := unstructured.NestedFieldCopy(from.Object, path...); found && err == nil {
			// The paths only contain maps.
			_ = unstructured.SetNestedField(to.Object, value, path...)
		}
	}
}
