package workspace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/status"
)

// PublishedResults returns the EffectivePolicy objects of a cluster, which say how data planes
// enforce them; none for manifests, and none if attache is not installed or the user may not read
// them.
func (o *Flags) PublishedResults(ctx context.Context, w *Workspace) (map[hierarchy.Ref]*unstructured.Unstructured, error) {
	if w.Schemas != nil {
		return nil, nil
	}
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	list, err := client.Resource(EffectiveResource).Namespace(w.Namespace).List(ctx, metav1.ListOptions{})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("EffectivePolicy objects: %w", err)
	}
	results := make(map[hierarchy.Ref]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		results[publish.TargetOf(&list.Items[i])] = &list.Items[i]
	}
	return results, nil
}

// PublishedEntries returns the enforcement of a published result; none if it does not exist or the
// user may not read it.
func (o *Flags) PublishedEntries(ctx context.Context, w *Workspace, route hierarchy.Ref) ([]enforcement.Entry, error) {
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	u, err := client.Resource(EffectiveResource).Namespace(route.Namespace).Get(ctx, publish.ObjectName(route), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("the EffectivePolicy of %s: %w", route, err)
	}
	return enforcement.EntriesOf(w.Snapshot.Graph(), u), nil
}

// EntriesOf returns a list of objects in an object.
func EntriesOf(object map[string]any, path ...string) []map[string]any {
	list, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	items, _ := list.([]any)
	entries := make([]map[string]any, 0, len(items))
	for _, item := range items {
		if entry, ok := item.(map[string]any); ok {
			entries = append(entries, entry)
		}
	}
	return entries
}

// EffectiveResource is the API resource of EffectivePolicy objects.
var EffectiveResource = schema.GroupVersionResource{Group: policy.Group, Version: "v1alpha1", Resource: "effectivepolicies"}

// Published is the workspace of a user with the rights of one namespace: what the controller
// published there. Its snapshot only has the built-in kinds.
type Published struct {
	*Workspace
	client  dynamic.Interface
	Objects map[hierarchy.Ref]*unstructured.Unstructured
}

// LoadOrPublished is like Load, or returns what is published if the user may not read the objects
// that the answer is computed from.
func (o *Flags) LoadOrPublished(ctx context.Context) (*Workspace, *Published, error) {
	w, err := o.Load(ctx)
	var forbidden *cluster.ForbiddenError
	if !errors.As(err, &forbidden) {
		return w, nil, err
	}
	p, err := o.ReadPublished(ctx, forbidden)
	return nil, p, err
}

// ReadPublished reads the EffectivePolicy objects of the namespace that the flags name.
func (o *Flags) ReadPublished(ctx context.Context, forbidden *cluster.ForbiddenError) (*Published, error) {
	if o.Selector != "" {
		return nil, fmt.Errorf("%w: -l needs the labels of the objects; leave it out to see what is published", forbidden)
	}
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	namespace := ""
	if !o.AllNamespaces {
		if namespace, _, err = o.Config.ToRawKubeConfigLoader().Namespace(); err != nil {
			return nil, err
		}
	}
	list, err := client.Resource(EffectiveResource).Namespace(namespace).List(ctx, metav1.ListOptions{})
	where := " in namespace " + namespace
	if namespace == "" {
		where = " in all namespaces"
	}
	switch {
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("%w, nor EffectivePolicy objects%s\nname a namespace of yours with -n, or have the ClusterRole attache-cli bound to you", forbidden, where)
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%w, and attache is not installed here, so nothing is published", forbidden)
	case err != nil:
		return nil, err
	}
	p := &Published{client: client, Objects: map[hierarchy.Ref]*unstructured.Unstructured{}}
	for i := range list.Items {
		list.Items[i].SetManagedFields(nil)
		p.Objects[publish.TargetOf(&list.Items[i])] = &list.Items[i]
	}
	if p.Workspace, err = worldOfPublished(namespace, p.targets()); err != nil {
		return nil, err
	}
	o.Note("from the published EffectivePolicy objects%s: %v", where, forbidden)
	return p, nil
}

// worldOfPublished returns a workspace with the built-in kinds, and those of the targets.
func worldOfPublished(namespace string, targets []hierarchy.Ref) (*Workspace, error) {
	builtin, err := source.Builtin()
	if err != nil {
		return nil, err
	}
	snapshot, _ := policy.NewSnapshot(policy.Options{Compile: compileLater}).With(builtin.CRDs()...)
	var more []schema.GroupKind
	for _, target := range targets {
		more = append(more, target.GroupKind)
	}
	return &Workspace{Snapshot: snapshot, Namespace: namespace, kinds: kindsOf(snapshot, more...)}, nil
}

func (p *Published) targets() []hierarchy.Ref {
	targets := make([]hierarchy.Ref, 0, len(p.Objects))
	for ref := range p.Objects {
		targets = append(targets, ref)
	}
	slices.SortFunc(targets, hierarchy.Compare)
	return targets
}

// Find is like Workspace.Find, for what is published.
func (p *Published) Find(args []string) ([]hierarchy.Ref, error) {
	refs, err := p.Workspace.Find(args, p.targets())
	return refs, orUnreached(err)
}

// FindOne is like Workspace.FindOne, for what is published.
func (p *Published) FindOne(args []string) (hierarchy.Ref, error) {
	ref, err := p.Workspace.FindOne(args, p.targets())
	return ref, orUnreached(err)
}

func orUnreached(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\na route that no policy reaches has no EffectivePolicy", err)
}

// SayWithheld notes when an object is not the result of the current policies.
func (o *Flags) SayWithheld(object *unstructured.Unstructured) {
	c := meta.FindStatusCondition(condition.In(object.Object, "status", "conditions"), status.ConditionPublished)
	if c != nil && c.Status != metav1.ConditionTrue {
		o.Note("warning: %s is what was published last: %s: %s", publish.TargetOf(object), c.Reason, c.Message)
	}
}

// Policy reads the policy that the arguments name; nil when they name none.
func (p *Published) Policy(ctx context.Context, args []string) (*unstructured.Unstructured, error) {
	queries, err := p.queries(args)
	if err != nil || len(queries) != 1 || queries[0].name == "" {
		return nil, err
	}
	q := queries[0]
	namespace := p.Namespace
	if q.namespace != "" {
		namespace = q.namespace
	}
	for _, gk := range q.kinds {
		kind, isPolicy := p.Snapshot.Kind(gk)
		if !isPolicy || namespace == "" {
			continue
		}
		resource := schema.GroupVersionResource{Group: gk.Group, Version: kind.Version, Resource: strings.ToLower(kind.Plural)}
		object, err := GetObject(ctx, p.client.Resource(resource).Namespace(namespace), hierarchy.NewRef(gk.Group, gk.Kind, namespace, q.name))
		if object != nil || err != nil {
			return object, err
		}
	}
	return nil, nil
}
