package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
)

// Explanation is everything that explain reports.
type Explanation struct {
	Target Object `json:"target"`
	// Bindings are the parentRefs of a route.
	Bindings []Binding `json:"bindings,omitempty"`
	Scopes   []Scope   `json:"scopes"`
	// NotInForce are policies that name something on the paths and do not apply.
	NotInForce []Refused `json:"notInForce,omitempty"`
	// Direct are the Direct policies on the target, on what is above it, and on its backends. Each
	// applies to its target without merging.
	Direct []Direct `json:"direct,omitempty"`

	Ref hierarchy.Ref `json:"-"`
	// FromPublished means that it was read from an EffectivePolicy object.
	FromPublished bool `json:"-"`
}

// Scope is a set of paths on which the same applies.
type Scope struct {
	Parents       []ListenerName `json:"parents"`
	Rules         []string       `json:"rules"`
	Fields        []Field        `json:"fields"`
	NotSet        []NotSet       `json:"notSet"`
	NotApplicable []string       `json:"notApplicable,omitempty"`
	Invalid       []string       `json:"invalid,omitempty"`
	Ignored       []string       `json:"ignored,omitempty"`
}

// Field is one field with its origin. A field that was stated but is not set in the result has no
// value and no From.
type Field struct {
	Policy string `json:"policy"`
	Field  string `json:"field"`
	Value  any    `json:"value"`
	From   string `json:"from,omitempty"`
	Target string `json:"target,omitempty"`
	// FromRef and TargetRef are the same as references.
	FromRef   *Object  `json:"fromRef,omitempty"`
	TargetRef *Object  `json:"targetRef,omitempty"`
	Level     string   `json:"level,omitempty"`
	Block     string   `json:"block,omitempty"`
	Beat      []Beaten `json:"beat"`
	// ClampedBy is the policy whose bounds moved the value, Stated is what the winner had stated.
	ClampedBy    string  `json:"clampedBy,omitempty"`
	ClampedByRef *Object `json:"clampedByRef,omitempty"`
	Stated       any     `json:"stated,omitempty"`
	// Limit is the field that this one cannot exceed, if that moved the value; it is empty if bounds
	// did.
	Limit string `json:"limit,omitempty"`
	Why   string `json:"why"`

	// Path is Field, key by key.
	Path crd.Path `json:"-"`
	// Place is the target as written in a sentence: listener https, rule pay.
	Place string `json:"-"`
	// Kind is the policy kind in a heading, with its group where it needs it.
	Kind string `json:"-"`
}

// Beaten is a value that lost, and where it was stated.
type Beaten struct {
	Value   any    `json:"value"`
	From    string `json:"from"`
	FromRef Object `json:"fromRef"`
	Target  string `json:"target"`
	// TargetRefs are the same as references: on paths with equal results it can be attached to
	// different objects.
	TargetRefs []Object `json:"targetRefs"`
	Level      string   `json:"level"`
	Block      string   `json:"block"`

	// Place is the target as written in a sentence: listener https, rule pay.
	Place string `json:"-"`
}

// NotSet is a value that was stated and is not in force, with the rule that
// removed it (api.md section 3).
type NotSet struct {
	Policy string `json:"policy"`
	Field  string `json:"field"`
	Value  any    `json:"value"`
	Level  string `json:"level"`
	Block  string `json:"block"`
	From   string `json:"from"`
	Rule   string `json:"rule"`
	By     string `json:"by,omitempty"`
}

// Refused is a policy that names a target and does not apply there.
type Refused struct {
	Policy  string `json:"policy"`
	Target  string `json:"target"`
	Reason  string `json:"reason"`
	Message string `json:"message"`

	// At is the target.
	At hierarchy.Ref `json:"-"`
}

// RuleNames returns the rules of a route as scopes name them: a rule without a name, or with the
// same name as another rule, is rules[2].
func RuleNames(s *policy.Snapshot, target hierarchy.Ref) []string {
	object, _ := s.Graph().Get(target)
	route, isRoute := object.(*hierarchy.Route)
	if !isRoute {
		return nil
	}
	return hierarchy.RuleSet{Rules: route.RuleRefs()}.Names()
}

