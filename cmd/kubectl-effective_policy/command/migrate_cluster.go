package command

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/pager"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/document"
)

// migrationResources are what migrate reads of a cluster: lists, page by page. Of
// Secrets it needs nothing, and of ConfigMaps only those that are named.
func migrationResources() []kschema.GroupVersionResource {
	gateway := func(resource string) kschema.GroupVersionResource {
		return kschema.GroupVersionResource{Group: hierarchy.Group, Version: "v1", Resource: resource}
	}
	return []kschema.GroupVersionResource{
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingressclasses"},
		{Version: "v1", Resource: "services"}, {Version: "v1", Resource: "namespaces"},
		gateway("gatewayclasses"), gateway("gateways"), gateway("listenersets"), gateway("referencegrants"),
		gateway("httproutes"), gateway("grpcroutes"), gateway("tlsroutes"),
		{Group: "traefik.io", Version: "v1alpha1", Resource: "middlewares"},
		{Group: "traefik.io", Version: "v1alpha1", Resource: "serverstransports"},
		{Group: "configuration.konghq.com", Version: "v1", Resource: "kongplugins"},
		{Group: "attache.dev", Version: "v1alpha1", Resource: "timeoutpolicies"},
		{Group: "attache.dev", Version: "v1alpha1", Resource: "retrypolicies"},
		{Group: "attache.dev", Version: "v1alpha1", Resource: "ratelimitpolicies"},
	}
}

// readIngresses reads the old side, and what is there of the new one, from the
// cluster (M2).
func (o *options) readIngresses(ctx context.Context) ([]document.Object, error) {
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("%w\n"+workspace.OrFiles, err)
	}
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	var objects []document.Object
	take := func(u *unstructured.Unstructured) {
		unstructured.RemoveNestedField(u.Object, "metadata", "managedFields")
		objects = append(objects, document.Object{Unstructured: u})
	}
	for _, resource := range migrationResources() {
		err := eachOf(ctx, client.Resource(resource), metav1.ListOptions{}, take)
		if apierrors.IsNotFound(err) && resource.Resource != "ingresses" {
			continue // the cluster has no such kind
		}
		if err != nil {
			return nil, fmt.Errorf("%w\n"+workspace.OrFiles, err)
		}
	}
	maps := client.Resource(kschema.GroupVersionResource{Version: "v1", Resource: "configmaps"})
	err = eachOf(ctx, maps, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + controller.IngressNginx}, take)
	if err != nil && !apierrors.IsForbidden(err) {
		return nil, err
	}
	if err := o.readReplicas(ctx, client, take); err != nil {
		return nil, err
	}
	for _, name := range controller.NamedConfigMaps(objects) {
		u, err := maps.Namespace(name.Namespace).Get(ctx, name.Name, metav1.GetOptions{})
		if err == nil && !slices.ContainsFunc(objects, func(have document.Object) bool {
			return have.GetKind() == "ConfigMap" && have.GetNamespace() == u.GetNamespace() && have.GetName() == u.GetName()
		}) {
			take(u)
		}
	}
	return objects, nil
}

// readReplicas reads what says how many Pods of ingress-nginx count limits (M55). Without
// the right to it the number is asked for.
func (o *options) readReplicas(ctx context.Context, client dynamic.Interface, take func(*unstructured.Unstructured)) error {
	for _, scaled := range []kschema.GroupVersionResource{
		{Group: "apps", Version: "v1", Resource: "deployments"}, {Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"},
	} {
		options := metav1.ListOptions{}
		if scaled.Resource == "deployments" {
			options.LabelSelector = "app.kubernetes.io/name=" + controller.IngressNginx
		}
		err := eachOf(ctx, client.Resource(scaled), options, take)
		if apierrors.IsForbidden(err) {
			o.Note("warning: you may not list %s, so that --replicas has to say how many Pods of the controller count limits", scaled.Resource)
		} else if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

func eachOf(ctx context.Context, resource dynamic.NamespaceableResourceInterface, options metav1.ListOptions, take func(*unstructured.Unstructured)) error {
	p := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return resource.List(ctx, options)
	})
	return p.EachListItem(ctx, options, func(object runtime.Object) error {
		u, ok := object.(*unstructured.Unstructured)
		if !ok {
			return errors.New("the API server sent something that is not an object")
		}
		take(u)
		return nil
	})
}
