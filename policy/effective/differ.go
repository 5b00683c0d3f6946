package effective

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// leafKey names one leaf of a result: a policy kind, and a path in the one form that it has.
type leafKey struct{ kind, path string }

func compareLeaves(a, b leafKey) int {
	return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.path, b.path))
}

// leafSides is a leaf whose values differ; nil where it is not set.
type leafSides struct {
	key           leafKey
	before, after *Origin
}

// differences lists the leaves whose values differ between two results, sorted.
func differences(pair Pair) []leafSides { return appendDifferences(nil, pair) }

func appendDifferences(list []leafSides, pair Pair) []leafSides {
	if pair.Same() {
		return list
	}
	before, after := kindsOf(pair.Before), kindsOf(pair.After)
	for len(before) > 0 || len(after) > 0 {
		order := nextOf(len(before), len(after), func() int { return compareKinds(before[0].Kind, after[0].Kind) })
		var old, now *Policy
		if order <= 0 {
			old, before = before[0], before[1:]
		}
		if order >= 0 {
			now, after = after[0], after[1:]
		}
		if old == nil || now == nil || !old.Same(now) {
			list = appendLeaves(list, old, now)
		}
	}
	byKey := func(a, b leafSides) int { return compareLeaves(a.key, b.key) }
	if !slices.IsSortedFunc(list, byKey) { // paths sort otherwise than their texts
		slices.SortStableFunc(list, byKey)
	}
	return list
}

func kindsOf(r *PathPolicies) []*Policy {
	if r == nil {
		return nil
	}
	return r.Kinds
}

// nextOf says which of two sorted lists to advance: the first (-1), the second (1) or both (0). order
// compares the next entries.
func nextOf(first, second int, order func() int) int {
	switch {
	case second == 0:
		return -1
	case first == 0:
		return 1
	}
	return order()
}

// appendLeaves appends the leaves that differ between two results of one kind; nil stands for no result.
func appendLeaves(list []leafSides, before, after *Policy) []leafSides {
	var old, now []Origin
	var kind string
	if before != nil {
		old, kind = before.Origins, before.Kind.Name()
	}
	if after != nil {
		now, kind = after.Origins, after.Kind.Name()
	}
	for len(old) > 0 || len(now) > 0 {
		order := nextOf(len(old), len(now), func() int { return slices.Compare(old[0].Path, now[0].Path) })
		leaf := leafSides{}
		if order <= 0 {
			leaf.before, old = &old[0], old[1:]
		}
		if order >= 0 {
			leaf.after, now = &now[0], now[1:]
		}
		if order != 0 || !equalValue(leaf.before.Value, leaf.after.Value) {
			leaf.key = leafKey{kind, leaf.path().String()}
			list = append(list, leaf)
		}
	}
	return list
}

func (l *leafSides) path() crd.Path {
	if l.after != nil {
		return l.after.Path
	}
	return l.before.Path
}

// leafChange is a change of one leaf. Within one Diff, changes that read the
// same are the same pointer, so that paths can be grouped by it.
type leafChange struct {
	leafSides
	// gone says that the change is of rules that no longer exist; ofGone is the same change for those.
	gone   bool
	ofGone *leafChange
}

// onGone is a change, if there is one, as that of a rule that no longer exists.
func (c *leafChange) onGone() *leafChange {
	if c == nil {
		return nil
	}
	if c.ofGone == nil {
		c.ofGone = &leafChange{leafSides: c.leafSides, gone: true}
	}
	return c.ofGone
}

// Differ compares resolutions part by part. It caches the changes of pairs of results: most paths of
// a cluster share a few pairs. It is for one goroutine.
type Differ struct {
	pairs table[Pair, []*leafChange]
	// same are the first of all changes that read the same, by hash: the hash itself, or the next number
	// that was free.
	same table[uint64, *leafChange]
	// outlines are the changes of targets with the same outlines, without the target.
	outlines table[[2]*outline, []Change]
	// differs says whether pairs differ, where only that was asked.
	differs table[Pair, difference]
	leaves  []leafSides
	keys    []leafKey
	cells   [][]*leafChange
}

// NewDiffer returns a Differ that has compared nothing yet.
func NewDiffer() *Differ { return &Differ{} }

// Target lists the fields of one target that differ, each with the paths on which it differs in the
// same way. Either side may be nil.
func (d *Differ) Target(ref hierarchy.Ref, before, after *Target) []Change {
	changes := slices.Clone(d.target(before, after))
	for i := range changes {
		changes[i].Target = ref
	}
	return changes
}

