package policy

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
)

// Reasons of the Accepted condition of a policy (api.md section 1).
const (
	ReasonAccepted        = "Accepted"
	ReasonConflicted      = "Conflicted"
	ReasonInvalid         = "Invalid"
	ReasonTargetNotFound  = "TargetNotFound"
	ReasonRefNotPermitted = "RefNotPermitted"
	// ReasonOverridden is the reason for a target that this policy selects and another policy names.
	// That is not a conflict: the policy that names the target applies.
	ReasonOverridden = "Overridden"
	// ReasonNotLookedAt is the reason for a target of an unknown kind, or of a kind that the policy
	// kind is not known to support: we make no statement about it.
	ReasonNotLookedAt = "NotLookedAt"
)

// Acceptance reports whether a policy is accepted at one of its targets.
type Acceptance struct {
	Target Target
	// Reason is one of the reasons above; ReasonAccepted when the policy holds
	// the target.
	Reason  string
	Message string
	// Holder is the policy that holds the target when this one is Conflicted.
	Holder hierarchy.Ref
}

// Accepted reports whether the policy holds the target.
func (s Acceptance) Accepted() bool { return s.Reason == ReasonAccepted }

// Acceptances returns, for each target of a policy, whether the policy is accepted there, and if
// not, why. The targets that it names come first, in spec order, then those that it selects,
// sorted, then an entry for each selector that may not select anything. A policy without targets
// has one entry, for its own Namespace. The list is empty only for a policy whose selectors match
// nothing.
func (s *Snapshot) Acceptances(p *Policy) []Acceptance {
	if len(p.Targets) == 0 && len(p.Selectors) == 0 && len(p.Unread) == 0 {
		return []Acceptance{p.untargeted()}
	}
	list := make([]Acceptance, 0, len(p.Targets)+len(p.Unread))
	for _, t := range p.Targets {
		list = append(list, s.acceptance(p, t))
	}
	for _, t := range p.Unread {
		list = append(list, p.unread(t))
	}
	for _, ref := range s.Selected(p).Targets {
		if !slices.ContainsFunc(p.Targets, func(t Target) bool { return t.Ref == ref }) {
			list = append(list, s.acceptance(p, Target{Ref: ref, Field: "spec.targetSelectors", Selected: true}))
		}
	}
	for i := range p.Selectors {
		if refused, is := s.refusedSelector(p, &p.Selectors[i]); is {
			list = append(list, refused)
		}
	}
	return list
}

// refusedSelector is the result of a selector over GatewayClasses for a policy that may not target
// any. It selects nothing, and has one entry, for the policy's Namespace. A selector over
// Namespaces selects the policy's own.
func (s *Snapshot) refusedSelector(p *Policy, sel *Selector) (refused Acceptance, is bool) {
	if sel.Kind != hierarchy.GatewayClassKind {
		return Acceptance{}, false
	}
	message := s.permitted(p, hierarchy.GatewayClassRef(""))
	at := Target{Ref: hierarchy.NamespaceRef(p.Ref.Namespace), Field: sel.Field, Selected: true}
	return Acceptance{Target: at, Reason: ReasonRefNotPermitted, Message: message}, message != ""
}

// unread is the result of a reference with an unknown field: to attach the policy to the whole
// object would be a guess.
func (p *Policy) unread(t Target) Acceptance {
	a := Acceptance{Target: t, Reason: ReasonNotLookedAt, Message: fmt.Sprintf("%s is not looked at: what %q means in a target is not known", t.Ref, t.Unknown)}
	if len(p.Problems) > 0 {
		a.Reason, a.Message = ReasonInvalid, strings.Join(p.Problems, "; ")
	}
	return a
}

// untargeted is the result of a policy without a target that we understand.
func (p *Policy) untargeted() Acceptance {
	message := "the policy names no target that is understood: write targetRef, targetRefs or targetSelectors"
	if len(p.Problems) > 0 {
		message = strings.Join(p.Problems, "; ")
	}
	at := hierarchy.NamespaceRef(p.Ref.Namespace)
	return Acceptance{Target: Target{Ref: at, Field: "spec"}, Reason: ReasonInvalid, Message: message}
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
	if !p.Kind.MayTarget(t.Ref.GroupKind) {
		return refuse(ReasonNotLookedAt, p.Kind.notLookedAt(t.Ref))
	}
	if reason, message := s.missing(p, t.Ref); reason != "" {
		return refuse(reason, message)
	}
	if holder := s.holder(p, t.Ref); holder != nil {
		return s.lost(p, t, holder)
	}
	return Acceptance{Target: t, Reason: ReasonAccepted, Message: "The policy is attached to " + t.Ref.String() + "."}
}

// lost is the result when another policy holds the target.
func (s *Snapshot) lost(p *Policy, t Target, holder *Policy) Acceptance {
	a := Acceptance{Target: t, Reason: ReasonConflicted, Holder: holder.Ref}
	if t.Selected && slices.ContainsFunc(holder.Targets, func(o Target) bool { return o.Ref == t.Ref }) {
		a.Reason = ReasonOverridden
		a.Message = overriddenMessage(s.Text(holder.Ref), t.Ref)
		return a
	}
	why := "is older"
	switch {
	case holder.Created.Equal(p.Created) && holder.Ref.Namespace != p.Ref.Namespace:
		why = "is as old, comes first by namespace"
	case holder.Created.Equal(p.Created):
		why = "is as old, comes first by name"
	}
	a.Message = conflictMessage(s.Text(holder.Ref), why, t.Ref, p.Kind.GroupKind, s.kindText(p.Kind.GroupKind))
	return a
}

