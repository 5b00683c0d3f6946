package effective

import (
	"maps"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// Contribution is what one attached policy came to on a path.
type Contribution struct {
	Attachment *policy.Attachment
	// Stated and Won count the leaves the policy states that apply here, and
	// those of them whose effective value is the policy's.
	Stated, Won int
	// BeatenBy are those that won the others, or left them out whole (strategy
	// Atomic), sorted.
	BeatenBy []hierarchy.Ref
}

// tallyContributions counts what each policy came to.
func (m *Policy) tallyContributions(key foldKey, target hierarchy.Ref, isRoute bool, layers []merge.Layer, sources []source) {
	for _, a := range key.attached {
		if a == nil || slices.ContainsFunc(m.Contributions, func(p Contribution) bool { return p.Attachment.Policy == a.Policy }) {
			continue
		}
		applies := func(field string) bool { return !isRoute || m.Kind.Applies(target.GroupKind, topField(field)) }
		won := map[string]bool{} // by stated leaf
		for _, layer := range a.Policy.Layers {
			for _, field := range leafFields(nil, layer.Value) {
				if applies(field) {
					won[field] = false
				}
			}
		}
		for _, b := range a.Policy.Bounds {
			if _, stated := won[b.Field]; !stated && applies(b.Field) {
				won[b.Field] = !m.ignores(a.Policy, b)
			}
		}
		part := Contribution{Attachment: a}
		for _, o := range m.Origins {
			switch _, stated := won[o.Field]; {
			case o.From == a.Policy.Ref || o.ClampedBy == a.Policy.Ref:
				if stated {
					won[o.Field] = true
				}
			case slices.ContainsFunc(o.Beat, func(b Beaten) bool { return b.From == a.Policy.Ref }):
				part.BeatenBy = append(part.BeatenBy, o.From)
			}
		}
		part.BeatenBy = append(part.BeatenBy, m.leftOutBy(a.Policy, won, layers, sources)...)
		part.Stated = len(won)
		for _, yes := range won {
			if yes {
				part.Won++
			}
		}
		slices.SortFunc(part.BeatenBy, hierarchy.Compare)
		part.BeatenBy = slices.Compact(part.BeatenBy)
		m.Contributions = append(m.Contributions, part)
	}
}

// ignores says whether a bound contradicts one of a higher level.
func (m *Policy) ignores(p *policy.Policy, b policy.Bound) bool {
	return slices.Contains(m.Ignored, ignoredText(p, b))
}

// leafFields lists the leaves of a value as origins name them.
func leafFields(path []string, value map[string]any) []string {
	var fields []string
	for _, key := range slices.Sorted(maps.Keys(value)) {
		at := append(slices.Clip(path), key)
		if object, isObject := value[key].(map[string]any); isObject && len(object) > 0 {
			fields = append(fields, leafFields(at, object)...)
		} else if value[key] != nil {
			fields = append(fields, crd.Path(at).String())
		}
	}
	return fields
}

// leftOutBy are the policies to which a policy lost leaves that nobody sets in
// the end: an Atomic override above it takes the whole, an Atomic default of its
// own yields as a whole.
func (m *Policy) leftOutBy(p *policy.Policy, won map[string]bool, layers []merge.Layer, sources []source) []hierarchy.Ref {
	set := map[string]bool{}
	for _, o := range m.Origins {
		set[o.Field] = true
	}
	leftOut := slices.ContainsFunc(slices.Collect(maps.Keys(won)), func(field string) bool { return !won[field] && !set[field] })
	if !leftOut {
		return nil
	}
	var by []hierarchy.Ref
	strength := merge.Strength(layers)
	for i, at := range strength {
		if sources[at].from != p.Ref {
			continue
		}
		for _, stronger := range strength[:i] {
			takes := layers[stronger].Block == merge.Override && layers[stronger].Strategy == merge.Atomic
			yields := layers[at].Block == merge.Default && layers[at].Strategy == merge.Atomic && layers[stronger].Block != merge.Override
			if (takes || yields) && sources[stronger].from != p.Ref {
				by = append(by, sources[stronger].from)
			}
		}
	}
	return by
}
