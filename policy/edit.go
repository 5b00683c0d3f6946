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
	// changed are the targets whose policies change; indexes says where among them a target is, once
	// there are many.
	changed []changedTarget
	indexes map[hierarchy.Ref]int
	// selecting are the policies with selectors that are added or removed.
	selecting []*Policy
	problems  []hierarchy.Problem
}

// changedTarget is a target with the policies that name it after an edit.
type changedTarget struct {
	target hierarchy.Ref
	named  []*Policy
}

func (s *Snapshot) edit() *edit {
	next := *s
	return &edit{old: s, next: &next}
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
	for i := range p.Targets {
		at := e.at(p.Targets[i].Ref)
		at.named = append(at.named, p)
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
	for i := range p.Targets {
		at := e.at(p.Targets[i].Ref)
		at.named = slices.DeleteFunc(at.named, func(o *Policy) bool { return o == p })
	}
	e.index(p, func(list []*Policy) []*Policy {
		return slices.DeleteFunc(slices.Clone(list), func(o *Policy) bool { return o == p })
	})
}

// fewTargets are so few that searching them costs less than a map of them.
const fewTargets = 8

// at records that the policies of a target may change, and returns their list, which this edit may
// change. It is good until the next call.
func (e *edit) at(target hierarchy.Ref) *changedTarget {
	if i := e.indexOf(target); i >= 0 {
		return &e.changed[i]
	}
	var list []*Policy
	if p := e.old.point(target); p != nil {
		list = append(make([]*Policy, 0, len(p.named)+1), p.named...)
	}
	e.changed = append(e.changed, changedTarget{target, list})
	if e.indexes != nil {
		e.indexes[target] = len(e.changed) - 1
	}
	return &e.changed[len(e.changed)-1]
}

// indexOf is the index of a target among the changed ones, -1 if it is not one.
func (e *edit) indexOf(target hierarchy.Ref) int {
	if len(e.changed) < fewTargets {
		return slices.IndexFunc(e.changed, func(c changedTarget) bool { return c.target == target })
	}
	if e.indexes == nil {
		e.indexes = make(map[hierarchy.Ref]int, 2*fewTargets)
		for i := range e.changed {
			e.indexes[e.changed[i].target] = i
		}
	}
	if i, known := e.indexes[target]; known {
		return i
	}
	return -1
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
		for target, p := range e.old.points() {
			if target.Namespace == namespace && foreign(p, namespace) {
				e.at(target)
			}
		}
		e.reselectIn(namespace)
	}
	e.reselect()
	e.attach()
	if len(e.set)+len(e.remove)+len(e.changed) > manyChanges {
		return e.next.Settled()
	}
	return e.next
}

// manyChanges are so many that settling what they lead to costs little in comparison.
const manyChanges = 32

// attach determines which policies hold the changed targets.
func (e *edit) attach() {
	if len(e.changed) == 0 {
		return
	}
	next := e.old.places.Builder()
	for i := range e.changed {
		target := e.changed[i].target
		object := target.Object()
		place, _ := next.Get(object)
		point := e.next.attach(target, e.changed[i].named, e.old.point(target))
		if place = place.with(target.Section, point); place == nil {
			next.Delete(object)
		} else {
			next.Set(object, place)
		}
	}
	e.next.places = next.Map()
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
