package workspace

import (
	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/hierarchy"
)

// Targets are the routes and Gateways with the labels asked for.
func (w *Workspace) Targets() []hierarchy.Ref {
	refs := w.Routes()
	for g := range w.Snapshot.Graph().Gateways() {
		refs = w.appendSelected(refs, g.Meta())
	}
	return refs
}

// Routes are the routes with the labels asked for.
func (w *Workspace) Routes() []hierarchy.Ref {
	var refs []hierarchy.Ref
	for r := range w.Snapshot.Graph().Routes() {
		refs = w.appendSelected(refs, r.Meta())
	}
	return refs
}

func (w *Workspace) appendSelected(refs []hierarchy.Ref, meta *hierarchy.Meta) []hierarchy.Ref {
	if w.selects(meta) {
		return append(refs, meta.Ref)
	}
	return refs
}

// Where returns the namespace in which a command looks, for messages.
func (w *Workspace) Where() string {
	if w.Namespace == "" {
		return ""
	}
	return " in namespace " + w.Namespace
}

// WhereOrAll is like Where, and says how to look in all namespaces.
func (w *Workspace) WhereOrAll() string {
	if w.Namespace == "" {
		return ""
	}
	return w.Where() + "; -A looks in all namespaces"
}

// Bindable are the objects that bindings can be asked about.
func (w *Workspace) Bindable() []hierarchy.Ref {
	refs := w.Targets()
	for s := range w.Snapshot.Graph().ListenerSets() {
		refs = w.appendSelected(refs, s.Meta())
	}
	return refs
}

// Describable is everything on the hierarchy and every policy.
func (w *Workspace) Describable() []hierarchy.Ref {
	refs := w.Bindable()
	for c := range w.Snapshot.Graph().GatewayClasses() {
		refs = append(refs, c.Meta().Ref)
	}
	for p := range w.Snapshot.Policies() {
		refs = append(refs, p.Ref)
	}
	return refs
}

func (w *Workspace) selects(meta *hierarchy.Meta) bool {
	return w.selector.Matches(labels.Set(meta.Labels))
}
