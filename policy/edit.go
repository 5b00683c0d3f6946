package policy

import (
	"maps"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	"github.com/attache-dev/attache/policy/crd"
)

// edit builds a new snapshot from an old one.
type edit struct {
	old    *Snapshot
	next   *Snapshot
	set    []hierarchy.Object
	remove []hierarchy.Ref
	// named are the targets whose policies change, with their new policies.
	named map[hierarchy.Ref][]*Policy
	// selecting are the policies with selectors that are added or removed.
	selecting []*Policy
	problems  []hierarchy.Problem
}

func (s *Snapshot) edit() *edit {
	next := *s
	return &edit{old: s, next: &next, named: map[hierarchy.Ref][]*Policy{}}
}

func (e *edit) add(u *unstructured.Unstructured) {
	gk := u.GroupVersionKind().GroupKind()
	if kind, isPolicy := e.next.kinds[gk]; isPolicy {
		p, errs := Parse(kind, u)
		for _, err := range errs {
			e.problems = append(e.problems, hierarchy.Problem{Ref: p.Ref, Field: err.Field, Message: err.ErrorBody()})
		}
		e.setPolicy(p)
		return
	}
	object, problems := decode.Object(u, e.next.IsRoute)
	e.problems = append(e.problems, problems...)
	if object != nil {
		e.set = append(e.set, object)
	} else {
		e.addOutside(u)
	}
}

func (e *edit) setPolicy(p *Policy) {
	if old, ok := e.next.policies.Get(p.Ref); ok {
		e.detach(old)
	}
	e.next.policies = e.next.policies.With(p.Ref, p)
	for _, t := range p.Targets {
		e.named[t.Ref] = append(e.at(t.Ref), p)
	}
	e.index(p, func(list []*Policy) []*Policy { return append(slices.Clone(list), p) })
}

// index adds a policy to the index of its selectors, or removes it there.
func (e *edit) index(p *Policy, change func([]*Policy) []*Policy) {
	var done []selectKey
	for i := range p.Selectors {
		key := p.Selectors[i].keyOf(p)
		if slices.Contains(done, key) {
			continue
		}
		done = append(done, key)
		list, _ := e.next.selectors.Get(key)
		if list = change(list); len(list) == 0 {
			e.next.selectors = e.next.selectors.Without(key)
		} else {
			e.next.selectors = e.next.selectors.With(key, list)
		}
	}
	if len(done) > 0 {
		e.selecting = append(e.selecting, p)
	}
}

func (e *edit) removePolicy(p *Policy) {
	e.detach(p)
	e.next.policies = e.next.policies.Without(p.Ref)
}

func (e *edit) detach(p *Policy) {
	for _, t := range p.Targets {
		e.named[t.Ref] = slices.DeleteFunc(e.at(t.Ref), func(o *Policy) bool { return o == p })
	}
	e.index(p, func(list []*Policy) []*Policy {
		return slices.DeleteFunc(slices.Clone(list), func(o *Policy) bool { return o == p })
	})
}

// at returns the list of policies at a target, which this edit may change.
func (e *edit) at(target hierarchy.Ref) []*Policy {
	if list, begun := e.named[target]; begun {
		return list
	}
	var list []*Policy
	if p, ok := e.old.attached.Get(target); ok {
		list = slices.Clone(p.named)
	}
	e.named[target] = list
	return list
}

