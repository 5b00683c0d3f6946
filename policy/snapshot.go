package policy

import (
	"cmp"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/persistent"
)

// Options are what an installer decides.
type Options struct {
	// PlatformNamespaces are the namespaces whose policies may target a
	// GatewayClass (semantics section 7). Nil means any namespace.
	PlatformNamespaces []string
	// PolicyKinds and RouteKinds name kinds whose CRDs carry no label.
	PolicyKinds, RouteKinds []schema.GroupKind
	// Compile makes the check of merged values from a CRD; nil leaves them
	// unchecked.
	Compile func(crd *unstructured.Unstructured) (Validator, error)
}

// Snapshot is everything the engine knows at one moment: the graph, the policy
// kinds and the policies. It is immutable; With and Without return a new one
// that shares what did not change.
type Snapshot struct {
	options    *Options
	graph      *hierarchy.Graph
	kinds      map[schema.GroupKind]*Kind
	kindOf     map[string]schema.GroupKind // by CRD name
	routeKinds map[schema.GroupKind]string // to CRD name
	policies   persistent.Map[hierarchy.Ref, *Policy]
	places     persistent.Map[hierarchy.Ref, *place]
}

// place is what is attached to one object or section.
type place struct {
	// named are all policies that name the target: by kind, and within a kind
	// the oldest first.
	named []*Policy
	// held are the policies of Inherited kinds that apply there, one for each
	// kind at most, by kind name.
	held []*Attachment
}

// Attachment is a policy where it applies.
type Attachment struct {
	Policy *Policy
	Target hierarchy.Ref
}

// NewSnapshot returns an empty snapshot.
func NewSnapshot(options Options) *Snapshot {
	return &Snapshot{options: &options, graph: hierarchy.Build(nil)}
}

// Graph is the hierarchy of this moment.
func (s *Snapshot) Graph() *hierarchy.Graph { return s.graph }

// Options are the options the snapshot was made with.
func (s *Snapshot) Options() Options { return *s.options }

// Kinds lists the policy kinds, sorted by name.
func (s *Snapshot) Kinds() []*Kind {
	return slices.SortedFunc(maps.Values(s.kinds), func(a, b *Kind) int { return strings.Compare(a.Name(), b.Name()) })
}

// Kind finds a policy kind.
func (s *Snapshot) Kind(gk schema.GroupKind) (*Kind, bool) {
	k, ok := s.kinds[gk]
	return k, ok
}

// IsRoute says whether objects of a kind are routes here: Gateway API's own
// route kinds and the ones that users defined.
func (s *Snapshot) IsRoute(gk schema.GroupKind) bool {
	_, users := s.routeKinds[gk]
	return users || hierarchy.IsStandardRoute(gk)
}

// Policy finds a policy.
func (s *Snapshot) Policy(ref hierarchy.Ref) (*Policy, bool) { return s.policies.Get(ref.Object()) }

// Policies yields all policies in no particular order.
func (s *Snapshot) Policies() iter.Seq[*Policy] {
	return func(yield func(*Policy) bool) {
		for _, p := range s.policies.All() {
			if !yield(p) {
				return
			}
		}
	}
}

// Named lists the policies that name exactly this object or section, by kind
// and then the oldest first, whether they apply or not.
func (s *Snapshot) Named(ref hierarchy.Ref) []*Policy {
	if p, ok := s.places.Get(ref); ok {
		return p.named
	}
	return nil
}

// Places lists where policies are attached on account of one object: the object
// and its sections that any policy names, or, for a ReferenceGrant, what
// policies of other namespaces name in its namespace.
func (s *Snapshot) Places(ref hierarchy.Ref) []hierarchy.Ref {
	object, _ := s.graph.Get(ref)
	_, isGrant := object.(*hierarchy.ReferenceGrant)
	if !isGrant {
		return s.sections(object, ref.Object())
	}
	var places []hierarchy.Ref
	for target, p := range s.places.All() {
		if target.Namespace == ref.Namespace && foreign(p, ref.Namespace) {
			places = append(places, target)
		}
	}
	return sorted(places)
}

// foreign says whether a policy of another namespace names a place.
func foreign(p *place, namespace string) bool {
	return slices.ContainsFunc(p.named, func(p *Policy) bool { return p.Ref.Namespace != namespace })
}

func (s *Snapshot) sections(object hierarchy.Object, ref hierarchy.Ref) []hierarchy.Ref {
	candidates := []hierarchy.Ref{ref}
	switch o := object.(type) {
	case *hierarchy.Gateway:
		for _, l := range o.Listeners {
			candidates = append(candidates, ref.WithSection(l.Name))
		}
	case *hierarchy.ListenerSet:
		for _, l := range o.Listeners {
			candidates = append(candidates, ref.WithSection(l.Name))
		}
	case *hierarchy.Route:
		for _, r := range o.Rules {
			if r.Name != "" {
				candidates = append(candidates, ref.WithSection(r.Name))
			}
		}
	}
	return sorted(slices.DeleteFunc(candidates, func(c hierarchy.Ref) bool { return len(s.Named(c)) == 0 }))
}

var crdGroupKind = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// With returns a snapshot in which objs are as given. Objects that are neither
// part of the hierarchy, nor policies, nor CRDs are passed over. CRDs count
// before everything else in the same call; an object whose kind is not known
// yet is passed over too, and must be given again once its CRD was.
func (s *Snapshot) With(objs ...*unstructured.Unstructured) (*Snapshot, []hierarchy.Problem) {
	e := s.edit()
	for _, u := range objs {
		if u.GroupVersionKind().GroupKind() == crdGroupKind {
			e.addCRD(u)
		}
	}
	for _, u := range objs {
		e.add(u)
	}
	return e.done(), e.problems
}

