package cluster

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
)

// Planes keeps the objects of data planes' APIs that exporters write or have to
// know of, the CRDs of their kinds, and of routes that exporters write into what
// stands in them and what their planes say of them.
//
// It waits for kinds that are not installed, and watches them once they are.
type Planes struct {
	client dynamic.Interface
	log    logr.Logger
	kinds  []planeKind
	routes bool

	mu      sync.RWMutex
	objects map[hierarchy.Ref]*unstructured.Unstructured
	// held are our objects by route.
	held map[hierarchy.Ref]map[hierarchy.Ref]struct{}
	// foreign is the index of all others, nil when it has to be rebuilt.
	foreign *export.ForeignIndex
	// missing are the resources that the API server does not have, or does not
	// let us read; seen says of the others whether all their objects were seen.
	missing map[schema.GroupVersionResource]bool
	seen    map[schema.GroupVersionResource]func() bool
	crds    map[string]*unstructured.Unstructured
	tell    []func(targets []hierarchy.Ref)
}

// planeKind is a kind of an exporter.
type planeKind struct {
	export.Kind
	exporter string
}

func (k planeKind) resource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Plural}
}

// routeResources are the routes that exporters write into.
var routeResources = []schema.GroupVersionResource{
	{Group: hierarchy.Group, Version: "v1", Resource: "httproutes"},
	{Group: hierarchy.Group, Version: "v1", Resource: "grpcroutes"},
}

// NewPlanes returns the planes of some exporters. It makes no request before
// Start.
func NewPlanes(config *rest.Config, names []string, log logr.Logger) (*Planes, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	p := &Planes{
		client: client, log: log,
		objects: map[hierarchy.Ref]*unstructured.Unstructured{},
		held:    map[hierarchy.Ref]map[hierarchy.Ref]struct{}{},
		missing: map[schema.GroupVersionResource]bool{},
		seen:    map[schema.GroupVersionResource]func() bool{},
		crds:    map[string]*unstructured.Unstructured{},
	}
	for _, name := range names {
		row, ok := exporters.Lookup(name)
		if !ok {
			continue
		}
		p.routes = p.routes || row.Injects
		for _, k := range row.Kinds {
			p.kinds = append(p.kinds, planeKind{k, name})
		}
	}
	return p, nil
}

// NeedLeaderElection returns false, because every replica needs it.
func (p *Planes) NeedLeaderElection() bool { return false }

// resources returns everything that is watched.
func (p *Planes) resources() []schema.GroupVersionResource {
	var list []schema.GroupVersionResource
	for _, k := range p.kinds {
		list = append(list, k.resource())
	}
	if p.routes {
		list = append(list, routeResources...)
	}
	return list
}

// Start watches until ctx ends.
func (p *Planes) Start(ctx context.Context) error {
	var running sync.WaitGroup
	for _, resource := range p.resources() {
		running.Go(func() { p.watch(ctx, resource, fields.Everything(), p.put) })
	}
	for _, name := range p.definitions() {
		running.Go(func() {
			p.watch(ctx, crdResource, fields.OneTermEqualSelector("metadata.name", name), p.define)
		})
	}
	running.Wait()
	return nil
}

// definitions returns the names of the relevant CRDs.
func (p *Planes) definitions() []string {
	names := []string{"httproutes." + hierarchy.Group}
	for _, k := range p.kinds {
		names = append(names, k.Plural+"."+k.Group)
	}
	return names
}

// watch calls put with every object of a resource, old or new nil where there is
// none, until ctx ends.
func (p *Planes) watch(ctx context.Context, resource schema.GroupVersionResource, only fields.Selector, put func(before, now *unstructured.Unstructured)) {
	objects := p.client.Resource(resource)
	list := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.FieldSelector = only.String()
			all, err := objects.List(ctx, options)
			p.answered(resource, err)
			return all, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.FieldSelector = only.String()
			events, err := objects.Watch(ctx, options)
			p.answered(resource, err)
			return events, err
		},
	}
	as := func(o any) *unstructured.Unstructured {
		if gone, isGone := o.(cache.DeletedFinalStateUnknown); isGone {
			o = gone.Obj
		}
		u, _ := o.(*unstructured.Unstructured)
		return u
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { put(nil, as(o)) },
		UpdateFunc: func(a, b any) { put(as(a), as(b)) },
		DeleteFunc: func(o any) { put(as(o), nil) },
	}
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: list, ObjectType: &unstructured.Unstructured{}, Handler: handler, Transform: stripPlane,
	})
	p.mu.Lock()
	if resource != crdResource {
		p.seen[resource] = informer.HasSynced
	}
	p.mu.Unlock()
	informer.RunWithContext(ctx)
}

