package policy

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/bound"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// vocabulary is what the CRD of a kind declares, in the form that the engine needs.
type vocabulary struct {
	bounded map[string]*bound.Comparable // by field name
	atMosts []AtMost
	groups  [][]crd.Path
	headed  []HeadedGroup
	shape   merge.Shape
	// with and at are the levels of crd.StrategyWord.
	with, at []hierarchy.Level
}

// HeadedGroup is a group of fields whose head says which of the others switches it off: without either
// the group says nothing (semantics section 3.2).
type HeadedGroup struct {
	Head  *bound.Comparable
	Names []crd.Path
}

// AtMost says that one field never exceeds another (semantics section 3.3).
type AtMost struct{ Lower, Upper *bound.Comparable }

func newVocabulary(d *crd.Definition) vocabulary {
	var v vocabulary
	var whole, join [][]string
	var groups [][][]string
	for _, w := range d.Whole {
		if len(w) == 1 {
			whole = append(whole, w[0])
			continue
		}
		v.groups = append(v.groups, w)
		names := make([][]string, len(w))
		for i := range w {
			names[i] = w[i]
		}
		groups = append(groups, names)
	}
	if d.Word != nil {
		for _, path := range d.Word.Join {
			join = append(join, path)
		}
		v.with, v.at = levelsNamed(d.Word.With), levelsNamed(d.Word.At)
	}
	v.shape = merge.NewShape(whole, groups, join)
	if d.Bounds != nil {
		v.bounded = make(map[string]*bound.Comparable, len(d.Bounds))
	}
	for _, b := range d.Bounds {
		v.bounded[b.Field.String()] = v.comparable(b)
	}
	for _, group := range v.groups {
		if head := v.bounded[group[0].String()]; head != nil && head.Off != nil && !head.Own() {
			v.headed = append(v.headed, HeadedGroup{head, group})
		}
	}
	v.orderAtMosts(d.AtMost)
	return v
}

func (v *vocabulary) comparable(b crd.BoundedField) *bound.Comparable {
	c := &bound.Comparable{Path: b.Field, Type: bound.Type(b.Type), Absent: b.Absent}
	if b.Off != nil {
		c.Off = &bound.Switch{Path: b.Off.Switch, Value: b.Off.Value}
		if len(c.Off.Path) == 0 {
			c.Off.Path = b.Field
		}
	}
	for _, group := range v.groups {
		if i := slices.IndexFunc(group, func(p crd.Path) bool { return slices.Equal(p, b.Field) }); i > 0 {
			c.Head = group[0]
		}
	}
	return c
}

// orderAtMosts puts the end of each chain first, so that a field has its final value before it
// limits others. There are no cycles; package crd removes them.
func (v *vocabulary) orderAtMosts(rest []crd.AtMost) {
	for len(rest) > 0 {
		var left []crd.AtMost
		for _, a := range rest {
			lower, upper := v.bounded[a.Field.String()], v.bounded[a.Limit.String()]
			switch {
			case slices.ContainsFunc(rest, func(b crd.AtMost) bool { return slices.Equal(b.Field, a.Limit) }):
				left = append(left, a)
			case lower != nil && upper != nil:
				v.atMosts = append(v.atMosts, AtMost{lower, upper})
			}
		}
		if len(left) == len(rest) {
			return
		}
		rest = left
	}
}

func levelsNamed(names []string) []hierarchy.Level {
	var levels []hierarchy.Level
	for _, name := range names {
		if level, known := hierarchy.LevelNamed(name); known {
			levels = append(levels, level)
		}
	}
	return levels
}

// Shape says which values of the kind are not merged field by field.
func (k *Kind) Shape() merge.Shape { return k.shape }

// Groups are the fields that are taken whole together; the first of each is its
// head.
func (k *Kind) Groups() [][]crd.Path { return k.groups }

// HeadedGroups are those of the groups of fields that are taken whole together that mean nothing
// without their head.
func (k *Kind) HeadedGroups() []HeadedGroup { return k.headed }

// AtMosts are the pairs of fields of which the first never exceeds the second,
// in the order in which they are to be applied.
func (k *Kind) AtMosts() []AtMost { return k.atMosts }

// Bounded returns what the kind declares about a field that can have bounds, nil for a field that
// cannot.
func (k *Kind) Bounded(path crd.Path) *bound.Comparable { return k.bounded[path.String()] }

// OfChallenger means that the strategy is stated by the more specific policy. The most specific one
// on a path applies. If it says Patch at one of the levels of at, it is patched onto the closest
// one at one of the levels of with. No levels means all levels.
func (k *Kind) OfChallenger() (with, at []hierarchy.Level, yes bool) {
	return k.with, k.at, k.Word != nil && k.Word.OfChallenger
}

// conflict says what happens to two policies of the kind on one target.
func (k *Kind) conflict() crd.Conflict {
	if k.Word == nil || k.Word.Conflict == "" {
		return crd.ConflictOldest
	}
	return k.Word.Conflict
}

// byAge means that policies that name a target and policies that select it are one list, by age.
func (k *Kind) byAge() bool { return k.Word != nil && k.Word.SelectorsByAge }

// AppliesPath reports whether a path has an effect on a route kind. A listed field applies with
// everything inside it; an object that contains a listed field applies as far as that field.
func (k *Kind) AppliesPath(route schema.GroupKind, path []string) bool {
	if k.AppliesTo == nil {
		return true
	}
	return slices.ContainsFunc(k.applicable(route), func(p crd.Path) bool {
		n := min(len(p), len(path))
		return isAny(p) || p[:n].Matches(path[:n])
	})
}

// AppliesWhole reports whether every field has an effect on a route kind.
func (k *Kind) AppliesWhole(route schema.GroupKind) bool {
	return k.AppliesTo == nil || slices.ContainsFunc(k.applicable(route), isAny)
}

func isAny(p crd.Path) bool { return len(p) == 1 && p[0] == crd.Any }

// Bound limits one field: from below, from above, both, or to a list of values
// (semantics 3.1).
type Bound struct {
	*bound.Comparable
	// Min and Max are the limits as the policy writes them; nil when absent.
	Min, Max any
	// OneOf are the allowed values; nil when every value is allowed.
	OneOf []any
}

// LoneMaximum is a maximum on the head of a group of fields, without bounds on the
// others of the group.
type LoneMaximum struct {
	Path    crd.Path
	Missing []crd.Path
}

// LoneMaxima returns the maxima of a policy that limit less than they seem to: a rate is counted
// separately for each counter of each key, unless these fields are bounded as well (semantics 3.1).
func (p *Policy) LoneMaxima() []LoneMaximum {
	var list []LoneMaximum
	bound := func(path crd.Path) *Bound {
		i := slices.IndexFunc(p.Bounds, func(b Bound) bool { return slices.Equal(b.Path, path) })
		if i < 0 {
			return nil
		}
		return &p.Bounds[i]
	}
	for _, group := range p.Kind.groups {
		if head := bound(group[0]); head == nil || head.Max == nil {
			continue
		}
		lone := LoneMaximum{Path: group[0]}
		for _, path := range group[1:] {
			if p.Kind.Bounded(path) != nil && bound(path) == nil {
				lone.Missing = append(lone.Missing, path)
			}
		}
		if len(lone.Missing) > 0 {
			list = append(list, lone)
		}
	}
	return list
}