// target lists the fields of one target that differ, each with the paths on which it differs in the
// same way; it leaves out which target it is.
func (d *Differ) target(before, after *Target) []Change {
	if before == nil || after == nil || before.outline == nil || after.outline == nil || !sameRules(before, after) || !sameListeners(before, after) {
		return d.compare(before, after)
	}
	outlines := [2]*outline{before.outline, after.outline}
	changes, known := d.outlines.get(outlines)
	if !known {
		changes = d.compare(before, after)
		d.outlines.add(outlines, changes)
	}
	return changes
}

func (d *Differ) compare(before, after *Target) []Change {
	if samePaths(before, after) {
		return nil
	}
	a := Align(before, after)
	bands := a.Bands()
	alive := len(a.Rules) // removed rules follow
	if after != nil {
		alive = len(after.rules)
	}
	var changes []Change
	for _, key := range d.differing(bands) {
		for _, paths := range d.grouped(a, bands, alive, key) {
			if c := paths.Result; c != nil {
				changes = append(changes, Change{
					Parents: paths.Parents, Rules: paths.Rules,
					Kind: key.kind, Path: c.path(), Before: c.before, After: c.after, Gone: c.gone,
				})
			}
		}
	}
	return changes
}

// grouped are the paths on which a leaf changes in the same way.
func (d *Differ) grouped(a Alignment, bands []Band[Pair], alive int, key leafKey) []PathGroup[*leafChange] {
	cells := make([]*leafChange, len(bands)*len(a.Rules))
	for i := range cells {
		c := find(d.cells[i], key)
		if i%len(a.Rules) >= alive {
			c = c.onGone()
		}
		cells[i] = c
	}
	if uniform(cells) {
		return []PathGroup[*leafChange]{{Parents: a.Listeners, Rules: hierarchy.AllRules(), Result: cells[0]}}
	}
	rows := make([][]*leafChange, 0, len(a.Listeners))
	for i, band := range bands {
		for range band.Listeners {
			rows = append(rows, cells[i*len(a.Rules):(i+1)*len(a.Rules)])
		}
	}
	return group(a.Listeners, a.Rules, rows)
}

// differing are the leaves that differ on any path, sorted, and in cells the changes of each path. They
// are valid until the next call.
func (d *Differ) differing(bands []Band[Pair]) []leafKey {
	d.keys, d.cells = d.keys[:0], d.cells[:0]
	for _, band := range bands {
		for j, pair := range band.Row {
			if j > 0 && pair == band.Row[j-1] {
				d.cells = append(d.cells, d.cells[len(d.cells)-1])
				continue
			}
			changes := d.pair(pair)
			d.cells = append(d.cells, changes)
			for _, c := range changes {
				d.keys = append(d.keys, c.key)
			}
		}
	}
	slices.SortFunc(d.keys, compareLeaves)
	d.keys = slices.Compact(d.keys)
	return d.keys
}

func find(changes []*leafChange, key leafKey) *leafChange {
	i, found := slices.BinarySearchFunc(changes, key, func(c *leafChange, key leafKey) int { return compareLeaves(c.key, key) })
	if !found {
		return nil
	}
	return changes[i]
}

// pair lists the leaves that differ between two results.
func (d *Differ) pair(pair Pair) []*leafChange {
	if pair.Before == pair.After {
		return nil
	}
	if known, ok := d.pairs.get(pair); ok {
		return known
	}
	d.leaves = appendDifferences(d.leaves[:0], pair)
	var changes []*leafChange
	if len(d.leaves) > 0 {
		changes = make([]*leafChange, len(d.leaves))
		for i := range d.leaves {
			changes[i] = d.change(&d.leaves[i])
		}
	}
	d.pairs.add(pair, changes)
	return changes
}

// change is the one change of all that read the same.
func (d *Differ) change(leaf *leafSides) *leafChange {
	for at := leaf.after.digestSide(leaf.before.digestSide(0)); ; at++ {
		c, known := d.same.get(at)
		if !known {
			c = &leafChange{leafSides: *leaf}
			d.same.add(at, c)
			return c
		}
		if c.key == leaf.key && sameSide(c.before, leaf.before) && sameSide(c.after, leaf.after) {
			return c
		}
	}
}

// digestSide adds a hash of what a reader of a change sees of one side.
func (o *Origin) digestSide(h uint64) uint64 {
	if o == nil {
		return merge.Mix(h, 1)
	}
	digest := o.digest
	from, target := o.Digests()
	if digest == 0 { // it was published
		digest, from, target = merge.Digest(o.Path, o.Value), maphash.Comparable(seed, o.From), maphash.Comparable(seed, o.Target)
	}
	return merge.Mix(merge.Mix(merge.Mix(h, digest), from), target)
}

