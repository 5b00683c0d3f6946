package guardrail_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/test/worldtest"
)

// has is a rule: a variable must be there.
type has struct{ name string }

func (r *has) Uses() guardrail.Variables { return guardrail.VariableNamed(r.name) }

func (r *has) Check(_ context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	switch {
	case r.name == "broken":
		return nil, errors.New("it does not work")
	case in[r.name] == nil:
		return []guardrail.Finding{{Code: "0", Message: "no " + r.name, WarnOnly: r.name == "origins"}}, nil
	}
	return nil, nil
}

// compilers take an expression, or a module, for the name of a variable.
var compilers = guardrail.Compilers{
	CEL: func(list []guardrail.Expression) (rules []guardrail.Rule, problems []guardrail.Problem) {
		for i, e := range list {
			if e.Expression == "wrong" {
				problems = append(problems, guardrail.Problem{Field: fmt.Sprintf("[%d].expression", i), Line: 1, Column: 3, Message: "no such word"})
			}
			if e.Expression == "dear" {
				problems = append(problems, guardrail.Problem{Field: fmt.Sprintf("[%d].expression", i), Message: "expensive", Warning: true})
			}
			rules = append(rules, &has{e.Expression})
		}
		return rules, problems
	},
	Rego: func(module string) ([]guardrail.Rule, []guardrail.Problem) {
		if module == "wrong" {
			return nil, []guardrail.Problem{{Line: 2, Column: 1, Message: "no such word"}}
		}
		return []guardrail.Rule{&has{module}}, nil
	},
}

func guardrailOf(t testing.TB, spec string) *unstructured.Unstructured {
	t.Helper()
	return worldtest.Objects(t, "{apiVersion: attache.dev/v1alpha1, kind: PolicyGuardrail, metadata: {name: rail}, spec: "+spec+"}")[0]
}

func parse(t testing.TB, spec string) (*guardrail.Guardrail, []string) {
	t.Helper()
	g, problems := guardrail.Parse(guardrailOf(t, spec), compilers)
	var said []string
	for _, p := range problems {
		said = append(said, p.String())
	}
	return g, said
}

func TestParseReadsEverything(t *testing.T) {
	g, said := parse(t, `{enforcement: Warn, cel: [{expression: effective, message: m}, {expression: route, message: m}], match: {
		policyKinds: [TimeoutPolicy], routeKinds: [HTTPRoute], gatewayClassNames: [edge],
		namespaceSelector: {matchLabels: {env: prod}}, routeSelector: {matchExpressions: [{key: a, operator: Exists}]}, gatewaySelector: {}}}`)
	if len(said) > 0 || g.Broken != "" || g.Name != "rail" || g.Enforcement != guardrail.Warn || len(g.Rules) != 2 {
		t.Errorf("%+v, %v", g, said)
	}
	m := g.Match
	if !slices.Equal(m.PolicyKinds, []string{"TimeoutPolicy"}) || !slices.Equal(m.RouteKinds, []string{"HTTPRoute"}) || !slices.Equal(m.GatewayClasses, []string{"edge"}) {
		t.Errorf("%+v", m)
	}
	if !m.Namespace.Matches(labels.Set{"env": "prod"}) || m.Namespace.Matches(labels.Set{}) || !m.Route.Matches(labels.Set{"a": ""}) || !m.Gateway.Matches(labels.Set{}) {
		t.Errorf("%v %v %v", m.Namespace, m.Route, m.Gateway)
	}
	g, said = parse(t, `{rego: effective}`)
	if len(said) > 0 || g.Enforcement != guardrail.Deny || g.Match.Namespace != nil || len(g.Rules) != 1 {
		t.Errorf("%+v, %v", g, said)
	}
}

func TestParseReportsAllProblemsAndBreaksTheGuardrail(t *testing.T) {
	for spec, want := range map[string][]string{
		`{cel: [{expression: wrong, message: m}, {expression: wrong, message: m}], match: {namespaceSelector: {matchExpressions: [{key: a, operator: Is}]}}}`: {
			"spec.cel[0].expression line 1 column 3: no such word",
			"spec.cel[1].expression line 1 column 3: no such word",
			`spec.match.namespaceSelector.matchExpressions[0].operator: "Is" is not an operator of label selectors: write In, NotIn, Exists or DoesNotExist`,
		},
		`{rego: wrong}`: {"spec.rego line 2 column 1: no such word"},
		`{rego: effective, match: {routeSelector: {matchExpressions: [{key: a, operator: In}]}}}`: {
			`spec.match.routeSelector.matchExpressions[0].values: Required value: must be specified when ` + "`operator` is 'In' or 'NotIn'"},
		`{rego: effective, match: {gatewaySelector: {matchLabels: {"a b": c}}}}`: {`spec.match.gatewaySelector.matchLabels: Invalid value: "a b"`},
		`{}`: {"spec: the guardrail checks nothing: write cel (a list of expressions) or rego (a module)"},
		`{cel: [{expression: a, message: m}], rego: b}`: {"spec: cel and rego are both set: keep one"},
		`{enforcement: Shout, rego: effective}`:         {`spec.enforcement: "Shout" is not an enforcement: write Deny, Warn or Audit`},
		`{cel: 3}`:                                      {"spec: spec cannot be read: "},
		`text`:                                          {"spec: a guardrail needs a spec with cel or rego"},
	} {
		g, said := parse(t, spec)
		if len(said) != len(want) {
			t.Errorf("%s: %q", spec, said)
			continue
		}
		for i := range want {
			if !strings.HasPrefix(said[i], want[i]) {
				t.Errorf("%s: %q, want %q", spec, said[i], want[i])
			}
		}
		if g.Broken != said[0] || len(g.Rules) > 0 || g.Name != "rail" {
			t.Errorf("%s: %+v", spec, g)
		}
	}
}

