package planes

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/export"
)

// Injected returns the route with the values of its effective policy, without our annotations; nil
// when there are none.
func (p *Planes) Injected(r Exported) *unstructured.Unstructured {
	route := p.manifest(r.Target.Target)
	if route == nil {
		return nil
	}
	var injections []export.RuleInjection
	for _, result := range r.Results {
		injections = append(injections, result.Projection.Rules...)
	}
	own := &unstructured.Unstructured{Object: injected.OwnObject(route.Object)}
	after := export.Inject(own, injections, p.checker())
	if len(after.Record.Rules) == 0 {
		return nil
	}
	out := own.DeepCopy()
	_ = unstructured.SetNestedSlice(out.Object, after.Rules, "spec", "rules")
	return withoutOurs(out)
}

// withoutOurs removes our annotations.
func withoutOurs(route *unstructured.Unstructured) *unstructured.Unstructured {
	annotations := route.GetAnnotations()
	delete(annotations, injected.Annotation)
	delete(annotations, "attache.dev/effective-policies")
	if len(annotations) == 0 {
		annotations = nil
	}
	route.SetAnnotations(annotations)
	return route
}

// manifest returns the route as it was read.
func (p *Planes) manifest(route hierarchy.Ref) *unstructured.Unstructured {
	for _, d := range p.Workspace.Documents {
		if hierarchy.RefOf(d.Object) == route {
			return d.Object.DeepCopy()
		}
	}
	for _, o := range p.objects {
		if hierarchy.RefOf(o) == route {
			return o.DeepCopy()
		}
	}
	return nil
}

// Restored returns the route as its owner wrote it (E8.9); nil if nothing was written into it.
func (p *Planes) Restored(target hierarchy.Ref) *unstructured.Unstructured {
	route := p.manifest(target)
	if route == nil || len(injected.RecordOf(route.Object).Rules) == 0 {
		return nil
	}
	return withoutOurs(&unstructured.Unstructured{Object: injected.OwnObject(route.Object)})
}
