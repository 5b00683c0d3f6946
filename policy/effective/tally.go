package effective

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// Tally counts, for each policy and each Gateway, on how many paths of routes
// the policy is in effect. It is a running sum: add what a target comes to,
// subtract what it came to before. The zero value is ready to use.
type Tally struct {
	counts map[hierarchy.Ref]map[hierarchy.Ref]*Count // by policy, by Gateway
}

// Count is what a policy comes to through one Gateway.
type Count struct {
	Gateway hierarchy.Ref
	// Paths is how many paths the policy reaches on which something of it
	// applies.
	Paths int
	// Whole is on how many of them everything that it states and that applies
	// there is in effect as stated; Part on how many some of it is, or a bound or
	// another field moved a value.
	Whole, Part int
	// Incomplete is on how many it states a part of what is taken whole without
	// its head.
	Incomplete int

	beaten map[hierarchy.Ref]int
	moved  map[Moved]int
}

// Moved is a value that a bound or another field moved.
type Moved struct {
	Field, Stated, Value string
	By                   hierarchy.Ref
	// Limit is the field that moved it; empty when a bound did.
	Limit string
}

// String is the move as a sentence without its end.
func (m Moved) String() string { return m.Told(nil) }

// Told is String for a reader, who may not know who moved it.
func (m Moved) Told(reader policy.Reader) string {
	by := "bounds"
	if m.Limit != "" {
		by = m.Limit
	}
	return fmt.Sprintf("%s %s is limited to %s by %s of %s", m.Field, m.Stated, m.Value, by, reader.Name(m.By))
}

func moved(o *Origin) Moved {
	m := Moved{Field: o.Field, Stated: fmt.Sprint(o.Stated), Value: fmt.Sprint(o.Value), By: o.ClampedBy, Limit: o.Limit.String()}
	if o.Switch != nil {
		m.Field, m.Stated, m.Value = o.Switch.String()+":", strings.TrimPrefix(m.Stated, o.Switch.String()+": "), o.Field+" "+m.Value
	}
	return m
}

// Moved are the values of the policy that something moved somewhere, sorted.
func (c *Count) Moved() []Moved {
	return slices.SortedFunc(maps.Keys(c.moved), func(a, b Moved) int { return strings.Compare(a.String(), b.String()) })
}

// BeatenBy are the policies and routes whose values win over this one's
// somewhere, sorted.
func (c *Count) BeatenBy() []hierarchy.Ref {
	return slices.SortedFunc(maps.Keys(c.beaten), hierarchy.Compare)
}

// Add counts a target in. Gateways count for nothing: nobody's traffic is on
// their own paths.
func (t *Tally) Add(e *Target) { t.count(e, 1) }

// Remove takes back what Add counted.
func (t *Tally) Remove(e *Target) { t.count(e, -1) }

// Of returns what a policy comes to, one entry for each Gateway it reaches
// routes through, sorted.
func (t *Tally) Of(policy hierarchy.Ref) []*Count {
	byGateway := func(a, b *Count) int { return hierarchy.Compare(a.Gateway, b.Gateway) }
	return slices.SortedFunc(maps.Values(t.counts[policy]), byGateway)
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
			for i := range m.Contributions {
				t.countContribution(&m.Contributions[i], reach.Gateway, sign*reach.Paths)
			}
		}
	}
}

func (t *Tally) countContribution(part *Contribution, gateway hierarchy.Ref, paths int) {
	if part.Stated == 0 {
		return // nothing that it states means anything on this kind of route
	}
	policy := part.Attachment.Policy.Ref
	counts := t.counts[policy]
	if counts == nil {
		counts = map[hierarchy.Ref]*Count{}
		t.counts[policy] = counts
	}
	c := counts[gateway]
	if c == nil {
		c = &Count{Gateway: gateway, beaten: map[hierarchy.Ref]int{}, moved: map[Moved]int{}}
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
		if c.moved[m] += paths; c.moved[m] == 0 {
			delete(c.moved, m)
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
