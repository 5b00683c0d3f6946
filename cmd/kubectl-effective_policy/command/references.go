package command

import (
	"context"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/hierarchy"
)

// What is known of an object that another one refers to.
const (
	stateExists       = "exists"
	stateMissing      = "does not exist"
	stateUnknown      = "not known"
	stateNotPermitted = "not permitted"
	// stateNotHere is for manifests: what is not among them may be elsewhere.
	stateNotHere = "not among the manifests"
)

// existence finds out whether objects exist: among the manifests, or on the
// cluster as far as the person may read them.
func (o *options) existence(ctx context.Context, w *world) func(hierarchy.Ref) string {
	if len(o.files) > 0 {
		present := map[hierarchy.Ref]bool{}
		for _, d := range w.documents {
			gk := d.Object.GroupVersionKind().GroupKind()
			present[hierarchy.NewRef(gk.Group, gk.Kind, d.Object.GetNamespace(), d.Object.GetName())] = true
		}
		return func(ref hierarchy.Ref) string {
			clusterScoped := ref
			clusterScoped.Namespace = ""
			if present[ref] || present[clusterScoped] {
				return stateExists
			}
			return stateNotHere
		}
	}
	return func(ref hierarchy.Ref) string { return o.ask(ctx, ref) }
}

func (o *options) ask(ctx context.Context, ref hierarchy.Ref) string {
	config, err := o.config.ToRESTConfig()
	if err != nil {
		return stateUnknown
	}
	mapper, err := o.config.ToRESTMapper()
	if err != nil {
		return stateUnknown
	}
	mapping, err := mapper.RESTMapping(ref.GroupKind)
	if err != nil {
		return stateUnknown + ": no such kind is served"
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return stateUnknown
	}
	_, err = client.Resource(mapping.Resource).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	switch {
	case err == nil:
		return stateExists
	case apierrors.IsNotFound(err):
		return stateMissing
	}
	return stateUnknown
}

// references lists what an object names outside the hierarchy, each with whether
// it exists. Of what it may not refer to nothing is said (R45).
func (w *world) references(ref hierarchy.Ref, exists func(hierarchy.Ref) string) []referred {
	var refs []hierarchy.Reference
	object, _ := w.snapshot.Graph().Get(ref)
	switch o := object.(type) {
	case *hierarchy.GatewayClass:
		refs = appendPresent(refs, o.Parameters)
	case *hierarchy.Gateway:
		refs = append(appendPresent(refs, o.Parameters), o.References...)
		for i := range o.Listeners {
			refs = append(refs, o.Listeners[i].Certificates...)
		}
	case *hierarchy.ListenerSet:
		for i := range o.Listeners {
			refs = append(refs, o.Listeners[i].Certificates...)
		}
	case *hierarchy.Route:
		for i := range o.Rules {
			refs = slices.Concat(refs, o.Rules[i].Backends, o.Rules[i].Extensions)
		}
	}
	out := make([]referred, 0, len(refs))
	for _, r := range refs {
		state := stateNotPermitted
		if w.snapshot.Graph().Permits(ref.GroupKind, ref.Namespace, r.To) || ref.Namespace == "" {
			state = exists(r.To)
		}
		out = append(out, referred{Field: r.Field, To: r.To.String(), State: state})
	}
	slices.SortFunc(out, func(a, b referred) int { return strings.Compare(a.Field, b.Field) })
	return out
}

func appendPresent(refs []hierarchy.Reference, r *hierarchy.Reference) []hierarchy.Reference {
	if r == nil {
		return refs
	}
	return append(refs, *r)
}
