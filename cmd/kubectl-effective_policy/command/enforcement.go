package command

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
)

// enforced is what exporters would make of a route, if all were switched on;
// nothing where no data plane that they know serves it, and nothing on a cluster,
// where the EffectivePolicy objects say what data planes do make of it.
func (w *world) enforced(route hierarchy.Ref) []enforcement.Entry {
	if w.schemas == nil || !w.snapshot.IsRoute(route.GroupKind) {
		return nil
	}
	if w.fields == nil {
		fields := export.FieldsOf(w.routeCRD)
		w.fields = &fields
	}
	for _, r := range w.exports([]hierarchy.Ref{route}, toAuto, *w.fields) {
		if slices.ContainsFunc(r.entries, func(e enforcement.Entry) bool { return e.Exporter != "" }) {
			return r.entries
		}
	}
	return nil
}

// printEnforcement says field by field what data planes would make of a route.
func (o *options) printEnforcement(w *world, route hierarchy.Ref) error {
	entries := w.enforced(route)
	if len(entries) == 0 {
		return nil
	}
	p := o.pen()
	p.line("")
	p.line("%s", p.paint(bold, "On data planes, with their exporters switched on, it would be enforced: "+enforcement.Summary(entries)))
	for _, e := range entries {
		p.entry(e)
	}
	return p.err
}

// enforcedObjects is enforced as EffectivePolicy objects have it.
func (w *world) enforcedObjects(route hierarchy.Ref) []any {
	entries := w.enforced(route)
	list := make([]any, len(entries))
	for i := range entries {
		list[i] = entries[i].Object()
	}
	return list
}
