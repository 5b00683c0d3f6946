package explain

import (
	"cmp"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// What is known about an object that another one refers to.
const (
	StateExists       = "exists"
	StateMissing      = "does not exist"
	StateUnknown      = "not known"
	StateNotPermitted = "not permitted"
	// StateNotHere is for manifests: an object that is not among them may exist elsewhere.
	StateNotHere = "not among the manifests"
)

// referencesOf lists the objects that an object names outside the hierarchy, and whether each
// exists. Nothing is revealed about objects that it may not refer to (R45).
func referencesOf(s *policy.Snapshot, ref hierarchy.Ref, exists func(hierarchy.Ref) string) []Reference {
	refs := referencesIn(s, ref)
	out := make([]Reference, 0, len(refs))
	on := map[hierarchy.Ref]bool{}
	for _, r := range refs {
		on[r.To.Object()] = true
	}
	attached := attachedOn(s, on)
	for _, r := range refs {
		state := StateNotPermitted
		if s.Graph().Permits(ref.GroupKind, ref.Namespace, r.To) || ref.Namespace == "" {
			state = exists(r.To)
		}
		out = append(out, Reference{Field: r.Field, To: r.To.String(), State: state, Policies: attached[r.To.Object()]})
	}
	slices.SortFunc(out, func(a, b Reference) int { return hierarchy.CompareFields(a.Field, b.Field) })
	return out
}

// attachedOn are the policies on objects outside the hierarchy, by object.
func attachedOn(s *policy.Snapshot, on map[hierarchy.Ref]bool) map[hierarchy.Ref][]Attached {
	attached := map[hierarchy.Ref][]Attached{}
	for p := range s.Policies() {
		for _, a := range s.Acceptances(p) {
			if at := a.Target.Ref.Object(); on[at] {
				attached[at] = append(attached[at], attachedOf(s, p, a))
			}
		}
	}
	for _, list := range attached {
		slices.SortFunc(list, func(a, b Attached) int { return compareTexts(a.Policy, b.Policy, a.Target, b.Target) })
	}
	return attached
}

// referencesIn are the references of an object, or of one section of it, to others outside the
// hierarchy.
func referencesIn(s *policy.Snapshot, ref hierarchy.Ref) []hierarchy.Reference {
	var refs []hierarchy.Reference
	object, _ := s.Graph().Get(ref)
	whole := ref.Section == ""
	certificates := func(listeners []hierarchy.ListenerSpec) {
		for i := range listeners {
			if whole || listeners[i].Name == ref.Section {
				refs = append(refs, listeners[i].Certificates...)
			}
		}
	}
	switch o := object.(type) {
	case *hierarchy.GatewayClass:
		refs = appendPresent(refs, o.Parameters)
	case *hierarchy.Gateway:
		if whole {
			refs = append(appendPresent(refs, o.Parameters), o.References...)
		}
		certificates(o.Listeners)
	case *hierarchy.ListenerSet:
		certificates(o.Listeners)
	case *hierarchy.Route:
		section := slices.Index(RuleNames(s, ref.Object()), ref.Section)
		for i := range o.Rules {
			if whole || i == section {
				refs = slices.Concat(refs, o.Rules[i].Backends, o.Rules[i].Extensions)
			}
		}
	}
	return refs
}

func appendPresent(refs []hierarchy.Reference, r *hierarchy.Reference) []hierarchy.Reference {
	if r == nil {
		return refs
	}
	return append(refs, *r)
}

// DescribeOther returns what is known about an object that is neither on the hierarchy nor a
// policy: the policies on it, and the routes and Gateways that name it.
func DescribeOther(s *policy.Snapshot, ref hierarchy.Ref) *Description {
	d := newDescription(ref)
	for p := range s.Policies() {
		for _, a := range s.Acceptances(p) {
			if at := a.Target.Ref; at == ref || ref.Section == "" && at.Object() == ref {
				d.Attached = append(d.Attached, attachedOf(s, p, a))
			}
		}
	}
	slices.SortFunc(d.Attached, func(a, b Attached) int { return compareTexts(a.Policy, b.Policy, a.Target, b.Target) })
	for r := range s.Graph().Routes() {
		d.NamedBy = append(d.NamedBy, naming(s, r.Meta().Ref, ref)...)
	}
	for g := range s.Graph().Gateways() {
		d.NamedBy = append(d.NamedBy, naming(s, g.Meta().Ref, ref)...)
	}
	slices.SortFunc(d.NamedBy, func(a, b Reference) int {
		return cmp.Or(strings.Compare(a.To, b.To), hierarchy.CompareFields(a.Field, b.Field))
	})
	return d
}

// naming are the fields of an object that name another one.
func naming(s *policy.Snapshot, by, named hierarchy.Ref) []Reference {
	var fields []Reference
	for _, r := range referencesIn(s, by) {
		if r.To.Object() == named.Object() {
			fields = append(fields, Reference{Field: r.Field, To: by.String()})
		}
	}
	return fields
}

// PolicyTargets are the objects that policies name, each once and without its
// section, sorted.
func PolicyTargets(s *policy.Snapshot) []hierarchy.Ref {
	var refs []hierarchy.Ref
	for p := range s.Policies() {
		for _, t := range p.Targets {
			refs = append(refs, t.Ref.Object())
		}
	}
	slices.SortFunc(refs, hierarchy.Compare)
	return slices.Compact(refs)
}
