package status

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
)

// Injector computes what has to stand in a route at admission (E8.5).
type Injector struct {
	// World is what exporters look at, on a graph that has the route.
	World func(g *hierarchy.Graph) enforcement.World
	// Check says what the CRD of routes refuses a route for.
	Check export.Checker
	// Stored is a route as it is stored, nil when it is not known; nil when nobody asks.
	Stored func(route hierarchy.Ref) *unstructured.Unstructured
	// Exists says whether an object that a filter names is there and not about to
	// go: data planes answer 404 for one that is missing.
	Exists func(ref hierarchy.Ref) bool
}

// Own is the route under review as its owner wrote it: by its own record, and by
// that of the object that it takes the place of, which is nil for a new one.
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

// Inject puts into a route's own words what its effective policy asks for. t is
// what it comes to on the graph; nil leaves in what stood in the old object.
func (i Injector) Inject(g *hierarchy.Graph, t *effective.Target, own, old *unstructured.Unstructured) export.Injected {
	var before injected.Record
	if old != nil {
		before = injected.RecordOf(old.Object)
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
	for j := range injections {
		i.settleFilters(&injections[j], own.GetNamespace(), paired)
	}
	return export.Inject(own, injections, i.Check)
}

// Reviewed is what exporters look at on a graph, for who asks what becomes of values: rules of routes
// into which nothing could be put count (E8.5). written is a route under review, nil for none; it takes
// the place of the stored one.
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

// settleFilters leaves out filters whose objects are missing. Where the old rule
// has filters of ours, they stay until all of their successors exist.
func (i Injector) settleFilters(injection *export.RuleInjection, namespace string, paired []*injected.RuleRecord) {
	missing := func(name string) bool { return !i.Exists(enforcement.MiddlewareRef(namespace, name)) }
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

// again are the injections that records speak of.
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
