package effective

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// Change is one field of one policy kind that differs on a set of paths of one
// target.
type Change struct {
	Target  hierarchy.Ref
	Parents []*hierarchy.Listener
	Rules   []string
	// Kind is the policy kind as results show it.
	Kind  string
	Field string
	// Before and After are the field's values with their origins; nil where it
	// is not set.
	Before, After *Origin
}

// Pair is the result of a path before and after; nil where the path does not
// exist.
type Pair struct{ Before, After *PathPolicies }

// Diff lists what differs between two resolutions, sorted by target, kind,
// field and path. Targets that only one of them resolved differ in everything
// they have there. A field whose value is the same but whose origin changed is
// no difference.
func Diff(before, after Resolution) []Change {
	d := differ{pairs: map[Pair]map[leafKey]*leafChange{}, same: map[leafText]*leafChange{}}
	var changes []Change
	for _, target := range targets(before, after) {
		changes = append(changes, d.target(target, before.Get(target), after.Get(target))...)
	}
	return changes
}

func targets(before, after Resolution) []hierarchy.Ref {
	all := make([]hierarchy.Ref, 0, len(after.effective))
	for ref := range after.effective {
		all = append(all, ref)
	}
	for ref := range before.effective {
		if _, both := after.effective[ref]; !both {
			all = append(all, ref)
		}
	}
	slices.SortFunc(all, hierarchy.Compare)
	return all
}

// Compare lists the paths of one target whose results read differently before
// and after, paths with the same pair of results together. Either side may be
// nil.
func Compare(before, after *Target) []PathGroup[Pair] {
	if samePaths(before, after) {
		return nil
	}
	a := Align(before, after)
	paths := group(a.Listeners, a.Rules, a.Pairs)
	return slices.DeleteFunc(paths, func(p PathGroup[Pair]) bool { return p.Result.Same() })
}

// Alignment is every path of one target with its results before and after.
type Alignment struct {
	Listeners []*hierarchy.Listener
	// Rules are names, rules[2] for one without a name; one empty string for a
	// target without rules.
	Rules []string
	// Pairs has the pair of each path, the rules of the first listener first.
	Pairs []Pair
}

// Align puts the results of all paths of both sides next to each other. Either
// side may be nil.
func Align(before, after *Target) Alignment {
	if sameShape(before, after) {
		cells := make([]Pair, len(after.cells))
		for i := range cells {
			cells[i] = Pair{before.cells[i], after.cells[i]}
		}
		return Alignment{after.listeners, after.rules, cells}
	}
	listeners, rules := union(before, after)
	old, now := before.cellIndex(), after.cellIndex()
	var cells []Pair
	for _, l := range listeners {
		for _, rule := range rules {
			path := cellKey{l.Ref, l.Gateway, rule}
			cells = append(cells, Pair{old[path], now[path]})
		}
	}
	return Alignment{listeners, rules, cells}
}

// Same says whether both sides read the same.
func (p Pair) Same() bool {
	if p.Before == nil || p.After == nil {
		return p.Before == p.After
	}
	return p.Before.identity == p.After.identity
}

// samePaths is a quick way to see that nothing changed.
func samePaths(before, after *Target) bool {
	if before == nil || after == nil {
		return before == after
	}
	if !sameShape(before, after) {
		return false
	}
	for i, c := range before.cells {
		if !(Pair{c, after.cells[i]}).Same() {
			return false
		}
	}
	return true
}

// sameShape says whether both sides have the same paths.
func sameShape(before, after *Target) bool {
	if before == nil || after == nil || len(before.listeners) != len(after.listeners) || !slices.Equal(before.rules, after.rules) {
		return false
	}
	for i, l := range before.listeners {
		if o := after.listeners[i]; l != o && (l.Ref != o.Ref || l.Gateway != o.Gateway) {
			return false
		}
	}
	return true
}

// cellKey is a path of a known target.
type cellKey struct {
	listener, gateway hierarchy.Ref
	rule              string
}

func (e *Target) cellIndex() map[cellKey]*PathPolicies {
	if e == nil {
		return nil
	}
	index := make(map[cellKey]*PathPolicies, len(e.cells))
	for i, c := range e.cells {
		l := e.listeners[i/len(e.rules)]
		index[cellKey{l.Ref, l.Gateway, e.rules[i%len(e.rules)]}] = c
	}
	return index
}

