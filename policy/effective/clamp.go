package effective

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/bound"
	"github.com/attache-dev/attache/policy/merge"
)

// limit is one end of a bound, with its position on the path.
type limit struct {
	value      any
	attachment *policy.Attachment
}

// limits are the bounds on one field, intersected.
type limits struct {
	lowest, highest *limit
	// allowed are the values that all lists have in common, in the order of the highest list.
	allowed []any
	lists   []placed
}

// placed is a bound with its position on the path.
type placed struct {
	*policy.Bound
	attachment *policy.Attachment
}

// bound applies the bounds of the policies on the path (semantics 3.1), field by field. The heads
// of groups come first, because the other fields depend on them.
func (f *folding) bound() {
	f.bounds = f.bounds[:0]
	for a := range f.key.attached.holders {
		for i := range a.Policy.Bounds {
			if b := &a.Policy.Bounds[i]; f.applies(b.Path) {
				f.bounds = append(f.bounds, placed{b, a})
			}
		}
	}
	slices.SortStableFunc(f.bounds, func(a, b placed) int {
		return cmp.Or(cmp.Compare(len(a.Head), len(b.Head)), slices.Compare(a.Path, b.Path))
	})
	for rest := f.bounds; len(rest) > 0; {
		field := rest[0].Comparable
		n := slices.IndexFunc(rest, func(b placed) bool { return b.Comparable != field })
		if n < 0 {
			n = len(rest)
		}
		f.boundField(field, rest[:n])
		rest = rest[n:]
	}
}

// boundField applies off, oneOf, max, min and filling, in this order.
func (f *folding) boundField(field *bound.Comparable, bounds []placed) {
	if field.Head != nil && f.at(field.Head) == nil {
		return
	}
	o, switched := f.at(field.Path), f.switchedOff(field)
	winner := o
	if switched != nil {
		winner = switched
	}
	l := f.intersect(field, bounds, winner)
	if switched != nil && l.highest != nil {
		o = f.switchOn(field, switched, l.highest)
	}
	if o == nil {
		f.fill(field, l)
		return
	}
	if by := l.excludes(field, o.Value); by != nil {
		f.clamp(o, l.allowed[0], by.attachment.Policy.Ref)
	}
	if c, err := compareTo(field, o.Value, l.highest); err == nil && c > 0 {
		f.clamp(o, l.highest.value, l.highest.attachment.Policy.Ref)
	} else if c, err := compareTo(field, o.Value, l.lowest); err == nil && c < 0 {
		f.clamp(o, l.lowest.value, l.lowest.attachment.Policy.Ref)
	}
}

// fill sets a field that no policy sets: to the maximum, or, if the list of allowed values does not
// have what absence means, to the first value of the list.
func (f *folding) fill(field *bound.Comparable, l limits) {
	if f.inside(field.Path) {
		return // of another type; the schema says so
	}
	var value any
	var by *policy.Attachment
	excludes := field.Absent != nil && (field.Head != nil || len(f.m.Origins) > 0)
	if list := l.excludes(field, field.Absent); excludes && list != nil {
		value, by = l.allowed[0], list.attachment
	} else if l.highest != nil {
		value, by = l.highest.value, l.highest.attachment
	} else {
		return
	}
	s := policy.NewSource(by.Policy.Ref, by.Target, by.Level, merge.Bound, by.Policy)
	f.m.Origins = append(f.m.Origins, Origin{Path: field.Path, Value: value, Source: &s, Detail: plain, layer: -1, digest: merge.Digest(field.Path, value)})
}

// at is the origin of a field, nil when it is not set.
func (f *folding) at(path []string) *Origin {
	for i := range f.m.Origins {
		if o := &f.m.Origins[i]; slices.Equal(o.Path, path) {
			return o
		}
	}
	return nil
}

// inside says whether an object with something in it is set at a path.
func (f *folding) inside(path []string) bool {
	for i := range f.m.Origins {
		if startsWith(f.m.Origins[i].Path, path) {
			return true
		}
	}
	return false
}

// switchedOff is the origin of the other field that switches this one off.
func (f *folding) switchedOff(field *bound.Comparable) *Origin {
	if field.Off == nil || field.Own() {
		return nil
	}
	if o := f.at(field.Off.Path); o != nil && o.Value == field.Off.Value {
		return o
	}
	return nil
}

