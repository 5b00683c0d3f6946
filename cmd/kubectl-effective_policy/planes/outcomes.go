package planes

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/export"
)

// Outcomes returns for guardrails how data planes would enforce policies on targets. The objects
// include the CRD of HTTPRoute and those of data planes' APIs; objects of a cluster are the live
// ones.
func Outcomes(exporters enforcement.Config, objects ...[]*unstructured.Unstructured) evaluate.Enforced {
	var foreign []*unstructured.Unstructured
	live := map[hierarchy.Ref]map[string]*unstructured.Unstructured{}
	world := enforcement.World{Config: exporters}
	kinds := Kinds()
	for _, u := range slices.Concat(objects...) {
		switch {
		case crd.Is(u) && u.GetName() == "httproutes."+hierarchy.Group:
			world.Fields = export.FieldsOf(u)
		case slices.Contains(kinds, u.GroupVersionKind().GroupKind()):
			foreign = append(foreign, u)
			if route, ours := export.RouteOf(u); ours && u.GetUID() != "" {
				if live[route] == nil {
					live[route] = map[string]*unstructured.Unstructured{}
				}
				live[route][u.GetName()] = u
			}
		}
	}
	world.Held = func(_ string, route hierarchy.Ref) map[string]*unstructured.Unstructured { return live[route] }
	world.Foreign = export.NewForeignIndex(foreign)
	return func(g *hierarchy.Graph, t *effective.Target) evaluate.Outcomes {
		on := world
		on.Graph = g
		return evaluate.Outcomes(on.Outcomes(t))
	}
}

// OutcomesOf returns the outcomes on one target for --where; nothing on a cluster, where only the
// controller knows them.
func (p *Planes) OutcomesOf(t *effective.Target) evaluate.Outcomes {
	if p.Workspace.Schemas == nil {
		return nil
	}
	return p.Outcomes()(p.Workspace.Snapshot.Graph(), t)
}

// Outcomes returns for guardrails how the data planes of manifests would enforce policies on
// targets.
func (p *Planes) Outcomes() evaluate.Enforced {
	if p.asked == nil {
		p.asked = Outcomes(AllExporters, p.Workspace.Schemas.CRDs(), p.foreign())
	}
	return p.asked
}