// union is all listeners and rules of both sides: those of after first, then
// those that are gone.
func union(before, after *Target) (listeners []*hierarchy.Listener, rules []string) {
	if after != nil {
		listeners, rules = slices.Clone(after.listeners), slices.Clone(after.rules)
	}
	if before == nil {
		return listeners, rules
	}
	for _, l := range before.listeners {
		if !slices.ContainsFunc(listeners, func(o *hierarchy.Listener) bool { return o.Ref == l.Ref && o.Gateway == l.Gateway }) {
			listeners = append(listeners, l)
		}
	}
	for _, rule := range before.rules {
		if !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
	}
	return listeners, rules
}

// leafKey names one leaf of a result.
type leafKey struct{ kind, field string }

// leafText is all that a reader of a change of one leaf sees.
type leafText struct {
	key           leafKey
	before, after string
}

// leafChange is a change of one leaf. Within one Diff, changes that read the
// same are the same pointer, so that paths can be grouped by it.
type leafChange struct{ before, after *Origin }

// differ remembers what pairs of results came to: most paths of a cluster
// share few of them.
type differ struct {
	pairs map[Pair]map[leafKey]*leafChange
	same  map[leafText]*leafChange
}

// target lists the fields of one target that differ, each with the paths on
// which it differs in the same way.
func (d *differ) target(target hierarchy.Ref, before, after *Target) []Change {
	if samePaths(before, after) {
		return nil
	}
	a := Align(before, after)
	cells := a.Pairs
	keys := map[leafKey]bool{}
	for i, pair := range cells {
		if i > 0 && pair == cells[i-1] {
			continue
		}
		for key := range d.pair(pair) {
			keys[key] = true
		}
	}
	var changes []Change
	for _, key := range slices.SortedFunc(maps.Keys(keys), compareLeaves) {
		leaf := make([]*leafChange, len(cells))
		for i, pair := range cells {
			leaf[i] = d.pair(pair)[key]
		}
		for _, paths := range group(a.Listeners, a.Rules, leaf) {
			if c := paths.Result; c != nil {
				changes = append(changes, Change{
					Target: target, Parents: paths.Parents, Rules: paths.Rules,
					Kind: key.kind, Field: key.field, Before: c.before, After: c.after,
				})
			}
		}
	}
	return changes
}

// pair lists the leaves that differ between two results.
func (d *differ) pair(pair Pair) map[leafKey]*leafChange {
	if known, ok := d.pairs[pair]; ok {
		return known
	}
	changes := map[leafKey]*leafChange{}
	if !pair.Same() {
		old, now := leaves(pair.Before), leaves(pair.After)
		for key, o := range old {
			d.leaf(changes, key, o, now[key])
		}
		for key, o := range now {
			if old[key] == nil {
				d.leaf(changes, key, nil, o)
			}
		}
	}
	d.pairs[pair] = changes
	return changes
}

func (d *differ) leaf(changes map[leafKey]*leafChange, key leafKey, before, after *Origin) {
	if before != nil && after != nil && reflect.DeepEqual(before.Value, after.Value) {
		return
	}
	text := leafText{key, before.text(), after.text()}
	c, ok := d.same[text]
	if !ok {
		c = &leafChange{before, after}
		d.same[text] = c
	}
	changes[key] = c
}

func compareLeaves(a, b leafKey) int {
	return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.field, b.field))
}

// text is all that a reader of a change sees of one side.
func (o *Origin) text() string {
	if o == nil {
		return "unset"
	}
	return fmt.Sprintf("%#v %s %s %s %s", o.Value, o.From, o.Target, o.Block, o.ClampedBy)
}

func leaves(r *PathPolicies) map[leafKey]*Origin {
	if r == nil {
		return nil
	}
	index := map[leafKey]*Origin{}
	for _, m := range r.Kinds {
		for i := range m.Origins {
			index[leafKey{m.Kind.Name(), m.Origins[i].Field}] = &m.Origins[i]
		}
	}
	return index
}
