package effective

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
)

// Change is one field of one policy kind that differs on a set of paths of one
// target.
type Change struct {
	Target  hierarchy.Ref
	Parents []*hierarchy.Listener
	Rules   hierarchy.RuleSet
	// Kind is the policy kind as results show it.
	Kind string
	// Path is the path of the field.
	Path crd.Path
	// Before and After are the field's values with their origins; nil where it
	// is not set.
	Before, After *Origin
	// Gone means that the rules no longer exist, so that there is no After.
	Gone bool
}

// Pair is the result of a path before and after; nil where the path does not
// exist.
type Pair struct{ Before, After *PathPolicies }

// Diff lists what differs between two resolutions, sorted by target, kind, field and path. A target
// that only one of them has differs in all its fields. A field with the same value and another
// origin is not a difference.
func Diff(before, after Resolution) []Change { return NewDiffer().Diff(before, after) }

// Diff is the function Diff for a part of two resolutions.
func (d *Differ) Diff(before, after Resolution) []Change {
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

// Compare lists the paths of one target whose results differ before and after, grouped by equal
// pairs of results. Either side may be nil.
func Compare(before, after *Target) []PathGroup[Pair] {
	if samePaths(before, after) {
		return nil
	}
	a := Align(before, after)
	paths := group(a.Listeners, a.Rules, a.Rows)
	return slices.DeleteFunc(paths, func(p PathGroup[Pair]) bool { return p.Result.Same() })
}

// Alignment is every path of one target with its results before and after.
type Alignment struct {
	Listeners []*hierarchy.Listener
	// Rules are the rules of both sides; a target without rules has one with the index -1.
	Rules []hierarchy.RuleRef
	// Rows has a row for each listener, with the pair of each rule. Equal rows often share memory.
	Rows [][]Pair
}

// Bands groups listeners whose rules have the same pairs.
func (a Alignment) Bands() []Band[Pair] { return bands(a.Listeners, a.Rows) }

// Align pairs the results of all paths of both sides. Either side may be nil.
func Align(before, after *Target) Alignment {
	listeners := allListeners(before, after)
	rules, sides := pairedRules(before, after)
	inPlace := sameListeners(before, after)
	old, now := newReader(before, inPlace), newReader(after, inPlace)
	for _, at := range sides {
		old.columns, now.columns = append(old.columns, at.before), append(now.columns, at.after)
	}
	rows := make([][]Pair, len(listeners))
	for i, l := range listeners {
		b, a := old.row(i, l), now.row(i, l)
		if i > 0 && sameRow(b, old.last) && sameRow(a, now.last) {
			rows[i] = rows[i-1]
			continue
		}
		old.last, now.last = b, a
		row := make([]Pair, len(rules))
		for j := range rules {
			row[j] = Pair{old.at(b, j), now.at(a, j)}
		}
		rows[i] = row
	}
	return Alignment{listeners, rules, rows}
}

// rowReader reads the rows of one side by the listeners and rules of both.
type rowReader struct {
	// inPlace returns the rows if both sides have the same listeners in the same order.
	inPlace [][]*PathPolicies
	rows    map[listenerKey][]*PathPolicies
	// columns returns the column of each rule in a row, -1 for a rule that is not there.
	columns []int
	last    []*PathPolicies
}

// listenerKey identifies a listener of a Gateway across versions.
type listenerKey struct{ listener, gateway hierarchy.Ref }

func keyOf(l *hierarchy.Listener) listenerKey { return listenerKey{l.Ref, l.Gateway} }

func newReader(e *Target, inPlace bool) *rowReader {
	r := &rowReader{}
	if e == nil {
		return r
	}
	if inPlace {
		r.inPlace = e.rows
		return r
	}
	r.rows = make(map[listenerKey][]*PathPolicies, len(e.rows))
	for i, row := range e.rows {
		r.rows[keyOf(e.listeners[i])] = row
	}
	return r
}

func (r *rowReader) row(i int, l *hierarchy.Listener) []*PathPolicies {
	switch {
	case r.inPlace != nil:
		return r.inPlace[i]
	case r.rows == nil:
		return nil
	}
	return r.rows[keyOf(l)]
}

func (r *rowReader) at(row []*PathPolicies, j int) *PathPolicies {
	if row == nil || r.columns[j] < 0 {
		return nil
	}
	return row[r.columns[j]]
}

// Same reports whether both sides are equal to a reader.
func (p Pair) Same() bool {
	if p.Before == nil || p.After == nil {
		return p.Before == p.After
	}
	return p.Before.identity == p.After.identity
}

// samePaths quickly detects that nothing changed.
func samePaths(before, after *Target) bool {
	if before == nil || after == nil {
		return before == after
	}
	if !sameShape(before, after) {
		return false
	}
	for i, row := range before.rows {
		if i > 0 && sameRow(row, before.rows[i-1]) && sameRow(after.rows[i], after.rows[i-1]) {
			continue
		}
		for j, c := range row {
			if !(Pair{c, after.rows[i][j]}).Same() {
				return false
			}
		}
	}
	return true
}

// sameShape reports whether both sides have the same paths.
func sameShape(before, after *Target) bool {
	if before == nil || after == nil || len(before.listeners) != len(after.listeners) || len(before.rules) != len(after.rules) {
		return false
	}
	for j, i := range pairRules(before, after) {
		if i != j {
			return false
		}
	}
	return sameListeners(before, after)
}

// sameListeners reports whether both sides have the same listeners in the same order, which is the
// case when the graph did not change.
func sameListeners(before, after *Target) bool {
	if before == nil || after == nil {
		return false
	}
	return slices.EqualFunc(before.listeners, after.listeners, func(a, b *hierarchy.Listener) bool {
		return a == b || a.Ref == b.Ref && a.Gateway == b.Gateway
	})
}

// allListeners are the listeners of both sides: those of after first, then those
// that are gone.
func allListeners(before, after *Target) []*hierarchy.Listener {
	var listeners []*hierarchy.Listener
	if after != nil {
		listeners = slices.Clip(after.listeners)
	}
	if before == nil || sameListeners(before, after) {
		return listeners
	}
	known := make(map[listenerKey]bool, len(listeners))
	for _, l := range listeners {
		known[keyOf(l)] = true
	}
	for _, l := range before.listeners {
		if key := keyOf(l); !known[key] {
			known[key] = true
			listeners = append(listeners, l)
		}
	}
	return listeners
}

// leafKey names one leaf of a result: a policy kind, and a path in canonical form.
type leafKey struct{ kind, path string }

// leafText is everything that a reader sees of a change of one leaf.
type leafText struct {
	key           leafKey
	before, after string
}

// leafChange is a change of one leaf. Within one Diff, equal changes are the same pointer, so that
// paths can be grouped by it.
type leafChange struct {
	before, after *Origin
	// gone means that it concerns rules that no longer exist; ofGone is the same change for such
	// rules.
	gone   bool
	ofGone *leafChange
}

// onGone returns a change, if there is one, in its form for rules that no longer exist.
func (c *leafChange) onGone() *leafChange {
	if c != nil && c.ofGone == nil {
		c.ofGone = &leafChange{before: c.before, after: c.after, gone: true}
	}
	if c == nil {
		return nil
	}
	return c.ofGone
}

func (c *leafChange) path() crd.Path {
	if c.after != nil {
		return c.after.Path
	}
	return c.before.Path
}

// Differ compares resolutions part by part. It caches the changes of pairs of results: most paths of
// a cluster share a few pairs. It is for one goroutine.
type Differ struct {
	pairs map[Pair]map[leafKey]*leafChange
	same  map[leafText]*leafChange
}

// NewDiffer returns a Differ that has compared nothing yet.
func NewDiffer() *Differ {
	return &Differ{pairs: map[Pair]map[leafKey]*leafChange{}, same: map[leafText]*leafChange{}}
}

// target lists the fields of one target that differ, each with the paths on
// which it differs in the same way.
func (d *Differ) target(target hierarchy.Ref, before, after *Target) []Change {
	if samePaths(before, after) {
		return nil
	}
	a := Align(before, after)
	bands := a.Bands()
	alive := len(a.Rules) // those that are gone follow
	if after != nil {
		alive = len(after.rules)
	}
	keys := map[leafKey]bool{}
	for _, band := range bands {
		for j, pair := range band.Row {
			if j > 0 && pair == band.Row[j-1] {
				continue
			}
			for key := range d.pair(pair) {
				keys[key] = true
			}
		}
	}
	var changes []Change
	for _, key := range slices.SortedFunc(maps.Keys(keys), compareLeaves) {
		leaf := make([][]*leafChange, 0, len(a.Listeners))
		for _, band := range bands {
			row := make([]*leafChange, len(band.Row))
			for j, pair := range band.Row {
				row[j] = d.pair(pair)[key]
				if j >= alive {
					row[j] = row[j].onGone()
				}
			}
			for range band.Listeners {
				leaf = append(leaf, row)
			}
		}
		for _, paths := range group(a.Listeners, a.Rules, leaf) {
			if c := paths.Result; c != nil {
				changes = append(changes, Change{
					Target: target, Parents: paths.Parents, Rules: paths.Rules,
					Kind: key.kind, Path: c.path(), Before: c.before, After: c.after, Gone: c.gone,
				})
			}
		}
	}
	return changes
}

// pair lists the leaves that differ between two results.
func (d *Differ) pair(pair Pair) map[leafKey]*leafChange {
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

func (d *Differ) leaf(changes map[leafKey]*leafChange, key leafKey, before, after *Origin) {
	if before != nil && after != nil && reflect.DeepEqual(before.Value, after.Value) {
		return
	}
	text := leafText{key, before.text(), after.text()}
	c, ok := d.same[text]
	if !ok {
		c = &leafChange{before: before, after: after}
		d.same[text] = c
	}
	changes[key] = c
}

func compareLeaves(a, b leafKey) int {
	return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.path, b.path))
}

// text is everything that a reader sees of one side of a change.
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
			index[leafKey{m.Kind.Name(), m.Origins[i].Path.String()}] = &m.Origins[i]
		}
	}
	return index
}
