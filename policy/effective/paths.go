package effective

import (
	"iter"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/merge"
)

// Path is one path of a target, with what applies there.
type Path struct {
	Listener *hierarchy.Listener
	// Rule is the index of the rule; -1 when the target has none.
	Rule   int
	Result *PathPolicies
}

// Paths yields every path of the target, sorted by listener and rule.
func (e *Target) Paths() iter.Seq[Path] {
	return func(yield func(Path) bool) {
		for i, row := range e.rows {
			for rule, result := range row {
				if result == nil {
					result = &PathPolicies{} // nothing was published for a rule that is new
				}
				if e.rules[rule].IsNone() {
					rule = -1
				}
				if !yield(Path{e.listeners[i], rule, result}) {
					return
				}
			}
		}
	}
}

// Forced reports whether nobody below can change the value: it is the value of an override, it was
// supplied by a bound, or it was moved.
func (o *Origin) Forced() bool {
	return o.Block == merge.Override || o.Block == merge.Bound || !o.ClampedBy.IsZero()
}

// Group groups paths with equal results, as scopes do. results has one result for each path, in the
// order of Paths.
func Group[R comparable](e *Target, results []R) []PathGroup[R] {
	rows := make([][]R, len(e.listeners))
	for i := range rows {
		rows[i] = results[i*len(e.rules) : (i+1)*len(e.rules)]
	}
	return group(e.listeners, e.rules, rows)
}

// At returns the same result for another generation of the target.
func (e *Target) At(generation int64) *Target {
	if e == nil {
		return nil
	}
	at := *e
	at.Generation = generation
	return &at
}
