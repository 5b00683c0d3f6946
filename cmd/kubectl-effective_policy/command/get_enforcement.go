package command

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/status"
)

// showEnforcement says in the EffectivePolicy of a target what data planes make of it: what was
// published says it, and of manifests what exporters would write. A route has the list also where
// nobody enforces anything, a Gateway never (E3.1).
func showEnforcement(p *planes.Planes, object *unstructured.Unstructured, target hierarchy.Ref, published *unstructured.Unstructured) {
	if !p.Workspace.Snapshot.IsRoute(target.GroupKind) {
		return
	}
	// The path holds maps alone.
	_ = unstructured.SetNestedSlice(object.Object, []any{}, "status", "enforcement")
	status.WithEnforcement(object, p.Enforced(target))
	copyEnforcement(object, published)
}

// copyEnforcement takes into a result what a published one says of data planes.
func copyEnforcement(to, from *unstructured.Unstructured) {
	if from == nil {
		return
	}
	for _, path := range [][]string{{"status", "enforcement"}, {"status", "summary", "enforced"}} {
		if value, found, err := unstructured.NestedFieldCopy(from.Object, path...); found && err == nil {
			// The paths hold maps alone.
			_ = unstructured.SetNestedField(to.Object, value, path...)
		}
	}
}
