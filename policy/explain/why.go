package explain

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/merge"
)

// why says in one sentence which rule of precedence decided a field.
func why(m *effective.Policy, o effective.Origin) string {
	var sentence string
	alone := len(o.Beat) == 0
	switch {
	case o.Block == merge.Bound:
		return "nobody states it, so it takes the maximum of these bounds"
	case alone && o.Block == merge.Inline:
		sentence = "written in the route rule; nobody else states it"
	case alone:
		sentence = "nobody else states it"
	case o.Block == merge.Override:
		sentence = whyOverride(o)
	case o.Block == merge.Inline:
		sentence = "written in the route rule, which beats every default"
	default:
		sentence = "no override states it; the most specific default wins"
	}
	if by := boundedInVain(m, o); by != "" {
		sentence += "; bounds of " + by + " do not reach an override from above"
	}
	return sentence
}

// whyOverride tells what an override beats by its level from what it beats by
// being an override.
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

// boundedInVain names the policies whose bounds on a field stand below the
// override that won it (semantics section 3.1).
func boundedInVain(m *effective.Policy, o effective.Origin) string {
	if o.Block != merge.Override {
		return ""
	}
	var names []string
	for _, part := range m.Contributions {
		for _, b := range part.Attachment.Policy.Bounds {
			if b.Field == o.Field && levelOf(part.Attachment.Target) > o.Level {
				names = append(names, part.Attachment.Policy.Ref.String())
			}
		}
	}
	return strings.Join(names, ", ")
}

// levelOf is the level of what a policy is attached to.
func levelOf(target hierarchy.Ref) hierarchy.Level {
	section := hierarchy.Level(0)
	if target.Section != "" {
		section = 1
	}
	if target.GroupKind.Group == hierarchy.Group {
		switch target.Kind {
		case "GatewayClass":
			return hierarchy.GatewayClassLevel
		case "Gateway":
			return hierarchy.GatewayLevel + 2*section
		case "ListenerSet":
			return hierarchy.ListenerSetLevel + section
		}
	}
	return hierarchy.RouteLevel + section
}

// placeOf is a target as sentences name it: GatewayClass edge, listener https,
// the route, rule pay. Which Gateway's listener and which route's rule, the scope says.
func placeOf(target hierarchy.Ref, level hierarchy.Level) string {
	switch level {
	case hierarchy.ListenerLevel:
		return "listener " + target.Section
	case hierarchy.RouteLevel:
		return "the route"
	case hierarchy.RouteRuleLevel:
		return RuleText(target.Section)
	}
	return target.String()
}

// paths are those of one scope of a route or a Gateway, with the rules one by one.
type paths struct {
	target  hierarchy.Ref
	parents []*hierarchy.Listener
	rules   []string
}

// at are what a level is on the paths, each once. Losers are known by their
// level: on paths that read the same they can be attached to different objects.
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
		Value: value, From: from.String(), FromRef: objectOf(from), TargetRefs: objectsOf(refs), Target: texts(refs, hierarchy.Ref.String), Level: level.String(), Block: block.String(),
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

// statement is what one layer says of one field.
type statement struct {
	level hierarchy.Level
	layer merge.Layer
	from  hierarchy.Ref
	value any
}

// dropped lists the fields that policies on the path state and that are not set
// in the end, because a strategy Atomic took or left a block whole.
func dropped(m *effective.Policy, s *paths) []Field {
	stated := map[string][]statement{}
	for _, part := range m.Contributions {
		for _, layer := range part.Attachment.Policy.Layers {
			for field, value := range layer.Value {
				if _, set := m.Value[field]; set || slices.Contains(m.NotApplicable, field) {
					continue
				}
				stated[field] = append(stated[field], statement{levelOf(part.Attachment.Target), layer, part.Attachment.Policy.Ref, value})
			}
		}
	}
	fields := make([]Field, 0, len(stated))
	for _, field := range slices.Sorted(maps.Keys(stated)) {
		statements := stated[field]
		slices.SortFunc(statements, strongerFirst)
		f := Field{Policy: m.Kind.Name(), Field: field, Beat: []Beaten{}, Why: whyDropped(m, statements[0])}
		for _, st := range statements {
			f.Beat = append(f.Beat, s.beatenAt(st.level, st.layer.Block, st.from, st.value))
		}
		fields = append(fields, f)
	}
	return fields
}

// strongerFirst is the precedence of semantics section 3.
func strongerFirst(a, b statement) int {
	if a.layer.Block != b.layer.Block {
		return cmp.Compare(b.layer.Block, a.layer.Block)
	}
	if a.layer.Block == merge.Override {
		return cmp.Compare(a.level, b.level)
	}
	return cmp.Compare(b.level, a.level)
}

// whyDropped says which Atomic block left out a field.
func whyDropped(m *effective.Policy, strongest statement) string {
	for _, part := range m.Contributions {
		for _, layer := range part.Attachment.Policy.Layers {
			at := levelOf(part.Attachment.Target)
			if layer.Block == merge.Override && layer.Strategy == merge.Atomic && (strongest.layer.Block != merge.Override || at < strongest.level) {
				return "the override of " + placeOf(part.Attachment.Target, at) + " has strategy Atomic and replaces everything below it whole"
			}
		}
	}
	if strongest.layer.Block == merge.Default && strongest.layer.Strategy == merge.Atomic {
		return "this default has strategy Atomic and yields as a whole to what is more specific"
	}
	return "a null in a policy that takes precedence removes it"
}

// RuleText is "rule pay", or "rules[2]" for one without a name.
func RuleText(name string) string {
	if strings.HasPrefix(name, "rules[") {
		return name
	}
	return "rule " + name
}
