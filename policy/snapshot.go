package policy

import (
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	"github.com/attache-dev/attache/hierarchy/persistent"
	"github.com/attache-dev/attache/policy/crd"
)

// Options are the settings of an installation.
type Options struct {
	// PlatformNamespaces are the namespaces whose policies may target a
	// GatewayClass (semantics section 7). Nil means any namespace.
	PlatformNamespaces []string
	// AssumeClasses makes a GatewayClass that a Gateway names count as existing even if it is not
	// given, unless it was removed: manifests seldom include it (semantics section 7).
	AssumeClasses bool
	// PolicyKinds and RouteKinds name kinds whose CRDs carry no label.
	PolicyKinds, RouteKinds []schema.GroupKind
	// Profiles declare properties of CRDs whose authors do not, by the name of the CRD.
	Profiles map[string]*crd.Profile
	// Compile returns the validator of merged values of a kind; if it is nil, they are not checked.
	Compile func(crd.Definition) (Validator, error)
}

// Known returns what the options declare about CRDs.
func (o Options) Known() crd.Known {
	return crd.Known{PolicyKinds: o.PolicyKinds, RouteKinds: o.RouteKinds, Profiles: o.Profiles}
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
	// selectors are the policies with selectors, by the keys that these search.
	selectors persistent.Map[selectKey, []*Policy]
	// goneClasses are the GatewayClasses that were there and were removed.
	goneClasses map[hierarchy.Ref]bool
	// places are the objects that anything is attached to.
	places persistent.Map[hierarchy.Ref, *Place]
	// outside are the objects that are neither on the hierarchy nor policies; outsideIn has the
	// kinds and namespaces in which there are or were any.
	outside   persistent.Map[hierarchy.Ref, outsider]
	outsideIn persistent.Map[outsideKey, bool]
}

// NewSnapshot returns an empty snapshot.
func NewSnapshot(options Options) *Snapshot {
	return &Snapshot{options: &options, graph: hierarchy.Build(nil)}
}

// Settled returns the same snapshot in a form in which making many others of it costs the least; s
// itself if it is in that form. Whoever keeps a snapshot, for others to review edits of it, keeps it
// settled.
func (s *Snapshot) Settled() *Snapshot {
	graph := s.graph.Settled()
	if graph == s.graph && s.policies.IsSettled() && s.selectors.IsSettled() && s.places.IsSettled() &&
		s.outside.IsSettled() && s.outsideIn.IsSettled() {
		return s
	}
	next := *s
	next.graph, next.policies, next.selectors = graph, s.policies.Settled(), s.selectors.Settled()
	next.places, next.outside, next.outsideIn = s.places.Settled(), s.outside.Settled(), s.outsideIn.Settled()
	return &next
}

// Graph returns the hierarchy of this snapshot.
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

// IsRoute reports whether objects of a kind are routes here: Gateway API's own route kinds and the
// ones that users defined.
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
// and then the oldest first, and after them those that select it, whether they
// apply or not.
func (s *Snapshot) Named(ref hierarchy.Ref) []*Policy {
	p := s.point(ref)
	switch {
	case p == nil:
		return nil
	case len(p.selected) == 0:
		return p.named
	}
	list := slices.Clone(p.named)
	for _, policy := range p.selected {
		if !slices.Contains(list, policy) {
			list = append(list, policy)
		}
	}
	return list
}

// With returns a snapshot that has the given objects. For objects that are neither part of the
// hierarchy, nor policies, nor CRDs, it only records that they exist. CRDs in the same call are
// read before everything else. An object whose kind is not known yet is passed over, and must be
// given again after its CRD.
func (s *Snapshot) With(objs ...*unstructured.Unstructured) (*Snapshot, []hierarchy.Problem) {
	e := s.edit()
	for _, u := range objs {
		if u.GroupVersionKind().GroupKind() == crd.GroupKind {
			e.addCRD(u)
		}
	}
	for _, u := range objs {
		e.add(u)
	}
	return e.done(), e.problems
}

// Has reports whether the snapshot has an object just as it is given, in all that is read of it. Then
// With would change nothing.
func (s *Snapshot) Has(u *unstructured.Unstructured) bool {
	if kind, isPolicy := s.kinds[u.GroupVersionKind().GroupKind()]; isPolicy {
		p, _ := Parse(kind, u)
		had, known := s.policies.Get(p.Ref)
		return known && reflect.DeepEqual(p, had)
	}
	object, problems := decode.Object(u, s.IsRoute)
	if object == nil || len(problems) > 0 {
		return false
	}
	had, known := s.graph.Get(object.Meta().Ref)
	return known && reflect.DeepEqual(object, had)
}

// Without returns a snapshot in which the named objects do not exist. When a CRD is removed, its
// kind and all policies of the kind are removed too.
func (s *Snapshot) Without(refs ...hierarchy.Ref) *Snapshot {
	e := s.edit()
	for _, ref := range refs {
		ref = ref.Object()
		if ref.GroupKind == crd.GroupKind {
			e.removeCRD(ref.Name)
			continue
		}
		if p, ok := e.next.policies.Get(ref); ok {
			e.removePolicy(p)
			continue
		}
		e.remove = append(e.remove, ref)
		e.removeOutside(ref)
	}
	return e.done()
}