// switchOn removes a switch where a maximum applies, because off is beyond every maximum. The field
// gets the value that the winner states for it if that is within bounds, else the maximum.
func (f *folding) switchOn(field *bound.Comparable, off *Origin, highest *limit) *Origin {
	was := *off
	by := highest.attachment.Policy.Ref
	f.m.Origins = slices.DeleteFunc(f.m.Origins, func(o Origin) bool { return slices.Equal(o.Path, was.Path) })
	f.notSet(was.layer, was.Path, was.Value, Bounds, by)
	for _, i := range merge.Beaten(f.layers, was.layer, was.Path) {
		f.notSet(i, was.Path, nearest(f.layers[i].Value, was.Path), Whole, was.From)
	}
	o := f.at(field.Path)
	if o == nil {
		beat := merge.Beaten(f.layers, was.layer, field.Path)
		f.m.NotSet = slices.DeleteFunc(f.m.NotSet, func(n NotSet) bool {
			return slices.Equal(n.Path, field.Path) && slices.ContainsFunc(beat, func(i int) bool { return n.From == f.sources[i].From && n.Block == f.layers[i].Block })
		})
		f.m.Origins = append(f.m.Origins, Origin{
			Path: field.Path, Source: was.Source, Beat: f.appendBeaten(nil, beat, field.Path), Detail: plain, layer: was.layer,
		})
		o = &f.m.Origins[len(f.m.Origins)-1]
		o.digestBeaten()
	}
	value := o.Value
	if c, err := compareTo(field, value, highest); value == nil || (err == nil && c > 0) {
		value = highest.value
	}
	o.move(value, Detail{ClampedBy: by, Stated: was.Value, Switch: was.Path, Limit: o.Limit, Joined: o.Joined})
	return o
}

// compareTo compares a value with a limit; without a limit they count as equal. A value of the
// wrong type is left for the schema check to report.
func compareTo(field *bound.Comparable, value any, l *limit) (int, error) {
	if l == nil {
		return 0, nil
	}
	return field.Compare(value, l.value)
}

// clamp moves a value to a limit. The value that was stated first is kept as stated.
func (f *folding) clamp(o *Origin, to any, by hierarchy.Ref) {
	d := *o.Detail
	if d.ClampedBy.IsZero() {
		d.Stated = o.Value
	}
	d.ClampedBy = by
	o.move(to, d)
}

// move gives an origin another value, and the reason.
func (o *Origin) move(to any, why Detail) {
	o.Value, o.Detail, o.digest = to, &why, merge.Digest(o.Path, to)
}

// digestBeaten makes the digest of what an origin beats.
func (o *Origin) digestBeaten() {
	o.beaten = 0
	for i := range o.Beat {
		o.beaten = merge.Mix(o.beaten, merge.Digest(o.Path, o.Beat[i].Value))
	}
}

// intersect combines the bounds that apply to a field, from the GatewayClass down. A bound that
// contradicts those above it is ignored.
func (f *folding) intersect(field *bound.Comparable, bounds []placed, winner *Origin) limits {
	var l limits
	for _, b := range bounds {
		if to := f.yields(b.attachment, winner); to != nil {
			f.m.Yielding = append(f.m.Yielding, YieldingBound{b.attachment.Policy.Ref, *b.Bound, to.From})
			continue
		}
		switch {
		case b.OneOf != nil:
			both := slices.DeleteFunc(slices.Clone(l.allowed), func(v any) bool { return !contains(field, b.OneOf, v) })
			if l.lists == nil {
				both = b.OneOf
			}
			if len(both) == 0 {
				f.ignore(b, l.lists[0].attachment)
				continue
			}
			l.allowed, l.lists = both, append(l.lists, b)
		case beyond(field, b.Min, l.highest) > 0:
			f.ignore(b, l.highest.attachment)
		case beyond(field, b.Max, l.lowest) < 0:
			f.ignore(b, l.lowest.attachment)
		default:
			if b.Min != nil && (l.lowest == nil || beyond(field, b.Min, l.lowest) > 0) {
				l.lowest = &limit{b.Min, b.attachment}
			}
			if b.Max != nil && (l.highest == nil || beyond(field, b.Max, l.highest) < 0) {
				l.highest = &limit{b.Max, b.attachment}
			}
		}
	}
	return l
}

