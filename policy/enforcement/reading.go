package enforcement

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/export"
)

// heard is the status of an object or a route from one data plane, for one ancestor or parent.
type heard struct {
	// at is a Gateway, a listener, a ListenerSet or one of its listeners.
	at hierarchy.Ref
	// controller is the controller that wrote it.
	controller string
	Reading
}

// ReadObject returns what the data plane says about one of our objects for the paths of a part
// (E10.1). An object of a kind without such a status counts as accepted if it exists.
func (p *Part) ReadObject(live *unstructured.Unstructured) Reading {
	if live == nil {
		return Reading{State: Pending}
	}
	if p.Registration.Name() == export.Traefik {
		return Reading{State: Accepted} // the route has the rest
	}
	ancestors, _, _ := unstructured.NestedSlice(live.Object, "status", "ancestors")
	onRule := slices.ContainsFunc(export.TargetsOf(live), func(t hierarchy.Ref) bool { return t.Section != "" })
	read := Reading{}
	for _, a := range ancestors {
		entry, _ := a.(map[string]any)
		conditions := condition.Read(entry["conditions"])
		word, aggregated := readConditions(conditions, live.GetGeneration(), onRule)
		read.aggregated = read.aggregated || aggregated && slices.Contains(p.Controllers(), textAt(entry, "controllerName"))
		read.heard = append(read.heard, heard{parentAt(textMap(entry, "ancestorRef"), live.GetNamespace()), textAt(entry, "controllerName"), word})
	}
	return p.overall(read)
}

// overall returns a reading with the worst state on any path of the part.
func (p *Part) overall(read Reading) Reading {
	for i := range p.Input.Paths {
		word := read.on(&p.Input.Paths[i])
		if Worse(read.State, word.State) != read.State {
			read.State, read.Message = word.State, word.Message
		}
	}
	return read
}

// on returns the state for one path: accepted if nothing was reported against it, and something for
// it (12.E5b).
func (r Reading) on(p *export.Path) Reading {
	if r.heard == nil && !r.aggregated && r.State != "" {
		return r // it does not depend on the path
	}
	word := Reading{State: Pending, Refused: r.Refused, Silent: r.Silent}
	if r.aggregated {
		word.State = Accepted
	}
	for _, h := range r.heard {
		if h.controller != p.Controller || !concerns(h.at, p) {
			continue
		}
		switch h.State {
		case Rejected, Conflicted:
			word.State, word.Message = h.State, h.Message
			return word
		case Accepted:
			word.State = Accepted
		}
	}
	return word
}

// concerns reports whether a status entry is about a path: it is for its Gateway, its ListenerSet,
// or its listener.
func concerns(at hierarchy.Ref, p *export.Path) bool {
	l := p.Listener
	return at == l.Gateway || at == l.Ref || at == l.Ref.Object() || at == l.Gateway.WithSection(l.Ref.Section)
}

// parentAt returns the object that a parentRef or an ancestorRef names.
func parentAt(ref map[string]any, namespace string) hierarchy.Ref {
	kind := textAt(ref, "kind")
	if kind == "" {
		kind = hierarchy.GatewayKind.Kind
	}
	if stated := textAt(ref, "namespace"); stated != "" {
		namespace = stated
	}
	return hierarchy.NewRef(groupOf(ref), kind, namespace, textAt(ref, "name")).WithSection(textAt(ref, "sectionName"))
}

func groupOf(ref map[string]any) string {
	if group, stated := ref["group"].(string); stated {
		return group
	}
	return hierarchy.Group
}

// readConditions reads the conditions of one ancestor. After a merge, the entries of listeners only
// have Merged, and if there are very many, Aggregated (12.E5b). Overridden on a policy for a whole
// route means that its rules have other policies, some of which are ours.
func readConditions(conditions []metav1.Condition, generation int64, onRule bool) (read Reading, aggregated bool) {
	read = Reading{State: Pending}
	for i := range conditions {
		c := &conditions[i]
		if !condition.Observed(c, generation) {
			continue
		}
		is := func(kind string, status metav1.ConditionStatus) bool { return c.Type == kind && c.Status == status }
		switch {
		case is("Accepted", metav1.ConditionFalse) && c.Reason == "Conflicted":
			return Reading{State: Conflicted, Message: c.Message}, false
		case is("Accepted", metav1.ConditionFalse), is("Overridden", metav1.ConditionTrue) && onRule:
			return Reading{State: Rejected, Message: c.Message}, false
		case is("Accepted", metav1.ConditionTrue), is("Merged", metav1.ConditionTrue), is("Aggregated", metav1.ConditionTrue):
			read = Reading{State: Accepted}
			aggregated = aggregated || c.Type == "Aggregated"
		}
	}
	return read, aggregated
}

// ReadRoute returns what data planes say about the values in the route: Accepted at the generation
// that has our values.
func (p *Part) ReadRoute(live *unstructured.Unstructured) Reading {
	if live == nil {
		return Reading{State: Pending}
	}
	parents, _, _ := unstructured.NestedSlice(live.Object, "status", "parents")
	read := Reading{}
	for _, item := range parents {
		parent, _ := item.(map[string]any)
		conditions := condition.Read(parent["conditions"])
		read.heard = append(read.heard, heard{parentAt(textMap(parent, "parentRef"), live.GetNamespace()),
			textAt(parent, "controllerName"), readParent(conditions, live.GetGeneration())})
	}
	return p.overall(read)
}

// readParent reads the conditions of one parent of a route.
func readParent(conditions []metav1.Condition, generation int64) Reading {
	accepted, resolved := false, true
	for i := range conditions {
		c := &conditions[i]
		if !condition.Observed(c, generation) {
			return Reading{State: Pending}
		}
		switch {
		case c.Type == "Accepted" && c.Status == metav1.ConditionFalse && c.Reason == "UnsupportedValue":
			return Reading{State: Rejected, Message: c.Message}
		case c.Type == "Accepted":
			accepted = c.Status == metav1.ConditionTrue
		case c.Type == "ResolvedRefs":
			resolved = c.Status == metav1.ConditionTrue
		}
	}
	if accepted && resolved {
		return Reading{State: Accepted}
	}
	return Reading{State: Pending}
}

// ParentRefused reports whether the data plane refuses somebody's policy above the route. Ours is
// merged with it, and is refused with it regardless of its content: removing ours would not help
// (12.E5a).
func (p *Part) ParentRefused() bool {
	for i := range p.Input.Foreign {
		f := &p.Input.Foreign[i]
		if f.Target.Object() == p.Input.Route {
			continue
		}
		if p.ReadObject(f.Object).State == Rejected {
			return true
		}
	}
	return false
}

// Controllers returns the controllerNames of a part's classes.
func (p *Part) Controllers() []string {
	var names []string
	for i := range p.Input.Paths {
		if c := p.Input.Paths[i].Controller; !slices.Contains(names, c) {
			names = append(names, c)
		}
	}
	return names
}

// MiddlewareRef names an object that a filter of ours refers to.
func MiddlewareRef(namespace, name string) hierarchy.Ref {
	return hierarchy.NewRef(export.TraefikMiddleware.Group, export.TraefikMiddleware.Kind, namespace, name)
}
