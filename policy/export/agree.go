package export

import (
	"maps"
	"slices"
)

// difference is the disagreement of two paths of a rule on a field: two listeners, and the value
// that each has.
type difference struct {
	hereWhere, here   string
	thereWhere, there string
}

// args are the arguments of the message of ListenersDiffer.
func (d difference) args() []any { return []any{d.hereWhere, d.here, d.thereWhere, d.there} }

// agreement is what the paths of one rule have in common.
type agreement struct {
	leaves map[Field]any
	forced map[Field]bool
	differ map[Field]difference
	// invalid are policies whose values contradict each other on every path.
	invalid map[string]string
}

// agree compares the paths of one rule field by field (E6.1). An absent value counts as a value, and
// so does the absence of an invalid policy's values. The maps must not be changed: paths share them.
func agree(paths []*Path) agreement {
	if len(paths) == 0 {
		return agreement{}
	}
	first := paths[0].Effective
	others := distinctAfter(paths)
	if len(others) == 0 {
		return agreement{leaves: first.validLeaves(), forced: first.Forced, invalid: first.Invalid}
	}
	a := agreement{leaves: maps.Clone(first.validLeaves()), forced: map[Field]bool{}, differ: map[Field]difference{}, invalid: maps.Clone(first.Invalid)}
	maps.Copy(a.forced, first.Forced)
	for _, p := range others {
		for f, forced := range p.Effective.Forced {
			a.forced[f] = a.forced[f] || forced
		}
		a.compare(paths[0], p)
		maps.DeleteFunc(a.invalid, func(policy, _ string) bool {
			_, invalid := p.Effective.Invalid[policy]
			return !invalid
		})
	}
	a.blocks()
	return a
}

// distinctAfter lists the first path of each effective policy that differs from that of the
// first.
func distinctAfter(paths []*Path) []*Path {
	var others []*Path
	for _, p := range paths[1:] {
		known := p.Effective == paths[0].Effective || slices.ContainsFunc(others, func(o *Path) bool { return o.Effective == p.Effective })
		if !known {
			others = append(others, p)
		}
	}
	return others
}

// compare adds the differences between the first path and another one.
func (a *agreement) compare(here, there *Path) {
	first, other := here.Effective.validLeaves(), there.Effective.validLeaves()
	for f, v := range other {
		if _, ok := first[f]; !ok {
			a.disagree(f, here, nil, there, v)
		}
	}
	for f, v := range first {
		w, ok := other[f]
		switch {
		case !ok:
			a.disagree(f, here, v, there, nil)
		case !f.equal(v, w):
			a.disagree(f, here, v, there, w)
		default:
			if agreed, ok := a.leaves[f]; ok {
				a.leaves[f] = shortest(agreed, w)
			}
		}
	}
}

// disagree records the first difference of a field. Paths are sorted by listener, so the order of the
// input does not matter.
func (a *agreement) disagree(f Field, p *Path, v any, q *Path, w any) {
	delete(a.leaves, f)
	if _, known := a.differ[f]; !known {
		a.differ[f] = difference{p.where(), text(v), q.where(), text(w)}
	}
}

// blockHeads are the fields on which the meaning of the rest of their block depends (E6.4).
var blockHeads = map[string][]string{
	RetryPolicy:     {maxRetries, retryOn},
	RateLimitPolicy: {requestsPerSecond, requests, per, key, mode},
}

// blocks removes the rest of a block whose head differs, and gives it the same difference.
func (a *agreement) blocks() {
	for _, f := range sortedFields(a.differ) {
		if !slices.Contains(blockHeads[f.Policy], f.Name) {
			continue
		}
		for other := range a.leaves {
			if other.Policy == f.Policy && other.Limit == f.Limit {
				delete(a.leaves, other)
				a.differ[other] = a.differ[f]
			}
		}
	}
}

// shortest chooses which of two texts for the same value is written.
func shortest(a, b any) any {
	x, xText := a.(string)
	y, yText := b.(string)
	if !xText || !yText {
		if yText || (len(text(b)) < len(text(a))) {
			return b
		}
		return a
	}
	if len(y) < len(x) || (len(y) == len(x) && y < x) {
		return y
	}
	return x
}
