package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// Reasons of the Accepted condition of a policy (api.md section 1).
const (
	ReasonAccepted        = "Accepted"
	ReasonConflicted      = "Conflicted"
	ReasonInvalid         = "Invalid"
	ReasonTargetNotFound  = "TargetNotFound"
	ReasonRefNotPermitted = "RefNotPermitted"
)

// Acceptance is what became of one target of a policy.
type Acceptance struct {
	Target Target
	// Reason is one of the reasons above; ReasonAccepted when the policy holds
	// the target.
	Reason  string
	Message string
	// Holder is the policy that holds the target when this one is Conflicted.
	Holder hierarchy.Ref
}

// Accepted says whether the policy holds the target.
func (s Acceptance) Accepted() bool { return s.Reason == ReasonAccepted }

// Acceptances says for each target of a policy, in spec order, whether it is
// accepted there, and why not. It is empty only for a policy without targets.
func (s *Snapshot) Acceptances(p *Policy) []Acceptance {
	list := make([]Acceptance, 0, len(p.Targets))
	for _, t := range p.Targets {
		list = append(list, s.acceptance(p, t))
	}
	return list
}

func (s *Snapshot) acceptance(p *Policy, t Target) Acceptance {
	refuse := func(reason, message string) Acceptance {
		return Acceptance{Target: t, Reason: reason, Message: message}
	}
	if len(p.Problems) > 0 {
		return refuse(ReasonInvalid, strings.Join(p.Problems, "; "))
	}
	// Permission comes before existence, so that the answer does not tell
	// whether the target exists (semantics section 7).
	if message := s.permitted(p, t.Ref); message != "" {
		return refuse(ReasonRefNotPermitted, message)
	}
	if message := s.misplaced(p, t.Ref); message != "" {
		return refuse(ReasonInvalid, message)
	}
	if reason, message := s.missing(p, t.Ref); reason != "" {
		return refuse(reason, message)
	}
	if holder := s.holder(p, t.Ref); holder != nil && holder != p {
		before := "is older"
		if holder.Created.Equal(p.Created) {
			before = "is as old, comes first by name"
		}
		conflict := refuse(ReasonConflicted, conflictMessage(holder.Ref.String(), before, t.Ref, p.Kind.GroupKind.Kind))
		conflict.Holder = holder.Ref
		return conflict
	}
	return Acceptance{Target: t, Reason: ReasonAccepted, Message: "The policy is attached to " + t.Ref.String() + "."}
}

// permitted says why a policy may not name a target, or nothing.
func (s *Snapshot) permitted(p *Policy, target hierarchy.Ref) string {
	switch {
	case isClusterScoped(target.GroupKind.Group, target.Kind):
		if allowed := s.options.PlatformNamespaces; allowed != nil && !slices.Contains(allowed, p.Ref.Namespace) {
			return fmt.Sprintf("a policy in namespace %q may not target a GatewayClass: create it in %s",
				p.Ref.Namespace, oneOf(allowed))
		}
	case target.Namespace != p.Ref.Namespace && p.Kind.Namespaced:
		if !s.graph.Permits(p.Ref.GroupKind, p.Ref.Namespace, target) {
			return fmt.Sprintf("no ReferenceGrant in namespace %q lets a %s of group %q in namespace %q refer to kind %s there: create the policy in %q, or ask its owners for a grant",
				target.Namespace, p.Ref.Kind, p.Ref.GroupKind.Group, p.Ref.Namespace, target.Kind, target.Namespace)
		}
	}
	return ""
}

func oneOf(namespaces []string) string {
	if len(namespaces) == 0 {
		return "a platform namespace (none is configured)"
	}
	return fmt.Sprintf("a platform namespace (%s)", strings.Join(namespaces, ", "))
}

// misplaced says why a target is none that the kind can attach to, or nothing.
func (s *Snapshot) misplaced(p *Policy, target hierarchy.Ref) string {
	if _, onHierarchy := s.level(target); !onHierarchy && p.Kind.Class == Inherited {
		return fmt.Sprintf("a %s attaches to a GatewayClass, a Gateway, a ListenerSet or a route, not to kind %q of group %q",
			p.Ref.Kind, target.Kind, target.GroupKind.Group)
	}
	if target.Section != "" && isClusterScoped(target.GroupKind.Group, target.Kind) {
		return "a GatewayClass has no sections: leave sectionName out"
	}
	return ""
}

// level is where a target stands on the hierarchy, if it does.
func (s *Snapshot) level(target hierarchy.Ref) (hierarchy.Level, bool) {
	section := hierarchy.Level(0)
	if target.Section != "" {
		section = 1
	}
	if s.IsRoute(target.GroupKind) {
		return hierarchy.RouteLevel + section, true
	}
	if target.GroupKind.Group != hierarchy.Group {
		return 0, false
	}
	switch target.Kind {
	case "GatewayClass":
		return hierarchy.GatewayClassLevel, true
	case "Gateway":
		return hierarchy.GatewayLevel + 2*section, true
	case "ListenerSet":
		return hierarchy.ListenerSetLevel + section, true
	}
	return 0, false
}

// missing says that a target on the hierarchy does not exist, or that its
// section does not exist or is ambiguous (R52, R55).
func (s *Snapshot) missing(p *Policy, target hierarchy.Ref) (reason, message string) {
	level, onHierarchy := s.level(target)
	if !onHierarchy {
		return "", ""
	}
	if s.graph.Sections(target.Object()) == 0 {
		return ReasonTargetNotFound, fmt.Sprintf("%s does not exist", target)
	}
	section := "listener"
	if level == hierarchy.RouteRuleLevel {
		section = "rule"
	}
	switch n := s.graph.Sections(target); {
	case n == 0:
		return ReasonTargetNotFound, fmt.Sprintf("%s has no %s named %q", target.Object(), section, target.Section)
	case n > 1:
		return ReasonInvalid, fmt.Sprintf("%s has %d %ss named %q, so the policy would be ambiguous: give each a name of its own", target.Object(), n, section, target.Section)
	}
	return "", ""
}

// holder is the policy of p's kind that holds a target: the oldest that may.
func (s *Snapshot) holder(p *Policy, target hierarchy.Ref) *Policy {
	for _, other := range s.Named(target) {
		if other.Kind == p.Kind && len(other.Problems) == 0 && s.permitted(other, target) == "" {
			return other
		}
	}
	return nil
}
