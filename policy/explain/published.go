package explain

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/merge"
)

// Published explains a route or a Gateway from the EffectivePolicy object that the controller
// published for it. It is for users who may not read the objects that the result was computed from.
// What the object does not contain is left out: why a parentRef is not bound, and the policies that
// do not apply.
//
// s must have the policy kinds, but need not have any object. An error means that the object cannot
// be read, or that the selection names something that does not exist.
func Published(s *policy.Snapshot, object *unstructured.Unstructured, on Selection) (*Explanation, error) {
	p, err := decodePublished(object)
	if err != nil {
		return nil, err
	}
	scopes, err := p.choose(on)
	if err != nil {
		return nil, err
	}
	only, err := on.narrowing(s)
	if err != nil {
		return nil, err
	}
	out := &Explanation{Target: objectOf(p.target), Ref: p.target, Scopes: []Scope{}, FromPublished: true}
	if p.isRoute() {
		out.Bindings = []Binding{}
	}
	for i := range scopes {
		scope, err := p.explain(s, &scopes[i], only)
		if err != nil {
			return nil, err
		}
		out.Scopes = append(out.Scopes, scope)
	}
	return out, nil
}

// choose keeps the paths through one rule and one listener. A scope without rules covers all rules,
// whatever their names.
func (p *published) choose(on Selection) ([]publishedScope, error) {
	var chosen []publishedScope
	var rules, listeners []string
	anyRule, ruleFound, listenerFound := false, on.Rule == "", on.Listener == ""
	for _, s := range p.scopes {
		names := s.ruleNames()
		rules = append(rules, names...)
		anyRule = anyRule || len(names) == 0
		hasRule := on.Rule == "" || len(names) == 0 || slices.Contains(names, on.Rule)
		ruleFound = ruleFound || hasRule
		var parents []publishedParent
		for _, parent := range s.Parents {
			listeners = append(listeners, parent.Gateway.place()+"/"+parent.Listener)
			if on.Listener == "" || namesListener(on.Listener, parent.listener()) {
				parents = append(parents, parent)
			}
		}
		listenerFound = listenerFound || len(parents) > 0
		if !hasRule || len(parents) == 0 {
			continue
		}
		s.Parents = parents
		if on.Rule != "" {
			s.chosen = on.Rule
		}
		chosen = append(chosen, s)
	}
	switch {
	case !ruleFound && !anyRule:
		slices.Sort(rules)
		return nil, fmt.Errorf("--rule %s: %s has %s", on.Rule, p.target, Listed("rule", slices.Compact(rules)))
	case !listenerFound:
		slices.Sort(listeners)
		return nil, fmt.Errorf("--listener %s: %s is on %s", on.Listener, p.target, Listed("listener", slices.Compact(listeners)))
	}
	return chosen, nil
}

// explain returns one scope with its fields by kind, like explainScope.
func (p *published) explain(s *policy.Snapshot, scope *publishedScope, only narrowing) (Scope, error) {
	out := Scope{Rules: scope.ruleNames(), Fields: []Field{}, NotSet: []NotSet{}}
	on := &paths{target: p.target, rules: out.Rules, in: s, only: only}
	switch {
	case scope.chosen != "":
		out.Rules, on.rules = []string{scope.chosen}, []string{scope.chosen}
	case len(out.Rules) == 0:
		out.Rules = []string{"*"}
	}
	for _, parent := range scope.Parents {
		l := parent.listener()
		l.Class = scope.class()
		on.parents = append(on.parents, l)
		out.Parents = append(out.Parents, NameOf(l))
	}
	kinds, err := scope.byKind(s)
	if err != nil {
		return out, err
	}
	for _, m := range kinds {
		out.NotSet = append(out.NotSet, on.notSetOf(m)...)
		if !only.wants(m) {
			continue
		}
		for _, o := range m.Origins {
			if !only.field.Covers(o.Path) {
				continue
			}
			if o.Level == hierarchy.RouteRuleLevel && o.Target.Section == "" && len(on.rules) > 0 {
				source := *o.Source
				source.Target = o.Target.WithSection(on.rules[0]) // it has no name by which it could be referred to
				o.Source = &source
			}
			f := explainField(m, o, on)
			if o.Block == merge.Bound {
				f.Why = "nobody states it; bounds of " + on.text(o.From) + " give it"
			}
			f.Limit = limitOf(m, o)
			out.Fields = append(out.Fields, f)
		}
		out.Fields = append(out.Fields, dropped(m, on)...)
		for _, path := range m.NotApplicable {
			out.NotApplicable = append(out.NotApplicable, m.Kind.Name()+"."+path.String())
		}
		for _, broken := range m.Invalid {
			out.Invalid = append(out.Invalid, m.Kind.Name()+": "+broken.Message)
		}
	}
	for i := range out.Fields {
		nameLevels(&out.Fields[i])
	}
	return out, nil
}

