package explain

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/merge"
)

// why returns a sentence that says which rule of precedence decided a field.
func (s *paths) why(m *effective.Policy, o effective.Origin) string {
	alone := len(o.Beat) == 0
	switch {
	case o.Block == merge.Bound && !isMaximum(m, o):
		return "nobody states it, and the bounds of " + s.text(o.From) + " do not allow what its absence means"
	case o.Block == merge.Bound:
		return "nobody states it, so it takes the maximum of these bounds"
	case alone && o.Block == merge.Inline:
		return "written in the route rule, and nowhere else"
	case alone:
		return "stated by this policy alone"
	case o.Block == merge.Override:
		return whyOverride(o)
	case o.Block == merge.Inline:
		return "written in the route rule, which beats every default"
	}
	return "no override states it; the most specific default wins"
}

// isMaximum reports whether the policy that a bound comes from has a maximum there.
func isMaximum(m *effective.Policy, o effective.Origin) bool {
	for _, part := range m.Contributions() {
		for _, b := range part.Attachment.Policy.Bounds {
			if part.Attachment.Policy.Ref == o.From && slices.Equal(b.Path, o.Path) && b.Max != nil {
				return true
			}
		}
	}
	return false
}

// whyOverride distinguishes what an override beats because of its level from what it beats because
// it is an override.
func whyOverride(o effective.Origin) string {
	below := func(b effective.Beaten) bool { return b.Level >= o.Level }
	isOverride := func(b effective.Beaten) bool { return b.Block == merge.Override }
	switch {
	case !slices.ContainsFunc(o.Beat, func(b effective.Beaten) bool { return !below(b) }):
		return "an override beats everything below it"
	case slices.ContainsFunc(o.Beat, isOverride):
		return "an override beats the overrides below it, and every default"
	}
	return "an override beats every default, also from above"
}

// LevelOf is the level of what a policy is attached to.
func LevelOf(target hierarchy.Ref) hierarchy.Level {
	section := hierarchy.Level(0)
	if target.Section != "" {
		section = 1
	}
	if target.GroupKind == hierarchy.NamespaceKind {
		return hierarchy.NamespaceLevel
	}
	if target.GroupKind.Group == hierarchy.Group {
		switch target.Kind {
		case "GatewayClass":
			return hierarchy.GatewayClassLevel
		case "Gateway":
			return hierarchy.GatewayLevel + (hierarchy.ListenerLevel-hierarchy.GatewayLevel)*section
		case "ListenerSet":
			return hierarchy.ListenerSetLevel + section
		}
	}
	return hierarchy.RouteLevel + section
}

// placeOf returns a target as named in sentences: GatewayClass edge, listener https, the route,
// rule pay. The Gateway of the listener and the route of the rule follow from the scope.
func placeOf(target hierarchy.Ref, level hierarchy.Level) string {
	switch level {
	case hierarchy.ListenerLevel:
		return "listener " + target.Section
	case hierarchy.RouteLevel:
		return "the route"
	case hierarchy.RouteRuleLevel:
		return hierarchy.RuleOf(target.Section).Text()
	}
	return target.String()
}

// paths are the paths of one scope of a route or a Gateway, with the rules one by one.
type paths struct {
	target  hierarchy.Ref
	parents []*hierarchy.Listener
	rules   []string
	// in is the snapshot, which tells whether the name of a kind needs its group.
	in *policy.Snapshot
	// only selects what is reported about them.
	only narrowing
}

// text returns an object as written in a sentence.
func (s *paths) text(ref hierarchy.Ref) string { return s.in.Text(ref) }

// at returns the objects at a level of the paths, each once. Losers are identified by their level:
// on paths with equal results they can be attached to different objects.
func (s *paths) at(level hierarchy.Level) []hierarchy.Ref {
	var refs []hierarchy.Ref
	add := func(ref hierarchy.Ref) {
		if !ref.IsZero() && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	for _, l := range s.parents {
		switch level {
		case hierarchy.GatewayClassLevel:
			add(l.Class)
		case hierarchy.GatewayLevel:
			add(l.Gateway)
		case hierarchy.ListenerSetLevel:
			add(l.ListenerSet)
		case hierarchy.ListenerLevel:
			add(l.Ref)
		case hierarchy.PlatformNamespaceLevel, hierarchy.NamespaceLevel:
			add(hierarchy.NamespaceRef(s.target.Namespace))
		case hierarchy.RouteLevel:
			add(s.target)
		default:
			for _, rule := range s.rules {
				add(s.target.WithSection(rule))
			}
		}
	}
	return refs
}

// beatenAt is a value that lost, from its level.
func (s *paths) beatenAt(level hierarchy.Level, block merge.Block, from hierarchy.Ref, value any) Beaten {
	refs := s.at(level)
	return Beaten{
		Value: value, From: s.text(from), FromRef: objectOf(from), TargetRefs: objectsOf(refs), Target: texts(refs, hierarchy.Ref.String), Level: level.String(), Block: block.String(),
		Place: texts(refs, func(ref hierarchy.Ref) string { return placeOf(ref, level) }),
	}
}

func objectsOf(refs []hierarchy.Ref) []Object {
	objects := make([]Object, len(refs))
	for i, ref := range refs {
		objects[i] = objectOf(ref)
	}
	return objects
}

func texts(refs []hierarchy.Ref, text func(hierarchy.Ref) string) string {
	list := make([]string, len(refs))
	for i, ref := range refs {
		list[i] = text(ref)
	}
	return strings.Join(list, ", ")
}

// dropped lists the values that are stated on the path, are not in force, and were not beaten by a
// field that is: by field, each with the rule that removed it.
func dropped(m *effective.Policy, s *paths) []Field {
	var fields []Field
	var last *effective.NotSet
	for _, n := range m.NotSet {
		if n.Rule == effective.NotApplicable || !s.only.field.Covers(n.Path) { // the former has an entry of its own
			continue
		}
		if last == nil || !slices.Equal(last.Path, n.Path) || last.Rule != n.Rule || last.By != n.By {
			fields = append(fields, Field{
				Policy: m.Kind.Name(), Kind: s.in.KindText(m.Kind), Field: n.Path.String(), Path: n.Path, Beat: []Beaten{}, Why: s.whyDropped(m, n),
			})
		}
		last = &n
		f := &fields[len(fields)-1]
		f.Beat = append(f.Beat, s.beatenAt(n.Level, n.Block, n.From, n.Value))
	}
	return fields
}

// whyDropped returns a sentence that says which rule removed a value.
func (s *paths) whyDropped(m *effective.Policy, n effective.NotSet) string {
	by := s.text(n.By)
	switch n.Rule {
	case effective.AtomicOverride:
		return "the override of " + by + " has strategy Atomic and replaces everything below it whole"
	case effective.AtomicDefault:
		if _, _, ofChallenger := m.Kind.OfChallenger(); ofChallenger {
			return "the most specific policy applies, " + by + ", and it does not take this one in"
		}
		return "this default has strategy Atomic and yields as a whole to what is more specific: " + by
	case effective.Whole:
		return "it is part of what is taken whole, here from " + by
	case effective.Null:
		return "a null in " + by + " removes it"
	case effective.Bounds:
		return "bounds of " + by + " leave no way to switch it off"
	}
	return "what it is part of is incomplete without " + headOf(m, n)
}

// headOf returns the head of the group that a field belongs to.
func headOf(m *effective.Policy, n effective.NotSet) string {
	for _, group := range m.Kind.Groups() {
		for _, path := range group {
			if path.Covers(n.Path) {
				return group[0].String()
			}
		}
	}
	return "its head"
}
