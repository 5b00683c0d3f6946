package effective

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
)

// Contribution is the effect of one attached policy on a path.
type Contribution struct {
	Attachment *policy.Attachment
	// Stated counts the leaves that the policy states and that apply here, Won those of them whose
	// effective value is the policy's.
	Stated, Won int
	// Moved are those whose value was moved by a bound or another field.
	Moved []Origin
	// Incomplete means that the policy states a part of a value that is taken whole, without its
	// head, so that no part of it applies.
	Incomplete bool
	// BeatenBy are the policies and routes that won the other leaves, or removed them, sorted.
	BeatenBy []hierarchy.Ref
}

// Contributions are the effect of each attached policy on the path, the least specific first. They are
// computed when somebody asks for the first time: few results are asked.
func (m *Policy) Contributions() []Contribution {
	m.counted.Do(func() {
		c := counting{m: m}
		m.contributions = c.all()
	})
	return m.contributions
}

// counting is the computation of contributions.
type counting struct {
	m      *Policy
	stated []statedField
	beaten []hierarchy.Ref
}

func (f *counting) all() []Contribution {
	holders := 0
	for range f.m.attached.holders {
		holders++
	}
	if holders == 0 {
		return nil
	}
	list := make([]Contribution, 0, holders)
	independent := f.independent()
	for a := range f.m.attached.holders {
		known := false
		for i := range list {
			known = known || list[i].Attachment.Policy == a.Policy
		}
		switch {
		case known:
		case independent && len(a.Policy.Bounds) == 0:
			list = append(list, f.simple(a))
		default:
			list = append(list, f.contribution(a))
		}
	}
	return list
}

// independent says whether every field applies, and every leaf that is stated is in force as stated,
// or beaten by one that is.
func (f *counting) independent() bool {
	if f.m.on != nil || len(f.m.NotSet) > 0 {
		return false
	}
	for i := range f.m.Origins {
		o := &f.m.Origins[i]
		if _, isObject := o.Value.(map[string]any); isObject || o.Detail != plain {
			return false // an object is empty, of which there may be more than was stated
		}
	}
	return true
}

// simple is contribution for a policy without bounds where leaves are independent.
func (f *counting) simple(a *policy.Attachment) Contribution {
	c := Contribution{Attachment: a, Stated: len(a.Policy.Leaves)}
	f.beaten = f.beaten[:0]
	for i := range f.m.Origins {
		if o := &f.m.Origins[i]; o.Policy == a.Policy {
			c.Won++
		} else if o.beats(a.Policy) && !slices.Contains(f.beaten, o.From) {
			f.beaten = append(f.beaten, o.From)
		}
	}
	c.BeatenBy = f.beatenBy()
	return c
}

// beatenBy are those that beat a policy, sorted, each once; nil without any.
func (f *counting) beatenBy() []hierarchy.Ref {
	if len(f.beaten) == 0 {
		return nil
	}
	if len(f.beaten) > 1 {
		slices.SortFunc(f.beaten, hierarchy.Compare)
		f.beaten = slices.Compact(f.beaten)
	}
	return slices.Clone(f.beaten)
}

func (f *counting) contribution(a *policy.Attachment) Contribution {
	p, m := a.Policy, f.m
	c := Contribution{Attachment: a}
	f.stated, f.beaten = f.stated[:0], f.beaten[:0]
	for _, path := range p.Leaves {
		if f.applies(path) {
			f.stated = append(f.stated, statedField{path, false})
		}
	}
	for i := range p.Bounds {
		b := &p.Bounds[i]
		if !f.applies(b.Path) {
			continue
		}
		by := m.inVain(p, b)
		if !by.IsZero() && by != p.Ref {
			f.beaten = append(f.beaten, by)
		}
		if indexOf(f.stated, b.Path) < 0 {
			f.stated = append(f.stated, statedField{b.Path, by.IsZero()})
		}
	}
	for i := range m.Origins {
		f.contributes(&c, &m.Origins[i])
	}
	for i := range m.NotSet {
		n := &m.NotSet[i]
		if n.From != p.Ref {
			continue
		}
		c.Incomplete = c.Incomplete || n.Rule == Incomplete
		if !n.By.IsZero() && n.By != p.Ref && n.Rule != Bounds {
			f.beaten = append(f.beaten, n.By)
		}
	}
	c.Stated = len(f.stated)
	for i := range f.stated {
		if f.stated[i].won {
			c.Won++
		}
	}
	c.BeatenBy = f.beatenBy()
	return c
}

// contributes notes what a policy has to do with one leaf in force.
func (f *counting) contributes(c *Contribution, o *Origin) {
	p := c.Attachment.Policy
	own := o.Policy == p
	switch {
	case own && !o.ClampedBy.IsZero() && o.ClampedBy != p.Ref:
		c.Moved = append(c.Moved, *o)
		fallthrough
	case own || o.ClampedBy == p.Ref || slices.Contains(o.Joined, p.Ref):
		if i := indexOf(f.stated, o.Path); i >= 0 {
			f.stated[i].won = true
		}
	case o.beats(p):
		f.beaten = append(f.beaten, o.From)
	}
}

func (o *Origin) beats(p *policy.Policy) bool {
	for i := range o.Beat {
		if o.Beat[i].Policy == p {
			return true
		}
	}
	return false
}

// applies says whether a path means anything on this kind of route.
func (f *counting) applies(path []string) bool {
	return f.m.on == nil || f.m.Kind.AppliesPath(*f.m.on, path)
}

// statedField is a field that a policy states, and whether its value is in force.
type statedField struct {
	path crd.Path
	won  bool
}

func indexOf(fields []statedField, path crd.Path) int {
	return slices.IndexFunc(fields, func(s statedField) bool { return slices.Equal(s.path, path) })
}
