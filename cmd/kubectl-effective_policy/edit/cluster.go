package edit

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/source/cluster"
)

// OfCluster returns the cluster of the current context as the base of an edit.
func OfCluster(ctx context.Context, o *workspace.Flags) (*Base, error) {
	config, err := o.Connection()
	if err != nil {
		return nil, workspace.ClusterUnread(err, orBase)
	}
	config.QPS = -1 // as in readCluster
	around := &Base{Say: o.SayPassedOver, progress: o.Progress, stored: preview.Applied, exporters: planes.AllExporters}
	if around.namespace, _, err = o.Config.ToRawKubeConfigLoader().Namespace(); err != nil {
		return nil, err
	}
	if around.Settings, err = o.ClusterSettings(ctx, config); err != nil {
		return nil, workspace.ClusterUnread(err, orBase)
	}
	read, err := cluster.Objects(ctx, config, around.Settings)
	if err != nil {
		return nil, workspace.ClusterUnread(err, orBase)
	}
	o.SaySkipped(read.Skipped)
	around.Objects = read.Objects
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	if err := around.readPlanes(ctx, client); err != nil {
		return nil, err
	}
	guardrails, err := GuardrailsOf(ctx, client)
	if err != nil {
		return nil, err
	}
	there := map[hierarchy.Ref]bool{}
	resources := map[schema.GroupKind]string{{Kind: "Namespace"}: "namespaces", {Group: policy.Group, Kind: "PolicyGuardrail"}: guardrailResource.Resource}
	for _, u := range around.Objects {
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
			around.Objects = append(around.Objects, u)
		}
	}
	versions := map[hierarchy.Ref]string{}
	for _, u := range around.Objects {
		versions[hierarchy.RefOf(u)] = u.GroupVersionKind().Version
	}
	around.old = func(ref hierarchy.Ref) (*unstructured.Unstructured, error) {
		if !there[ref] || resources[ref.GroupKind] == "" {
			return nil, nil
		}
		resource := schema.GroupVersionResource{Group: ref.GroupKind.Group, Version: versions[ref], Resource: resources[ref.GroupKind]}
		return workspace.GetObject(ctx, client.Resource(resource).Namespace(ref.Namespace), ref)
	}
	return around, nil
}
