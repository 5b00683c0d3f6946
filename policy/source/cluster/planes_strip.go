package cluster

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/export"
)

var (
	// planeAnnotations and planeLabels are the annotations and labels that are read.
	planeAnnotations = []string{export.ForAnnotation, export.CarriesAnnotation, injected.Annotation, export.RetryAnnotation}
	planeLabels      = []string{export.ManagedByLabel, export.ExporterLabel}
	// aboveRoutes is what is read of a policy's spec that reaches routes only from above: what it is
	// attached to, and what an object of ours is merged with.
	aboveRoutes = []string{
		"targetRef", "targetRefs", "targetSelectors", "mergeType", "strategy", "timeout", "timeouts", "retry", "rateLimit", "traffic",
	}
)

// stripPlane removes what is not read (E9.2).
func stripPlane(o any) (any, error) {
	u, isObject := o.(*unstructured.Unstructured)
	if !isObject {
		return o, nil
	}
	u.SetManagedFields(nil)
	u.SetAnnotations(only(u.GetAnnotations(), planeAnnotations))
	if group := u.GroupVersionKind().Group; group == hierarchy.Group || group == crdResource.Group {
		return o, nil
	}
	u.SetLabels(only(u.GetLabels(), planeLabels))
	if spec, _ := u.Object["spec"].(map[string]any); spec != nil && !mayCarryOver(u, spec) {
		maps.DeleteFunc(spec, func(field string, _ any) bool { return !slices.Contains(aboveRoutes, field) })
	}
	return o, nil
}

// mayCarryOver reports whether the whole spec of a policy may be needed: it is ours, or it is on a
// route and the object that hides it carries it over (E11.3).
func mayCarryOver(u *unstructured.Unstructured, spec map[string]any) bool {
	above := func(kind string) bool {
		return kind == hierarchy.GatewayKind.Kind || kind == hierarchy.ListenerSetKind.Kind
	}
	selectors, _ := spec["targetSelectors"].([]any)
	selects := slices.ContainsFunc(selectors, func(s any) bool {
		fields, _ := s.(map[string]any)
		kind, _ := fields["kind"].(string)
		return !above(kind)
	})
	return selects || export.Ours(u) || slices.ContainsFunc(export.TargetsOf(u), func(t hierarchy.Ref) bool { return !above(t.Kind) })
}

// only returns the entries of a map with some keys; nil if there are none.
func only(all map[string]string, keys []string) map[string]string {
	maps.DeleteFunc(all, func(key, _ string) bool { return !slices.Contains(keys, key) })
	if len(all) == 0 {
		return nil
	}
	return all
}