// answered records that a list was answered. Subscribers are notified about added and removed
// kinds, because no event of an object does that.
func (p *Planes) answered(resource schema.GroupVersionResource, err error) {
	if !p.turned(resource, err) {
		return
	}
	p.mu.RLock()
	tell := slices.Clone(p.tell)
	p.mu.RUnlock()
	for _, f := range tell {
		f([]hierarchy.Ref{crdRef(resource.Resource + "." + resource.Group)})
	}
}

// turned reports whether a resource exists now and did not before, or the other way round.
func (p *Planes) turned(resource schema.GroupVersionResource, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was, missing := p.missing[resource], apierrors.IsNotFound(err)
	if missing && !was {
		p.log.Info("A data plane's kind is not installed; it is taken up when it comes", "resource", resource.String())
	}
	if apierrors.IsForbidden(err) {
		p.log.Error(err, "Not allowed to read a data plane's kind: give the service account list and watch on it", "resource", resource.String())
	}
	if err == nil || missing || apierrors.IsForbidden(err) {
		p.missing[resource] = err != nil
	}
	return p.missing[resource] != was
}

// Synced reports whether there was a first answer for every kind.
func (p *Planes) Synced() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, resource := range p.resources() {
		if seen := p.seen[resource]; !p.missing[resource] && (seen == nil || !seen()) {
			return false
		}
	}
	return len(p.crds) > 0 || !p.routes
}

// WaitForSync returns when Synced, or ctx ends.
func (p *Planes) WaitForSync(ctx context.Context) error {
	for !p.Synced() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// Installed reports whether all kinds of an exporter are installed.
func (p *Planes) Installed(exporter string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, k := range p.kinds {
		if k.exporter == exporter && p.missing[k.resource()] {
			return false
		}
	}
	return true
}

// Subscribe calls f with the routes, and the objects above routes, for which something changed.
func (p *Planes) Subscribe(f func(targets []hierarchy.Ref)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tell = append(p.tell, f)
}

// put processes a change of one object.
func (p *Planes) put(before, now *unstructured.Unstructured) {
	p.mu.Lock()
	known := now != nil && p.knows(now)
	var targets []hierarchy.Ref
	if before != nil {
		targets = append(targets, p.enter(before, false)...)
	}
	if now != nil {
		targets = append(targets, p.enter(now, true)...)
	}
	tell := slices.Clone(p.tell)
	p.mu.Unlock()
	if known || before != nil && now != nil && sameContent(before, now) {
		return
	}
	slices.SortFunc(targets, hierarchy.Compare)
	targets = slices.Compact(targets)
	for _, f := range tell {
		f(targets)
	}
}

// knows reports whether this version of a route is recorded as the answer to a write of ours: whoever
// wrote it has taken it into account.
func (p *Planes) knows(route *unstructured.Unstructured) bool {
	ref := hierarchy.RefOf(route)
	known := p.objects[ref]
	return ref.GroupKind.Group == hierarchy.Group && known != nil && known.GetUID() == route.GetUID() && known.GetResourceVersion() == route.GetResourceVersion()
}

// sameContent says whether nothing has changed that anybody here reads: our own annotation has, say.
func sameContent(a, b *unstructured.Unstructured) bool {
	content := func(u *unstructured.Unstructured) map[string]any {
		object := maps.Clone(u.Object)
		metadata, _ := object["metadata"].(map[string]any)
		metadata = maps.Clone(metadata)
		delete(metadata, "resourceVersion")
		object["metadata"] = metadata
		return object
	}
	return reflect.DeepEqual(content(a), content(b))
}

// enter adds an object to the indexes, or removes it, and returns the objects that it concerns.
func (p *Planes) enter(u *unstructured.Unstructured, there bool) []hierarchy.Ref {
	ref := hierarchy.RefOf(u)
	if there {
		p.objects[ref] = u
	} else {
		delete(p.objects, ref)
	}
	if ref.GroupKind.Group == hierarchy.Group {
		return []hierarchy.Ref{ref}
	}
	if route, ours := export.RouteOf(u); ours {
		switch {
		case there && p.held[route] == nil:
			p.held[route] = map[hierarchy.Ref]struct{}{ref: {}}
		case there:
			p.held[route][ref] = struct{}{}
		default:
			delete(p.held[route], ref)
			if len(p.held[route]) == 0 {
				delete(p.held, route)
			}
		}
		return []hierarchy.Ref{route}
	}
	p.foreign = nil
	if _, selects, _ := unstructured.NestedSlice(u.Object, "spec", "targetSelectors"); selects {
		return []hierarchy.Ref{crdRef(u.GetKind())} // by its labels it may concern any route
	}
	return export.TargetsOf(u)
}

// define processes a CRD.
func (p *Planes) define(_, now *unstructured.Unstructured) {
	if now == nil {
		return
	}
	p.mu.Lock()
	p.crds[now.GetName()] = now
	tell := slices.Clone(p.tell)
	p.mu.Unlock()
	for _, f := range tell {
		f([]hierarchy.Ref{crdRef(now.GetName())})
	}
}

// Definition returns the CRD of that name, nil when it has not been seen.
func (p *Planes) Definition(name string) *unstructured.Unstructured {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.crds[name]
}

// Definitions returns the CRDs that have been seen, sorted by name.
func (p *Planes) Definitions() []*unstructured.Unstructured {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var list []*unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(p.crds)) {
		list = append(list, p.crds[name])
	}
	return list
}

