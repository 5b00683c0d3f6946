package view

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
)

// part is what somebody may learn about a world who is to see only some of its routes:
// these routes, what is above them, and the policies on all of that.
type part struct {
	nodes map[hierarchy.Ref]bool
	// listeners are the nodes among listeners, by their names, with the routes on each.
	listeners map[explain.ListenerName]int
	policies  map[hierarchy.Ref]bool
}

// Part is the view of the routes that pass a filter, without anything else, for a file
// that is given to others. The routes that pass and what governs them are complete.
// Routes of another part, such as the one after an edit, are always in it.
func (v *View) Part(ctx context.Context, p Parameters, other *View) (*View, error) {
	f, err := v.Filter(p)
	if err != nil || f.All() {
		return v, err
	}
	out := *v
	out.picked, out.ByRef, out.Items, out.published = newMemory(), map[hierarchy.Ref]*item{}, nil, nil
	world := *v.World
	out.World, world.Problems, world.Guardrails = &world, nil, nil
	if v.Published != nil {
		return &out, out.keepPublished(v, f)
	}
	found, err := v.Matches(ctx, f)
	if err != nil {
		return nil, err
	}
	only := &part{nodes: map[hierarchy.Ref]bool{}, listeners: map[explain.ListenerName]int{}, policies: map[hierarchy.Ref]bool{}}
	passes := map[hierarchy.Ref]bool{}
	for i := range found {
		passes[found[i].Ref] = true
	}
	for _, i := range v.Items {
		if passes[i.Ref] || other != nil && other.ByRef[i.Ref] != nil {
			out.Items = append(out.Items, i)
			out.ByRef[i.Ref] = i
			only.addRoute(i)
		}
	}
	only.addPolicies(v.Snapshot)
	out.only = only
	return &out, nil
}

// keepPublished keeps the published results of the routes that pass.
func (v *View) keepPublished(all *View, f *Filter) error {
	rows, err := all.publishedRows(f)
	if err != nil {
		return err
	}
	passes := map[string]bool{}
	for i := range rows {
		passes[rows[i].ID] = true
	}
	v.World.Published = map[hierarchy.Ref]*unstructured.Unstructured{}
	for _, item := range all.published {
		if passes[IDOf(item.ref)] {
			v.published = append(v.published, item)
			v.World.Published[item.ref] = all.World.Published[item.ref]
		}
	}
	return nil
}

func (o *part) addRoute(i *item) {
	o.nodes[i.Ref], o.nodes[hierarchy.NamespaceRef(i.Ref.Namespace)] = true, true
	seen := map[explain.ListenerName]bool{}
	for _, s := range i.Scopes {
		for _, l := range s.Parents {
			o.nodes[l.Ref], o.nodes[l.Gateway], o.nodes[l.ListenerSet], o.nodes[l.Class] = true, true, true, true
			if name := listenerName(l); !seen[name] {
				seen[name] = true
				o.listeners[name]++
			}
		}
	}
	delete(o.nodes, hierarchy.Ref{})
}

// holds reports whether an object or a section is in the part. All sections of a route are.
func (o *part) holds(s *policy.Snapshot, ref hierarchy.Ref) bool {
	return o.nodes[ref] || s.IsRoute(ref.GroupKind) && o.nodes[ref.Object()]
}

func (o *part) addPolicies(s *policy.Snapshot) {
	for p := range s.Policies() {
		for _, a := range s.Acceptances(p) {
			if o.holds(s, a.Target.Ref) {
				o.policies[p.Ref] = true
			}
		}
	}
}

// Partial reports whether the view is a part of its world.
func (v *View) Partial() bool { return v.only != nil }

// HasPolicy reports whether a policy is in the view.
func (v *View) HasPolicy(ref hierarchy.Ref) bool { return v.only == nil || v.only.policies[ref] }

// HasNode reports whether an object or a section of the hierarchy is in the view.
func (v *View) HasNode(ref hierarchy.Ref) bool { return v.only == nil || v.only.holds(v.Snapshot, ref) }

// Whole reports whether everything that an object is about is in the view: for a
// Gateway its listeners, for a policy its targets.
func (v *View) Whole(ref hierarchy.Ref) bool {
	if v.only == nil {
		return true
	}
	if p, isPolicy := v.Snapshot.Policy(ref); isPolicy {
		return !slices.ContainsFunc(v.Snapshot.Acceptances(p), func(a policy.Acceptance) bool { return !v.HasNode(a.Target.Ref) })
	}
	if ref.GroupKind == hierarchy.GatewayKind {
		return !slices.ContainsFunc(v.Snapshot.Graph().Listeners(ref), func(l *hierarchy.Listener) bool { return !v.HasNode(l.Ref) })
	}
	return v.HasNode(ref)
}

// onlyBindings leaves out the routes and the listeners that are not in the view.
func (v *View) onlyBindings(b explain.Bindings) explain.Bindings {
	if v.only == nil {
		return b
	}
	out := explain.Bindings{Routes: []explain.Binding{}, Listeners: []explain.AttachedListener{}}
	in := map[[3]string]bool{}
	for _, i := range v.Items {
		in[[3]string{i.Ref.Kind, i.Ref.Namespace, i.Ref.Name}] = true
	}
	for i := range b.Routes {
		if r := &b.Routes[i]; in[[3]string{r.Kind, r.Namespace, r.Name}] {
			out.Routes = append(out.Routes, *r)
		}
	}
	for _, l := range b.Listeners {
		if n, known := v.only.listeners[l.ListenerName]; known {
			l.AttachedRoutes = n
			out.Listeners = append(out.Listeners, l)
		}
	}
	return out
}

// onlyScopes leaves out what applies on listeners that are not in the view.
func (v *View) onlyScopes(e *explain.Explanation) *explain.Explanation {
	if v.only == nil {
		return e
	}
	out := *e
	out.Scopes = []explain.Scope{}
	for i := range e.Scopes {
		scope := e.Scopes[i]
		scope.Parents = slices.DeleteFunc(slices.Clone(scope.Parents), func(l explain.ListenerName) bool { return v.only.listeners[l] == 0 })
		if len(scope.Parents) > 0 {
			out.Scopes = append(out.Scopes, scope)
		}
	}
	return &out
}

// onlyDescription leaves out the policies and the targets that are not in the view, and
// what is counted over all routes. Findings on objects above routes may concern anybody.
func (v *View) onlyDescription(ref hierarchy.Ref, d *explain.Description) *explain.Description {
	if v.only == nil {
		return d
	}
	out := *d
	unknown := func(a explain.Attached) bool { return !v.HasPolicy(a.Ref) || !v.HasNode(a.At) }
	out.Attached, out.Above = slices.DeleteFunc(slices.Clone(d.Attached), unknown), slices.DeleteFunc(slices.Clone(d.Above), unknown)
	out.Targets = slices.DeleteFunc(slices.Clone(d.Targets), func(r explain.Refused) bool { return !v.HasNode(r.At) })
	out.InEffect, out.NamedBy = nil, nil
	if !v.Snapshot.IsRoute(ref.GroupKind) {
		out.Findings = nil
	}
	out.Listeners = nil
	for _, l := range d.Listeners {
		n, known := v.only.listeners[l.ListenerName]
		if !known {
			continue
		}
		l.AttachedRoutes = n
		routes := []string{}
		for i, ref := range l.Refs {
			if v.ByRef[ref] != nil {
				routes = append(routes, l.Routes[i])
			}
		}
		l.Routes = routes
		out.Listeners = append(out.Listeners, l)
	}
	return &out
}
