package effective

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// foldKey is everything that a Policy depends on.
type foldKey struct {
	kind     *policy.Kind
	route    int
	attached attachedList
	inline   *hierarchy.Rule
}

// attachedList has what is attached at each level of a path.
type attachedList [hierarchy.Levels]*policy.Attachment

// holders yields the policies that hold their targets on the path, the least specific first; within
// a level, the established one first.
func (l *attachedList) holders(yield func(*policy.Attachment) bool) {
	for _, a := range l {
		for ; a != nil; a = a.Next {
			if !yield(a) {
				return
			}
		}
	}
}

// folding is the making of one Policy. What is made for it is used again for the next one.
type folding struct {
	s      *policy.Snapshot
	m      *Policy
	key    *foldKey
	target hierarchy.Ref
	// partly says that some fields of the kind mean nothing on this kind of route.
	partly  bool
	layers  []merge.Layer
	sources []*policy.Source
	folder  merge.Folder
	bounds  []placed
}

// fold merges one kind on one path, in the order of semantics section 3.
func (r *Resolver) fold(key *foldKey, target hierarchy.Ref, route *hierarchy.Route) *Policy {
	if known := r.recall(key); known != nil {
		return known
	}
	m := &Policy{Kind: key.kind, attached: key.attached}
	f := &r.folding
	f.s, f.m, f.key, f.target, f.partly = r.s, m, key, target, key.route != 0
	if f.partly {
		m.on = &schema.GroupKind{Group: target.GroupKind.Group, Kind: target.Kind}
	}
	f.addLayers()
	f.challenge()
	f.addInline(route)
	origins, lost := f.folder.Trace(f.layers, key.kind.Shape())
	f.addOrigins(origins)
	for i := range lost {
		l := &lost[i]
		f.notSet(l.Layer, l.Path, l.Value, Rule(l.Rule.String()), f.sources[l.By].From)
	}
	f.bound()
	f.atMost()
	sortOrigins(m.Origins)
	slices.SortStableFunc(m.NotSet, func(a, b NotSet) int { return slices.Compare(a.Path, b.Path) })
	r.settle(m)
	r.folds[*key] = m
	f.s, f.m, f.key = nil, nil, nil // what is used again keeps no snapshot
	return m
}

// applies says whether a path means anything on this kind of route.
func (f *folding) applies(path []string) bool {
	return !f.partly || f.key.kind.AppliesPath(f.target.GroupKind, path)
}

// sortOrigins sorts origins by path. They nearly always are, and they are large.
func sortOrigins(list []Origin) {
	for i := 1; i < len(list); i++ {
		if slices.Compare(list[i-1].Path, list[i].Path) > 0 {
			slices.SortStableFunc(list, func(a, b Origin) int { return slices.Compare(a.Path, b.Path) })
			return
		}
	}
}

// addLayers takes in what the policies on the path state and what applies here.
func (f *folding) addLayers() {
	f.layers, f.sources = f.layers[:0], f.sources[:0]
	for a := range f.key.attached.holders {
		for i := len(a.Policy.Layers) - 1; i >= 0; i-- { // the override before the default
			f.addLayer(a.Policy.Layers[i], &a.Sources[i])
		}
	}
}

func (f *folding) addLayer(layer merge.Layer, s *policy.Source) {
	if layer = f.applicable(layer, s); layer.Block != merge.Inline {
		layer = f.complete(layer, s)
	}
	if len(layer.Value) > 0 {
		f.layers = append(f.layers, layer)
		f.sources = append(f.sources, s)
	}
}

// addInline takes in what the rule states itself.
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
	s := policy.NewSource(f.target, f.target.WithSection(route.RuleRefs()[index].String()), hierarchy.RouteRuleLevel, merge.Inline, nil)
	value := inlineValue(f.key.kind, f.target.GroupKind, rule)
	f.addLayer(merge.Layer{Block: merge.Inline, Strategy: merge.Patch, Value: value}, &s)
}

