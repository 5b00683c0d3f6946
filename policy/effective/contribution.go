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

// tallyContributions counts the effect of each policy.
func (f *folding) tallyContributions() {
	holders := 0
	for range f.key.holders {
		holders++
	}
	list := make([]Contribution, 0, holders)
	for a := range f.key.holders {
		if !slices.ContainsFunc(list, func(c Contribution) bool { return c.Attachment.Policy == a.Policy }) {
			list = append(list, f.contribution(a))
		}
	}
	f.m.Contributions = list
}

func (f *folding) contribution(a *policy.Attachment) Contribution {
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
	if len(f.beaten) > 0 {
		slices.SortFunc(f.beaten, hierarchy.Compare)
		c.BeatenBy = slices.Clone(slices.Compact(f.beaten))
	}
	return c
}

// contributes notes what a policy has to do with one leaf in force.
func (f *folding) contributes(c *Contribution, o *Origin) {
	p := c.Attachment.Policy
	own := o.From == p.Ref
	switch {
	case own && !o.ClampedBy.IsZero() && o.ClampedBy != p.Ref:
		c.Moved = append(c.Moved, *o)
		fallthrough
	case own || o.ClampedBy == p.Ref || slices.Contains(o.Joined, p.Ref):
		if i := indexOf(f.stated, o.Path); i >= 0 {
			f.stated[i].won = true
		}
	case o.beats(&p.Ref):
		f.beaten = append(f.beaten, o.From)
	}
}

func (o *Origin) beats(ref *hierarchy.Ref) bool {
	for i := range o.Beat {
		if o.Beat[i].From == *ref {
			return true
		}
	}
	return false
}

// applies says whether a path means anything on this kind of route.
func (f *folding) applies(path []string) bool {
	return !f.partly || f.key.kind.AppliesPath(f.target.GroupKind, path)
}

// statedField is a field that a policy states, and whether its value is in force.
type statedField struct {
	path crd.Path
	won  bool
}

func indexOf(fields []statedField, path crd.Path) int {
	return slices.IndexFunc(fields, func(s statedField) bool { return slices.Equal(s.path, path) })
}
