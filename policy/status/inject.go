package status

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
)

// InjectOwner is the field manager of requests by which the controller triggers an admission (E8.6).
const InjectOwner = "attache-inject"

// Injector computes what has to be in a route at admission (E8.5).
type Injector struct {
	// World is the input of exporters, on a graph that has the route.
	World func(g *hierarchy.Graph) enforcement.World
	// Check returns the reasons for which the CRD of routes refuses a route.
	Check export.Checker
	// Stored returns a route as it is stored, nil when it is not known. The function may be nil.
	Stored func(route hierarchy.Ref) *unstructured.Unstructured
	// Exists reports whether an object that a filter names exists, belongs to the route with that UID,
	// and is not being deleted: data planes answer 404 if it is missing.
	Exists func(ref hierarchy.Ref, route types.UID) bool
}

// Own returns the route under review as its owner wrote it, according to its own record, and to the
// record of the object that it replaces, which is nil for a new route.
func Own(object, old *unstructured.Unstructured) *unstructured.Unstructured {
	var records []injected.Record
	if old != nil {
		records = append(records, injected.RecordOf(old.Object))
	}
	own := (&unstructured.Unstructured{Object: injected.OwnObject(object.Object, records...)}).DeepCopy()
	annotations := own.GetAnnotations()
	delete(annotations, injected.Annotation)
	if len(annotations) == 0 {
		annotations = nil
	}
	own.SetAnnotations(annotations)
	return own
}

// Inject puts the values of the effective policy into a route. t is the effective policy on the
// graph; if it is nil, the values from the old object stay. touched says that the controller triggered
// the admission: only then a filter is named that the old object does not name.
func (i Injector) Inject(g *hierarchy.Graph, t *effective.Target, own, old *unstructured.Unstructured, touched bool) export.Injected {
	var before injected.Record
	var route types.UID
	if old != nil {
		before, route = injected.RecordOf(old.Object), old.GetUID()
	}
	rules, _, _ := unstructured.NestedSlice(own.Object, "spec", "rules")
	paired := before.Match(rules)
	if t == nil {
		return export.Inject(own, again(paired), i.Check)
	}
	var injections []export.RuleInjection
	for _, part := range i.World(g).Parts(t) {
		if part.Choice.Settings.Mode == enforcement.Write {
			injections = append(injections, part.Project().Rules...)
		}
	}
	missing := func(name string) bool {
		return !i.Exists(enforcement.MiddlewareRef(own.GetNamespace(), name), route) || !touched && !namedIn(before, name)
	}
	for j := range injections {
		settleFilters(&injections[j], missing, paired)
	}
	return export.Inject(own, injections, i.Check)
}

// namedIn reports whether a filter is named in a record. If so, the controller does not delete its object.
// Any other object that is in the cache may have been deleted since, or be so new that data planes have
// not seen it. The controller knows both, and touches the route when it can be named.
func namedIn(r injected.Record, filter string) bool {
	return slices.ContainsFunc(r.Rules, func(rule injected.RuleRecord) bool { return slices.Contains(filtersOf(&rule), filter) })
}

// Reviewed returns the input of exporters on a graph, to find out what happens to values: rules of
// routes that cannot be changed are taken into account (E8.5). written is a route under review, or
// nil; it replaces the stored one.
func (i Injector) Reviewed(g *hierarchy.Graph, written *unstructured.Unstructured) enforcement.World {
	w := i.World(g)
	if i.Check == nil {
		return w
	}
	w.Refused = func(ref hierarchy.Ref, rules []export.RuleInjection) map[int]string {
		route := written
		if route == nil || hierarchy.RefOf(route) != ref {
			route = nil
			if i.Stored != nil {
				route = i.Stored(ref)
			}
		}
		if route == nil {
			return nil
		}
		return export.RefusedRules(route, rules, i.Check)
	}
	return w
}

// settleFilters removes filters that cannot be named. If the old rule has filters of ours, they stay
// until all of their successors can be.
func settleFilters(injection *export.RuleInjection, missing func(name string) bool, paired []*injected.RuleRecord) {
	if !slices.ContainsFunc(slices.Concat(injection.First, injection.Last), missing) {
		return
	}
	var kept []string
	if injection.Rule < len(paired) && paired[injection.Rule] != nil {
		kept = filtersOf(paired[injection.Rule])
	}
	kept = slices.DeleteFunc(kept, missing)
	if len(kept) > 0 {
		injection.First, injection.Last = kept, nil
		return
	}
	injection.First = slices.DeleteFunc(slices.Clone(injection.First), missing)
	injection.Last = slices.DeleteFunc(slices.Clone(injection.Last), missing)
}

func filtersOf(e *injected.RuleRecord) []string {
	list, _ := e.Wrote["filters"].([]any)
	var names []string
	for _, v := range list {
		if name, ok := v.(string); ok {
			names = append(names, name)
		}
	}
	return names
}

// again returns the injections that records describe.
func again(paired []*injected.RuleRecord) []export.RuleInjection {
	var list []export.RuleInjection
	for rule, e := range paired {
		if e == nil {
			continue
		}
		injection := export.RuleInjection{Rule: rule, Leaves: map[string]any{}, First: filtersOf(e)}
		for _, leaf := range injected.Leaves() {
			if value, wrote := e.Wrote[leaf[0]].(map[string]any); wrote {
				if v, stated := value[leaf[1]]; stated {
					injection.Leaves[leaf[0]+"."+leaf[1]] = v
				}
			}
		}
		list = append(list, injection)
	}
	return list
}
