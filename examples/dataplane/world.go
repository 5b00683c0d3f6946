package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	"github.com/attache-dev/attache/policy/request"
)

// backendsAnnotation on a Service names the addresses behind it, separated by commas. In a cluster
// EndpointSlices do that; an API server refuses loopback addresses in them.
const backendsAnnotation = "example.attache.dev/addresses"

// watched are the resources that everything is made of.
var watched = []schema.GroupVersionResource{
	gatewayAPI("gatewayclasses"), gatewayAPI("gateways"), gatewayAPI("listenersets"), gatewayAPI("httproutes"), gatewayAPI("grpcroutes"),
	{Group: hierarchy.Group, Version: "v1beta1", Resource: "referencegrants"},
	{Version: "v1", Resource: "namespaces"}, {Version: "v1", Resource: "services"}, {Version: "v1", Resource: "secrets"},
	{Group: "attache.dev", Version: "v1alpha1", Resource: "effectivepolicies"},
}

func gatewayAPI(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: hierarchy.Group, Version: "v1", Resource: resource}
}

// state is everything that is known at one moment. It never changes.
type state struct {
	graph *hierarchy.Graph
	index *request.Index
	// objects are all that is watched, for what hierarchy does not keep.
	objects  map[hierarchy.Ref]*unstructured.Unstructured
	gateways []*hierarchy.Gateway // those of the class, sorted
	// settings are what applies, by route; backends the addresses of Services.
	settings map[hierarchy.Ref]routeSettings
	backends map[hierarchy.Ref][]string
}

// world keeps the state up to date.
type world struct {
	class, controller string // what is served, and in whose name
	network           netip.Prefix
	portOffset        int
	log               *slog.Logger
	client            dynamic.Interface
	state             atomic.Pointer[state]
	stores            []cache.Store
	// addresses are where the Gateways are served that there are, last is the last one given.
	addresses map[hierarchy.Ref]netip.Addr
	last      netip.Addr
	// changed has room for one: whoever finds it full is covered by it.
	changed chan struct{}
}

// run watches until ctx ends, and calls then with every new state.
func (w *world) run(ctx context.Context, then func(*state)) error {
	factory := dynamicinformer.NewDynamicSharedInformerFactory(w.client, 0)
	signal := func(any) {
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
	var synced []cache.InformerSynced
	for _, resource := range watched {
		if _, err := w.client.Resource(resource).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
			w.log.Info("not watched", "resource", resource.Resource, "reason", err)
			continue
		}
		informer := factory.ForResource(resource).Informer()
		handler, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: signal, DeleteFunc: signal, UpdateFunc: func(_, u any) { signal(u) }})
		if err != nil {
			return err
		}
		w.stores, synced = append(w.stores, informer.GetStore()), append(synced, handler.HasSynced)
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return errors.New("stopped before everything was listed")
	}
	for {
		next := w.build(w.state.Load())
		w.state.Store(next)
		then(next)
		select {
		case <-ctx.Done():
			return nil
		case <-w.changed:
		}
	}
}

// build makes a state of what the caches hold. before is the last one, or nil.
func (w *world) build(before *state) *state {
	s := &state{objects: map[hierarchy.Ref]*unstructured.Unstructured{}, settings: map[hierarchy.Ref]routeSettings{}, backends: map[hierarchy.Ref][]string{}}
	var objects []hierarchy.Object
	for _, store := range w.stores {
		for _, item := range store.List() {
			u := item.(*unstructured.Unstructured)
			ref := hierarchy.RefOf(u)
			s.objects[ref] = u
			if object, _ := decode.Object(u, nil); object != nil {
				objects = append(objects, object)
			}
			if addresses := u.GetAnnotations()[backendsAnnotation]; addresses != "" {
				s.backends[ref] = strings.Split(addresses, ",")
			}
		}
	}
	s.graph = hierarchy.Build(objects)
	s.index = request.New(s.graph)
	for route := range s.graph.Routes() {
		s.settings[route.Meta().Ref] = s.read(before, route, w.log)
	}
	for gateway := range s.graph.Gateways() {
		if gateway.Class == w.class {
			s.gateways = append(s.gateways, gateway)
		}
	}
	slices.SortFunc(s.gateways, func(a, b *hierarchy.Gateway) int { return hierarchy.Compare(a.Meta().Ref, b.Meta().Ref) })
	maps.DeleteFunc(w.addresses, func(ref hierarchy.Ref, _ netip.Addr) bool {
		return !slices.ContainsFunc(s.gateways, func(g *hierarchy.Gateway) bool { return g.Meta().Ref == ref })
	})
	for _, g := range s.gateways {
		if ref := g.Meta().Ref; !w.addresses[ref].IsValid() && w.network.Contains(w.last.Next()) {
			w.last = w.last.Next()
			w.addresses[ref] = w.last
		}
	}
	return s
}
