package workspace

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/explain"
)

// Existence returns a function that tells whether an object exists: among the manifests, or on the
// cluster, as far as the user may read it.
func (o *Flags) Existence(ctx context.Context, w *Workspace) func(hierarchy.Ref) string {
	if len(o.Files) > 0 {
		present := map[hierarchy.Ref]bool{}
		for _, d := range w.Documents {
			gk := d.Object.GroupVersionKind().GroupKind()
			present[hierarchy.NewRef(gk.Group, gk.Kind, d.Object.GetNamespace(), d.Object.GetName())] = true
		}
		return func(ref hierarchy.Ref) string {
			clusterScoped := ref
			clusterScoped.Namespace = ""
			if present[ref] || present[clusterScoped] {
				return explain.StateExists
			}
			return explain.StateNotHere
		}
	}
	return func(ref hierarchy.Ref) string { return o.ask(ctx, ref) }
}

func (o *Flags) ask(ctx context.Context, ref hierarchy.Ref) string {
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return explain.StateUnknown
	}
	mapper, err := o.Config.ToRESTMapper()
	if err != nil {
		return explain.StateUnknown
	}
	mapping, err := mapper.RESTMapping(ref.GroupKind)
	if err != nil {
		return explain.StateUnknown + ": no such kind is served"
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return explain.StateUnknown
	}
	_, err = client.Resource(mapping.Resource).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	switch {
	case err == nil:
		return explain.StateExists
	case apierrors.IsNotFound(err):
		return explain.StateMissing
	}
	return explain.StateUnknown
}
