package command

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
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/status"
)

// effectiveResource is where an API server has EffectivePolicy objects.
var effectiveResource = kschema.GroupVersionResource{Group: policy.Group, Version: "v1alpha1", Resource: "effectivepolicies"}

// publishedWorld is what somebody with the rights of one namespace works on: what
// the controller published there. Its snapshot has the built-in kinds and nothing
// else.
type publishedWorld struct {
	*workspace
	client  dynamic.Interface
	objects map[hierarchy.Ref]*unstructured.Unstructured
}

// loadOrPublished is load, or what is published where this person may not read
// what the answer is computed from.
func (o *sharedFlags) loadOrPublished(ctx context.Context) (*workspace, *publishedWorld, error) {
	w, err := o.load(ctx)
	var forbidden *cluster.ForbiddenError
	if !errors.As(err, &forbidden) {
		return w, nil, err
	}
	p, err := o.readPublished(ctx, forbidden)
	return nil, p, err
}

func (o *sharedFlags) readPublished(ctx context.Context, forbidden *cluster.ForbiddenError) (*publishedWorld, error) {
	if o.selector != "" {
		return nil, fmt.Errorf("%w: -l needs the labels of the objects; leave it out to see what is published", forbidden)
	}
	config, err := o.config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	namespace := ""
	if !o.allNamespaces {
		if namespace, _, err = o.config.ToRawKubeConfigLoader().Namespace(); err != nil {
			return nil, err
		}
	}
	list, err := client.Resource(effectiveResource).Namespace(namespace).List(ctx, metav1.ListOptions{})
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
	p := &publishedWorld{client: client, objects: map[hierarchy.Ref]*unstructured.Unstructured{}}
	for i := range list.Items {
		list.Items[i].SetManagedFields(nil)
		p.objects[publish.TargetOf(&list.Items[i])] = &list.Items[i]
	}
	if p.workspace, err = worldOfPublished(namespace, p.targets()); err != nil {
		return nil, err
	}
	o.note("from the published EffectivePolicy objects%s: %v", where, forbidden)
	return p, nil
}

// worldOfPublished knows the kinds that are built in, and those of the targets.
func worldOfPublished(namespace string, targets []hierarchy.Ref) (*workspace, error) {
	builtin, err := source.Builtin()
	if err != nil {
		return nil, err
	}
	snapshot, _ := policy.NewSnapshot(policy.Options{Compile: compileLater}).With(builtin.CRDs()...)
	var more []kschema.GroupKind
	for _, target := range targets {
		more = append(more, target.GroupKind)
	}
	return &workspace{snapshot: snapshot, namespace: namespace, kinds: kindsOf(snapshot, more...)}, nil
}

func (p *publishedWorld) targets() []hierarchy.Ref {
	targets := make([]hierarchy.Ref, 0, len(p.objects))
	for ref := range p.objects {
		targets = append(targets, ref)
	}
	slices.SortFunc(targets, hierarchy.Compare)
	return targets
}

// find is workspace.find among what is published.
func (p *publishedWorld) find(args []string) ([]hierarchy.Ref, error) {
	refs, err := p.workspace.find(args, p.targets())
	return refs, orUnreached(err)
}

// findOne is workspace.findOne among what is published.
func (p *publishedWorld) findOne(args []string) (hierarchy.Ref, error) {
	ref, err := p.workspace.findOne(args, p.targets())
	return ref, orUnreached(err)
}

func orUnreached(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\na route that no policy reaches has no EffectivePolicy", err)
}

func (o *options) getPublished(p *publishedWorld, args []string, flags *getFlags) error {
	if flags.given() || flags.all {
		return errors.New("filters and --all look at all routes and policies: have the ClusterRole attache-cli bound to you")
	}
	targets, err := p.find(args)
	if err != nil {
		return err
	}
	shown := make([]shownPolicy, len(targets))
	for i, target := range targets {
		shown[i] = shownPolicy{object: p.objects[target]}
		o.sayWithheld(shown[i].object)
	}
	slices.SortFunc(shown, compareShown)
	if err := o.printShown(p.workspace, shown, flags, len(args) > 0); err != nil {
		return err
	}
	if flags.fail && len(shown) > 0 {
		return errFinding
	}
	return nil
}

// sayWithheld says when an object is not what the policies of now come to.
func (o *sharedFlags) sayWithheld(object *unstructured.Unstructured) {
	c := meta.FindStatusCondition(condition.In(object.Object, "status", "conditions"), status.ConditionPublished)
	if c != nil && c.Status != metav1.ConditionTrue {
		o.note("warning: %s is what was published last: %s: %s", publish.TargetOf(object), c.Reason, c.Message)
	}
}

func (o *options) explainPublished(p *publishedWorld, args []string, on explain.Selection, noEnforcement bool) error {
	target, err := p.findOne(args)
	if err != nil {
		return err
	}
	sectionInto(&on, target, target.GroupKind != hierarchy.GatewayKind)
	object := p.objects[target.Object()]
	e, err := explain.Published(p.snapshot, object, on)
	if err != nil {
		return err
	}
	o.sayWithheld(object)
	if o.output == formatJSON || o.output == formatYAML {
		return encode(o.streams.Out, o.output, e)
	}
	var entries []enforcement.Entry
	if !noEnforcement {
		entries = enforcement.EntriesOf(p.snapshot.Graph(), object)
	}
	return o.printExplanation(e, entries)
}

func (o *options) describePublished(ctx context.Context, p *publishedWorld, args []string) error {
	target, err := p.findOne(args)
	if err != nil {
		object, policyErr := p.policy(ctx, args)
		if policyErr != nil {
			return policyErr
		}
		if object == nil {
			return err
		}
		return o.printDescription(explain.DescribePublishedPolicy(object, status.ControllerName))
	}
	object := p.objects[target.Object()]
	d, err := explain.DescribePublished(object)
	if err != nil {
		return err
	}
	o.sayWithheld(object)
	return o.printDescription(d)
}

// policy reads the policy that the arguments name; nil when they name none.
func (p *publishedWorld) policy(ctx context.Context, args []string) (*unstructured.Unstructured, error) {
	queries, err := p.queries(args)
	if err != nil || len(queries) != 1 || queries[0].name == "" {
		return nil, err
	}
	q := queries[0]
	namespace := p.namespace
	if q.namespace != "" {
		namespace = q.namespace
	}
	for _, gk := range q.kinds {
		kind, isPolicy := p.snapshot.Kind(gk)
		if !isPolicy || namespace == "" {
			continue
		}
		resource := kschema.GroupVersionResource{Group: gk.Group, Version: kind.Version, Resource: strings.ToLower(kind.Plural)}
		object, err := getObject(ctx, p.client.Resource(resource).Namespace(namespace), hierarchy.NewRef(gk.Group, gk.Kind, namespace, q.name))
		if object != nil || err != nil {
			return object, err
		}
	}
	return nil, nil
}
