package effective

import (
	"maps"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// foldKey is everything that a Policy depends on.
type foldKey struct {
	kind     *policy.Kind
	route    int
	attached [hierarchy.Levels]*policy.Attachment
	inline   *hierarchy.Rule
}

// holders yields the policies that hold their targets on the path, the least specific first; within
// a level, the established one first.
func (k *foldKey) holders(yield func(*policy.Attachment) bool) {
	for _, a := range k.attached {
		for ; a != nil; a = a.Next {
			if !yield(a) {
				return
			}
		}
	}
}

// source is the origin of a layer.
type source struct {
	from, target hierarchy.Ref
	level        hierarchy.Level
	platform     bool
}

// folding builds one Policy.
type folding struct {
	r      *Resolver
	m      *Policy
	key    *foldKey
	target hierarchy.Ref
	// isRoute is false for what a Gateway shows.
	isRoute bool
	layers  []merge.Layer
	sources []source
	// strength are the layers from the strongest down.
	strength []int
}

// fold merges one kind on one path, in the order of semantics section 3.
func (r *Resolver) fold(key *foldKey, target hierarchy.Ref, route *hierarchy.Route) *Policy {
	if m, ok := r.folds[*key]; ok {
		return m
	}
	m := &Policy{Kind: key.kind}
	f := &folding{r: r, m: m, key: key, target: target, isRoute: route != nil}
	f.addLayers()
	f.challenge()
	f.addInline(route)
	folded := merge.Fold(f.layers, key.kind.Shape())
	m.Value = folded.Value
	if m.Value == nil {
		m.Value = map[string]any{}
	}
	f.strength = merge.Strength(f.layers)
	m.Origins = make([]Origin, 0, len(folded.Origins))
	for _, o := range folded.Origins {
		m.Origins = append(m.Origins, f.origin(o))
	}
	for _, l := range folded.Lost {
		f.notSet(l.Layer, l.Path, l.Value, Rule(l.Rule.String()), f.sources[l.By].from)
	}
	f.bound()
	f.atMost()
	slices.SortStableFunc(m.Origins, func(a, b Origin) int { return slices.Compare(a.Path, b.Path) })
	slices.SortStableFunc(m.NotSet, func(a, b NotSet) int { return slices.Compare(a.Path, b.Path) })
	if v := key.kind.Validator; v != nil && len(m.Value) > 0 {
		m.Invalid = v.Validate(m.Value)
	}
	f.tallyContributions()
	r.scratch = m.appendIdentity(r.scratch[:0])
	m.identity = string(r.scratch)
	r.folds[*key] = m
	return m
}

// addLayers adds what the policies on the path state, as far as it applies here.
func (f *folding) addLayers() {
	layers := 1 // the layer of the rule itself
	for a := range f.key.holders {
		layers += len(a.Policy.Layers)
	}
	f.layers, f.sources = make([]merge.Layer, 0, layers), make([]source, 0, layers)
	for a := range f.key.holders {
		for _, layer := range slices.Backward(a.Policy.Layers) { // the override before the default
			s := source{a.Policy.Ref, a.Target, a.Level, f.r.s.IsPlatform(a.Policy)}
			layer.Value = f.applicable(layer, s)
			layer.Value = f.complete(layer, s)
			if len(layer.Value) > 0 {
				f.layers = append(f.layers, layer)
				f.sources = append(f.sources, s)
			}
		}
	}
}

// addInline adds what the rule itself states.
func (f *folding) addInline(route *hierarchy.Route) {
	rule := f.key.inline
	if rule == nil {
		return
	}
	index := 0
	for i := range route.Rules {
		if &route.Rules[i] == rule {
			index = i
		}
	}
	s := source{from: f.target, target: f.target.WithSection(route.RuleRefs()[index].String()), level: hierarchy.RouteRuleLevel}
	layer := merge.Layer{Block: merge.Inline, Strategy: merge.Patch, Value: inlineValue(f.key.kind, f.target.GroupKind, rule)}
	if layer.Value = f.applicable(layer, s); len(layer.Value) > 0 {
		f.layers = append(f.layers, layer)
		f.sources = append(f.sources, s)
	}
}

// applicable removes from a layer the paths that have no effect on this kind of route (semantics
// section 8).
func (f *folding) applicable(layer merge.Layer, s source) map[string]any {
	if !f.isRoute || f.key.kind.AppliesWhole(f.target.GroupKind) {
		return layer.Value
	}
	return f.without(layer, s, NotApplicable, func(path []string) bool {
		if f.key.kind.AppliesPath(f.target.GroupKind, path) {
			return false
		}
		same := func(known crd.Path) bool { return slices.Equal(known, path) }
		if !slices.ContainsFunc(f.m.NotApplicable, same) {
			f.m.NotApplicable = append(f.m.NotApplicable, path)
			slices.SortFunc(f.m.NotApplicable, slices.Compare[crd.Path])
		}
		return true
	})
}

// complete removes from a layer the groups that it states without their head, so that no limit
// results that nobody wrote (semantics section 3.2). It only concerns groups whose head has a
// switch within the group.
func (f *folding) complete(layer merge.Layer, s source) map[string]any {
	for _, group := range f.key.kind.Groups() {
		head := f.key.kind.Bounded(group[0])
		if head == nil || head.Off == nil || head.Own() {
			continue
		}
		value, stated := valueAt(layer.Value, head.Path)
		off, switched := valueAt(layer.Value, head.Off.Path)
		if (stated && value != nil) || (switched && off == head.Off.Value) {
			continue
		}
		layer.Value = f.without(layer, s, Incomplete, func(path []string) bool {
			v, _ := valueAt(layer.Value, path)
			return v != nil && slices.ContainsFunc(group, func(name crd.Path) bool { return startsWith(path, name) })
		})
	}
	return layer.Value
}

// without returns the value of a layer without the removed leaves, which are listed as not set.
// Objects that become empty are removed too.
func (f *folding) without(layer merge.Layer, s source, rule Rule, goes func(path []string) bool) map[string]any {
	var strip func(object map[string]any, path []string) map[string]any
	strip = func(object map[string]any, path []string) map[string]any {
		kept := make(map[string]any, len(object))
		for _, key := range slices.Sorted(maps.Keys(object)) {
			at := append(slices.Clip(path), key)
			if inner, isObject := object[key].(map[string]any); isObject && len(inner) > 0 {
				if rest := strip(inner, at); len(rest) > 0 {
					kept[key] = rest
				}
				continue
			}
			if !goes(at) {
				kept[key] = object[key]
				continue
			}
			if object[key] != nil {
				f.m.NotSet = append(f.m.NotSet, NotSet{Path: at, Value: object[key], From: s.from, Level: s.level, Block: layer.Block, Rule: rule})
			}
		}
		return kept
	}
	return strip(layer.Value, nil)
}

func (f *folding) notSet(layer int, path []string, value any, rule Rule, by hierarchy.Ref) {
	s := f.sources[layer]
	f.m.NotSet = append(f.m.NotSet, NotSet{
		Path: path, Value: value, From: s.from, Level: s.level,
		Block: f.layers[layer].Block, Rule: rule, By: by,
	})
}

func (f *folding) origin(o merge.Origin) Origin {
	won := f.sources[o.Layer]
	result := Origin{
		Path:   o.Path,
		Value:  o.Value,
		From:   won.from,
		Target: won.target,
		Level:  won.level,
		Block:  f.layers[o.Layer].Block,
		Beat:   f.beaten(o.Beat, o.Path),
		layer:  o.Layer,
	}
	for _, i := range o.Joined {
		result.Joined = append(result.Joined, f.sources[i].from)
	}
	return result
}

func (f *folding) beaten(layers []int, path []string) []Beaten {
	if len(layers) == 0 {
		return nil
	}
	list := make([]Beaten, 0, len(layers))
	for _, i := range layers {
		s := f.sources[i]
		list = append(list, Beaten{From: s.from, Level: s.level, Block: f.layers[i].Block, Value: nearest(f.layers[i].Value, path)})
	}
	return list
}

// challenge applies the rule of kinds whose more specific policy states the strategy (semantics
// section 2): the most specific one on the path applies; if it says Patch, it is patched onto one
// other policy. The policies between the two yield as a whole.
func (f *folding) challenge() {
	with, at, yes := f.key.kind.OfChallenger()
	if !yes || len(f.layers) == 0 {
		return
	}
	last := len(f.layers) - 1
	patches := f.layers[last].Strategy == merge.Patch && (len(at) == 0 || slices.Contains(at, f.sources[last].level))
	for i := last; i >= 0; i-- {
		f.layers[i].Strategy = merge.Atomic
		if i < last && patches && (len(with) == 0 || slices.Contains(with, f.sources[i].level)) {
			f.layers[i].Strategy, patches = merge.Patch, false
		}
	}
}