// permitted returns why a policy may not name a target, or an empty text if it may.
func (s *Snapshot) permitted(p *Policy, target hierarchy.Ref) string {
	switch {
	case target.GroupKind == hierarchy.NamespaceKind && target.Name == p.Ref.Namespace:
	case isClusterScoped(target.GroupKind):
		if allowed := s.options.PlatformNamespaces; allowed != nil && !slices.Contains(allowed, p.Ref.Namespace) {
			if target.GroupKind == hierarchy.NamespaceKind {
				return fmt.Sprintf("a policy in namespace %q may target that Namespace and no other: create it in the Namespace that it is for, or in %s", p.Ref.Namespace, oneOf(allowed))
			}
			return fmt.Sprintf("a policy in namespace %q may not target a GatewayClass: create it in %s", p.Ref.Namespace, oneOf(allowed))
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

// misplaced returns why the kind cannot attach to a target, or an empty text if it can.
func (s *Snapshot) misplaced(p *Policy, target hierarchy.Ref) string {
	if target.Section != "" && isClusterScoped(target.GroupKind) {
		return fmt.Sprintf("a %s has no sections: leave sectionName out", target.Kind)
	}
	if _, onHierarchy := s.Level(p, target); !onHierarchy && p.Kind.Group() == Group {
		return fmt.Sprintf("a %s attaches to a GatewayClass, a Gateway, a ListenerSet, a Namespace or a route, not to kind %q of group %q",
			p.Ref.Kind, target.Kind, target.GroupKind.Group)
	}
	return ""
}

// missing returns that a target does not exist, or that its section does not exist or is ambiguous
// (R52, R55).
func (s *Snapshot) missing(p *Policy, target hierarchy.Ref) (reason, message string) {
	level, onHierarchy := s.Level(p, target)
	if !onHierarchy {
		return s.missingOutside(p, target)
	}
	if target.GroupKind == hierarchy.GatewayClassKind && s.HasClass(target) {
		return "", ""
	}
	if target.GroupKind == hierarchy.NamespaceKind && target.Name == p.Ref.Namespace {
		return "", "" // the policy is in it
	}
	if !s.graph.Exists(target) {
		return ReasonTargetNotFound, fmt.Sprintf("%s does not exist", target)
	}
	section := "listener"
	if level == hierarchy.RouteRuleLevel {
		section = "rule"
	}
	switch n := s.graph.Sections(target); {
	case target.Section == "":
	case n == 0:
		return ReasonTargetNotFound, fmt.Sprintf("%s has no %s named %q", target.Object(), section, target.Section)
	case n > 1:
		return ReasonInvalid, fmt.Sprintf("%s has %d %ss named %q, so the policy would be ambiguous: give each a name of its own", target.Object(), n, section, target.Section)
	}
	return "", ""
}

// holder returns the policy that holds a target instead of p, nil when p holds it.
func (s *Snapshot) holder(p *Policy, target hierarchy.Ref) *Policy {
	point := s.point(target)
	if point == nil {
		return nil
	}
	level, _ := s.Level(p, target)
	var held []*Policy
	for _, other := range s.candidates(nil, point, p.Kind, target, level) {
		holder := keptOff(held, other)
		if other == p {
			return holder
		}
		if holder == nil {
			held = append(held, other)
		}
	}
	return nil
}

// Text returns an object as people read it, with the group of its kind if another kind of the same
// name is known (semantics section 10): RateLimitPolicy.example.com a/b.
func (s *Snapshot) Text(ref hierarchy.Ref) string {
	if !s.sharesName(ref.GroupKind) {
		return ref.String()
	}
	ref.Kind += "." + ref.GroupKind.Group
	return ref.String()
}

// KindText returns a policy kind as people read it: as in results, and with our group if a kind of
// another group has the same name.
func (s *Snapshot) KindText(kind *Kind) string {
	if name := kind.Name(); name != kind.GroupKind.Kind || !s.sharesName(kind.GroupKind) {
		return name
	}
	return kind.GroupKind.String()
}

// kindText returns a kind, with its group if another kind of the same name is known.
func (s *Snapshot) kindText(gk schema.GroupKind) string {
	if s.sharesName(gk) {
		return gk.String()
	}
	return gk.Kind
}

// sharesName reports whether another group has a kind of the same name: a policy kind, a route
// kind, or another kind of the hierarchy.
func (s *Snapshot) sharesName(gk schema.GroupKind) bool {
	if gk.Group == "" {
		return false
	}
	for other := range s.kinds {
		if other.Kind == gk.Kind && other.Group != gk.Group {
			return true
		}
	}
	for other := range s.routeKinds {
		if other.Kind == gk.Kind && other.Group != gk.Group {
			return true
		}
	}
	own := schema.GroupKind{Group: hierarchy.Group, Kind: gk.Kind}
	return gk.Group != hierarchy.Group && len(s.levelsOf(hierarchy.Ref{GroupKind: own})) > 0
}