// addOrigins takes in who set what.
func (f *folding) addOrigins(traced []merge.Origin) {
	beaten := 0
	for i := range traced {
		beaten += len(traced[i].Beat)
	}
	f.m.Origins = make([]Origin, len(traced))
	all := make([]Beaten, 0, beaten)
	for i := range traced {
		t, o := &traced[i], &f.m.Origins[i]
		o.Path, o.Value, o.layer, o.digest, o.beaten = t.Path, t.Value, t.Layer, t.Digest, t.BeatDigest
		o.Source, o.Detail = f.sources[t.Layer], plain
		if len(t.Joined) > 0 {
			o.Detail = &Detail{Joined: make([]hierarchy.Ref, len(t.Joined))}
			for j, joined := range t.Joined {
				o.Joined[j] = f.sources[joined].From
			}
		}
		start := len(all)
		if all = f.appendBeaten(all, t.Beat, t.Path); len(all) > start {
			o.Beat = all[start:len(all):len(all)]
		}
	}
}

// applicable leaves out of a layer what means nothing on this kind of route
// (semantics section 8), path by path.
func (f *folding) applicable(layer merge.Layer, s *policy.Source) merge.Layer {
	if !f.partly {
		return layer
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

// complete leaves out of a layer the groups that it states without their head:
// no limit comes out that nobody wrote (semantics section 3.2). It is asked of
// groups whose head says what switches it off within the group.
func (f *folding) complete(layer merge.Layer, s *policy.Source) merge.Layer {
	for _, group := range f.key.kind.HeadedGroups() {
		value, stated := valueAt(layer.Value, group.Head.Path)
		off, switched := valueAt(layer.Value, group.Head.Off.Path)
		if (stated && value != nil) || (switched && off == group.Head.Off.Value) {
			continue
		}
		layer = f.without(layer, s, Incomplete, func(path []string) bool {
			v, _ := valueAt(layer.Value, path)
			return v != nil && slices.ContainsFunc(group.Names, func(name crd.Path) bool { return startsWith(path, name) })
		})
	}
	return layer
}

// without is a layer without the leaves that go, which are listed as not set.
// What is left empty goes with them.
func (f *folding) without(layer merge.Layer, s *policy.Source, rule Rule, goes func(path []string) bool) merge.Layer {
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
				f.m.NotSet = append(f.m.NotSet, NotSet{Path: at, Value: object[key], From: s.From, Level: s.Level, Block: layer.Block, Rule: rule})
			}
		}
		return kept
	}
	return merge.Layer{Block: layer.Block, Strategy: layer.Strategy, Value: strip(layer.Value, nil)}
}

func (f *folding) notSet(layer int, path []string, value any, rule Rule, by hierarchy.Ref) {
	s := f.sources[layer]
	f.m.NotSet = append(f.m.NotSet, NotSet{
		Path: path, Value: value, From: s.From, Level: s.Level,
		Block: f.layers[layer].Block, Rule: rule, By: by,
	})
}

// appendBeaten lists what layers state at a path.
func (f *folding) appendBeaten(list []Beaten, layers []int, path []string) []Beaten {
	for _, i := range layers {
		list = append(list, Beaten{f.sources[i], nearest(f.layers[i].Value, path)})
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
	patches := f.layers[last].Strategy == merge.Patch && (len(at) == 0 || slices.Contains(at, f.sources[last].Level))
	for i := last; i >= 0; i-- {
		f.layers[i].Strategy = merge.Atomic
		if i < last && patches && (len(with) == 0 || slices.Contains(with, f.sources[i].Level)) {
			f.layers[i].Strategy, patches = merge.Patch, false
		}
	}
}

// inlineValue returns what a rule itself states in the fields that a policy kind maps (semantics
// section 5), in the policy's own field names; nil when it states nothing.
func inlineValue(kind *policy.Kind, route schema.GroupKind, rule *hierarchy.Rule) map[string]any {
	var value map[string]any
	for _, field := range kind.InlineFields(route) {
		v, stated := valueAt(rule.Inline, field.Path)
		if !stated || v == nil {
			continue
		}
		if field.AsString {
			v = asString(v)
		}
		if value == nil {
			value = map[string]any{}
		}
		put(value, field.Field, v)
	}
	return value
}

// asString turns numbers into text, including those in a list.
func asString(v any) any {
	switch x := v.(type) {
	case []any:
		list := make([]any, len(x))
		for i := range x {
			list[i] = asString(x[i])
		}
		return list
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case json.Number:
		return x.String()
	}
	return v
}
