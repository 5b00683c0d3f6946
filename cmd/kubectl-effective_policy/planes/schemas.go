package planes

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
	"github.com/attache-dev/attache/policy/validate"
)

// installed reports whether the objects of an exporter can exist: not if the cluster lacks the CRD,
// or a CRD in the input does not serve the version that is written (E1.7, E2.5).
func (p *Planes) installed(exporter string) bool {
	row, _ := exporters.Lookup(exporter)
	for _, k := range row.Kinds {
		name := k.Plural + "." + k.Group
		if p.missing[name] {
			return false
		}
		for _, d := range p.Workspace.Documents {
			if crd.Is(d.Object) && d.Object.GetName() == name && !serves(d.Object, k.Version) {
				return false
			}
		}
	}
	return true
}

// serves reports whether a CRD serves a version.
func serves(definition *unstructured.Unstructured, version string) bool {
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	return slices.ContainsFunc(versions, func(v any) bool {
		fields, _ := v.(map[string]any)
		return fields["name"] == version && fields["served"] == true
	})
}

// routeChecker checks routes by the CRDs of the world.
type routeChecker struct{ schemas *validate.Registry }

// Check implements export.Checker.
func (c routeChecker) Check(route *unstructured.Unstructured) []string {
	return refusals(c.schemas, route)
}

// schemas are the CRDs that objects of data planes have to fit.
type schemas struct{ registry *validate.Registry }

// Refuses implements enforcement.Schemas.
func (s schemas) Refuses(object *unstructured.Unstructured) []string {
	return refusals(s.registry, object)
}

// refusals returns the reasons for which a CRD of the registry refuses an object.
func refusals(registry *validate.Registry, object *unstructured.Unstructured) []string {
	_, problems, _ := registry.Prepare(context.Background(), object)
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Field + ": " + p.Message
	}
	return texts
}

// schemas returns the CRDs that objects have to fit; nil if there are none.
func (p *Planes) schemas() enforcement.Schemas {
	if p.Workspace.Schemas == nil {
		return nil
	}
	return schemas{p.Workspace.Schemas}
}

// refusedRules returns the rules of a route that would not be valid with the values to be put
// there.
func (p *Planes) refusedRules(ref hierarchy.Ref, rules []export.RuleInjection) map[int]string {
	route := p.manifest(ref)
	if route == nil {
		return nil
	}
	return export.RefusedRules(route, rules, p.checker())
}

// checker returns a checker of routes by the CRDs of the workspace; nil if it has none.
func (p *Planes) checker() export.Checker {
	if p.Workspace.Schemas == nil {
		return nil
	}
	return routeChecker{p.Workspace.Schemas}
}
