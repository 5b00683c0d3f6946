package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// planes are what data planes make of the effective policies of a workspace.
type planes struct {
	workspace *workspace
	// routeCRD is that of HTTPRoute; builtInRoutes says that it is the one in the binary, for want of
	// another.
	routeCRD      *unstructured.Unstructured
	builtInRoutes bool
	// objects are what there is of data planes' APIs, and from a cluster routes whole.
	objects []*unstructured.Unstructured
	// missing are kinds of data planes, by the names of their CRDs, that a cluster does not have.
	missing map[string]bool
	// What is computed when it is asked for the first time.
	index  *export.ForeignIndex
	fields *export.StandardFields // of routeCRD
	asked  evaluate.Enforced
}

// planesOf are the data planes of manifests. Those of a cluster have to be read besides.
func planesOf(w *workspace) *planes {
	p := &planes{workspace: w}
	if w.schemas == nil {
		return p
	}
	p.routeCRD, p.builtInRoutes = routeCRDOf(w)
	for _, d := range w.unknown {
		p.objects = append(p.objects, d.Object)
	}
	return p
}

// enforced is what exporters would make of a route, if all were switched on;
// nothing where no data plane that they know serves it, and nothing on a cluster,
// where EffectivePolicy objects say it: publishedResults.
func (p *planes) enforced(route hierarchy.Ref) []enforcement.Entry {
	w := p.workspace
	if w.schemas == nil || !w.snapshot.IsRoute(route.GroupKind) {
		return nil
	}
	if p.fields == nil {
		fields := export.FieldsOf(p.routeCRD)
		p.fields = &fields
	}
	for _, r := range p.exports([]hierarchy.Ref{route}, toAuto, *p.fields) {
		if slices.ContainsFunc(r.entries, func(e enforcement.Entry) bool { return e.Exporter != "" }) {
			return r.entries
		}
	}
	return nil
}

// allExporters counts every exporter as switched on, which is how manifests are read.
var allExporters = enforcement.Config{All: true}

// outcomesBy answers guardrails what data planes would make of targets. The objects are the CRD of
// HTTPRoute and those of data planes' APIs, among others; those that a cluster has say what is live.
func outcomesBy(exporters enforcement.Config, objects ...[]*unstructured.Unstructured) evaluate.Enforced {
	var foreign []*unstructured.Unstructured
	live := map[hierarchy.Ref]map[string]*unstructured.Unstructured{}
	world := enforcement.World{Config: exporters}
	kinds := planeKinds()
	for _, u := range slices.Concat(objects...) {
		switch {
		case crd.Is(u) && u.GetName() == "httproutes."+hierarchy.Group:
			world.Fields = export.FieldsOf(u)
		case slices.Contains(kinds, u.GroupVersionKind().GroupKind()):
			foreign = append(foreign, u)
			if route, ours := export.RouteOf(u); ours && u.GetUID() != "" {
				if live[route] == nil {
					live[route] = map[string]*unstructured.Unstructured{}
				}
				live[route][u.GetName()] = u
			}
		}
	}
	world.Held = func(_ string, route hierarchy.Ref) map[string]*unstructured.Unstructured { return live[route] }
	world.Foreign = export.NewForeignIndex(foreign)
	return func(g *hierarchy.Graph, t *effective.Target) evaluate.Outcomes {
		on := world
		on.Graph = g
		return evaluate.Outcomes(on.Outcomes(t))
	}
}

// outcomesOf is what --where sees of data planes on one target; nothing on a cluster, where only
// the controller knows.
func (p *planes) outcomesOf(t *effective.Target) evaluate.Outcomes {
	if p.workspace.schemas == nil {
		return nil
	}
	return p.outcomes()(p.workspace.snapshot.Graph(), t)
}

// outcomes answers guardrails what the data planes of manifests would make of targets.
func (p *planes) outcomes() evaluate.Enforced {
	if p.asked == nil {
		p.asked = outcomesBy(allExporters, p.workspace.schemas.CRDs(), p.foreign())
	}
	return p.asked
}

