package draft

import (
	"maps"
	"slices"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// Difference is the disagreement of two paths of a rule on a field: two listeners, and the value
// that each has.
type Difference struct {
	HereWhere, Here   string
	ThereWhere, There string
	// message is that of ListenersDiffer, once it was made.
	message string
}

// Args are the arguments of the message of ListenersDiffer.
func (d Difference) Args() []any { return []any{d.HereWhere, d.Here, d.ThereWhere, d.There} }

// Agreement is what the paths of one rule have in common.
type Agreement struct {
	Leaves map[field.Field]any
	Forced map[field.Field]bool
	Differ map[field.Field]Difference
	// Invalid are policies whose values contradict each other on every path.
	Invalid map[string]string
	// copied is true if Leaves is not the map of the first path any more.
	copied bool
}

// agree compares the paths of one rule field by field (E6.1). An absent value counts as a value, and
// so does the absence of an invalid policy's values. The maps must not be changed: paths share them.
func agree(paths []*export.Path) Agreement {
	if len(paths) == 0 {
		return Agreement{}
	}
	first := paths[0].Effective
	others := distinctAfter(paths)
	if len(others) == 0 {
		return Agreement{Leaves: first.Valid(), Forced: first.Forced, Invalid: first.Invalid}
	}
	a := Agreement{Leaves: first.Valid(), Forced: maps.Clone(first.Forced), Differ: map[field.Field]Difference{}, Invalid: maps.Clone(first.Invalid)}
	for _, p := range others {
		for f, forced := range p.Effective.Forced {
			if forced && !a.Forced[f] {
				if a.Forced == nil {
					a.Forced = map[field.Field]bool{}
				}
				a.Forced[f] = true
			}
		}
		a.compare(paths[0], p)
		maps.DeleteFunc(a.Invalid, func(policy, _ string) bool {
			_, invalid := p.Effective.Invalid[policy]
			return !invalid
		})
	}
	a.blocks()
	return a
}

// own returns the values for changing them: at first the map is that of the first path.
func (a *Agreement) own() map[field.Field]any {
	if !a.copied {
		a.Leaves, a.copied = maps.Clone(a.Leaves), true
	}
	return a.Leaves
}

// distinctAfter lists the first path of each effective policy that differs from that of the
// first.
func distinctAfter(paths []*export.Path) []*export.Path {
	var others []*export.Path
	for _, p := range paths[1:] {
		known := p.Effective == paths[0].Effective || slices.ContainsFunc(others, func(o *export.Path) bool { return o.Effective == p.Effective })
		if !known {
			others = append(others, p)
		}
	}
	return others
}

// compare adds the differences between the first path and another one.
func (a *Agreement) compare(here, there *export.Path) {
	first, other := here.Effective.Valid(), there.Effective.Valid()
	places := &between{here: here, there: there}
	for f, v := range other {
		if _, ok := first[f]; !ok {
			a.disagree(f, places, nil, v)
		}
	}
	for f, v := range first {
		w, ok := other[f]
		switch {
		case !ok:
			a.disagree(f, places, v, nil)
		case !f.Equal(v, w):
			a.disagree(f, places, v, w)
		default:
			if agreed, ok := a.Leaves[f]; ok && !field.EqualJSON(agreed, w) {
				a.own()[f] = shortest(agreed, w)
			}
		}
	}
}

// disagree records the first difference of a field. Paths are sorted by listener, so the order of the
// input does not matter.
func (a *Agreement) disagree(f field.Field, places *between, v, w any) {
	if _, agreed := a.Leaves[f]; agreed {
		delete(a.own(), f)
	}
	if _, known := a.Differ[f]; !known {
		hereWhere, thereWhere := places.names()
		a.Differ[f] = Difference{HereWhere: hereWhere, Here: field.Text(v), ThereWhere: thereWhere, There: field.Text(w)}
	}
}

// between are two paths that are compared, and their listeners as messages name them.
type between struct {
	here, there           *export.Path
	hereWhere, thereWhere string
}

// names returns the listeners as messages name them.
func (b *between) names() (here, there string) {
	if b.hereWhere == "" {
		b.hereWhere, b.thereWhere = b.here.Where(), b.there.Where()
	}
	return b.hereWhere, b.thereWhere
}

// blockHeads are the fields on which the meaning of the rest of their block depends (E6.4).
var blockHeads = map[string][]string{
	field.RetryPolicy:     {field.MaxRetries, field.RetryOn},
	field.RateLimitPolicy: {field.RequestsPerSecond, field.Requests, field.Per, field.Key, field.Mode},
}

// blocks removes the rest of a block whose head differs, and gives it the same difference.
func (a *Agreement) blocks() {
	for _, f := range field.Sorted(a.Differ) {
		if !slices.Contains(blockHeads[f.Policy], f.Name) {
			continue
		}
		for other := range a.Leaves {
			if other.Policy == f.Policy && other.Limit == f.Limit {
				delete(a.own(), other)
				a.Differ[other] = a.Differ[f]
			}
		}
	}
}

// shortest chooses which of two texts for the same value is written.
func shortest(a, b any) any {
	x, xText := a.(string)
	y, yText := b.(string)
	if !xText || !yText {
		if yText || (len(field.Text(b)) < len(field.Text(a))) {
			return b
		}
		return a
	}
	if len(y) < len(x) || (len(y) == len(x) && y < x) {
		return y
	}
	return x
}