// Foreign returns the index of the objects that are not ours.
func (p *Planes) Foreign() *export.ForeignIndex {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.foreign == nil {
		var objects []*unstructured.Unstructured
		for _, ref := range slices.SortedFunc(maps.Keys(p.objects), hierarchy.Compare) {
			if _, ours := export.RouteOf(p.objects[ref]); !ours && ref.GroupKind.Group != hierarchy.Group {
				objects = append(objects, p.objects[ref])
			}
		}
		p.foreign = export.NewForeignIndex(objects)
	}
	return p.foreign
}

// Held returns our live objects of an exporter for a route, by name. They must not be changed.
func (p *Planes) Held(exporter string, route hierarchy.Ref) map[string]*unstructured.Unstructured {
	p.mu.RLock()
	defer p.mu.RUnlock()
	held := map[string]*unstructured.Unstructured{}
	for ref := range p.held[route] {
		if u := p.objects[ref]; u != nil && u.GetLabels()[export.ExporterLabel] == exporter {
			held[ref.Name] = u
		}
	}
	return held
}

// HeldRoutes returns the routes for which we have objects, in no particular order.
func (p *Planes) HeldRoutes() []hierarchy.Ref {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Collect(maps.Keys(p.held))
}

// Exists reports whether an object exists, belongs to the route with that UID, and is not being deleted.
// The garbage collector is about to delete what belongs to an earlier route of the same name.
func (p *Planes) Exists(ref hierarchy.Ref, route types.UID) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	u := p.objects[ref]
	return u != nil && u.GetDeletionTimestamp() == nil &&
		slices.ContainsFunc(u.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return o.UID == route })
}

// Route returns a route as it is stored, nil when it is not watched. It must not be changed.
func (p *Planes) Route(ref hierarchy.Ref) *unstructured.Unstructured {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.objects[ref]
}

// InjectedRoutes returns the routes with injected values.
func (p *Planes) InjectedRoutes() []hierarchy.Ref {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var list []hierarchy.Ref
	for ref, u := range p.objects {
		if ref.GroupKind.Group == hierarchy.Group && u.GetAnnotations()[injected.Annotation] != "" {
			list = append(list, ref)
		}
	}
	return list
}

// Wrote records the answer to a write of ours, so that it is taken into account at once, however
// late the watch is.
func (p *Planes) Wrote(answer *unstructured.Unstructured) {
	stripped, err := stripPlane(answer.DeepCopy())
	if err != nil {
		return
	}
	u := stripped.(*unstructured.Unstructured)
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.objects[hierarchy.RefOf(u)]; old != nil && !older(old.GetResourceVersion(), u.GetResourceVersion()) {
		return
	}
	p.enter(u, true)
}
