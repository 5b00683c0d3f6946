package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

const mergePatch = types.MergePatchType

// written are the annotations that attache writes on objects of others.
var written = []string{publish.Annotation, injected.Annotation, export.RetryAnnotation}

// giveBack removes injected values from routes, and our annotations from routes and Gateways.
func (u *uninstall) giveBack(ctx context.Context) (int, error) {
	resources, err := u.annotated(ctx)
	if err != nil {
		return 0, err
	}
	all := 0
	for _, resource := range resources {
		_, err := u.each(ctx, resource, "", "", func(o *unstructured.Unstructured) error {
			changed, err := u.restore(ctx, resource, o)
			if changed {
				all++
			}
			return err
		})
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// restore writes an object as its owner wrote it, and retries if somebody else wrote it in the
// meantime.
func (u *uninstall) restore(ctx context.Context, resource schema.GroupVersionResource, o *unstructured.Unstructured) (bool, error) {
	client := u.client.Resource(resource).Namespace(o.GetNamespace())
	for {
		if !slices.ContainsFunc(written, func(key string) bool { _, has := o.GetAnnotations()[key]; return has }) {
			return false, nil
		}
		own := (&unstructured.Unstructured{Object: injected.OwnObject(o.Object)}).DeepCopy()
		annotations := own.GetAnnotations()
		for _, key := range written {
			delete(annotations, key)
		}
		if len(annotations) == 0 {
			annotations = nil
		}
		own.SetAnnotations(annotations)
		_, err := client.Update(ctx, own, metav1.UpdateOptions{FieldManager: "attache-uninstall"})
		switch {
		case err == nil:
			return true, nil
		case apierrors.IsNotFound(err):
			return false, nil
		case !apierrors.IsConflict(err):
			return false, err
		}
		if o, err = client.Get(ctx, o.GetName(), metav1.GetOptions{}); err != nil {
			return false, err
		}
	}
}

// annotated returns the kinds that may have our annotations: the namespaced kinds of Gateway API,
// and the route kinds in the release's settings.
func (u *uninstall) annotated(ctx context.Context) ([]schema.GroupVersionResource, error) {
	lists, err := u.discovery.ServerPreferredResources()
	if len(lists) == 0 {
		return nil, fmt.Errorf("the API server lists no kinds: %w", err)
	}
	told := ""
	settings, err := u.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).
		Namespace(u.namespace).Get(ctx, "attache-settings", metav1.GetOptions{})
	if err == nil {
		told, _, _ = unstructured.NestedString(settings.Object, "data", "routeKinds")
	} else if !apierrors.IsNotFound(err) {
		return nil, err
	}
	listed := strings.Split(told, ",")
	found := discovery.FilteredBy(discovery.ResourcePredicateFunc(func(groupVersion string, r *metav1.APIResource) bool {
		group, _, _ := strings.Cut(groupVersion, "/")
		return r.Namespaced && slices.Contains(r.Verbs, "update") &&
			(group == hierarchy.Group || slices.Contains(listed, r.Kind+"."+group))
	}), lists)
	var resources []schema.GroupVersionResource
	for _, list := range found {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, r := range list.APIResources {
			resources = append(resources, version.WithResource(r.Name))
		}
	}
	return resources, nil
}

// takenUp is how long data planes may take to see that a route no longer names an object. Until
// then they would answer its requests with an error.
const takenUp = 5 * time.Second

// deleteExported deletes the objects of exporters, which no route names any more.
func (u *uninstall) deleteExported(ctx context.Context) (int, error) {
	all := 0
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(takenUp):
	}
	for _, r := range exporters.All() {
		for _, k := range r.Kinds {
			resource := schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Plural}
			n, err := u.deleteEach(ctx, resource, "", export.ManagedByLabel+"="+export.ManagedBy, export.Ours)
			if all += n; err != nil {
				return all, err
			}
		}
	}
	return all, nil
}

// deleteResults deletes the published results.
func (u *uninstall) deleteResults(ctx context.Context) (int, error) {
	return u.deleteEach(ctx, schema.GroupVersionResource{Group: policy.Group, Version: "v1alpha1", Resource: "effectivepolicies"}, "", "", nil)
}

// deleteReports deletes the policy reports that the controller wrote, in every format: the setting may
// have been changed. Reports of others stay.
func (u *uninstall) deleteReports(ctx context.Context) (int, error) {
	all := 0
	for _, format := range status.ReportFormats() {
		n, err := u.deleteEach(ctx, format.Resource, "", status.ReportLabel+"="+status.ReportOwner, func(o *unstructured.Unstructured) bool {
			return o.GetName() == status.ReportName
		})
		if all += n; err != nil {
			return all, err
		}
	}
	return all, nil
}

// deleteOwn deletes the controller's own objects.
func (u *uninstall) deleteOwn(ctx context.Context) (int, error) {
	n, err := u.deleteEach(ctx, leases, u.namespace, "", func(o *unstructured.Unstructured) bool { return o.GetName() == lease })
	if err != nil {
		return n, err
	}
	more, err := u.deleteEach(ctx, secrets, u.namespace, "attache.dev/authority=true", nil)
	return n + more, err
}
