package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// clients are the clients for reading: whole objects, only their metadata, and the text of lists.
type clients struct {
	dynamic  dynamic.Interface
	metadata metadata.Interface
	text     rest.Interface
}

func newClients(config *rest.Config) (clients, error) {
	whole, err := dynamic.NewForConfig(config)
	if err != nil {
		return clients{}, fmt.Errorf("connecting to the API server: %w", err)
	}
	partial, err := metadata.NewForConfig(config)
	if err != nil {
		return clients{}, fmt.Errorf("connecting to the API server: %w", err)
	}
	config = dynamic.ConfigFor(config)
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return clients{}, fmt.Errorf("connecting to the API server: %w", err)
	}
	text, err := rest.UnversionedRESTClientForConfigAndClient(config, client)
	if err != nil {
		return clients{}, fmt.Errorf("connecting to the API server: %w", err)
	}
	return clients{whole, partial, text}, nil
}

func (c clients) list(ctx context.Context, k kind, options metav1.ListOptions) (runtime.Object, error) {
	if k.metadata {
		return c.metadata.Resource(k.resource).List(ctx, options)
	}
	return c.dynamic.Resource(k.resource).List(ctx, options)
}

// everything lists all objects of a kind as they are now, for a watch.
func (c clients) everything(ctx context.Context, k kind, options metav1.ListOptions) (runtime.Object, error) {
	if k.metadata {
		options.ResourceVersion, options.ResourceVersionMatch = "", ""
		return c.list(ctx, k, options)
	}
	return c.compactly(ctx, k)
}

func (c clients) watch(ctx context.Context, k kind, options metav1.ListOptions) (apiwatch.Interface, error) {
	if k.metadata {
		return c.metadata.Resource(k.resource).Watch(ctx, options)
	}
	return c.dynamic.Resource(k.resource).Watch(ctx, options)
}

// definition reads a CRD; it is nil when there is none.
func (c clients) definition(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	crd, err := c.dynamic.Resource(crdResource).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading CustomResourceDefinition %s: %w", name, err)
	}
	crd.SetManagedFields(nil)
	return crd, nil
}

// watched is one running watch.
type watched struct {
	kind
	stop context.CancelFunc
	// The rest belongs to the reducer. listed means that the watch has delivered the whole first
	// list; refused is why it cannot.
	listed  bool
	refused error
}

// firstPause is how long a watch waits after its first failure. It is short,
// because the API server needs a moment to serve what it says is established.
const firstPause = 50 * time.Millisecond

// lasting is the number of refusals in a row after which they are reported, which takes about two
// seconds. An API server that has just started refuses everything until it has read its roles.
const lasting = 6

// run keeps a watch going until ctx ends.
func (w *watched) run(ctx context.Context, c clients, events *queue, log logr.Logger) {
	refusals := 0 // in a row
	failed := func(err error) error {
		if !apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err) {
			refusals = 0
		}
		switch {
		case err == nil, ctx.Err() != nil, apierrors.IsNotFound(err), apierrors.IsResourceExpired(err), apierrors.IsGone(err):
		case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
			refusals++
			events.put(event{op: opRefused, from: w, err: err, times: refusals})
		default:
			log.Error(err, "Cannot read a kind, trying again", "resource", w.resource.String())
		}
		return err
	}
	listWatch := listFirst{&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			list, err := c.everything(ctx, w.kind, options)
			return list, failed(err)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (apiwatch.Interface, error) {
			watch, err := c.watch(ctx, w.kind, options)
			return watch, failed(err)
		},
	}}
	silent := logr.Discard() // the relevant errors of a reflector were reported above
	reflector := cache.NewReflectorWithOptions(listWatch, nil, &sink{w, events}, cache.ReflectorOptions{
		Logger:          &silent,
		Name:            "cluster",
		TypeDescription: w.resource.String(),
		Backoff:         &wait.Backoff{Duration: firstPause, Factor: 2, Jitter: 0.5, Steps: 10, Cap: 15 * time.Second},
	})
	reflector.RunWithContext(logr.NewContext(ctx, silent))
}

// listFirst makes a reflector list objects before it watches them, and not have the API server send the
// first ones as events.
type listFirst struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported is how a reflector asks.
func (listFirst) IsWatchListSemanticsUnSupported() bool { return true }

// ask finds out, before a watch runs, whether a kind may be read.
func (w *watched) ask(ctx context.Context, c clients, events *queue) {
	_, err := c.dynamic.Resource(w.resource).List(ctx, metav1.ListOptions{Limit: 1})
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		events.put(event{op: opRefused, from: w, err: err, times: 1})
	}
}

// sink puts the events of a reflector into the queue.
type sink struct {
	watched *watched
	events  *queue
}

// object returns what a watch delivered, in compact form.
func (k kind) object(object any) (*unstructured.Unstructured, error) {
	switch o := object.(type) {
	case *unstructured.Unstructured:
		compact(o, k)
		return o, nil
	case *metav1.PartialObjectMetadata:
		return fromMetadata(k, o), nil
	case cache.DeletedFinalStateUnknown:
		return k.object(o.Obj)
	}
	return nil, fmt.Errorf("a watch on %s delivered a %T", k.resource, object)
}

func (s *sink) put(op op, objects ...any) error {
	e := event{op: op, from: s.watched, objects: make([]*unstructured.Unstructured, 0, len(objects))}
	var errs []error
	for _, o := range objects {
		u, err := s.watched.object(o)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		e.objects = append(e.objects, u)
	}
	s.events.put(e)
	return errors.Join(errs...)
}

// Add implements cache.ReflectorStore.
func (s *sink) Add(object any) error { return s.put(opSet, object) }

// Update implements cache.ReflectorStore.
func (s *sink) Update(object any) error { return s.put(opSet, object) }

// Delete implements cache.ReflectorStore.
func (s *sink) Delete(object any) error { return s.put(opRemove, object) }

// Replace implements cache.ReflectorStore.
func (s *sink) Replace(objects []any, _ string) error { return s.put(opReplace, objects...) }

// Resync implements cache.ReflectorStore.
func (s *sink) Resync() error { return nil }