func (e *edit) addCRD(u *unstructured.Unstructured) {
	o := e.old.options
	d, err := o.Known().Read(u)
	if err != nil {
		e.removeCRD(u.GetName())
		return
	}
	ref := hierarchy.NewRef(crd.GroupKind.Group, crd.GroupKind.Kind, "", u.GetName())
	for _, f := range d.Faults {
		e.problems = append(e.problems, hierarchy.Problem{Ref: ref, Field: f.Field, Message: f.Text()})
	}
	gk := d.GroupKind
	if d.Route {
		e.next.routeKinds = with(e.next.routeKinds, gk, u.GetName())
	} else {
		e.removeRouteKinds(u.GetName())
	}
	if !d.IsPolicy() {
		e.removeCRDKind(gk)
		return
	}
	kind := newKind(d)
	if o.Compile != nil && kind.Class == Inherited {
		if kind.Validator, err = o.Compile(d); err != nil {
			e.problems = append(e.problems, hierarchy.Problem{Ref: ref, Message: err.Error()})
		}
	}
	old, known := e.next.kinds[gk]
	e.next.kinds = with(e.next.kinds, gk, kind)
	e.next.kindOf = with(e.next.kindOf, u.GetName(), gk)
	if known && !sameKind(old, kind) {
		for p := range e.old.Policies() {
			if p.Ref.GroupKind == gk {
				e.setPolicy(p.again(kind))
			}
		}
	} else if known {
		e.next.kinds[gk] = old
	}
}

// sameKind reports whether two readings of a CRD describe the same kind. With validators it cannot
// be sure and reports false, because validators have no identity to compare.
func sameKind(a, b *Kind) bool {
	x, y := *a, *b
	same := (x.Validator == nil) == (y.Validator == nil)
	if s, ok := x.Validator.(interface{ Same(other any) bool }); ok && same && y.Validator != nil {
		same = s.Same(y.Validator)
	}
	x.Validator, y.Validator = nil, nil
	return same && reflect.DeepEqual(x, y)
}

func (e *edit) removeCRD(name string) {
	e.removeRouteKinds(name)
	if gk, ok := e.next.kindOf[name]; ok {
		e.next.kindOf = without(e.next.kindOf, name)
		e.removeCRDKind(gk)
	}
}

// removeRouteKinds removes the route kinds that a CRD defines, and their routes.
func (e *edit) removeRouteKinds(name string) {
	for gk, crd := range e.next.routeKinds {
		if crd != name {
			continue
		}
		e.next.routeKinds = without(e.next.routeKinds, gk)
		for r := range e.old.graph.Routes() {
			if r.Meta().Ref.GroupKind == gk {
				e.remove = append(e.remove, r.Meta().Ref)
			}
		}
	}
}

func (e *edit) removeCRDKind(gk schema.GroupKind) {
	if _, known := e.next.kinds[gk]; !known {
		return
	}
	e.next.kinds = without(e.next.kinds, gk)
	for p := range e.old.Policies() {
		if p.Ref.GroupKind == gk {
			e.removePolicy(p)
		}
	}
}

// done brings the graph and the targets up to date.
func (e *edit) done() *Snapshot {
	graph := e.next.graph
	if len(e.remove) > 0 {
		graph = graph.Without(e.remove...)
	}
	if len(e.set) > 0 {
		graph = graph.With(e.set...)
	}
	e.next.graph = graph
	e.noteClasses()
	for _, namespace := range e.grantNamespaces() {
		for target, p := range e.old.attached.All() {
			if target.Namespace == namespace && foreign(p, namespace) {
				e.at(target)
			}
		}
		e.reselectIn(namespace)
	}
	e.reselect()
	for target, named := range e.named {
		e.next.attached = e.next.attach(target, named)
	}
	return e.next
}

// grantNamespaces are the namespaces whose ReferenceGrants this edit changes.
func (e *edit) grantNamespaces() []string {
	var namespaces []string
	for _, o := range e.set {
		if _, isGrant := o.(*hierarchy.ReferenceGrant); isGrant {
			namespaces = append(namespaces, o.Meta().Ref.Namespace)
		}
	}
	for _, ref := range e.remove {
		if o, ok := e.old.graph.Get(ref); ok {
			if _, isGrant := o.(*hierarchy.ReferenceGrant); isGrant {
				namespaces = append(namespaces, ref.Namespace)
			}
		}
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

func with[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	m = maps.Clone(m)
	if m == nil {
		m = map[K]V{}
	}
	m[k] = v
	return m
}

func without[K comparable, V any](m map[K]V, k K) map[K]V {
	m = maps.Clone(m)
	delete(m, k)
	return m
}
