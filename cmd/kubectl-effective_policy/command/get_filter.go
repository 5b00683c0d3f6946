package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/merge"
)

// filterFlags select routes by what applies on their paths. A route is selected when one of its
// paths passes all filters.
type filterFlags struct {
	all        bool
	where      string
	without    []string
	overridden bool
	clamped    bool
	invalid    bool
	fail       bool
	// absent are the keys that the expression reads and some path does not have.
	absent map[string]bool
}

func (f *filterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "also show routes that no policy reaches")
	flags.StringVar(&f.where, "where", "", "only paths on which this CEL expression is true, over the input document of guardrails")
	flags.StringArrayVar(&f.without, "without", nil, "only paths on which this is not set: KIND or KIND.FIELD; may be repeated")
	flags.BoolVar(&f.overridden, "overridden", false, "only paths on which an override from above the route beats something")
	flags.BoolVar(&f.clamped, "clamped", false, "only paths on which a bound or another field limits a value")
	flags.BoolVar(&f.invalid, "invalid", false, "only paths on which a merged result is invalid")
	flags.BoolVar(&f.fail, "fail", false, "exit with 1 when a row is shown")
}

// given reports whether any flag concerns paths: then all bound routes are examined, but no
// Gateways, because their paths have no traffic.
func (f *filterFlags) given() bool {
	return f.where != "" || len(f.without) > 0 || f.overridden || f.clamped || f.invalid
}

// test is one test of a path.
type test func(ctx context.Context, p *askedPath) (bool, error)

// askedPath is one path of a route.
type askedPath struct {
	snapshot *policy.Snapshot
	route    *hierarchy.Route
	listener *hierarchy.Listener
	rule     hierarchy.RuleRef
	result   *effective.PathPolicies
	// outcomes returns how data planes enforce policies on the target; nil when that is not known.
	outcomes func() evaluate.Outcomes
}

