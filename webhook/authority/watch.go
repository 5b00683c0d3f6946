package authority

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

var (
	secrets    = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	validating = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}
	mutating   = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"}
)

// configurationResources are the two kinds of webhook configurations.
var configurationResources = [...]schema.GroupVersionResource{validating, mutating}

// watched is one object by name. The right to list and watch this one is enough.
type watched struct {
	resource        schema.GroupVersionResource
	namespace, name string
	informer        cache.SharedIndexInformer
}

// watch prepares to watch an object; changed is called whenever it may have changed.
func watch(client dynamic.Interface, resource schema.GroupVersionResource, namespace, name string, log logr.Logger, changed func()) (*watched, error) {
	only := func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
	}
	w := &watched{resource: resource, namespace: namespace, name: name}
	w.informer = dynamicinformer.NewFilteredDynamicInformer(client, resource, namespace, 0, cache.Indexers{}, only).Informer()
	err := w.informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
		log.Info("Cannot watch what certificates depend on; trying again", "resource", resource.Resource, "name", name, "error", err.Error())
	})
	if err != nil {
		return nil, fmt.Errorf("watching %s %s: %w", resource.Resource, name, err)
	}
	_, err = w.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { changed() },
		UpdateFunc: func(any, any) { changed() },
		DeleteFunc: func(any) { changed() },
	})
	return w, err
}

// object is the object as it was seen last; nil when it is not there.
func (w *watched) object() *unstructured.Unstructured {
	key := w.name
	if w.namespace != "" {
		key = w.namespace + "/" + w.name
	}
	item, found, err := w.informer.GetStore().GetByKey(key)
	if err != nil || !found {
		return nil
	}
	u, _ := item.(*unstructured.Unstructured)
	return u
}

// nudger wakes a loop up. Many nudges at once are one.
type nudger chan struct{}

func newNudger() nudger { return make(nudger, 1) }

func (n nudger) nudge() {
	select {
	case n <- struct{}{}:
	default:
	}
}