// choose keeps the paths through one rule and one listener.
func choose(e *effective.Target, rules []string, on Selection) ([]effective.Scope, error) {
	rule, listener := on.Rule, on.Listener
	chosen := slices.Index(rules, rule)
	if rule != "" && chosen < 0 {
		return nil, fmt.Errorf("--rule %s: %s has %s", rule, e.Target, Listed("rule", rules))
	}
	var scopes []effective.Scope
	var listeners []string
	found := listener == ""
	for _, s := range e.Scopes {
		var parents []*hierarchy.Listener
		for _, l := range s.Parents {
			listeners = append(listeners, l.Gateway.Place()+"/"+l.Ref.Section)
			if listener == "" || namesListener(listener, l) {
				parents = append(parents, l)
			}
		}
		found = found || len(parents) > 0
		if len(parents) == 0 || rule != "" && !s.Rules.Has(chosen) {
			continue
		}
		if rule != "" {
			s.Rules = hierarchy.RuleSet{Rules: []hierarchy.RuleRef{{Index: chosen, Name: rule}}}
		}
		s.Parents = parents
		scopes = append(scopes, s)
	}
	if !found && len(e.Scopes) > 0 {
		slices.Sort(listeners)
		return nil, fmt.Errorf("--listener %s: %s is on %s", listener, e.Target, Listed("listener", slices.Compact(listeners)))
	}
	return scopes, nil
}

// namesListener reports whether https, public/https or infra/public/https names a listener.
func namesListener(text string, l *hierarchy.Listener) bool {
	parts := strings.Split(text, "/")
	full := []string{l.Gateway.Namespace, l.Gateway.Name, l.Ref.Section}
	return len(parts) <= len(full) && slices.Equal(parts, full[len(full)-len(parts):])
}

// Listed is "the rule pay" or "the rules pay, rules[1]".
func Listed(noun string, names []string) string {
	if len(names) == 0 {
		return "no " + noun
	}
	return "the " + named(noun, names)
}

// named is "rule pay" or "rules pay, rules[1]".
func named(noun string, names []string) string {
	if len(names) == 1 {
		return noun + " " + names[0]
	}
	return noun + "s " + strings.Join(names, ", ")
}

// Selection narrows an explanation to some of the paths.
type Selection struct {
	// Rule is the name of a rule, or rules[2] for one without; empty for all.
	Rule string
	// Listener is NAME, GATEWAY/NAME or NAMESPACE/GATEWAY/NAME; empty for all.
	Listener string
	// Policy is a policy kind and Field a field of one; empty for all.
	Policy, Field string
}

// Explain returns what applies to a route or a Gateway, who set it, and why. An error means that
// the selection names something that does not exist.
func Explain(s *policy.Snapshot, target hierarchy.Ref, on Selection) (*Explanation, error) {
	e := effective.Resolve(s, target).Get(target)
	scopes, err := choose(e, RuleNames(s, target), on)
	if err != nil {
		return nil, err
	}
	only, err := on.narrowing(s)
	if err != nil {
		return nil, err
	}
	return explanationOf(s, e, scopes, only), nil
}

func explanationOf(s *policy.Snapshot, e *effective.Target, scopes []effective.Scope, only narrowing) *Explanation {
	t := e.Target
	out := &Explanation{
		Target: Object{Group: t.GroupKind.Group, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name},
		Scopes: []Scope{},
		Ref:    t,
	}
	if s.IsRoute(t.GroupKind) {
		for _, b := range s.Graph().Bindings(t) {
			out.Bindings = append(out.Bindings, bindingOf(s, t, b))
		}
	}
	for _, scope := range scopes {
		on := &paths{target: t, parents: scope.Parents, rules: scope.Rules.Names(), in: s, only: only}
		if scope.Rules.All {
			on.rules = RuleNames(s, t)
		}
		out.Scopes = append(out.Scopes, explainScope(scope, on))
	}
	out.NotInForce = refusedOnTheWay(s, e)
	out.Direct = directOn(s, t)
	return out
}

// narrowing is a selection of a kind and a field.
type narrowing struct {
	// kind is a policy kind as named in results; empty for all.
	kind string
	// field is the field, including the fields below it; empty for all.
	field crd.Path
}

func (on Selection) narrowing(s *policy.Snapshot) (only narrowing, err error) {
	if on.Policy != "" {
		if only.kind, err = kindNamed(s, on.Policy); err != nil {
			return only, err
		}
	}
	if on.Field != "" {
		only.field, err = crd.ParsePath(on.Field)
	}
	return only, err
}

func (n *narrowing) wants(m *effective.Policy) bool { return n.kind == "" || n.kind == m.Kind.Name() }

