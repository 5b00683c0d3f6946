package command

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/source/cluster"
)

// guardrailResource is where an API server has guardrails.
var guardrailResource = schema.GroupVersionResource{Group: policy.Group, Version: "v1alpha1", Resource: "policyguardrails"}

// baselineOfCluster is a cluster that an edit is made to.
func baselineOfCluster(ctx context.Context, o *sharedFlags) (*baseline, error) {
	config, err := o.connection()
	if err != nil {
		return nil, clusterUnread(err, orBase)
	}
	config.QPS = -1 // as in readCluster
	around := &baseline{say: o.sayPassedOver, progress: o.progress, stored: preview.Applied, exporters: allExporters}
	if around.namespace, _, err = o.config.ToRawKubeConfigLoader().Namespace(); err != nil {
		return nil, err
	}
	if around.settings, err = o.clusterSettings(ctx, config); err != nil {
		return nil, clusterUnread(err, orBase)
	}
	read, err := cluster.Objects(ctx, config, around.settings)
	if err != nil {
		return nil, clusterUnread(err, orBase)
	}
	o.saySkipped(read.Skipped)
	around.objects = read.Objects
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	if err := around.readPlanes(ctx, client); err != nil {
		return nil, err
	}
	guardrails, err := guardrailsOf(ctx, client)
	if err != nil {
		return nil, err
	}
	there := map[hierarchy.Ref]bool{}
	resources := map[schema.GroupKind]string{{Kind: "Namespace"}: "namespaces", {Group: policy.Group, Kind: "PolicyGuardrail"}: guardrailResource.Resource}
	for _, u := range around.objects {
		there[hierarchy.RefOf(u)] = true
		if !crd.Is(u) {
			continue
		}
		if d, err := (crd.Known{}).Read(u); err == nil {
			resources[d.GroupKind] = d.Plural
		}
	}
	for _, u := range guardrails {
		if ref := hierarchy.RefOf(u); !there[ref] {
			there[ref] = true
			around.objects = append(around.objects, u)
		}
	}
	versions := map[hierarchy.Ref]string{}
	for _, u := range around.objects {
		versions[hierarchy.RefOf(u)] = u.GroupVersionKind().Version
	}
	around.old = func(ref hierarchy.Ref) (*unstructured.Unstructured, error) {
		if !there[ref] || resources[ref.GroupKind] == "" {
			return nil, nil
		}
		resource := schema.GroupVersionResource{Group: ref.GroupKind.Group, Version: versions[ref], Resource: resources[ref.GroupKind]}
		return getObject(ctx, client.Resource(resource).Namespace(ref.Namespace), ref)
	}
	return around, nil
}

// getObject reads one object; nil when it is not there.
func getObject(ctx context.Context, client dynamic.ResourceInterface, ref hierarchy.Ref) (*unstructured.Unstructured, error) {
	u, err := client.Get(ctx, ref.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	u.SetManagedFields(nil)
	return u, nil
}

// guardrailsOf lists the guardrails of a cluster; there are none where the CRD
// is not installed.
func guardrailsOf(ctx context.Context, client dynamic.Interface) ([]*unstructured.Unstructured, error) {
	list, err := client.Resource(guardrailResource).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", guardrailResource.GroupResource(), err)
	}
	objects := make([]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		objects[i] = &list.Items[i]
	}
	return objects, nil
}
