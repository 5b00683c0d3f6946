package effective

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// Policy is the effective policy of one kind on a path. It is immutable and
// shared between all paths that come to the same.
type Policy struct {
	Kind *policy.Kind
	// Value is the effective spec; empty when every field is NotApplicable.
	Value map[string]any
	// Origins has one entry for each leaf of Value, sorted by field.
	Origins []Origin
	// NotApplicable are the fields left out because they mean nothing on this
	// kind of route (semantics section 8), sorted.
	NotApplicable []string
	// Invalid are the rules of the kind's schema that the merged value breaks
	// (semantics section 6), sorted by message.
	Invalid []crd.Broken
	// Ignored are bounds that contradict one of a higher level.
	Ignored []string
	// Parts say what each attached policy came to on the path, the least
	// specific first.
	Contributions []Contribution

	// identity is equal for what readers cannot tell apart.
	identity string
}

// Origin says who set one leaf of an effective policy (semantics section 4).
type Origin struct {
	// Field is the leaf: "request", "limits.perUser", `limits["a.b"]`.
	Field string
	// Path is Field key by key.
	Path  crd.Path
	Value any
	// From is the policy, or the route for an inline value.
	From hierarchy.Ref
	// Target is what the policy is attached to, or the rule. For a rule without
	// a name its Section is rules[2], which is for reading only.
	Target hierarchy.Ref
	Level  hierarchy.Level
	Block  merge.Block
	// Beat are the others that stated something there, the strongest first.
	Beat []Beaten
	// ClampedBy is the policy whose bound changed the winner's value, zero
	// when none did. Stated is what the winner had said.
	ClampedBy hierarchy.Ref
	Stated    any
}

// Beaten is a value that lost.
type Beaten struct {
	From  hierarchy.Ref
	Level hierarchy.Level
	Block merge.Block
	Value any
}

// String is the loser as results show it: "TimeoutPolicy shop/checkout (default)".
func (b Beaten) String() string { return fmt.Sprintf("%s (%s)", b.From, b.Block) }

// foldKey is everything that decides a Policy.
type foldKey struct {
	kind     *policy.Kind
	route    int
	attached [hierarchy.Levels]*policy.Attachment
	inline   *hierarchy.Rule
}

// source is whose a layer is.
type source struct {
	from, target hierarchy.Ref
	level        hierarchy.Level
}

// fold merges one kind on one path.
func (r *Resolver) fold(key foldKey, target hierarchy.Ref, route *hierarchy.Route) *Policy {
	if m, ok := r.folds[key]; ok {
		return m
	}
	layers, sources := layersOf(key, target, route)
	folded := merge.Fold(layers)
	m := &Policy{Kind: key.kind, Value: folded.Value}
	for _, o := range folded.Origins {
		m.Origins = append(m.Origins, origin(o, layers, sources))
	}
	if route != nil {
		m.dropInapplicable(target)
	}
	m.bound(key, target, route != nil)
	if len(m.Value) == 0 {
		m.Value = map[string]any{}
	}
	if v := key.kind.Validator; v != nil && len(m.Value) > 0 {
		m.Invalid = v.Validate(m.Value)
	}
	m.tallyContributions(key, target, route != nil, layers, sources)
	m.identity = m.identify()
	r.folds[key] = m
	return m
}

func layersOf(key foldKey, target hierarchy.Ref, route *hierarchy.Route) ([]merge.Layer, []source) {
	var layers []merge.Layer
	var sources []source
	for level, a := range key.attached {
		if a == nil {
			continue
		}
		for _, layer := range a.Policy.Layers {
			layers = append(layers, layer)
			sources = append(sources, source{a.Policy.Ref, a.Target, hierarchy.Level(level)})
		}
	}
	if key.inline != nil {
		layers = append(layers, merge.Layer{
			Block:    merge.Inline,
			Strategy: merge.Patch,
			Value:    inlineValue(key.kind, target.GroupKind, key.inline),
		})
		rule := 0
		for i := range route.Rules {
			if &route.Rules[i] == key.inline {
				rule = i
			}
		}
		sources = append(sources, source{target, target.WithSection(ruleName(route, rule)), hierarchy.RouteRuleLevel})
	}
	return layers, sources
}

func origin(o merge.Origin, layers []merge.Layer, sources []source) Origin {
	won := sources[o.Layer]
	result := Origin{
		Field:  crd.Path(o.Path).String(),
		Path:   o.Path,
		Value:  o.Value,
		From:   won.from,
		Target: won.target,
		Level:  won.level,
		Block:  layers[o.Layer].Block,
	}
	for _, i := range o.Beat {
		result.Beat = append(result.Beat, Beaten{
			From:  sources[i].from,
			Level: sources[i].level,
			Block: layers[i].Block,
			Value: valueAt(layers[i].Value, o.Path),
		})
	}
	return result
}

// valueAt is what a layer states at a path, or at the nearest place above it.
func valueAt(value any, path []string) any {
	for _, key := range path {
		object, isObject := value.(map[string]any)
		if !isObject {
			break
		}
		value = object[key]
	}
	return value
}

// topField is the field of the policy that an origin's leaf belongs to.
func topField(field string) string {
	if i := strings.IndexAny(field, ".["); i > 0 {
		return field[:i]
	}
	return field
}

// dropInapplicable leaves out what means nothing on this kind of route.
func (m *Policy) dropInapplicable(target hierarchy.Ref) {
	for field := range m.Value {
		if !m.Kind.Applies(target.GroupKind, field) {
			m.NotApplicable = append(m.NotApplicable, field)
			delete(m.Value, field)
		}
	}
	slices.Sort(m.NotApplicable)
	m.Origins = slices.DeleteFunc(m.Origins, func(o Origin) bool {
		return slices.Contains(m.NotApplicable, topField(o.Field))
	})
}

// Same says whether two results of one kind read the same.
func (m *Policy) Same(other *Policy) bool { return m.identity == other.identity }

// identify writes everything that a reader can see of m.
func (m *Policy) identify() string {
	var b strings.Builder
	value, _ := json.Marshal(m.Value)
	b.WriteString(m.Kind.Name())
	b.Write(value)
	for _, list := range [...][]string{m.NotApplicable, m.Ignored} {
		b.WriteByte('\n')
		for _, line := range list {
			b.WriteString(strconv.Quote(line))
		}
	}
	for _, broken := range m.Invalid {
		b.WriteString("\n!" + strconv.Quote(broken.Message))
	}
	for _, o := range m.Origins {
		for _, part := range [...]string{"\n", o.Field, "=", o.From.String(), "@", o.Target.String(), " ", o.Block.String()} {
			b.WriteString(part)
		}
		if !o.ClampedBy.IsZero() {
			b.WriteString("+" + o.ClampedBy.String())
		}
		for _, l := range o.Beat {
			b.WriteString("<" + l.From.String() + " " + l.Block.String())
		}
	}
	b.WriteByte('\n')
	return b.String()
}

func compareKinds(a, b *policy.Kind) int { return strings.Compare(a.Name(), b.Name()) }