func TestParseKeepsAGuardrailWithWarnings(t *testing.T) {
	g, said := parse(t, `{cel: [{expression: dear, message: m}]}`)
	if len(said) != 1 || g.Broken != "" || len(g.Rules) != 1 {
		t.Errorf("%+v, %v", g, said)
	}
}

func TestParseWithoutACompiler(t *testing.T) {
	_, problems := guardrail.Parse(guardrailOf(t, `{rego: effective}`), guardrail.Compilers{})
	if len(problems) != 1 || problems[0].Message != "this program has no compiler for the language of the guardrail" {
		t.Error(problems)
	}
}

func TestLanguage(t *testing.T) {
	for spec, want := range map[string]string{`{cel: [{expression: a}]}`: "CEL", `{rego: a}`: "Rego", `{}`: "", `text`: ""} {
		if got := guardrail.Language(guardrailOf(t, spec)); got != want {
			t.Errorf("%s: %q", spec, got)
		}
	}
}

func TestRunExamplesSaysWhichFailAndHow(t *testing.T) {
	u := guardrailOf(t, `{cel: [{expression: effective, message: m}, {expression: origins, message: m}], examples: [
		{name: right, input: {effective: {}}, allowed: true}, {name: right too, input: {route: {}}, allowed: false},
		{name: strict, input: {route: {}}, allowed: true}, {name: lax, input: {effective: {}}, allowed: false},
		{name: misspelled, input: {efective: {}}, allowed: true}]}`)
	g, problems := guardrail.Parse(u, compilers)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var said []string
	for _, p := range guardrail.RunExamples(t.Context(), g, u) {
		said = append(said, p.String())
	}
	want := []string{
		`spec.examples[2].allowed: example "strict" should be allowed, and is denied: no effective`,
		`spec.examples[3].allowed: example "lax" should be denied, and nothing objects to it`,
		`spec.examples[4].input.efective: example "misspelled": the input document has no efective; it has effective, origins, before, route, rule, listener, gateway, gatewayClass, namespace, enforcement, object, oldObject, operation, user and change`,
	}
	if !slices.Equal(said, want) {
		t.Errorf("got\n%s", strings.Join(said, "\n"))
	}

	u = guardrailOf(t, `{rego: broken, examples: [{name: any, input: {}, allowed: true}]}`)
	g, _ = guardrail.Parse(u, compilers)
	if got := guardrail.RunExamples(t.Context(), g, u); len(got) != 1 || got[0].Message != `example "any" cannot be decided: it does not work` {
		t.Error(got)
	}

	u = guardrailOf(t, `{rego: wrong, examples: [{name: any, input: {}, allowed: true}]}`)
	g, _ = guardrail.Parse(u, compilers)
	if got := guardrail.RunExamples(t.Context(), g, u); len(got) != 0 {
		t.Errorf("examples of a broken guardrail ran: %v", got)
	}
}

func TestPatternsArePricedWithoutCompilingThem(t *testing.T) {
	for pattern, ok := range map[string]bool{
		"^[a-z]+$": true, `^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$`: true, "a{1000}b{1000}": true,
		strings.Repeat("a{1000}", 6): false, "((ab){100}c{100}){5}": true, "(": false, strings.Repeat("a", 600): false,
	} {
		if size, err := guardrail.PatternSize(pattern); (err == nil) != ok {
			t.Errorf("%.40s: %d, %v", pattern, size, err)
		}
	}
	if err := guardrail.Matchable(strings.Repeat("a", 10_000), "a{1000}"); err == nil {
		t.Error("a large program on a long text is fine")
	}
	if err := guardrail.Matchable(strings.Repeat("a", 250), "a{1000}"); err != nil {
		t.Error(err)
	}
}
