package explain

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// What is known of an object that another one refers to.
const (
	StateExists       = "exists"
	StateMissing      = "does not exist"
	StateUnknown      = "not known"
	StateNotPermitted = "not permitted"
	// StateNotHere is for manifests: what is not among them may be elsewhere.
	StateNotHere = "not among the manifests"
)

// referencesOf lists what an object names outside the hierarchy, each with whether
// it exists. Of what it may not refer to nothing is said (R45).
func referencesOf(s *policy.Snapshot, ref hierarchy.Ref, exists func(hierarchy.Ref) string) []Reference {
	refs := referencesIn(s, ref)
	out := make([]Reference, 0, len(refs))
	for _, r := range refs {
		state := StateNotPermitted
		if s.Graph().Permits(ref.GroupKind, ref.Namespace, r.To) || ref.Namespace == "" {
			state = exists(r.To)
		}
		out = append(out, Reference{Field: r.Field, To: r.To.String(), State: state})
	}
	slices.SortFunc(out, func(a, b Reference) int { return strings.Compare(a.Field, b.Field) })
	return out
}

// referencesIn are the references of an object to others outside the hierarchy.
func referencesIn(s *policy.Snapshot, ref hierarchy.Ref) []hierarchy.Reference {
	var refs []hierarchy.Reference
	object, _ := s.Graph().Get(ref)
	switch o := object.(type) {
	case *hierarchy.GatewayClass:
		refs = appendPresent(refs, o.Parameters)
	case *hierarchy.Gateway:
		refs = append(appendPresent(refs, o.Parameters), o.References...)
		for i := range o.Listeners {
			refs = append(refs, o.Listeners[i].Certificates...)
		}
	case *hierarchy.ListenerSet:
		for i := range o.Listeners {
			refs = append(refs, o.Listeners[i].Certificates...)
		}
	case *hierarchy.Route:
		for i := range o.Rules {
			refs = slices.Concat(refs, o.Rules[i].Backends, o.Rules[i].Extensions)
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
