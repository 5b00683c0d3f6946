package planes

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export/exporters"
)

// lists returns the kinds that are only read from a cluster for export.
func lists() []schema.GroupVersionResource {
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

// Read reads from a cluster what export needs besides policies: routes whole, the objects of data
// planes' APIs, and the CRD of HTTPRoute.
func (p *Planes) Read(ctx context.Context, config *rest.Config, note func(format string, args ...any)) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	p.missing = map[string]bool{}
	for _, gvr := range lists() {
		list, err := client.Resource(gvr).Namespace(p.Workspace.Namespace).List(ctx, metav1.ListOptions{})
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
	p.RouteCRD = crd
	return nil
}
