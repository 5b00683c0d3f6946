package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// settleLimit is how long anything may take to become true. It is generous: a
// busy machine must not make the demo fail.
const settleLimit = 2 * time.Minute

// until watches all objects of a resource, and returns when missing says that
// nothing is missing any more. The map is by "namespace/name".
func until(ctx context.Context, client dynamic.Interface, resource schema.GroupVersionResource, missing func(map[string]*unstructured.Unstructured) string) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	list, err := client.Resource(resource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing %s: %w", resource.Resource, err)
	}
	objects := map[string]*unstructured.Unstructured{}
	for i := range list.Items {
		objects[key(&list.Items[i])] = &list.Items[i]
	}
	if missing(objects) == "" {
		return nil
	}
	events, err := client.Resource(resource).Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	if err != nil {
		return fmt.Errorf("watching %s: %w", resource.Resource, err)
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		object, ok := event.Object.(*unstructured.Unstructured)
		switch {
		case !ok:
			return fmt.Errorf("watching %s: %v", resource.Resource, event.Object)
		case event.Type == watch.Deleted:
			delete(objects, key(object))
		default:
			objects[key(object)] = object
		}
		if missing(objects) == "" {
			return nil
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return fmt.Errorf("%s did not become as expected within %s: %s", resource.Resource, settleLimit, missing(objects))
}

func key(object *unstructured.Unstructured) string {
	return object.GetNamespace() + "/" + object.GetName()
}

// lacking names the entries of want that have does not have with that value,
// and those that it has in excess.
func lacking(want, have map[string]string) string {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if have[name] != want[name] {
			problems = append(problems, fmt.Sprintf("%s has %q instead of %q", name, have[name], want[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, wanted := want[name]; !wanted {
			problems = append(problems, name+" should not be there")
		}
	}
	return strings.Join(problems, "; ")
}
