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

// outline is the result of a route that all routes share which are bound to the same listeners and
// have no policies or values of their own.
type outline struct {
	scopes  []Scope
	reaches []Reach
	rows    [][]*PathPolicies
}

// outlineKey is everything that decides an outline.
type outlineKey struct {
	// listeners is the first place of a list, which routes share.
	listeners **hierarchy.Listener
	rules     int
	below     pathKey
}

// outlineOf is the key of a route's outline, and whether others may have the same.
func outlineOf(listeners []*hierarchy.Listener, rules []pathKey) (key outlineKey, shared bool) {
	below := rules[0]
	if below.route != nil {
		return outlineKey{}, false
	}
	for i := range rules {
		if rules[i].rule != nil || rules[i].inline != nil {
			return outlineKey{}, false
		}
	}
	return outlineKey{&listeners[0], len(rules), below}, true
}

func outlined(e *Target) *outline {
	e.outline = &outline{scopes: e.Scopes, reaches: e.Reaches, rows: e.rows}
	return e.outline
}

// draw gives an outline to a target.
func (o *outline) draw(e *Target) {
	e.Scopes, e.Reaches, e.rows, e.outline = o.scopes, o.reaches, o.rows, o
}

// lie puts the results of a target in their places: a row for each listener, with one for each rule.
// Rows may be shared.
func (e *Target) lie(rows [][]*PathPolicies) {
	list := bands(e.listeners, rows)
	e.reach(list)
	for i, row := range rows {
		if i > 0 && &row[0] == &rows[i-1][0] {
			continue // done by way of the one before
		}
		for j := range row {
			row[j] = row[j].representative
		}
	}
	e.Scopes = groupBands(e.listeners, e.rules, list)
	e.rows = rows
}

// reach counts the paths of each Gateway and result.
func (e *Target) reach(list []Band[*PathPolicies]) {
	n := len(list)
	if !uniform(list[0].Row) {
		n *= len(e.rules)
	}
	e.Reaches = make([]Reach, 0, n)
	for i := range list {
		b := &list[i]
		for _, result := range b.Row {
			if n := len(e.Reaches); n > 0 && e.Reaches[n-1].Result == result && e.Reaches[n-1].Gateway == b.Listeners[0].Gateway {
				e.Reaches[n-1].Paths += len(b.Listeners)
				continue
			}
			e.Reaches = append(e.Reaches, Reach{Gateway: b.Listeners[0].Gateway, Result: result, Paths: len(b.Listeners)})
		}
	}
}

// Route is the route whose effective policy it is; nil for that of a Gateway, and for what was published.
func (e *Target) Route() *hierarchy.Route { return e.route }
