package effective

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
)

// Tally counts, for each policy and each Gateway, on how many paths of routes the policy is in
// effect. It is a running sum: add the new result of a target, and subtract the old one. The zero
// value is ready to use.
type Tally struct {
	counts map[hierarchy.Ref]map[hierarchy.Ref]*Count // by policy, by Gateway
}

// Count is the effect of a policy through one Gateway.
type Count struct {
	Gateway hierarchy.Ref
	// Paths is how many paths the policy reaches on which something of it
	// applies.
	Paths int
	// Whole is the number of these paths on which everything that it states, and that applies there,
	// is in effect as stated. Part is the number of paths on which only some of it is, or a value
	// was moved by a bound or another field.
	Whole, Part int
	// Incomplete is the number of paths on which it states a part of a value that is taken whole,
	// without its head.
	Incomplete int

	beaten map[hierarchy.Ref]int
	moved  map[movedKey]*movedPaths
}

// Moved is a value that a bound or another field moved.
type Moved struct {
	// Path is the path of the field that was moved to Value.
	Path  crd.Path
	Value any
	// Stated is the stated value; of the field Switch, if that is not nil.
	Stated any
	Switch crd.Path
	By     hierarchy.Ref
	// Limit is the field that moved it; nil when a bound did.
	Limit crd.Path
}

// String returns the beginning of a sentence about the move.
func (m Moved) String() string { return m.Told(nil) }

// Told is like String, for a reader who may not be allowed to know who moved it.
func (m Moved) Told(reader policy.Reader) string {
	by, field, value := "bounds", m.Path.String(), fmt.Sprint(m.Value)
	if m.Limit != nil {
		by = m.Limit.String()
	}
	if m.Switch != nil {
		field, value = m.Switch.String()+":", field+" "+value
	}
	return fmt.Sprintf("%s %v is limited to %s by %s of %s", field, m.Stated, value, by, reader.Name(m.By))
}

// movedKey is a Moved in a form that can be the key of a map.
type movedKey struct {
	path, value, stated, of, limit string
	by                             hierarchy.Ref
}

func (m *Moved) key() movedKey {
	return movedKey{m.Path.String(), text(m.Value), text(m.Stated), m.Switch.String(), m.Limit.String(), m.By}
}

// movedPaths is a Moved and the number of paths that it happened on.
type movedPaths struct {
	Moved
	paths int
}

func moved(o *Origin) Moved {
	return Moved{Path: o.Path, Value: o.Value, Stated: o.Stated, Switch: o.Switch, By: o.ClampedBy, Limit: o.Limit}
}

// Moved are the values of the policy that were moved on some path, sorted.
func (c *Count) Moved() []Moved {
	list := make([]Moved, 0, len(c.moved))
	for _, m := range c.moved {
		list = append(list, m.Moved)
	}
	slices.SortFunc(list, func(a, b Moved) int {
		return cmp.Or(slices.Compare(a.Path, b.Path), strings.Compare(text(a.Stated), text(b.Stated)), hierarchy.Compare(a.By, b.By),
			strings.Compare(text(a.Value), text(b.Value)), slices.Compare(a.Switch, b.Switch), slices.Compare(a.Limit, b.Limit))
	})
	return list
}

// BeatenBy are the policies and routes whose values win over this policy's on some path, sorted.
func (c *Count) BeatenBy() []hierarchy.Ref {
	return slices.SortedFunc(maps.Keys(c.beaten), hierarchy.Compare)
}

// Add adds a target. Gateways do not count, because there is no traffic on their own paths.
func (t *Tally) Add(e *Target) { t.count(e, 1) }

// Remove subtracts what Add added.
func (t *Tally) Remove(e *Target) { t.count(e, -1) }

// Of returns the effect of a policy, one entry for each Gateway through which it reaches routes,
// sorted.
func (t *Tally) Of(policy hierarchy.Ref) []*Count {
	byGateway := func(a, b *Count) int { return hierarchy.Compare(a.Gateway, b.Gateway) }
	return slices.SortedFunc(maps.Values(t.counts[policy]), byGateway)
}

// SameCount says whether a tally counts both alike, as far as that can be seen without counting:
// their paths lead through the same Gateways to the same folds.
func SameCount(a, b *Target) bool {
	return a != nil && b != nil && a.Target == b.Target && slices.EqualFunc(a.Reaches, b.Reaches, func(x, y Reach) bool {
		return x.Gateway == y.Gateway && x.Paths == y.Paths && slices.Equal(x.Result.Kinds, y.Result.Kinds)
	})
}

func (t *Tally) count(e *Target, sign int) {
	if e == nil || e.Target.GroupKind == hierarchy.GatewayKind {
		return
	}
	if t.counts == nil {
		t.counts = map[hierarchy.Ref]map[hierarchy.Ref]*Count{}
	}
	for _, reach := range e.Reaches {
		for _, m := range reach.Result.Kinds {
			parts := m.Contributions()
			for i := range parts {
				t.countContribution(&parts[i], reach.Gateway, sign*reach.Paths)
			}
		}
	}
}

func (t *Tally) countContribution(part *Contribution, gateway hierarchy.Ref, paths int) {
	if part.Stated == 0 {
		return // no field that it states has an effect on this kind of route
	}
	policy := part.Attachment.Policy.Ref
	counts := t.counts[policy]
	if counts == nil {
		counts = map[hierarchy.Ref]*Count{}
		t.counts[policy] = counts
	}
	c := counts[gateway]
	if c == nil {
		c = &Count{Gateway: gateway, beaten: map[hierarchy.Ref]int{}, moved: map[movedKey]*movedPaths{}}
		counts[gateway] = c
	}
	c.Paths += paths
	switch {
	case part.Won == part.Stated && part.Won > 0 && len(part.Moved) == 0:
		c.Whole += paths
	case part.Won > 0 || len(part.Moved) > 0:
		c.Part += paths
	}
	if part.Incomplete {
		c.Incomplete += paths
	}
	for i := range part.Moved {
		m := moved(&part.Moved[i])
		key := m.key()
		on := c.moved[key]
		if on == nil {
			on = &movedPaths{Moved: m}
			c.moved[key] = on
		}
		if on.paths += paths; on.paths == 0 {
			delete(c.moved, key)
		}
	}
	for _, by := range part.BeatenBy {
		if c.beaten[by] += paths; c.beaten[by] == 0 {
			delete(c.beaten, by)
		}
	}
	if c.Paths == 0 {
		delete(counts, gateway)
	}
	if len(counts) == 0 {
		delete(t.counts, policy)
	}
}

// text returns a value as text, identical for equal values.
func text(value any) string { return string(appendValue(nil, value)) }
