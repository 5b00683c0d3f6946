package effective

import (
	"slices"

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

// Pair is the result of a path before and after; nil where the path does not exist.
type Pair struct{ Before, After *PathPolicies }

// Diff lists what differs between two resolutions, sorted by target, kind, field and path. A target
// that only one of them has differs in all its fields. A field with the same value and another
// origin is not a difference.
func Diff(before, after Resolution) []Change { return NewDiffer().Diff(before, after) }

// Diff is the function Diff for a part of two resolutions.
func (d *Differ) Diff(before, after Resolution) []Change {
	list := make([]targetChanges, 0, max(len(before.list), len(after.list)))
	total := 0
	add := func(ref *hierarchy.Ref, old, now *Target) {
		if changes := d.target(old, now); len(changes) > 0 {
			list = append(list, targetChanges{ref, changes})
			total += len(changes)
		}
	}
	if before.index != nil && before.index == after.index {
		for _, i := range after.index.inOrder() {
			add(&after.list[i].Target, before.list[i], after.list[i])
		}
	} else {
		for _, now := range after.list {
			add(&now.Target, before.Get(now.Target), now)
		}
		for _, old := range before.list {
			if after.Get(old.Target) == nil {
				add(&old.Target, old, nil)
			}
		}
		slices.SortFunc(list, func(a, b targetChanges) int { return hierarchy.Compare(*a.target, *b.target) })
	}
	changes := make([]Change, 0, total)
	for i := range list {
		for j := range list[i].changes {
			changes = append(changes, list[i].changes[j])
			changes[len(changes)-1].Target = *list[i].target
		}
	}
	return changes
}

// targetChanges is what differs of one target. Targets share the changes, which do not name them.
type targetChanges struct {
	target  *hierarchy.Ref
	changes []Change
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
	inPlace := sameListeners(before, after)
	if inPlace && sameRules(before, after) {
		return Alignment{after.listeners, after.rules, pairedRows(before.rows, after.rows)}
	}
	listeners := allListeners(before, after)
	rules, sides := pairedRules(before, after)
	inPlace = inPlace || before == nil // what there is is in its place
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

// pairedRows puts rows of the same listeners and rules next to each other.
func pairedRows(before, after [][]*PathPolicies) [][]Pair {
	rows := make([][]Pair, len(after))
	for i := range rows {
		b, a := before[i], after[i]
		if i > 0 && sameRow(b, before[i-1]) && sameRow(a, after[i-1]) {
			rows[i] = rows[i-1]
			continue
		}
		row := make([]Pair, len(a))
		for j := range row {
			row[j] = Pair{b[j], a[j]}
		}
		rows[i] = row
	}
	return rows
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
	b, a := p.Before, p.After
	switch {
	case b == a:
		return true
	case b == nil || a == nil:
		return false
	}
	return b.Reached == a.Reached && slices.EqualFunc(b.Kinds, a.Kinds, (*Policy).Same)
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
	if !sameRules(before, after) {
		for j, i := range pairRules(before, after) {
			if i != j {
				return false
			}
		}
	}
	return sameListeners(before, after)
}

// sameRules says whether both sides have the rules of one version of a route, in their order.
func sameRules(before, after *Target) bool {
	return before.route == after.route && len(before.rules) == len(after.rules) &&
		(before.route != nil || slices.Equal(before.rules, after.rules))
}

// sameListeners says whether both sides have the same listeners in the same order, as they have
// when the graph did not change.
func sameListeners(before, after *Target) bool {
	if before == nil || after == nil || len(before.listeners) != len(after.listeners) {
		return false
	}
	if len(before.listeners) == 0 || &before.listeners[0] == &after.listeners[0] {
		return true
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