// publishedResults are the EffectivePolicy objects of a cluster, which say what data
// planes make of them; none on files, and none where attache is not installed or
// they may not be read.
func (o *sharedFlags) publishedResults(ctx context.Context, w *workspace) (map[hierarchy.Ref]*unstructured.Unstructured, error) {
	if w.schemas != nil {
		return nil, nil
	}
	config, err := o.config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	list, err := client.Resource(effectiveResource).Namespace(w.namespace).List(ctx, metav1.ListOptions{})
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

// publishedEntries are what a published result says of data planes; none where it is not there or
// may not be read.
func (o *sharedFlags) publishedEntries(ctx context.Context, w *workspace, route hierarchy.Ref) ([]enforcement.Entry, error) {
	config, err := o.config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	u, err := client.Resource(effectiveResource).Namespace(route.Namespace).Get(ctx, publish.ObjectName(route), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("the EffectivePolicy of %s: %w", route, err)
	}
	return enforcement.EntriesOf(w.snapshot.Graph(), u), nil
}

// showEnforcement says in the EffectivePolicy of a target what data planes make of it: what was
// published says it, and of manifests what exporters would write. A route has the list also where
// nobody enforces anything, a Gateway never (E3.1).
func showEnforcement(p *planes, object *unstructured.Unstructured, target hierarchy.Ref, published *unstructured.Unstructured) {
	if !p.workspace.snapshot.IsRoute(target.GroupKind) {
		return
	}
	// The path holds maps alone.
	_ = unstructured.SetNestedSlice(object.Object, []any{}, "status", "enforcement")
	status.WithEnforcement(object, p.enforced(target))
	copyEnforcement(object, published)
}

// copyEnforcement takes into a result what a published one says of data planes.
func copyEnforcement(to, from *unstructured.Unstructured) {
	if from == nil {
		return
	}
	for _, path := range [][]string{{"status", "enforcement"}, {"status", "summary", "enforced"}} {
		if value, found, err := unstructured.NestedFieldCopy(from.Object, path...); found && err == nil {
			// The paths hold maps alone.
			_ = unstructured.SetNestedField(to.Object, value, path...)
		}
	}
}

// enforcementOf says what data planes make of one field in a scope, one line for
// each thing that becomes of it on some of its paths; nothing where no exporter
// looks at them (E3.5).
func enforcementOf(entries []enforcement.Entry, s explain.Scope, f explain.Field) []terminal.Cell {
	var lines []terminal.Cell
	for i := range entries {
		e := &entries[i]
		if e.Exporter == "" || !shareRules(e.Rules.Names(), s.Rules) || !slices.ContainsFunc(e.Parents, func(l *hierarchy.Listener) bool {
			return slices.Contains(s.Parents, explain.NameOf(l))
		}) {
			continue
		}
		found := false
		for _, outcome := range e.Outcomes {
			if outcome.Field.Policy != f.Policy || !slices.Equal(outcome.Field.Path(), f.Path) {
				continue
			}
			found = true
			if line := verdict(e, outcome, f.Block == "inline"); !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
		if found || e.Projected == 0 || !field.IsKind(f.Policy) {
			continue
		}
		if line := verdict(e, export.Outcome{Verdict: export.Projected}, false); !slices.Contains(lines, line) {
			lines = append(lines, line) // there was no room to say where (E3.1)
		}
	}
	return lines
}

// shareRules says whether two lists of rules have one in common; "*" is all of them.
func shareRules(a, b []string) bool {
	return slices.Contains(a, "*") || slices.Contains(b, "*") ||
		slices.ContainsFunc(a, func(rule string) bool { return slices.Contains(b, rule) })
}

// verdict is an outcome in a line: who enforces it and where, or why not.
func verdict(e *enforcement.Entry, o export.Outcome, inline bool) terminal.Cell {
	notes := ""
	if len(o.Notes) > 0 {
		notes = " (" + strings.Join(o.Notes, ", ") + ")"
	}
	switch {
	case o.Verdict != export.Unsupported && !slices.Contains([]enforcement.State{enforcement.Accepted, enforcement.Planned}, e.State):
		text := "not enforced (" + string(e.State) + ")"
		if e.State == enforcement.Pending {
			text = "not enforced yet (" + string(e.State) + ")"
		}
		if e.Message != "" {
			text += ": " + e.Message
		}
		return terminal.Cell{Text: text, Style: terminal.Yellow}
	case o.Verdict == export.Unsupported:
		return terminal.Cell{Text: "not enforced (" + string(o.Reason) + "): " + o.Message, Style: terminal.Yellow}
	case o.Verdict == export.Degraded:
		return terminal.Cell{Text: "enforced with loss (" + string(o.Reason) + "): " + o.Message + notes, Style: terminal.Yellow}
	case inline && o.InRoute():
		return terminal.Cell{Text: "enforced by the route's own words" + notes}
	}
	if o.As == "" {
		return terminal.Cell{Text: "enforced as stated by " + e.Exporter}
	}
	where := "the route's " + o.As
	if !o.InRoute() {
		where = o.As
		for _, object := range e.Objects {
			if object.Name == o.Object {
				where = object.Kind + " " + object.Place() + " " + o.As
			}
		}
	}
	if o.As == export.Absent {
		where = "leaving it out"
	}
	return terminal.Cell{Text: "enforced by " + e.Exporter + ", " + where + notes}
}

// enforcedObjects is enforced as EffectivePolicy objects have it.
func (p *planes) enforcedObjects(route hierarchy.Ref) []any {
	entries := p.enforced(route)
	list := make([]any, len(entries))
	for i := range entries {
		list[i] = entries[i].Object()
	}
	return list
}
