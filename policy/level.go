package policy

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
)

// rung says at which levels of the hierarchy the objects of a kind, and their sections, are
// (semantics section 1).
type rung struct {
	kind schema.GroupKind
	// object are the levels of the object as a whole. A Namespace has two; which one counts depends
	// on the namespace of the policy.
	object []hierarchy.Level
	// section are the levels of a section; empty for a kind without sections.
	section []hierarchy.Level
}

// rungs has all kinds but the route kinds, to which users can add their own.
var rungs = [...]rung{
	{hierarchy.GatewayClassKind, []hierarchy.Level{hierarchy.GatewayClassLevel}, nil},
	{hierarchy.GatewayKind, []hierarchy.Level{hierarchy.GatewayLevel}, []hierarchy.Level{hierarchy.ListenerLevel}},
	{hierarchy.ListenerSetKind, []hierarchy.Level{hierarchy.ListenerSetLevel}, []hierarchy.Level{hierarchy.ListenerLevel}},
	{hierarchy.NamespaceKind, []hierarchy.Level{hierarchy.PlatformNamespaceLevel, hierarchy.NamespaceLevel}, nil},
}

// routeRung is the rung of every route kind.
var routeRung = rung{object: []hierarchy.Level{hierarchy.RouteLevel}, section: []hierarchy.Level{hierarchy.RouteRuleLevel}}

// levelsOf returns the levels of a target; none for an object outside the hierarchy.
func (s *Snapshot) levelsOf(target hierarchy.Ref) []hierarchy.Level {
	r := &routeRung
	if !s.IsRoute(target.GroupKind) {
		i := slices.IndexFunc(rungs[:], func(r rung) bool { return r.kind == target.GroupKind })
		if i < 0 {
			return nil
		}
		r = &rungs[i]
	}
	if target.Section != "" {
		return r.section
	}
	return r.object
}

// levelFor reports whether a level is the right one for a policy at a target that has several. A
// policy in the Namespace that it targets is one of the Namespace's own, even if the namespace is a
// platform's.
func levelFor(p *Policy, target hierarchy.Ref, level hierarchy.Level) bool {
	if target.GroupKind != hierarchy.NamespaceKind {
		return true
	}
	return (level == hierarchy.NamespaceLevel) == (p.Ref.Namespace == target.Name)
}

// Level returns the level of a policy at a target, if the target is on the hierarchy.
func (s *Snapshot) Level(p *Policy, target hierarchy.Ref) (hierarchy.Level, bool) {
	for _, level := range s.levelsOf(target) {
		if levelFor(p, target, level) {
			return level, true
		}
	}
	return 0, false
}

// isClusterScoped reports whether a kind of the hierarchy has no namespace.
func isClusterScoped(kind schema.GroupKind) bool {
	return kind == hierarchy.GatewayClassKind || kind == hierarchy.NamespaceKind
}

// IsPlatform reports whether a policy is in a namespace that the installer lists as a platform
// namespace. If none is listed, no namespace is known to be one.
func (s *Snapshot) IsPlatform(p *Policy) bool {
	return slices.Contains(s.options.PlatformNamespaces, p.Ref.Namespace)
}
