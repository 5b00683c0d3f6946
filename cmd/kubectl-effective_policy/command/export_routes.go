package command

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
	"github.com/attache-dev/attache/policy/validate"
)

// routeChecker checks routes by the CRDs of the world.
type routeChecker struct{ schemas *validate.Registry }

// Check implements export.Checker.
func (c routeChecker) Check(route *unstructured.Unstructured) []string {
	return refusals(c.schemas, route)
}

// planeSchemas are the CRDs of the world, as what objects of data planes have to fit.
type planeSchemas struct{ registry *validate.Registry }

// Refuses implements enforcement.Schemas.
func (s planeSchemas) Refuses(object *unstructured.Unstructured) []string {
	return refusals(s.registry, object)
}

// refusals are what a CRD of the registry refuses an object for.
func refusals(registry *validate.Registry, object *unstructured.Unstructured) []string {
	_, problems, _ := registry.Prepare(context.Background(), object)
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Field + ": " + p.Message
	}
	return texts
}

// schemas are those that objects have to fit; nil where the world has none.
func (p *planes) schemas() enforcement.Schemas {
	if p.workspace.schemas == nil {
		return nil
	}
	return planeSchemas{p.workspace.schemas}
}

// injected is the route as it has to be, without our annotations; nil when
// nothing has to stand in it.
func (p *planes) injected(r exportedRoute) *unstructured.Unstructured {
	route := p.manifest(r.target.Target)
	if route == nil {
		return nil
	}
	var injections []export.RuleInjection
	for _, result := range r.results {
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

// refusedRules are the rules of a route that would not be valid with what is to be put there.
func (p *planes) refusedRules(ref hierarchy.Ref, rules []export.RuleInjection) map[int]string {
	route := p.manifest(ref)
	if route == nil {
		return nil
	}
	return export.RefusedRules(route, rules, p.checker())
}

// checker checks routes by the CRDs of the world; nil where it has none.
func (p *planes) checker() export.Checker {
	if p.workspace.schemas == nil {
		return nil
	}
	return routeChecker{p.workspace.schemas}
}

// withoutOurs takes our annotations off.
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

// manifest is the route as it was read.
func (p *planes) manifest(route hierarchy.Ref) *unstructured.Unstructured {
	for _, d := range p.workspace.documents {
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

// restored is the route in its owner's own words (E8.9); nil where nothing was written into it.
func (p *planes) restored(target hierarchy.Ref) *unstructured.Unstructured {
	route := p.manifest(target)
	if route == nil || len(injected.RecordOf(route.Object).Rules) == 0 {
		return nil
	}
	return withoutOurs(&unstructured.Unstructured{Object: injected.OwnObject(route.Object)})
}

// restoreRoutes prints the routes that were written to in their owners' own
// words (E8.9).
func (o *options) restoreRoutes(ctx context.Context, args []string) error {
	w, err := o.load(ctx)
	if err != nil {
		return err
	}
	p, err := o.planes(ctx, w)
	if err != nil {
		return err
	}
	targets, err := w.find(args, w.routes())
	if err != nil {
		return err
	}
	var objects []*unstructured.Unstructured
	for _, target := range targets {
		if route := p.restored(target); route != nil {
			objects = append(objects, route)
		}
	}
	return o.printObjects(objects)
}

// planeLists are the kinds that are read from a cluster for export alone.
func planeLists() []schema.GroupVersionResource {
	list := []schema.GroupVersionResource{
		{Group: hierarchy.Group, Version: "v1", Resource: "httproutes"},
		{Group: hierarchy.Group, Version: "v1", Resource: "grpcroutes"},
	}
	for _, r := range exporters.All() {
		for _, k := range r.Kinds {
			list = append(list, schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Plural})
		}
	}
	return list
}

// planes are what data planes make of a workspace, of manifests or of a cluster.
func (o *options) planes(ctx context.Context, w *workspace) (*planes, error) {
	p := planesOf(w)
	if len(o.files) > 0 {
		return p, nil
	}
	config, err := o.config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	return p, p.read(ctx, config, o.note)
}

// read reads from a cluster what export looks at beside policies: routes whole, the objects of data
// planes' APIs, and the CRD of HTTPRoute.
func (p *planes) read(ctx context.Context, config *rest.Config, note func(format string, args ...any)) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	p.missing = map[string]bool{}
	for _, gvr := range planeLists() {
		list, err := client.Resource(gvr).Namespace(p.workspace.namespace).List(ctx, metav1.ListOptions{})
		switch {
		case apierrors.IsNotFound(err):
			p.missing[gvr.Resource+"."+gvr.Group] = true
			continue
		case apierrors.IsForbidden(err):
			note("warning: %s.%s cannot be read: what other policies there say does not count", gvr.Resource, gvr.Group)
			continue
		case err != nil:
			return fmt.Errorf("%s.%s: %w", gvr.Resource, gvr.Group, err)
		}
		for i := range list.Items {
			p.objects = append(p.objects, &list.Items[i])
		}
	}
	crds := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	crd, err := crds.Get(ctx, "httproutes."+hierarchy.Group, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("the CustomResourceDefinition of HTTPRoute: %w", err)
	}
	p.routeCRD = crd
	return nil
}
