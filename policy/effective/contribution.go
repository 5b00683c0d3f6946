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
	for a := range f.key.holders {
		if !slices.ContainsFunc(f.m.Contributions, func(c Contribution) bool { return c.Attachment.Policy == a.Policy }) {
			f.m.Contributions = append(f.m.Contributions, f.contribution(a))
		}
	}
}

func (f *folding) contribution(a *policy.Attachment) Contribution {
	p, m := a.Policy, f.m
	applies := func(path []string) bool { return !f.isRoute || m.Kind.AppliesPath(f.target.GroupKind, path) }
	won := make([]statedField, 0, len(p.Leaves)+len(p.Bounds))
	for _, path := range p.Leaves {
		if applies(path) {
			won = append(won, statedField{path, false})
		}
	}
	c := Contribution{Attachment: a}
	for _, b := range p.Bounds {
		if !applies(b.Path) {
			continue
		}
		by := m.inVain(p, b)
		if !by.IsZero() && by != p.Ref {
			c.BeatenBy = append(c.BeatenBy, by)
		}
		if indexOf(won, b.Path) < 0 {
			won = append(won, statedField{b.Path, by.IsZero()})
		}
	}
	for _, o := range m.Origins {
		own := o.From == p.Ref
		switch {
		case own && !o.ClampedBy.IsZero() && o.ClampedBy != p.Ref:
			c.Moved = append(c.Moved, o)
			fallthrough
		case own || o.ClampedBy == p.Ref || slices.Contains(o.Joined, p.Ref):
			if i := indexOf(won, o.Path); i >= 0 {
				won[i].won = true
			}
		case slices.ContainsFunc(o.Beat, func(b Beaten) bool { return b.From == p.Ref }):
			c.BeatenBy = append(c.BeatenBy, o.From)
		}
	}
	for _, n := range m.NotSet {
		if n.From != p.Ref {
			continue
		}
		c.Incomplete = c.Incomplete || n.Rule == Incomplete
		if !n.By.IsZero() && n.By != p.Ref && n.Rule != Bounds {
			c.BeatenBy = append(c.BeatenBy, n.By)
		}
	}
	c.Stated = len(won)
	for _, field := range won {
		if field.won {
			c.Won++
		}
	}
	slices.SortFunc(c.BeatenBy, hierarchy.Compare)
	c.BeatenBy = slices.Compact(c.BeatenBy)
	return c
}

// statedField is a field that a policy states, and whether its value is in force.
type statedField struct {
	path crd.Path
	won  bool
}

func indexOf(fields []statedField, path crd.Path) int {
	return slices.IndexFunc(fields, func(s statedField) bool { return slices.Equal(s.path, path) })
}
