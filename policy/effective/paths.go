package effective

import (
	"iter"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/merge"
)

// Path is one path of a target and what applies there.
type Path struct {
	Listener *hierarchy.Listener
	// Rule is the index of the rule; -1 when the target has none.
	Rule   int
	Result *PathPolicies
}

// Paths yields every path of the target, sorted by listener and rule.
func (e *Target) Paths() iter.Seq[Path] {
	return func(yield func(Path) bool) {
		for i, result := range e.cells {
			rule := i % len(e.rules)
			if e.rules[rule] == "" {
				rule = -1
			}
			if !yield(Path{e.listeners[i/len(e.rules)], rule, result}) {
				return
			}
		}
	}
}

// Forced says whether the value is one that nobody below may escape: that of an
// override, one that a bound supplied, or one that was moved.
func (o *Origin) Forced() bool {
	return o.Block == merge.Override || o.Block == merge.Bound || !o.ClampedBy.IsZero()
}

// Group puts paths with equal results together, as scopes do. cells has one
// result for each path, in the order of Paths.
func Group[R comparable](e *Target, cells []R) []PathGroup[R] {
	return group(e.listeners, e.rules, cells)
}
