package review

import (
	"iter"
	"slices"
	"sync"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/merge"
)

// compared are the routes and Gateways that an edit touches, with their results before and after it.
// Differences are computed only for those that the answer names: for a wide edit that is one in thousands.
type compared struct {
	targets []hierarchy.Ref
	pairs   []sides
	differ  *effective.Differ
	// at are the indexes of those that differ.
	at []int
	// all are the changes of all targets.
	all func() []effective.Change
}

func compare(targets []hierarchy.Ref, pairs []sides) *compared {
	c := &compared{targets: targets, pairs: pairs, differ: effective.NewDiffer()}
	for i, p := range pairs {
		if c.differ.Differs(p.before, p.after) {
			c.at = append(c.at, i)
		}
	}
	c.all = sync.OnceValue(func() []effective.Change {
		var all []effective.Change
		for _, i := range c.at {
			all = append(all, c.of(i)...)
		}
		return all
	})
	return c
}

// differing yields the targets that differ, sorted.
func (c *compared) differing() iter.Seq[hierarchy.Ref] {
	return func(yield func(hierarchy.Ref) bool) {
		if c == nil {
			return
		}
		for _, i := range c.at {
			if !yield(c.targets[i]) {
				return
			}
		}
	}
}

// of are the changes of the target at an index.
func (c *compared) of(i int) []effective.Change {
	return c.differ.Target(c.targets[i], c.pairs[i].before, c.pairs[i].after)
}

// displaces reports whether the target at an index has a change of a value that somebody had set.
func (c *compared) displaces(i int) bool {
	return c.differ.Displaces(c.pairs[i].before, c.pairs[i].after)
}

// Changes are all that the edit changes, sorted by target, kind, field and path.
func (v Verdict) Changes() []effective.Change {
	if v.compared == nil {
		return nil
	}
	return v.compared.all()
}

// routes are the indexes of the routes that differ. Results of Gateways are what new routes would get.
func (c *compared) routes() []int {
	if c == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.at), func(i int) bool { return c.targets[i].GroupKind == hierarchy.GatewayKind })
}

// displacesRoutes reports whether any route has a change of a value that somebody had set.
func (v Verdict) displacesRoutes() bool {
	return slices.ContainsFunc(v.compared.routes(), v.compared.displaces)
}

// news are the changes of a route that the answer names. They are computed when they are needed.
type news func() []effective.Change

// told are the changes of the routes that the answer names one by one, and how many are
// hidden from the author of the edit. For a new policy they are the changes of values that
// others had: its author knows what it gives to its own namespace, and where nothing was set.
func (v Verdict) told() (told []news, hidden int) {
	ref, change, single := v.single()
	_, isPolicy := v.After.Policy(ref)
	created := single && isPolicy && change.Old == nil
	if v.structural() {
		return nil, 0
	}
	c := v.compared
	for _, i := range c.routes() {
		target := c.targets[i]
		switch {
		case !v.edit.MayRead.May(target.Namespace):
			hidden++
		case !created && target == ref:
			if some := unwritten(c.of(i), ref); len(some) > 0 {
				told = append(told, func() []effective.Change { return some })
			}
		case !created:
			told = append(told, func() []effective.Change { return c.of(i) })
		case target.Namespace == ref.Namespace || !c.displaces(i):
		default:
			told = append(told, func() []effective.Change { return displaced(c.of(i)) })
		}
	}
	return told, hidden
}

// displaced are the changes of values that somebody else had set.
func displaced(changes []effective.Change) []effective.Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c effective.Change) bool { return c.Before == nil })
}

// unwritten are the changes of a route without those that the author of the edit wrote into it:
// values in its rules, and removed rules.
func unwritten(changes []effective.Change, edited hierarchy.Ref) []effective.Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c effective.Change) bool {
		by := c.After
		if by == nil {
			by = c.Before
		}
		return c.Gone || by.Block == merge.Inline && by.From == edited
	})
}
