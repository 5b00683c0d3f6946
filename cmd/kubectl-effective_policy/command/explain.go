package command

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

func (o *options) explainCommand() *cobra.Command {
	var rule, listener string
	cmd := &cobra.Command{
		Use:   "explain KIND/NAME",
		Short: "Say what applies to a route or a Gateway, who set it, and why",
		Long: `Say for every field what applies, who set it, at which level and block, what it
beat, and why. Paths on which the same applies are shown together.

For a Gateway it is what a route without policies of its own would get.`,
		Example: `  kubectl effective-policy explain httproute/checkout
  kubectl effective-policy explain httproute/checkout --rule pay --listener https
  kubectl effective-policy explain gateway/public -n infra -f manifests/`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: o.completeObjects((*world).targets, true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.explain(cmd, args, rule, listener)
		},
	}
	cmd.Flags().StringVar(&rule, "rule", "", "only this rule of the route: its name, or rules[2] for the third when it has none")
	cmd.Flags().StringVar(&listener, "listener", "", "only this listener: NAME, or GATEWAY/NAME")
	o.addOutput(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

// explanation is everything that explain knows.
type explanation struct {
	Target boundParent `json:"target"`
	// Bindings are the parentRefs of a route.
	Bindings []routeBinding   `json:"bindings,omitempty"`
	Scopes   []explainedScope `json:"scopes"`
	// NotInForce are policies that name something on the way and do not apply.
	NotInForce []refusedPolicy `json:"notInForce,omitempty"`

	ref hierarchy.Ref
}

// explainedScope is a set of paths on which the same applies.
type explainedScope struct {
	Parents       []listenerName   `json:"parents"`
	Rules         []string         `json:"rules"`
	Fields        []explainedField `json:"fields"`
	NotApplicable []string         `json:"notApplicable,omitempty"`
	Invalid       []string         `json:"invalid,omitempty"`
	Ignored       []string         `json:"ignored,omitempty"`
}

// explainedField is one field with its origin. A field that was stated but is
// not set in the end has no value and no From.
type explainedField struct {
	Policy string       `json:"policy"`
	Field  string       `json:"field"`
	Value  any          `json:"value"`
	From   string       `json:"from,omitempty"`
	Target string       `json:"target,omitempty"`
	Level  string       `json:"level,omitempty"`
	Block  string       `json:"block,omitempty"`
	Beat   []beatenText `json:"beat"`
	// ClampedBy is the policy whose bounds moved the value, Stated what the
	// winner had said.
	ClampedBy string `json:"clampedBy,omitempty"`
	Stated    any    `json:"stated,omitempty"`
	Why       string `json:"why"`

	place string
}

// beatenText is a value that lost, and where it was stated.
type beatenText struct {
	Value  any    `json:"value"`
	From   string `json:"from"`
	Target string `json:"target"`
	Level  string `json:"level"`
	Block  string `json:"block"`

	place string
}

type refusedPolicy struct {
	Policy  string `json:"policy"`
	Target  string `json:"target"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func (o *options) explain(cmd *cobra.Command, args []string, rule, listener string) error {
	w, err := o.load(cmd.Context())
	if err != nil {
		return err
	}
	target, err := w.findOne(args, w.targets())
	if err != nil {
		return err
	}
	switch {
	case target.Section == "":
	case w.snapshot.IsRoute(target.GroupKind) && rule == "":
		rule = target.Section
	case !w.snapshot.IsRoute(target.GroupKind) && listener == "":
		listener = target.Section
	}
	target = target.Object()
	effective := policy.Resolve(w.snapshot, target).Get(target)
	scopes, err := choose(effective, w.ruleNames(target), rule, listener)
	if err != nil {
		return err
	}
	e := w.explanationOf(effective, scopes)
	if o.output != formatTable {
		return encode(o.streams.Out, o.output, e)
	}
	return o.printExplanation(e)
}

// ruleNames are the rules of a route as scopes name them: a rule that has no
// name, or one that another rule has too, is rules[2].
func (w *world) ruleNames(target hierarchy.Ref) []string {
	object, _ := w.snapshot.Graph().Get(target)
	route, isRoute := object.(*hierarchy.Route)
	if !isRoute {
		return nil
	}
	names := make([]string, len(route.Rules))
	for i, rule := range route.Rules {
		names[i] = rule.Name
		if rule.Name == "" || w.snapshot.Graph().Sections(target.WithSection(rule.Name)) > 1 {
			names[i] = "rules[" + strconv.Itoa(i) + "]"
		}
	}
	return names
}

// choose keeps the paths through one rule and one listener.
func choose(e *policy.Effective, rules []string, rule, listener string) ([]policy.Scope, error) {
	if rule != "" && !slices.Contains(rules, rule) {
		return nil, fmt.Errorf("--rule %s: %s has %s", rule, e.Target, listed("rule", rules))
	}
	var scopes []policy.Scope
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
		if len(parents) == 0 || rule != "" && !slices.Contains(s.Rules, rule) && !slices.Contains(s.Rules, "*") {
			continue
		}
		if rule != "" {
			s.Rules = []string{rule}
		}
		s.Parents = parents
		scopes = append(scopes, s)
	}
	if !found && len(e.Scopes) > 0 {
		slices.Sort(listeners)
		return nil, fmt.Errorf("--listener %s: %s is on %s", listener, e.Target, listed("listener", slices.Compact(listeners)))
	}
	return scopes, nil
}

// namesListener says whether https, public/https or infra/public/https is a
// listener.
func namesListener(text string, l *hierarchy.Listener) bool {
	parts := strings.Split(text, "/")
	full := []string{l.Gateway.Namespace, l.Gateway.Name, l.Ref.Section}
	return len(parts) <= len(full) && slices.Equal(parts, full[len(full)-len(parts):])
}

// listed is "the rule pay" or "the rules pay, rules[1]".
func listed(noun string, names []string) string {
	switch len(names) {
	case 0:
		return "no " + noun
	case 1:
		return "the " + noun + " " + names[0]
	}
	return "the " + noun + "s " + strings.Join(names, ", ")
}

func (w *world) explanationOf(e *policy.Effective, scopes []policy.Scope) *explanation {
	t := e.Target
	out := &explanation{
		Target: boundParent{Group: t.GroupKind.Group, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name},
		Scopes: []explainedScope{},
		ref:    t,
	}
	if w.snapshot.IsRoute(t.GroupKind) {
		for _, b := range w.snapshot.Graph().Bindings(t) {
			out.Bindings = append(out.Bindings, bindingOf(t, b))
		}
	}
	for _, s := range scopes {
		on := &paths{t, s.Parents, s.Rules}
		if slices.Equal(s.Rules, []string{"*"}) {
			on.rules = w.ruleNames(t)
		}
		out.Scopes = append(out.Scopes, explainScope(s, on))
	}
	out.NotInForce = w.refusedOnTheWay(e)
	return out
}

func explainScope(s policy.Scope, on *paths) explainedScope {
	out := explainedScope{Rules: s.Rules, Fields: []explainedField{}}
	for _, l := range s.Parents {
		out.Parents = append(out.Parents, nameOf(l))
	}
	for _, m := range s.Result.Kinds {
		for _, o := range m.Origins {
			out.Fields = append(out.Fields, explainField(m, o, on))
		}
		out.Fields = append(out.Fields, dropped(m, on)...)
		for _, field := range m.NotApplicable {
			out.NotApplicable = append(out.NotApplicable, m.Kind.Name()+"."+field)
		}
		for _, message := range m.Invalid {
			out.Invalid = append(out.Invalid, m.Kind.Name()+": "+message)
		}
		out.Ignored = append(out.Ignored, m.Ignored...)
	}
	return out
}

func explainField(m *policy.Merged, o policy.Origin, on *paths) explainedField {
	f := explainedField{
		Policy: m.Kind.Name(), Field: o.Field, Value: o.Value,
		From: o.From.String(), Target: o.Target.String(), Level: o.Level.String(), Block: o.Block.String(),
		Beat:  []beatenText{},
		Why:   why(m, o),
		place: placeOf(o.Target, o.Level),
	}
	for _, b := range o.Beat {
		f.Beat = append(f.Beat, on.beatenAt(b.Level, b.Block, b.From, b.Value))
	}
	if !o.ClampedBy.IsZero() {
		f.ClampedBy, f.Stated = o.ClampedBy.String(), o.Stated
	}
	return f
}

// refusedOnTheWay are the policies that name something on the target's paths,
// or a section of the target that does not exist, and do not apply there.
func (w *world) refusedOnTheWay(e *policy.Effective) []refusedPolicy {
	onTheWay := map[hierarchy.Ref]bool{e.Target: true}
	for _, s := range e.Scopes {
		for _, l := range s.Parents {
			for _, ref := range []hierarchy.Ref{l.Class, l.Gateway, l.ListenerSet, l.Ref} {
				onTheWay[ref] = true
			}
		}
	}
	var refused []refusedPolicy
	for p := range w.snapshot.Policies() {
		if p.Kind.Class != policy.Inherited {
			continue
		}
		for _, standing := range w.snapshot.Standings(p) {
			at := standing.Target.Ref
			if !standing.Accepted() && (onTheWay[at] || at.Object() == e.Target) {
				refused = append(refused, refusedPolicy{p.Ref.String(), at.String(), standing.Reason, standing.Message})
			}
		}
	}
	slices.SortFunc(refused, func(a, b refusedPolicy) int { return strings.Compare(a.Policy+a.Target, b.Policy+b.Target) })
	return refused
}
