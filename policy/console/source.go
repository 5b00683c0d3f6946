package console

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/preview"
)

// Source has the worlds.
type Source interface {
	// World is the newest. It never returns nil.
	World() *view.World
	// Subscribe has every newer world told to f, with what changed, until cancel
	// is called. f must be quick.
	Subscribe(f func(w *view.World, changed []hierarchy.Ref)) (cancel func())
}

// Edit is what a person wants to try.
type Edit struct {
	// Text are manifests; Delete says that they are removed rather than applied.
	Text   string
	Delete bool
	// Files are read in place of Text. No request has them.
	Files []string
}

// Workshop makes what the handler itself cannot: it knows files and clusters.
type Workshop interface {
	// Object is a whole object, as far as the reader may get it.
	Object(ctx context.Context, w *view.World, ref hierarchy.Ref) (*unstructured.Unstructured, error)
	// Change reads an edit of a world. The texts are warnings.
	Change(ctx context.Context, w *view.World, e Edit) (*preview.Change, []string, error)
}
