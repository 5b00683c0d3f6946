package command

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
)

// restoreRoutes prints the routes that were changed, as their owners wrote them (E8.9).
func (o *options) restoreRoutes(ctx context.Context, args []string) error {
	w, err := o.Load(ctx)
	if err != nil {
		return err
	}
	p, err := o.planes(ctx, w)
	if err != nil {
		return err
	}
	targets, err := w.Find(args, w.Routes())
	if err != nil {
		return err
	}
	var objects []*unstructured.Unstructured
	for _, target := range targets {
		if route := p.Restored(target); route != nil {
			objects = append(objects, route)
		}
	}
	return o.printObjects(objects)
}

// planes are what data planes make of a workspace, of manifests or of a cluster.
func (o *options) planes(ctx context.Context, w *workspace.Workspace) (*planes.Planes, error) {
	p := planes.Of(w)
	if len(o.Files) > 0 {
		return p, nil
	}
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	return p, p.Read(ctx, config, o.Note)
}