// sameSide says whether a reader of a change sees the same on one side of two.
func sameSide(a, b *Origin) bool {
	if a == b || a == nil || b == nil {
		return a == b
	}
	return equalValue(a.Value, b.Value) && a.ClampedBy == b.ClampedBy &&
		(a.Source == b.Source || a.Block == b.Block && a.From == b.From && a.Target == b.Target)
}

// Many targets are asked whether they differ, and only the few that an answer names are asked how. So
// the first question is answered without computing the changes.

// difference says whether two results differ, but not how.
type difference struct {
	// any says that a field differs, displaced that one differs that had a value before.
	any, displaced bool
}

// Differs reports whether a target has any change, that is whether Target lists one. Either side may be
// nil.
func (d *Differ) Differs(before, after *Target) bool {
	return d.found(before, after, func(p difference) bool { return p.any })
}

// Displaces reports whether a target has a change of a field that had a value before.
func (d *Differ) Displaces(before, after *Target) bool {
	return d.found(before, after, func(p difference) bool { return p.displaced })
}

// found reports whether any path of a target differs in a given way.
func (d *Differ) found(before, after *Target, way func(difference) bool) bool {
	return AnyPair(before, after, func(pair Pair) bool { return way(d.difference(pair)) })
}

// AnyPair reports whether a condition holds for the results of any path of a target, as Align pairs them.
// Either side may be nil. Pairs that neighbouring paths share are visited once.
func AnyPair(before, after *Target, is func(Pair) bool) bool {
	switch {
	case before == nil && after == nil:
		return false
	case before == nil:
		return inRows(after.rows, func(i, j int) Pair { return Pair{nil, after.rows[i][j]} }, is)
	case sameShape(before, after):
		return inRows(after.rows, func(i, j int) Pair { return Pair{before.rows[i][j], after.rows[i][j]} }, is)
	}
	rows := Align(before, after).Rows
	return inRows(rows, func(i, j int) Pair { return rows[i][j] }, is)
}

// inRows reports whether a condition holds for any cell of some rows.
func inRows[R any](rows [][]R, at func(i, j int) Pair, is func(Pair) bool) bool {
	var last Pair
	for i, row := range rows {
		for j := range row {
			pair := at(i, j)
			if i+j > 0 && pair == last {
				continue
			}
			if last = pair; is(pair) {
				return true
			}
		}
	}
	return false
}

// difference is the one between two results.
func (d *Differ) difference(pair Pair) difference {
	if pair.Before == pair.After {
		return difference{}
	}
	known, ok := d.differs.get(pair)
	if !ok {
		known = differenceOf(pair)
		d.differs.add(pair, known)
	}
	return known
}

func differenceOf(pair Pair) (d difference) {
	if pair.Same() {
		return d
	}
	for _, m := range kindsOf(pair.Before) {
		d = d.and(differenceOfKind(m, kindLike(pair.After, m)))
	}
	for _, m := range kindsOf(pair.After) {
		if kindLike(pair.Before, m) == nil {
			d = d.and(differenceOfKind(nil, m))
		}
	}
	return d
}

func (d difference) and(other difference) difference {
	return difference{d.any || other.any, d.displaced || other.displaced}
}

// kindLike is the policy of the same kind in a result; nil where there is none.
func kindLike(r *PathPolicies, like *Policy) *Policy {
	if r == nil {
		return nil
	}
	m, _ := r.Kind(like.Kind.Name())
	return m
}

// differenceOfKind compares the leaves of one kind; nil has none.
func differenceOfKind(before, after *Policy) (d difference) {
	if before != nil && after != nil && before.Same(after) {
		return d
	}
	var old, now []Origin
	if before != nil {
		old = before.Origins
	}
	if after != nil {
		now = after.Origins
	}
	for i := range old {
		if same := leafAt(now, i, &old[i]); same == nil || !equalValue(old[i].Value, same.Value) {
			return difference{true, true}
		}
	}
	for i := range now {
		if leafAt(old, i, &now[i]) == nil {
			return difference{any: true}
		}
	}
	return difference{}
}

// leafAt finds the leaf with the same path, which is usually at the same index.
func leafAt(leaves []Origin, place int, like *Origin) *Origin {
	if place < len(leaves) && slices.Equal(leaves[place].Path, like.Path) {
		return &leaves[place]
	}
	for i := range leaves {
		if slices.Equal(leaves[i].Path, like.Path) {
			return &leaves[i]
		}
	}
	return nil
}
