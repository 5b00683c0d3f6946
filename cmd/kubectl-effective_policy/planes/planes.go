package planes

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
)

// Planes determines how data planes enforce the effective policies of a workspace.
type Planes struct {
	Workspace *workspace.Workspace
	// RouteCRD is the CRD of HTTPRoute; BuiltInRoutes means that it is the one in the binary,
	// because there is no other.
	RouteCRD      *unstructured.Unstructured
	BuiltInRoutes bool
	// objects are the objects of data planes' APIs, and from a cluster also the whole routes.
	objects []*unstructured.Unstructured
	// missing are kinds of data planes, by the names of their CRDs, that a cluster does not have.
	missing map[string]bool
	// Computed when first needed.
	index  *export.ForeignIndex
	fields *export.StandardFields // of RouteCRD
	asked  evaluate.Enforced
}

// Of returns the data planes of a workspace of manifests. Those of a cluster have to be read, too.
func Of(w *workspace.Workspace) *Planes {
	p := &Planes{Workspace: w}
	if w.Schemas == nil {
		return p
	}
	p.RouteCRD, p.BuiltInRoutes = routeCRDOf(w)
	for _, d := range w.Unknown {
		p.objects = append(p.objects, d.Object)
	}
	return p
}

// Enforced returns the result of exporters for a route, if all were switched on; nothing if no
// known data plane serves it, and nothing on a cluster, where EffectivePolicy objects have it: see
// PublishedResults.
func (p *Planes) Enforced(route hierarchy.Ref) []enforcement.Entry {
	w := p.Workspace
	if w.Schemas == nil || !w.Snapshot.IsRoute(route.GroupKind) {
		return nil
	}
	if p.fields == nil {
		fields := export.FieldsOf(p.RouteCRD)
		p.fields = &fields
	}
	for _, r := range p.Exports([]hierarchy.Ref{route}, Auto, *p.fields) {
		if slices.ContainsFunc(r.Entries, func(e enforcement.Entry) bool { return e.Exporter != "" }) {
			return r.Entries
		}
	}
	return nil
}

// AllExporters counts every exporter as switched on, which is how manifests are read.
var AllExporters = enforcement.Config{All: true}

// EnforcedObjects returns Enforced in the form of EffectivePolicy objects.
func (p *Planes) EnforcedObjects(route hierarchy.Ref) []any {
	entries := p.Enforced(route)
	list := make([]any, len(entries))
	for i := range entries {
		list[i] = entries[i].Object()
	}
	return list
}

// Auto is the value of --to by which the class decides.
const Auto = "auto"

// Exported is one route with the results of its exporters.
type Exported struct {
	Target  *effective.Target
	Results []enforcement.Result
	Entries []enforcement.Entry
}

// Exports returns the results of exporters for routes that a policy reaches.
func (p *Planes) Exports(targets []hierarchy.Ref, to string, fields export.StandardFields) []Exported {
	w := p.Workspace
	config := enforcement.Config{All: true}
	if to != Auto {
		config.To = to
	}
	world := enforcement.World{Graph: w.Snapshot.Graph(), Config: config, Fields: fields, Foreign: p.foreignIndex(),
		Refused: p.refusedRules, Schemas: p.schemas(), Installed: p.installed, Shared: enforcement.NewShared()}
	resolution := w.Resolve(targets)
	var exported []Exported
	for _, target := range targets {
		t := resolution.Get(target)
		if t == nil || !t.Reached() {
			continue
		}
		r := Exported{Target: t}
		results, memory := world.Look(t, nil)
		r.Results = results
		object, _ := w.Snapshot.Graph().Get(target)
		if _, isRoute := object.(*hierarchy.Route); isRoute {
			r.Entries = memory.Entries(t, results)
		}
		exported = append(exported, r)
	}
	return exported
}

// Kinds are the kinds of data planes' APIs that exporters write.
func Kinds() []schema.GroupKind {
	var kinds []schema.GroupKind
	for _, r := range exporters.All() {
		for _, k := range r.Kinds {
			kinds = append(kinds, k.GroupKind())
		}
	}
	return kinds
}

// foreignIndex returns the index of the objects of data planes' APIs, which is built once.
func (p *Planes) foreignIndex() *export.ForeignIndex {
	if p.index == nil {
		p.index = export.NewForeignIndex(p.foreign())
	}
	return p.index
}

// foreign returns the objects of data planes' APIs in the input.
func (p *Planes) foreign() []*unstructured.Unstructured {
	kinds := Kinds()
	all := slices.Clone(p.objects)
	for _, d := range p.Workspace.Documents {
		all = append(all, d.Object)
	}
	return slices.DeleteFunc(all, func(u *unstructured.Unstructured) bool {
		return !slices.Contains(kinds, u.GroupVersionKind().GroupKind())
	})
}

// routeCRDOf returns the CRD by which HTTPRoutes of the input were checked, and whether it is the
// one in the binary.
func routeCRDOf(w *workspace.Workspace) (definition *unstructured.Unstructured, builtIn bool) {
	const name = "httproutes." + hierarchy.Group
	builtIn = true
	for _, d := range w.Documents {
		builtIn = builtIn && d.Object.GetName() != name
	}
	for _, c := range w.Schemas.CRDs() {
		if c.GetName() == name {
			definition = c
		}
	}
	return definition, builtIn
}
