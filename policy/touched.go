package policy

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
)

// Touched lists the routes and Gateways, sorted, whose effective policy depends on an object: those
// whose paths it is on, or, for a policy, a ReferenceGrant or a CRD, those that the affected
// policies may reach. To find all that an edit touches, ask the snapshot before and the one after.
func (s *Snapshot) Touched(ref hierarchy.Ref) []hierarchy.Ref {
	switch p, isPolicy := s.Policy(ref); {
	case isPolicy:
		return s.touchedBy(p)
	case ref.GroupKind == crd.GroupKind:
		return s.touchedByCRD(ref.Name)
	}
	object, _ := s.graph.Get(ref)
	_, isGrant := object.(*hierarchy.ReferenceGrant)
	if !isGrant && (ref.GroupKind != hierarchy.NamespaceKind || len(s.kindsSelectedEverywhere()) == 0) {
		return s.graph.Touched(ref)
	}
	touched := s.graph.Touched(ref)
	for _, target := range s.PolicyTargets(ref) {
		touched = append(touched, s.below(target)...)
	}
	return sorted(touched)
}

// below lists the routes and Gateways on whose paths a target is. A listener touches the routes
// bound to it, and its Gateway.
func (s *Snapshot) below(target hierarchy.Ref) []hierarchy.Ref {
	touched := s.graph.Touched(target)
	if target.Section == "" {
		return touched
	}
	if l, ok := s.graph.Listener(target); ok {
		touched = append(touched, l.Gateway)
	}
	return touched
}

func (s *Snapshot) touchedBy(policies ...*Policy) []hierarchy.Ref {
	var touched []hierarchy.Ref
	for _, p := range policies {
		for _, t := range p.Targets {
			touched = append(touched, s.below(t.Ref)...)
		}
		for _, target := range s.Selected(p).Targets {
			touched = append(touched, s.below(target)...)
		}
	}
	return sorted(touched)
}

func (s *Snapshot) touchedByCRD(name string) []hierarchy.Ref {
	var touched []hierarchy.Ref
	if gk, ok := s.kindOf[name]; ok {
		var policies []*Policy
		for p := range s.Policies() {
			if p.Ref.GroupKind == gk {
				policies = append(policies, p)
			}
		}
		touched = s.touchedBy(policies...)
	}
	for gk, crd := range s.routeKinds {
		if crd != name {
			continue
		}
		for r := range s.graph.Routes() {
			if r.Meta().Ref.GroupKind == gk {
				touched = append(touched, s.graph.Touched(r.Meta().Ref)...)
			}
		}
	}
	return sorted(touched)
}

func sorted(refs []hierarchy.Ref) []hierarchy.Ref {
	slices.SortFunc(refs, hierarchy.Compare)
	return slices.Compact(refs)
}