// Without returns a snapshot in which the named objects do not exist. With a
// CRD go its kind and all policies of it.
func (s *Snapshot) Without(refs ...hierarchy.Ref) *Snapshot {
	e := s.edit()
	for _, ref := range refs {
		ref = ref.Object()
		if ref.GroupKind == crdGroupKind {
			e.removeCRD(ref.Name)
			continue
		}
		if p, ok := e.next.policies.Get(ref); ok {
			e.removePolicy(p)
			continue
		}
		e.remove = append(e.remove, ref)
	}
	return e.done()
}

// edit is the making of a new snapshot from an old one.
type edit struct {
	old    *Snapshot
	next   *Snapshot
	set    []hierarchy.Object
	remove []hierarchy.Ref
	// named are the targets whose policies change, with their policies to be.
	named    map[hierarchy.Ref][]*Policy
	problems []hierarchy.Problem
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
	object, problems := hierarchy.Decode(u, e.next.IsRoute)
	e.problems = append(e.problems, problems...)
	if object != nil {
		e.set = append(e.set, object)
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
}

func (e *edit) removePolicy(p *Policy) {
	e.detach(p)
	e.next.policies = e.next.policies.Without(p.Ref)
}

func (e *edit) detach(p *Policy) {
	for _, t := range p.Targets {
		e.named[t.Ref] = slices.DeleteFunc(e.at(t.Ref), func(o *Policy) bool { return o == p })
	}
}

// at is the list of policies at a target that this edit may change.
func (e *edit) at(target hierarchy.Ref) []*Policy {
	if list, begun := e.named[target]; begun {
		return list
	}
	list := slices.Clone(e.old.Named(target))
	e.named[target] = list
	return list
}

func (e *edit) addCRD(u *unstructured.Unstructured) {
	o := e.old.options
	gk, _, _, ok := crdNames(u)
	if !ok {
		return
	}
	problem := func(err error) {
		e.problems = append(e.problems, hierarchy.Problem{Ref: hierarchy.NewRef(crdGroupKind.Group, crdGroupKind.Kind, "", u.GetName()), Message: err.Error()})
	}
	if _, isRoute := RouteKindFromCRD(u, slices.Contains(o.RouteKinds, gk)); isRoute {
		e.next.routeKinds = with(e.next.routeKinds, gk, u.GetName())
	}
	kind, isPolicy, err := KindFromCRD(u, slices.Contains(o.PolicyKinds, gk))
	if err != nil {
		problem(err)
	}
	if !isPolicy {
		e.removeCRDKind(gk)
		return
	}
	if o.Compile != nil && kind.Class == Inherited {
		if kind.Validator, err = o.Compile(u); err != nil {
			problem(err)
		}
	}
	old, known := e.next.kinds[gk]
	e.next.kinds = with(e.next.kinds, gk, &kind)
	e.next.kindOf = with(e.next.kindOf, u.GetName(), gk)
	if known && !sameKind(old, &kind) {
		for p := range e.old.Policies() {
			if p.Ref.GroupKind == gk {
				e.setPolicy(p.again(&kind))
			}
		}
	} else if known {
		e.next.kinds[gk] = old
	}
}

// sameKind says whether two readings of a CRD describe the same kind. With
// validators it is never sure, because they have no identity to compare.
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
	for gk, crd := range e.next.routeKinds {
		if crd == name {
			e.next.routeKinds = without(e.next.routeKinds, gk)
			for r := range e.old.graph.Routes() {
				if r.Meta().Ref.GroupKind == gk {
					e.remove = append(e.remove, r.Meta().Ref)
				}
			}
		}
	}
	if gk, ok := e.next.kindOf[name]; ok {
		e.next.kindOf = without(e.next.kindOf, name)
		e.removeCRDKind(gk)
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

// done brings the graph and the places up to date.
func (e *edit) done() *Snapshot {
	graph := e.next.graph
	if len(e.remove) > 0 {
		graph = graph.Without(e.remove...)
	}
	if len(e.set) > 0 {
		graph = graph.With(e.set...)
	}
	e.next.graph = graph
	for _, namespace := range e.grantNamespaces() {
		for target, p := range e.old.places.All() {
			if target.Namespace == namespace && foreign(p, namespace) {
				e.at(target)
			}
		}
	}
	for target, named := range e.named {
		e.next.places = e.next.setPlace(target, named)
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

func (s *Snapshot) setPlace(target hierarchy.Ref, named []*Policy) persistent.Map[hierarchy.Ref, *place] {
	if len(named) == 0 {
		return s.places.Without(target)
	}
	slices.SortFunc(named, byKindThenAge)
	p := &place{named: named}
	for _, policy := range named {
		if policy.Kind.Class != Inherited || len(policy.Problems) > 0 || s.permitted(policy, target) != "" {
			continue
		}
		if n := len(p.held); n > 0 && p.held[n-1].Policy.Kind == policy.Kind {
			continue
		}
		p.held = append(p.held, &Attachment{Policy: policy, Target: target})
	}
	return s.places.With(target, p)
}

// byKindThenAge orders policies by kind and within a kind by precedence: the
// oldest first, without a creation time last, ties by namespace/name.
func byKindThenAge(a, b *Policy) int {
	return cmp.Or(
		strings.Compare(a.Kind.Name(), b.Kind.Name()),
		compareAge(a, b),
	)
}

func compareAge(a, b *Policy) int {
	switch {
	case a.Created.IsZero() != b.Created.IsZero():
		if a.Created.IsZero() {
			return 1
		}
		return -1
	case !a.Created.Equal(b.Created):
		return a.Created.Compare(b.Created)
	}
	return strings.Compare(a.Ref.Place(), b.Ref.Place())
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
