package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/persistent"
)

// AttachmentPoint is what is attached to one object or section.
type AttachmentPoint struct {
	// named are all policies that name the target: by kind, and within a kind
	// the oldest first.
	named []*Policy
	// InForce are the policies of Inherited kinds that apply there, one for each
	// kind at most, by kind name.
	InForce []*Attachment
}

// Attachment is a policy where it applies.
type Attachment struct {
	Policy *Policy
	Target hierarchy.Ref
}

func (s *Snapshot) attach(target hierarchy.Ref, named []*Policy) persistent.Map[hierarchy.Ref, *AttachmentPoint] {
	if len(named) == 0 {
		return s.attached.Without(target)
	}
	slices.SortFunc(named, byKindThenAge)
	p := &AttachmentPoint{named: named}
	for _, policy := range named {
		if policy.Kind.Class != Inherited || len(policy.Problems) > 0 || s.permitted(policy, target) != "" {
			continue
		}
		if n := len(p.InForce); n > 0 && p.InForce[n-1].Policy.Kind == policy.Kind {
			continue
		}
		p.InForce = append(p.InForce, &Attachment{Policy: policy, Target: target})
	}
	return s.attached.With(target, p)
}

// InForce returns what applies at a target, nil when nothing does. Within one
// snapshot, and for what a later one shares with it, the pointer is the same.
func (s *Snapshot) InForce(target hierarchy.Ref) *AttachmentPoint {
	if p, ok := s.attached.Get(target); ok && len(p.InForce) > 0 {
		return p
	}
	return nil
}

// PolicyTargets lists where policies are attached on account of one object: the object
// and its sections that any policy names, or, for a ReferenceGrant, what
// policies of other namespaces name in its namespace.
func (s *Snapshot) PolicyTargets(ref hierarchy.Ref) []hierarchy.Ref {
	object, _ := s.graph.Get(ref)
	_, isGrant := object.(*hierarchy.ReferenceGrant)
	if !isGrant {
		return s.sections(object, ref.Object())
	}
	var places []hierarchy.Ref
	for target, p := range s.attached.All() {
		if target.Namespace == ref.Namespace && foreign(p, ref.Namespace) {
			places = append(places, target)
		}
	}
	return sorted(places)
}

// foreign says whether a policy of another namespace names a place.
func foreign(p *AttachmentPoint, namespace string) bool {
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
