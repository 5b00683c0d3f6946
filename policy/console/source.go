package console

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/preview"
)

// Source provides the worlds.
type Source interface {
	// World returns the newest world. It never returns nil.
	World() *view.World
	// Subscribe calls f with every newer world and what changed, until cancel is called. f must
	// return quickly.
	Subscribe(f func(w *view.World, changed []hierarchy.Ref)) (cancel func())
}

// Edit is a change that a person wants to try.
type Edit struct {
	// Text contains manifests; if Delete is set, they are removed rather than applied.
	Text   string
	Delete bool
	// Files are read instead of Text. Requests cannot set them.
	Files []string
}

// Workshop does what the handler itself cannot, because it needs files or clusters.
type Workshop interface {
	// Object returns a whole object, as far as the user may read it.
	Object(ctx context.Context, w *view.World, ref hierarchy.Ref) (*unstructured.Unstructured, error)
	// Change reads an edit of a world. The strings are warnings.
	Change(ctx context.Context, w *view.World, e Edit) (*preview.Change, []string, error)
}
