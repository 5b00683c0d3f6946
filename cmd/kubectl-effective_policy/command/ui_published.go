package command

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/console"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/source/cluster"
)

// uiAgain is how often the published objects are read again.
const uiAgain = 10 * time.Second

// uiPublished shows what the controller published in the namespaces of a user who may not read the
// sources of these results.
type uiPublished struct {
	*uiCluster
}

// uiPublished reads it, and reads it again from time to time.
func (o *options) uiPublished(ctx context.Context, c *uiCluster, config *rest.Config, forbidden *cluster.ForbiddenError) (uiWorld, error) {
	p, err := o.ReadPublished(ctx, forbidden)
	if err != nil {
		return nil, err
	}
	c.world = &view.World{
		Snapshot: p.Snapshot, Version: c.run + "-0", Context: o.contextName(), Namespace: p.Namespace, Live: true,
		Published: p.Objects, Hidden: c.hidden(ctx, kindsAbout(p.Snapshot)),
	}
	go c.watchServer(ctx, config)
	quiet := *o.Flags
	quiet.Quiet = true
	go func() {
		again := time.NewTicker(uiAgain)
		defer again.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-again.C:
			}
			if p, err := quiet.ReadPublished(ctx, forbidden); err == nil {
				c.published(p)
			}
		}
	}()
	return &uiPublished{c}, nil
}

// published makes a newer world if anything changed.
func (c *uiCluster) published(p *workspace.Published) {
	var changed []hierarchy.Ref
	old := c.World().Published
	for ref, object := range p.Objects {
		if was := old[ref]; was == nil || was.GetResourceVersion() != object.GetResourceVersion() {
			changed = append(changed, ref)
		}
	}
	for ref := range old {
		if p.Objects[ref] == nil {
			changed = append(changed, ref)
		}
	}
	if len(changed) == 0 {
		return
	}
	c.change(changed, func(w *view.World) { w.Published = p.Objects })
}

// Change implements console.Workshop.
func (c *uiPublished) Change(context.Context, *view.World, console.Edit) (*preview.Change, []string, error) {
	return nil, nil, errors.New("what an edit would do depends on objects that you may not list")
}

// orPublished returns what to show when the user may not read the whole cluster.
func (o *options) orPublished(ctx context.Context, c *uiCluster, config *rest.Config, err error) (uiWorld, error) {
	var forbidden *cluster.ForbiddenError
	if errors.As(err, &forbidden) {
		return o.uiPublished(ctx, c, config, forbidden)
	}
	return nil, err
}

// publishedEnforcementOf returns how data planes enforce policies on a route, from its
// EffectivePolicy.
func publishedEnforcementOf(u *unstructured.Unstructured) []any {
	if u == nil {
		return nil
	}
	list, _, _ := unstructured.NestedSlice(u.Object, "status", "enforcement")
	return list
}
