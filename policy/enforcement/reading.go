package enforcement

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export"
)

// ReadObject is what the plane says of one object of ours (E10.1), given the
// controllerNames of the classes that it is for. An object without a status of
// its own kind to wait for counts as accepted when it is there.
func ReadObject(exporter string, live *unstructured.Unstructured, controllers []string) Reading {
	if live == nil {
		return Reading{State: Pending}
	}
	if exporter == export.Traefik {
		return Reading{State: Accepted} // the route says the rest
	}
	ancestors, _, _ := unstructured.NestedSlice(live.Object, "status", "ancestors")
	best := Reading{State: Pending}
	for _, a := range ancestors {
		entry, _ := a.(map[string]any)
		name, _ := entry["controllerName"].(string)
		if !slices.Contains(controllers, name) {
			continue
		}
		conditions, _ := entry["conditions"].([]any)
		read := readConditions(conditions, live.GetGeneration())
		switch read.State {
		case Rejected, Conflicted:
			return read
		case Accepted:
			best = read
		}
	}
	return best
}

// readConditions reads the conditions of one ancestor. After a merge the entries
// of listeners have Merged alone, and of very many Aggregated (12.E5b).
func readConditions(conditions []any, generation int64) Reading {
	read := Reading{State: Pending}
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		observed, stated := export.Integer(condition["observedGeneration"])
		if stated && observed != generation {
			continue
		}
		kind, value := condition["type"], condition["status"]
		message, _ := condition["message"].(string)
		switch {
		case kind == "Accepted" && value == "False" && condition["reason"] == "Conflicted":
			return Reading{State: Conflicted, Message: message}
		case kind == "Accepted" && value == "False", kind == "Overridden" && value == "True":
			return Reading{State: Rejected, Message: message}
		case (kind == "Accepted" || kind == "Merged" || kind == "Aggregated") && value == "True":
			read = Reading{State: Accepted}
		}
	}
	return read
}

// ReadRoute is what the planes say of what stands in the route: Accepted at the
// generation that has our values.
func ReadRoute(live *unstructured.Unstructured, controllers []string) Reading {
	if live == nil {
		return Reading{State: Pending}
	}
	parents, _, _ := unstructured.NestedSlice(live.Object, "status", "parents")
	best := Reading{State: Pending}
	for _, p := range parents {
		parent, _ := p.(map[string]any)
		name, _ := parent["controllerName"].(string)
		if !slices.Contains(controllers, name) {
			continue
		}
		conditions, _ := parent["conditions"].([]any)
		accepted, resolved := false, true
		for _, c := range conditions {
			condition, _ := c.(map[string]any)
			if observed, stated := export.Integer(condition["observedGeneration"]); stated && observed != live.GetGeneration() {
				return Reading{State: Pending}
			}
			message, _ := condition["message"].(string)
			switch {
			case condition["type"] == "Accepted" && condition["status"] == "False" && condition["reason"] == "UnsupportedValue":
				return Reading{State: Rejected, Message: message}
			case condition["type"] == "Accepted":
				accepted = condition["status"] == "True"
			case condition["type"] == "ResolvedRefs":
				resolved = condition["status"] == "True"
			}
		}
		if accepted && resolved {
			best = Reading{State: Accepted}
		}
	}
	return best
}

// ParentRefused says whether the plane refuses somebody's policy above the route. Ours is merged
// with it, and is refused with it whatever it says: removing it would help nobody (12.E5a).
func (p *Part) ParentRefused() bool {
	controllers := p.Controllers()
	for i := range p.Input.Foreign {
		f := &p.Input.Foreign[i]
		if f.Target.Object() == p.Input.Route {
			continue
		}
		if ReadObject(p.Registration.Name(), f.Object, controllers).State == Rejected {
			return true
		}
	}
	return false
}

// Controllers are the controllerNames of a part's classes.
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
