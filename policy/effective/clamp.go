package effective

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// limit is one end of a bound in its place on the path.
type limit struct {
	value      any
	attachment *policy.Attachment
	level      hierarchy.Level
}

// bound applies the bounds of the policies on the path (semantics 3.1), field
// by field.
func (m *Policy) bound(key foldKey, target hierarchy.Ref, isRoute bool) {
	var fields []string
	for _, a := range key.attached {
		if a == nil {
			continue
		}
		for _, b := range a.Policy.Bounds {
			if !isRoute || m.Kind.Applies(target.GroupKind, b.Field) {
				fields = append(fields, b.Field)
			}
		}
	}
	slices.Sort(fields)
	for _, field := range slices.Compact(fields) {
		m.boundField(key, field)
	}
	slices.SortStableFunc(m.Origins, func(a, b Origin) int { return strings.Compare(a.Field, b.Field) })
}

func (m *Policy) boundField(key foldKey, field string) {
	winner := slices.IndexFunc(m.Origins, func(o Origin) bool { return o.Field == field })
	kind, _ := m.Kind.Comparable(field)
	lowest, highest := m.limits(key, field, kind, winner)
	switch {
	case winner < 0 && highest == nil:
	case winner < 0 && m.Value[field] == nil:
		if m.Value == nil {
			m.Value = map[string]any{}
		}
		m.Value[field] = highest.value
		m.Origins = append(m.Origins, Origin{
			Field: field, Path: crd.Path{field}, Value: highest.value, From: highest.attachment.Policy.Ref,
			Target: highest.attachment.Target, Level: highest.level, Block: merge.Bound,
		})
	case winner >= 0:
		o := &m.Origins[winner]
		if c, err := compareTo(kind, o.Value, highest); err == nil && c > 0 {
			m.clamp(o, highest)
		} else if c, err := compareTo(kind, o.Value, lowest); err == nil && c < 0 {
			m.clamp(o, lowest)
		}
	}
}

// compareTo compares a value with a limit; no limit compares equal. A value
// that is not of the kind's type is left for the schema check to report.
func compareTo(kind policy.BoundType, value any, l *limit) (int, error) {
	if l == nil {
		return 0, nil
	}
	return kind.Compare(value, l.value)
}

func (m *Policy) clamp(o *Origin, l *limit) {
	o.Stated, o.Value, o.ClampedBy = o.Value, l.value, l.attachment.Policy.Ref
	m.Value[o.Field] = l.value
}

// limits intersects the bounds on a field from the GatewayClass down. A bound
// does not apply to an override from a level above it; one that contradicts
// those above it is ignored.
func (m *Policy) limits(key foldKey, field string, kind policy.BoundType, winner int) (lowest, highest *limit) {
	for level, a := range key.attached {
		level := hierarchy.Level(level)
		if a == nil {
			continue
		}
		if winner >= 0 && m.Origins[winner].Block == merge.Override && m.Origins[winner].Level < level {
			continue
		}
		for _, b := range a.Policy.Bounds {
			if b.Field != field {
				continue
			}
			minimum, maximum := &limit{b.Min, a, level}, &limit{b.Max, a, level}
			if contradicts(kind, b.Min, highest) > 0 || contradicts(kind, b.Max, lowest) < 0 {
				m.Ignored = append(m.Ignored, ignoredText(a.Policy, b))
				continue
			}
			if b.Min != nil && (lowest == nil || contradicts(kind, b.Min, lowest) > 0) {
				lowest = minimum
			}
			if b.Max != nil && (highest == nil || contradicts(kind, b.Max, highest) < 0) {
				highest = maximum
			}
		}
	}
	return lowest, highest
}

func ignoredText(p *policy.Policy, b policy.Bound) string {
	return fmt.Sprintf("%s: the bound on %s (%s) contradicts a bound of a higher level and is ignored", p.Ref, b.Field, limitText(b))
}

// contradicts compares a new limit with an established one of the other end
// (or of the same end, to find the tighter); 0 when there is nothing to compare.
func contradicts(kind policy.BoundType, value any, established *limit) int {
	if value == nil || established == nil {
		return 0
	}
	c, err := kind.Compare(value, established.value)
	if err != nil {
		return 0
	}
	return c
}

func limitText(b policy.Bound) string {
	var ends []string
	if b.Min != nil {
		ends = append(ends, fmt.Sprintf("min %v", b.Min))
	}
	if b.Max != nil {
		ends = append(ends, fmt.Sprintf("max %v", b.Max))
	}
	return strings.Join(ends, ", ")
}