// tests returns the tests of the flags.
func (f *filterFlags) tests(s *policy.Snapshot) ([]test, error) {
	var tests []test
	if f.where != "" {
		f.absent = map[string]bool{}
		t, err := where(f.where, f.absent)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	for _, word := range f.without {
		t, err := without(s, word)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	anyOrigin := func(is func(effective.Origin) bool) test {
		return func(_ context.Context, p *askedPath) (bool, error) {
			return slices.ContainsFunc(p.result.Kinds, func(m *effective.Policy) bool { return slices.ContainsFunc(m.Origins, is) }), nil
		}
	}
	if f.overridden {
		tests = append(tests, anyOrigin(func(o effective.Origin) bool {
			return o.Block == merge.Override && o.Level < hierarchy.RouteLevel && len(o.Beat) > 0
		}))
	}
	if f.clamped {
		tests = append(tests, anyOrigin(func(o effective.Origin) bool { return !o.ClampedBy.IsZero() }))
	}
	if f.invalid {
		tests = append(tests, func(_ context.Context, p *askedPath) (bool, error) {
			return slices.ContainsFunc(p.result.Kinds, func(m *effective.Policy) bool { return len(m.Invalid) > 0 }), nil
		})
	}
	return tests, nil
}

// lacking returns which keys paths did not have, because a misspelled key is on no path.
func (f *filterFlags) lacking() string {
	if len(f.absent) == 0 {
		return ""
	}
	return "; a path without " + strings.Join(slices.Sorted(maps.Keys(f.absent)), ", ") + " never does"
}

// where evaluates an expression on paths, and records the keys that they do not have.
func where(expression string, lacks map[string]bool) (test, error) {
	rule, err := whereRule(expression)
	if err != nil {
		return nil, fmt.Errorf("--where: %w", err)
	}
	return func(ctx context.Context, p *askedPath) (bool, error) {
		found, err := rule.Check(ctx, p.input(rule.Uses()))
		var absent *celrule.AbsentError
		if errors.As(err, &absent) { // it is not true there
			lacks[absent.Key] = true
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("--where: on %s: %w", p.route.Meta().Ref, err)
		}
		return len(found) == 0, nil
	}, nil
}

// input returns the document that an expression sees.
func (p *askedPath) input(uses guardrail.Variables) guardrail.Input {
	var outcomes evaluate.Outcomes
	if uses&guardrail.Outcomes != 0 {
		outcomes = p.outcomes()
	}
	return evaluate.PathInput(p.snapshot, uses, p.route, p.listener, p.rule, p.result, outcomes)
}

// whereRule compiles an expression. It is true where the rule does not object.
func whereRule(expression string) (guardrail.Rule, error) {
	rules, problems := celrule.Compile([]guardrail.Expression{{Expression: expression, Message: "not so"}})
	for _, p := range problems {
		if !p.Warning {
			return nil, errors.New(p.Message)
		}
	}
	if len(rules) != 1 {
		return nil, errors.New("nothing to ask")
	}
	rule := rules[0]
	if rule.Uses()&guardrail.AdmissionOnly != 0 || rule.Uses()&guardrail.Before != 0 {
		return nil, errors.New("object, oldObject, operation, user, change and before are about an edit, and this is not one")
	}
	return rule, nil
}

// without reads KIND or KIND.FIELD, where KIND may carry its group.
func without(s *policy.Snapshot, word string) (test, error) {
	var kind *policy.Kind
	field, names := "", []string{}
	for _, k := range s.Kinds() {
		for _, name := range []string{k.Name(), k.GroupKind.Kind, k.GroupKind.String()} {
			rest, found := cutFold(word, name)
			if found && (rest == "" || rest[0] == '.') && (kind == nil || len(rest) < len(field)+1) {
				kind, field = k, strings.TrimPrefix(rest, ".")
			}
		}
		names = append(names, k.Name())
	}
	if kind == nil {
		if near, ok := prose.Closest(word, names); ok {
			return nil, fmt.Errorf("--without %s: there is no such policy kind: did you mean %s?", word, near)
		}
		return nil, fmt.Errorf("--without %s: write a policy kind, one of %s, and a field of it after a dot", word, strings.Join(names, ", "))
	}
	var path crd.Path
	if field != "" {
		var err error
		if path, err = crd.ParsePath(field); err != nil {
			return nil, fmt.Errorf("--without %s: %w", word, err)
		}
	}
	return func(_ context.Context, p *askedPath) (bool, error) {
		m, set := p.result.Kind(kind.Name())
		switch {
		case !set || len(m.Value) == 0:
			return true, nil
		case field == "":
			return false, nil
		}
		return !slices.ContainsFunc(m.Origins, func(o effective.Origin) bool { return path.Covers(o.Path) }), nil
	}, nil
}

// cutFold is like strings.CutPrefix, but ignores case.
func cutFold(text, prefix string) (rest string, found bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

// picked are the paths of a target that pass, as scopes, with their number and the number of all
// paths.
type picked struct {
	scopes       []effective.Scope
	paths, total int
}

// pick tests every path of a target.
func pick(ctx context.Context, p *planes.Planes, e *effective.Target, tests []test) (picked, error) {
	var out picked
	snapshot := p.Workspace.Snapshot
	object, _ := snapshot.Graph().Get(e.Target)
	route, isRoute := object.(*hierarchy.Route)
	if !isRoute {
		return out, nil
	}
	outcomes := sync.OnceValue(func() evaluate.Outcomes { return p.OutcomesOf(e) })
	for _, scope := range e.Scopes {
		passing, err := effective.Fitting(scope, route, func(l *hierarchy.Listener, rule hierarchy.RuleRef) (bool, error) {
			return passes(ctx, tests, &askedPath{snapshot: snapshot, route: route, listener: l, rule: rule, result: scope.Result, outcomes: outcomes})
		})
		if err != nil {
			return out, err
		}
		out.total += len(scope.Parents) * len(scope.Rules.In(route))
		for _, part := range passing {
			out.paths += len(part.Parents) * len(part.Rules.In(route))
			out.scopes = append(out.scopes, part)
		}
	}
	return out, nil
}

func passes(ctx context.Context, tests []test, p *askedPath) (bool, error) {
	for _, ask := range tests {
		if ok, err := ask(ctx, p); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}