// limitOf returns the field that moved a value, if the kind declares that it limits this one and
// both have the same value.
func limitOf(m *effective.Policy, moved effective.Origin) string {
	for _, most := range m.Kind.AtMost {
		for _, o := range m.Origins {
			limits := slices.Equal(most.Field, moved.Path) && slices.Equal(most.Limit, o.Path)
			if limits && o.From == moved.ClampedBy && reflect.DeepEqual(o.Value, moved.Value) {
				return o.Path.String()
			}
		}
	}
	return ""
}

// nameLevels adds the level to values whose target is not in the object.
func nameLevels(f *Field) {
	for i := range f.Beat {
		if b := &f.Beat[i]; b.Place == "" {
			b.Place = "the " + b.Level
		}
	}
}

// byKind recreates the engine's result, as far as the object has it: kinds in the order of their
// names.
func (s *publishedScope) byKind(known *policy.Snapshot) ([]*effective.Policy, error) {
	kinds := map[string]*effective.Policy{}
	of := func(name string) *effective.Policy {
		if kinds[name] == nil {
			kinds[name] = &effective.Policy{Kind: kindOrBare(known, name)}
		}
		return kinds[name]
	}
	for _, o := range s.Origins {
		origin, err := o.origin(s.Effective[o.Policy])
		if err != nil {
			return nil, err
		}
		m := of(o.Policy)
		m.Origins = append(m.Origins, origin)
	}
	for _, n := range s.NotSet {
		path, err := crd.ParsePath(n.Field)
		if err != nil {
			return nil, err
		}
		lost := effective.NotSet{
			Path: path, Value: n.Value, From: n.From.ref(), Level: levelOrRoute(n.Level), Block: blockNamed(n.Block),
			Rule: effective.Rule(n.Rule), By: n.By.ref(),
		}
		m := of(n.Policy)
		m.NotSet = append(m.NotSet, lost)
	}
	for _, n := range s.NotApplicable {
		path, err := crd.ParsePath(n.Field)
		if err != nil {
			return nil, err
		}
		m := of(n.Policy)
		if !slices.ContainsFunc(m.NotApplicable, func(p crd.Path) bool { return slices.Equal(p, path) }) {
			m.NotApplicable = append(m.NotApplicable, path)
		}
	}
	for _, broken := range s.Invalid {
		m := of(broken.Policy)
		m.Invalid = append(m.Invalid, crd.Broken{Message: broken.Message})
	}
	sorted := make([]*effective.Policy, 0, len(kinds))
	for _, m := range kinds {
		sorted = append(sorted, m)
	}
	slices.SortFunc(sorted, func(a, b *effective.Policy) int { return compareTexts(a.Kind.Name(), b.Kind.Name()) })
	return sorted, nil
}

// kindOrBare returns a known policy kind, or else one that only has a name.
func kindOrBare(s *policy.Snapshot, name string) *policy.Kind {
	for _, k := range s.Kinds() {
		if k.Name() == name {
			return k
		}
	}
	return bareKind(name)
}

// ruleNames are the rules of a scope as explain names them; none for all rules.
func (s *publishedScope) ruleNames() []string {
	names := make([]string, len(s.Rules))
	for i, rule := range s.Rules {
		names[i] = hierarchy.RuleRef{Index: rule.Index, Name: rule.Name}.String()
	}
	return names
}

// class returns the GatewayClass on the paths of a scope, if any value names it.
func (s *publishedScope) class() hierarchy.Ref {
	for _, o := range s.Origins {
		if ref := o.Target.ref(); o.Level == hierarchy.GatewayClassLevel.String() {
			return ref
		}
	}
	return hierarchy.Ref{}
}

// published is an EffectivePolicy object as api.md section 3 has it.
type published struct {
	target hierarchy.Ref
	scopes []publishedScope
}

type publishedScope struct {
	Parents       []publishedParent         `json:"parents"`
	Rules         []publishedRule           `json:"rules"`
	Effective     map[string]map[string]any `json:"effective"`
	Origins       []publishedOrigin         `json:"origins"`
	NotSet        []publishedNotSet         `json:"notSet"`
	NotApplicable []publishedField          `json:"notApplicable"`
	Invalid       []publishedField          `json:"invalid"`

	// chosen is the one selected rule.
	chosen string
}

