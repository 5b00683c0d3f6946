package explain

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// Direct is a Direct policy on something that an explanation is about. It takes no
// part in merging: it applies to its target as it stands.
type Direct struct {
	Policy string `json:"policy"`
	Target string `json:"target"`
	// Reason is that of its acceptance, Message why it is not accepted.
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`

	PolicyRef Object `json:"policyRef"`
	TargetRef Object `json:"targetRef"`
}

// DirectPolicies lists the Direct policies on any of the objects, or a section of
// one, sorted.
func DirectPolicies(s *policy.Snapshot, on map[hierarchy.Ref]bool) []Direct {
	var list []Direct
	for p := range s.Policies() {
		if p.Kind.Class != policy.Direct {
			continue
		}
		for _, a := range s.Acceptances(p) {
			if !on[a.Target.Ref.Object()] {
				continue
			}
			d := Direct{
				Policy: p.Kind.Name() + " " + p.Ref.Place(), Target: a.Target.Ref.String(), Reason: a.Reason,
				PolicyRef: objectOf(p.Ref), TargetRef: objectOf(a.Target.Ref),
			}
			if !a.Accepted() {
				d.Message = a.Message
			}
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b Direct) int { return compareTexts(a.Target, b.Target, a.Policy, b.Policy) })
	return list
}

// Surroundings are the objects that requests through a route or a Gateway pass:
// itself, what is above it, and its backends.
func Surroundings(s *policy.Snapshot, target hierarchy.Ref) map[hierarchy.Ref]bool {
	on := map[hierarchy.Ref]bool{target: true}
	object, _ := s.Graph().Get(target)
	switch o := object.(type) {
	case *hierarchy.Gateway:
		on[hierarchy.GatewayClassRef(o.Class)] = true
	case *hierarchy.Route:
		for _, l := range s.Graph().BoundTo(target) {
			on[l.Class], on[l.Gateway] = true, true
			if !l.ListenerSet.IsZero() {
				on[l.ListenerSet] = true
			}
		}
		for i := range o.Rules {
			for _, backend := range o.Rules[i].Backends {
				on[backend.To.Object()] = true
			}
		}
	}
	return on
}

func directOn(s *policy.Snapshot, target hierarchy.Ref) []Direct {
	return DirectPolicies(s, Surroundings(s, target))
}
