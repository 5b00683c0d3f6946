package command

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/edit"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/console"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/source/cluster"
)

// uiCluster shows a cluster, and follows it.
type uiCluster struct {
	options *options
	client  dynamic.Interface
	run     string // distinguishes the versions of this run from those of others

	mu          sync.Mutex
	world       *view.World
	last        int
	subscribers map[int]func(*view.World, []hierarchy.Ref)
	subscribed  int
}

// uiCluster first reads the cluster once, so that errors are reported at once, and then follows it.
func (o *options) uiCluster(ctx context.Context) (uiWorld, error) {
	o.Config.WithWrapConfigFn(readOnly)
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, workspace.OrFiles)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	c := &uiCluster{options: o, client: client, run: console.NewToken()[:8], subscribers: map[int]func(*view.World, []hierarchy.Ref){}}
	w, err := o.Load(ctx)
	if err != nil {
		return o.orPublished(ctx, c, config, err)
	}
	settings, err := o.ClusterSettings(ctx, config)
	if err != nil {
		return nil, err
	}
	live, err := cluster.New(config, cluster.Options{Policy: settings})
	if err != nil {
		return nil, err
	}
	c.world = &view.World{
		Snapshot: w.Snapshot, Version: c.run + "-0", Context: o.contextName(), Namespace: w.Namespace, Live: true,
		Problems: w.Problems, Exists: o.Existence(ctx, w), Enforced: c.enforced, Hidden: c.hidden(ctx, c.kindsOfResources(w.Skipped)),
	}
	c.world.Guardrails, c.world.Problems = c.guardrails(ctx, w.Problems)
	// It ends with the command.
	live.Subscribe(func(b cluster.Batch) { c.next(ctx, b) })
	go func() {
		if err := live.Start(ctx); err != nil {
			o.Note("%v", err)
		}
	}()
	go c.watchServer(ctx, config)
	return c, nil
}

// contextName is the context of the kubeconfig that is used.
func (o *options) contextName() string {
	if name := *o.Config.Context; name != "" {
		return name
	}
	raw, err := o.Config.ToRawKubeConfigLoader().RawConfig()
	if err != nil || raw.CurrentContext == "" {
		return "cluster"
	}
	return raw.CurrentContext
}

// enforced returns how data planes enforce policies on a route, from its current EffectivePolicy;
// nothing for users who may not read it.
func (c *uiCluster) enforced(ctx context.Context, route hierarchy.Ref) []any {
	u, err := c.client.Resource(workspace.EffectiveResource).Namespace(route.Namespace).Get(ctx, publish.ObjectName(route), metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return publishedEnforcementOf(u)
}

// guardrails reads them, and adds to the problems when they cannot be read.
func (c *uiCluster) guardrails(ctx context.Context, problems []string) ([]*unstructured.Unstructured, []string) {
	list, err := edit.GuardrailsOf(ctx, c.client)
	if err != nil {
		problems = append(slices.Clip(problems), err.Error())
	}
	return list, problems
}

// next makes the world of a newer snapshot.
func (c *uiCluster) next(ctx context.Context, b cluster.Batch) {
	guardrails := slices.ContainsFunc(b.Changed, func(ref hierarchy.Ref) bool { return ref.GroupKind == workspace.GuardrailKind })
	var list []*unstructured.Unstructured
	if guardrails {
		list, _ = c.guardrails(ctx, nil)
	}
	c.change(append(b.Changed, b.Written...), func(w *view.World) {
		w.Snapshot = b.After
		if guardrails && list != nil {
			w.Guardrails = list
		}
	})
}

// change makes a newer world, and notifies subscribers.
func (c *uiCluster) change(changed []hierarchy.Ref, update func(*view.World)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	w := *c.world
	w.Version = c.run + "-" + strconv.Itoa(c.last)
	update(&w)
	c.world = &w
	for _, tell := range c.subscribers {
		tell(&w, changed)
	}
}

// World implements console.Source.
func (c *uiCluster) World() *view.World {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.world
}

// Subscribe implements console.Source.
func (c *uiCluster) Subscribe(f func(*view.World, []hierarchy.Ref)) (cancel func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subscribed++
	id := c.subscribed
	c.subscribers[id] = f
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.subscribers, id)
	}
}

// Object implements console.Workshop.
func (c *uiCluster) Object(ctx context.Context, _ *view.World, ref hierarchy.Ref) (*unstructured.Unstructured, error) {
	mapper, err := c.options.Config.ToRESTMapper()
	if err != nil {
		return nil, err
	}
	mapping, err := mapper.RESTMapping(ref.GroupKind)
	if err != nil {
		return nil, fmt.Errorf("no such kind is served: %w", err)
	}
	return c.client.Resource(mapping.Resource).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
}

// Change implements console.Workshop.
func (c *uiCluster) Change(ctx context.Context, _ *view.World, e console.Edit) (*preview.Change, []string, error) {
	around, err := edit.OfCluster(ctx, c.options.Flags)
	if err != nil {
		return nil, nil, err
	}
	return editOf(ctx, around, e, c.options.Recursive)
}