type publishedParent struct {
	Gateway     publishedName `json:"gateway"`
	ListenerSet publishedName `json:"listenerSet"`
	Listener    string        `json:"listener"`
}

type publishedName struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

type publishedRule struct {
	Index int    `json:"index"`
	Name  string `json:"name"`
}

type publishedReference struct {
	Group       string `json:"group"`
	Kind        string `json:"kind"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName"`
}

type publishedOrigin struct {
	publishedField
	Level     string             `json:"level"`
	Block     string             `json:"block"`
	From      publishedReference `json:"from"`
	Target    publishedReference `json:"target"`
	Beat      []publishedNotSet  `json:"beat"`
	ClampedBy publishedReference `json:"clampedBy"`
	Stated    any                `json:"stated"`
}

// publishedNotSet is a value that lost, or was removed.
type publishedNotSet struct {
	publishedField
	Value any                `json:"value"`
	Level string             `json:"level"`
	Block string             `json:"block"`
	From  publishedReference `json:"from"`
	Rule  string             `json:"rule"`
	By    publishedReference `json:"by"`
}

type publishedField struct {
	Policy  string `json:"policy"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

func decodePublished(object *unstructured.Unstructured) (*published, error) {
	var read struct {
		TargetRef publishedReference `json:"targetRef"`
		Status    struct {
			Scopes []publishedScope `json:"scopes"`
		} `json:"status"`
	}
	text, err := json.Marshal(object.Object)
	if err == nil {
		err = kjson.Unmarshal(text, &read)
	}
	if err != nil {
		return nil, fmt.Errorf("EffectivePolicy %s/%s is not in the form of this version: %w", object.GetNamespace(), object.GetName(), err)
	}
	read.TargetRef.Namespace = object.GetNamespace()
	return &published{read.TargetRef.ref(), read.Status.Scopes}, nil
}

func (p *published) isRoute() bool { return p.target.GroupKind != hierarchy.GatewayKind }

func (r publishedReference) ref() hierarchy.Ref {
	if r.Kind == "" {
		return hierarchy.Ref{}
	}
	return hierarchy.NewRef(r.Group, r.Kind, r.Namespace, r.Name).WithSection(r.SectionName)
}

func (n publishedName) place() string { return n.Namespace + "/" + n.Name }

// listener returns the parent in the engine's form, as far as the object has it.
func (p publishedParent) listener() *hierarchy.Listener {
	gateway := hierarchy.NewRef(hierarchy.Group, "Gateway", p.Gateway.Namespace, p.Gateway.Name)
	l := &hierarchy.Listener{Gateway: gateway, Ref: gateway.WithSection(p.Listener)}
	if p.ListenerSet.Name != "" {
		l.ListenerSet = hierarchy.NewRef(hierarchy.Group, "ListenerSet", p.ListenerSet.Namespace, p.ListenerSet.Name)
		l.Ref = l.ListenerSet.WithSection(p.Listener)
	}
	return l
}

// origin returns the origin of a value, which is in the merged values of its kind.
func (o *publishedOrigin) origin(merged map[string]any) (effective.Origin, error) {
	path, err := crd.ParsePath(o.Field)
	if err != nil {
		return effective.Origin{}, err
	}
	value, _, _ := unstructured.NestedFieldNoCopy(merged, path...)
	out := effective.Origin{
		Path: path, Value: value,
		Source: &policy.Source{
			From: o.From.ref(), Target: o.Target.ref(), Level: levelOrRoute(o.Level), Block: blockNamed(o.Block),
		},
		Detail: &effective.Detail{ClampedBy: o.ClampedBy.ref(), Stated: o.Stated},
	}
	for _, b := range o.Beat {
		out.Beat = append(out.Beat, effective.Beaten{
			Source: &policy.Source{Level: levelOrRoute(b.Level), Block: blockNamed(b.Block), From: b.From.ref()},
			Value:  b.Value,
		})
	}
	return out, nil
}

// levelOrRoute returns a level by its name. Objects of an older form may not have it.
func levelOrRoute(name string) hierarchy.Level {
	if level, ok := hierarchy.LevelNamed(name); ok {
		return level
	}
	return hierarchy.RouteLevel
}

func blockNamed(name string) merge.Block {
	for _, block := range []merge.Block{merge.Inline, merge.Override, merge.Bound} {
		if block.String() == name {
			return block
		}
	}
	return merge.Default
}

// bareKind is a policy kind of which only the name is known.
func bareKind(name string) *policy.Kind {
	gk := kschema.ParseGroupKind(name)
	if gk.Group == "" {
		gk.Group = policy.Group
	}
	k := &policy.Kind{}
	k.GroupKind = gk
	return k
}