// yields returns what a bound yields to: the winner, or an Atomic override on the path, if that is
// an override from a level above the bound's; nil when the bound applies. A bound of a platform
// namespace only yields to an override of a platform namespace.
func (f *folding) yields(b *policy.Attachment, winner *Origin) *policy.Source {
	platform := f.s.IsPlatform(b.Policy)
	to := func(layer int) bool {
		s := f.sources[layer]
		return s.Block == merge.Override && s.Level < b.Level && (!platform || s.Policy != nil && f.s.IsPlatform(s.Policy))
	}
	if winner != nil && winner.layer >= 0 && to(winner.layer) {
		return f.sources[winner.layer]
	}
	for i := range f.layers {
		if f.layers[i].Strategy == merge.Atomic && to(i) {
			return f.sources[i]
		}
	}
	return nil
}

// excludes returns the highest list that does not have a value.
func (l *limits) excludes(field *bound.Comparable, value any) *placed {
	for i := range l.lists {
		if !contains(field, l.lists[i].OneOf, value) {
			return &l.lists[i]
		}
	}
	return nil
}

func contains(field *bound.Comparable, list []any, value any) bool {
	return slices.ContainsFunc(list, func(v any) bool { return field.Equal(v, value) })
}

// beyond compares a new limit with an established one of the other end (or of
// the same end, to find the tighter); 0 when there is nothing to compare.
func beyond(field *bound.Comparable, value any, established *limit) int {
	if value == nil || established == nil {
		return 0
	}
	c, err := field.Compare(value, established.value)
	if err != nil {
		return 0
	}
	return c
}

func (f *folding) ignore(b placed, by *policy.Attachment) {
	f.m.Ignored = append(f.m.Ignored, IgnoredBound{b.attachment.Policy.Ref, *b.Bound, by.Policy.Ref})
}

// IgnoredBound is a bound of a policy that contradicts one of a higher level, by another.
type IgnoredBound struct {
	Policy hierarchy.Ref
	Bound  policy.Bound
	By     hierarchy.Ref
}

// String says it in one line.
func (b IgnoredBound) String() string {
	return fmt.Sprintf("%s: the bound on %s (%s) contradicts a bound of a higher level and is ignored", b.Policy, b.Bound.Path, limitText(b.Bound))
}

// YieldingBound is a bound of a policy that does not apply on the path, because an override from a
// level above it decides.
type YieldingBound struct {
	Policy hierarchy.Ref
	Bound  policy.Bound
	To     hierarchy.Ref
}

// String says it in one line.
func (b YieldingBound) String() string {
	return fmt.Sprintf("%s: the bound on %s (%s) does not reach an override from above, of %s", b.Policy, b.Bound.Path, limitText(b.Bound), b.To)
}

// inVain is who decides where a bound of a policy does not apply on the path; zero where it does.
func (m *Policy) inVain(p *policy.Policy, b *policy.Bound) hierarchy.Ref {
	for i := range m.Ignored {
		i := &m.Ignored[i]
		if i.Policy == p.Ref && i.Bound.Comparable == b.Comparable {
			return i.By
		}
	}
	for i := range m.Yielding {
		y := &m.Yielding[i]
		if y.Policy == p.Ref && y.Bound.Comparable == b.Comparable {
			return y.To
		}
	}
	return hierarchy.Ref{}
}

func limitText(b policy.Bound) string {
	var ends []string
	if b.Min != nil {
		ends = append(ends, fmt.Sprintf("min %v", b.Min))
	}
	if b.Max != nil {
		ends = append(ends, fmt.Sprintf("max %v", b.Max))
	}
	if b.OneOf != nil {
		ends = append(ends, fmt.Sprintf("oneOf %v", b.OneOf))
	}
	return strings.Join(ends, ", ")
}

// atMost lowers fields that exceed their limiting field, from the end of each chain (semantics
// section 3.3).
func (f *folding) atMost() {
	for _, pair := range f.key.kind.AtMosts() {
		lower, upper := f.at(pair.Lower.Path), f.at(pair.Upper.Path)
		if lower == nil || upper == nil {
			continue
		}
		c, err := pair.Lower.Compare(lower.Value, upper.Value)
		if err != nil || c <= 0 || pair.Upper.IsOff(upper.Value) {
			continue
		}
		d := *lower.Detail
		if d.ClampedBy.IsZero() {
			d.Stated = lower.Value
		}
		d.ClampedBy, d.Limit = upper.From, upper.Path
		lower.move(upper.Value, d)
	}
}
