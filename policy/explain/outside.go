package explain

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// DescribeOther says what is known of an object that is neither on the hierarchy
// nor a policy: the policies on it, and the routes and Gateways that name it.
func DescribeOther(s *policy.Snapshot, ref hierarchy.Ref) *Description {
	d := newDescription(ref)
	for p := range s.Policies() {
		for _, a := range s.Acceptances(p) {
			if at := a.Target.Ref; at == ref || ref.Section == "" && at.Object() == ref {
				d.Attached = append(d.Attached, attachedOf(p, a))
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
	slices.SortFunc(d.NamedBy, func(a, b Reference) int { return compareTexts(a.To, b.To, a.Field, b.Field) })
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
