package policy

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
)

// rung is where the objects of a kind, and their sections, stand on the
// hierarchy (semantics section 1).
type rung struct {
	kind schema.GroupKind
	// object are the levels of the object as a whole: of a Namespace there are
	// two, and whose policy it is decides.
	object []hierarchy.Level
	// section are those of a section; empty for a kind without sections.
	section []hierarchy.Level
}

// rungs are all but the routes, whose kinds users can add to.
var rungs = [...]rung{
	{hierarchy.GatewayClassKind, []hierarchy.Level{hierarchy.GatewayClassLevel}, nil},
	{hierarchy.GatewayKind, []hierarchy.Level{hierarchy.GatewayLevel}, []hierarchy.Level{hierarchy.ListenerLevel}},
	{hierarchy.ListenerSetKind, []hierarchy.Level{hierarchy.ListenerSetLevel}, []hierarchy.Level{hierarchy.ListenerLevel}},
	{hierarchy.NamespaceKind, []hierarchy.Level{hierarchy.PlatformNamespaceLevel, hierarchy.NamespaceLevel}, nil},
}

// routeRung is that of every route kind.
var routeRung = rung{object: []hierarchy.Level{hierarchy.RouteLevel}, section: []hierarchy.Level{hierarchy.RouteRuleLevel}}

// levelsOf are the levels at which a target stands; none for what is not on the
// hierarchy.
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

// levelFor says whether a level is the one at which a policy stands at a target
// with several: in the Namespace that it targets, it is one of the Namespace's
// own, whoever runs that.
func levelFor(p *Policy, target hierarchy.Ref, level hierarchy.Level) bool {
	if target.GroupKind != hierarchy.NamespaceKind {
		return true
	}
	return (level == hierarchy.NamespaceLevel) == (p.Ref.Namespace == target.Name)
}

// Level is where a policy stands at a target, if that is on the hierarchy.
func (s *Snapshot) Level(p *Policy, target hierarchy.Ref) (hierarchy.Level, bool) {
	for _, level := range s.levelsOf(target) {
		if levelFor(p, target, level) {
			return level, true
		}
	}
	return 0, false
}

// isClusterScoped says whether a kind of the hierarchy has no namespace.
func isClusterScoped(kind schema.GroupKind) bool {
	return kind == hierarchy.GatewayClassKind || kind == hierarchy.NamespaceKind
}

// IsPlatform says whether a policy is in a namespace that the installer lists as
// a platform's. Where none is listed none is known to be.
func (s *Snapshot) IsPlatform(p *Policy) bool {
	return slices.Contains(s.options.PlatformNamespaces, p.Ref.Namespace)
}