// kindNamed returns the name of the policy kind that a user means: its bare kind in any case, or
// Kind.group.
func kindNamed(s *policy.Snapshot, word string) (string, error) {
	var names, known []string
	for _, k := range s.Kinds() {
		known = append(known, k.Name())
		if strings.EqualFold(k.Name(), word) || strings.EqualFold(k.GroupKind.Kind, word) || strings.EqualFold(k.Plural, word) {
			names = append(names, k.Name())
		}
	}
	switch {
	case word == "":
		return "", nil
	case len(names) == 0:
		if near, ok := prose.Closest(word, known); ok {
			return "", fmt.Errorf("--policy %s: there is no such policy kind: did you mean %s?", word, near)
		}
		return "", fmt.Errorf("--policy %s: there is no such policy kind: see kubectl effective-policy kinds", word)
	case len(names) > 1:
		return "", fmt.Errorf("--policy %s is ambiguous: write one of %s", word, strings.Join(names, ", "))
	}
	return names[0], nil
}

func explainScope(s effective.Scope, on *paths) Scope {
	out := Scope{Rules: s.Rules.Names(), Fields: []Field{}, NotSet: []NotSet{}}
	for _, l := range s.Parents {
		out.Parents = append(out.Parents, NameOf(l))
	}
	for _, m := range s.Result.Kinds {
		out.NotSet = append(out.NotSet, on.notSetOf(m)...)
		for _, ignored := range m.Ignored {
			out.Ignored = append(out.Ignored, ignored.String())
		}
		for _, yields := range m.Yielding {
			out.Ignored = append(out.Ignored, yields.String())
		}
		if !on.only.wants(m) {
			continue
		}
		for _, o := range m.Origins {
			if on.only.field.Covers(o.Path) {
				out.Fields = append(out.Fields, explainField(m, o, on))
			}
		}
		out.Fields = append(out.Fields, dropped(m, on)...)
		for _, path := range m.NotApplicable {
			out.NotApplicable = append(out.NotApplicable, m.Kind.Name()+"."+path.String())
		}
		for _, broken := range m.Invalid {
			out.Invalid = append(out.Invalid, m.Kind.Name()+": "+broken.Message)
		}
	}
	return out
}

// notSetOf returns what policies of a kind state and is not in force.
func (s *paths) notSetOf(m *effective.Policy) []NotSet {
	var all []NotSet
	for _, n := range m.NotSet {
		lost := NotSet{Policy: m.Kind.Name(), Field: n.Path.String(), Value: n.Value, Level: n.Level.String(), Block: n.Block.String(), From: s.text(n.From), Rule: string(n.Rule)}
		if !n.By.IsZero() {
			lost.By = s.text(n.By)
		}
		all = append(all, lost)
	}
	return all
}

func explainField(m *effective.Policy, o effective.Origin, on *paths) Field {
	from, target := objectOf(o.From), objectOf(o.Target)
	f := Field{
		FromRef: &from, TargetRef: &target,
		Policy: m.Kind.Name(), Kind: on.in.KindText(m.Kind), Field: o.Path.String(), Path: o.Path, Value: o.Value,
		From: on.text(o.From), Target: o.Target.String(), Level: o.Level.String(), Block: o.Block.String(),
		Beat:  []Beaten{},
		Why:   on.why(m, o),
		Place: placeOf(o.Target, o.Level),
	}
	for _, b := range o.Beat {
		f.Beat = append(f.Beat, on.beatenAt(b.Level, b.Block, b.From, b.Value))
	}
	if !o.ClampedBy.IsZero() {
		f.ClampedBy, f.Stated, f.Limit = on.text(o.ClampedBy), o.StatedText(), o.Limit.String()
		by := objectOf(o.ClampedBy)
		f.ClampedByRef = &by
	}
	return f
}

// refusedOnTheWay returns the policies that name something on the target's paths, or a section of
// the target that does not exist, and do not apply there.
func refusedOnTheWay(s *policy.Snapshot, e *effective.Target) []Refused {
	onTheWay := map[hierarchy.Ref]bool{e.Target: true}
	for _, scope := range e.Scopes {
		for _, l := range scope.Parents {
			for _, ref := range []hierarchy.Ref{l.Class, l.Gateway, l.ListenerSet, l.Ref} {
				onTheWay[ref] = true
			}
		}
	}
	var refused []Refused
	for p := range s.Policies() {
		if p.Kind.Class != policy.Inherited {
			continue
		}
		for _, standing := range s.Acceptances(p) {
			at := standing.Target.Ref
			if !standing.Accepted() && (onTheWay[at] || at.Object() == e.Target) {
				refused = append(refused, Refused{s.Text(p.Ref), at.String(), standing.Reason, WithNearMiss(standing.Message, NearMiss(s, p, standing)), at})
			}
		}
	}
	slices.SortFunc(refused, func(a, b Refused) int { return strings.Compare(a.Policy+a.Target, b.Policy+b.Target) })
	return refused
}
