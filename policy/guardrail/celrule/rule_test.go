package celrule_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
)

// document is an input as reviews make it.
func document() guardrail.Input {
	return guardrail.Input{
		"effective": map[string]any{
			"TimeoutPolicy":   map[string]any{"request": "90s"},
			"RateLimitPolicy": map[string]any{"requestsPerSecond": int64(50), "burst": int64(5)},
		},
		"origins":      map[string]any{"TimeoutPolicy": map[string]any{"request": map[string]any{"namespace": "shop", "block": "override"}}},
		"before":       map[string]any{"RateLimitPolicy": map[string]any{"requestsPerSecond": "1k"}},
		"route":        map[string]any{"kind": "HTTPRoute", "namespace": "shop", "name": "checkout", "labels": map[string]any{}, "hostnames": []any{"a.example.com"}},
		"rule":         map[string]any{"name": "pay", "index": int64(0)},
		"gateway":      map[string]any{"namespace": "infra", "name": "public", "labels": map[string]any{"exposure": "internet"}},
		"gatewayClass": map[string]any{"name": "edge"},
		"namespace":    map[string]any{"name": "shop", "labels": map[string]any{"env": "prod"}},
	}
}

func compile(t testing.TB, expression string) guardrail.Rule {
	t.Helper()
	rules, problems := celrule.Compile([]guardrail.Expression{{Expression: expression, Message: "m"}})
	if len(rules) != 1 {
		t.Fatalf("%s does not compile: %v", expression, problems)
	}
	return rules[0]
}

func TestExpressionsOnADocument(t *testing.T) {
	for expression, want := range map[string]any{
		`duration(effective.TimeoutPolicy.request) <= duration("60s")`:                                                   false,
		`has(effective.RetryPolicy)`:                                                                                     false,
		`has(effective.RetryPolicy) && has(effective.RetryPolicy.maxRetries)`:                                            false,
		`quantity(string(effective.RateLimitPolicy.requestsPerSecond)).isLessThan(quantity("100"))`:                      true,
		`quantity(string(before.RateLimitPolicy.requestsPerSecond)).isGreaterThan(quantity("500"))`:                      true,
		`effective.?RetryPolicy.?maxRetries.orValue(0) == 0`:                                                             true,
		`object == null && oldObject == null && operation == null && user == null && change == null && listener == null`: true,
		`has(object.spec)`:                                                          false,
		`object.?spec.?default.orValue({}) == {}`:                                   true,
		`namespaceObject.labels.env == "prod"`:                                      true,
		`namespaceObject.labels[?"team"].orValue("") == ""`:                         true,
		`route.namespace == "shop" && rule.name == "pay" && rule.index == 0`:        true,
		`route.hostnames.all(h, h.endsWith(".example.com"))`:                        true,
		`origins.TimeoutPolicy.request.block in ["default", "inline"]`:              false,
		`type(route.name) == string`:                                                true,
		`sets.contains(["HTTPRoute", "GRPCRoute"], [route.kind])`:                   true,
		`route.name.matches("^check") && route.name.find("[a-z]+$") != ""`:          true,
		`"checkout,pay".split(",").exists(n, n == route.name)`:                      true,
		`ip("10.0.0.1").family() == 4 && cidr("10.0.0.0/8").containsIP("10.1.2.3")`: true,
		`url("https://a.example.com/x").getHost() == "a.example.com"`:               true,
		`!format.dns1123Label().validate("checkout").hasValue()`:                    true,
		`semver("1.2.3").isLessThan(semver("1.3.0"))`:                               true,
		`[1, 2, 3].sum() == 6 && effective == effective`:                            true,
		`effective.transformList(k, v, k).size() == 2`:                              true,
		`effective.RetryPolicy.maxRetries == 0`:                                     errors.New("expression 0: no such key: RetryPolicy"),
		`user.groups.exists(g, g == "admins")`:                                      errors.New("expression 0: no such key: groups"),
		`duration(effective.RateLimitPolicy.burst) > duration("1s")`:                errors.New("expression 0: no such overload"),
		`effective.TimeoutPolicy.request < 60`:                                      errors.New("expression 0: no such overload"),
	} {
		findings, err := compile(t, expression).Check(t.Context(), document())
		switch want := want.(type) {
		case bool:
			if err != nil || (len(findings) == 0) != want {
				t.Errorf("%s: %v, %v; want %v", expression, findings, err, want)
			}
		case error:
			if err == nil || !strings.HasPrefix(err.Error(), want.Error()) {
				t.Errorf("%s: %v, %v; want error %v", expression, findings, err, want)
			}
		}
	}
}

func TestProblemsSayWhereAndWhatToWrite(t *testing.T) {
	for _, c := range []struct {
		expression string
		want       string
	}{
		{"efective.TimeoutPolicy == null", `line 1 column 1: there is no efective: the variables are effective, origins, before, route, rule, listener, gateway, gatewayClass, namespaceObject, enforcement, object, oldObject, operation, user and change (at "efective.TimeoutPolicy =…")`},
		{"has(effective.x) &&\n  namespace.labels.env == 'prod'", `line 2 column 3: namespace is a word that CEL reserves: write namespaceObject (at "namespace.labels.env == …")`},
		{"now() > 3", `line 1 column 4: there is no function now (at "() > 3")`},
		{"effective.TimeoutPolicy.on", "[0].expression: the type of the result is not known, and must be true or false: compare it, as in … == true"},
		{"1 + 1", "[0].expression: the result is an int, and must be true or false: write a comparison"},
		{"effective.a == ", `line 1 column 16: Syntax error: mismatched input '<EOF>'`},
		{"1 == 'a'", `line 1 column 3: found no matching overload for '_==_' applied to '(int, string)' (at "== 'a'")`},
		{"duration('1x') == duration('1s')", "line 1 column 10: invalid duration argument"},
		{"route.name.matches('(')", "error parsing regexp: missing closing )"},
		{"route.name.matches('x{1000}y{1000}z{1000}x{1000}y{1000}z{1000}')", "the regular expression repeats too much: it unfolds to"},
		{"google.protobuf.Struct{} == null", `google.protobuf.Struct{…} is not available: write a map, {"key": value}`},
		{strings.Repeat("a", 5000) + " == 1", "expression code point size exceeds limit: size: 5005, limit 4096"},
		{strings.Repeat("(", 150) + "true" + strings.Repeat(")", 150), "expression recursion limit exceeded: 100"},
		{"lists.range(2000000) == []", "the expression is too expensive: it costs 2000021 at the least, and 100000 is the limit: remove a loop"},
		{"[1].all(a, [1].all(b, [1].all(c, [1].all(d, [1].all(e, true)))))", "comprehension exceeds nesting limit"},
		{"true" + strings.Repeat(" && [1].all(a, true)", 33), "33 loops (all, exists, map, filter, …) are too many: at most 32"},
	} {
		rules, problems := celrule.Compile([]guardrail.Expression{{Expression: c.expression, Message: "m"}})
		if text := fmt.Sprint(problems); len(rules) > 0 || !strings.Contains(text, c.want) {
			t.Errorf("%.60s:\n%s\nwant %s", c.expression, text, c.want)
		}
	}
}

func TestAllProblemsOfAllExpressionsAreReported(t *testing.T) {
	rules, problems := celrule.Compile([]guardrail.Expression{
		{Expression: "true", Message: "fine"},
		{Expression: "a", Message: "m"},
		{Expression: "true", MessageExpression: "route.name"},
		{Expression: "true", MessageExpression: "1 + 1"},
	})
	want := []string{
		"[1].expression line 1 column 1: there is no a",
		"[2].messageExpression: the type of the result is not known, and must be a string: write string(…) around it",
		"[3].messageExpression: the result is an int, and must be a string: write string(…) around it",
	}
	if len(rules) != 1 || len(problems) != len(want) {
		t.Fatalf("%d rules, %v", len(rules), problems)
	}
	for i, w := range want {
		if !strings.HasPrefix(problems[i].String(), w) {
			t.Errorf("problem is %q, want %q", problems[i], w)
		}
	}
}

func TestAnExpensiveExpressionIsPricedWhenItIsCompiled(t *testing.T) {
	rules, problems := celrule.Compile([]guardrail.Expression{
		{Expression: "route.hostnames.all(a, route.hostnames.all(b, route.hostnames.all(c, route.hostnames.all(d, a + b + c + d != ''))))", Message: "m"},
	})
	if len(rules) != 1 || len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].Message, "may be too expensive: with lists of 32 elements it costs up to") {
		t.Errorf("%d rules, %v", len(rules), problems)
	}
}

func TestFindingsCarryNumberMessageAndField(t *testing.T) {
	rules, problems := celrule.Compile([]guardrail.Expression{
		{Expression: "true", Message: "never"},
		{Expression: "route.name != 'checkout'", MessageExpression: "'route %s is not fine'.format([route.name])", FieldPath: "route.name"},
		{Expression: "route.name != 'checkout'", MessageExpression: "string(object.spec)"},
		{Expression: "route.name != 'checkout'", MessageExpression: "'x'" + strings.Repeat(" + 'äöüßäöüßäöüß'", 50)},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var findings []guardrail.Finding
	for _, r := range rules {
		found, err := r.Check(t.Context(), document())
		if err != nil {
			t.Fatal(err)
		}
		findings = append(findings, found...)
	}
	if len(findings) != 3 {
		t.Fatal(findings)
	}
	if want := (guardrail.Finding{Code: "1", Message: "route checkout is not fine", FieldPath: "route.name"}); findings[0] != want {
		t.Errorf("got %+v, want %+v", findings[0], want)
	}
	if want := "route.name != 'checkout' is not true (and its messageExpression fails: no such key: spec)"; findings[1].Message != want {
		t.Errorf("got %q, want %q", findings[1].Message, want)
	}
	if got := findings[2].Message; len(got) > guardrail.MaxMessage || !strings.HasSuffix(got, "…") || strings.Contains(got, "\ufffd") {
		t.Errorf("message of %d bytes, ending in %q", len(got), got[len(got)-10:])
	}
}

func TestKeysComeInOrder(t *testing.T) {
	labels := map[string]any{}
	for i := range 20 {
		labels[fmt.Sprintf("k%02d", i)] = map[string]any{"b": "2", "a": "1"}
	}
	in := document()
	in["object"] = map[string]any{"list": []any{map[string]any{"labels": labels}}}
	rules, problems := celrule.Compile([]guardrail.Expression{{
		Expression:        "false",
		MessageExpression: `object.list[0].labels.map(k, k + object.list[0].labels[k].map(x, x).join("")).join(",")`,
	}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := "k00ab,k01ab,k02ab,k03ab,k04ab,k05ab,k06ab,k07ab,k08ab,k09ab,k10ab,k11ab,k12ab,k13ab,k14ab,k15ab,k16ab,k17ab,k18ab,k19ab"
	for range 5 {
		if found, err := rules[0].Check(t.Context(), in); err != nil || len(found) != 1 || found[0].Message != want {
			t.Fatalf("%v, %v", found, err)
		}
	}
}

func TestUsesAreTheVariablesThatAreRead(t *testing.T) {
	for expression, want := range map[string]guardrail.Variables{
		"true":                                         0,
		"has(effective.a) || before == null":           guardrail.Effective | guardrail.Before,
		"namespaceObject.name == 'a'":                  guardrail.Namespace,
		"route.hostnames.exists(h, h == gateway.name)": guardrail.Route | guardrail.Gateway,
		"user.username == 'a' && change.namespaces < 3 && rule.index>0": guardrail.User | guardrail.Edited | guardrail.RouteRule,
	} {
		if got := compile(t, expression).Uses(); got != want {
			t.Errorf("%s uses %b, want %b", expression, got, want)
		}
	}
	rules, _ := celrule.Compile([]guardrail.Expression{{Expression: "has(effective.a)", MessageExpression: "string(listener.name)"}})
	if got := rules[0].Uses(); got != guardrail.Effective|guardrail.Listener {
		t.Errorf("the message is not counted: %b", got)
	}
}

func TestAnEndedContextIsAnErrorOfTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := compile(t, "lists.range(100).all(x, x >= 0)").Check(ctx, document())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestARuleCanBeUsedByManyAtOnce(t *testing.T) {
	r, in := compile(t, `effective.transformList(k, v, k).size() == 2 && route.name.matches("^check") && duration(effective.TimeoutPolicy.request) > duration("1s")`), document()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if findings, err := r.Check(context.Background(), in); err != nil || len(findings) > 0 {
					t.Errorf("%v, %v", findings, err)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkCheck(b *testing.B) {
	expressions := []string{
		`!effective.?TimeoutPolicy.?request.hasValue() || (duration(effective.TimeoutPolicy.request) > duration("0s") && duration(effective.TimeoutPolicy.request) <= duration("60s"))`,
		`gateway.labels[?"exposure"].orValue("") != "internet" || has(effective.RateLimitPolicy)`,
		`before == null || !has(before.RateLimitPolicy) || quantity(string(effective.RateLimitPolicy.requestsPerSecond)).compareTo(quantity(string(before.RateLimitPolicy.requestsPerSecond))) <= 0`,
		`origins.all(k, origins[k].all(f, origins[k][f].block != "override" || origins[k][f].namespace == "infra"))`,
		`route.hostnames.all(h, h.endsWith(".example.com"))`,
	}
	var rules []guardrail.Rule
	for range 2 {
		for _, e := range expressions {
			rules = append(rules, compile(b, e))
		}
	}
	in, ctx := document(), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range rules {
			if _, err := r.Check(ctx, in); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func FuzzCEL(f *testing.F) {
	for _, seed := range []string{
		`duration(effective.TimeoutPolicy.request) <= duration("60s")`, `before.?a[?"b"].orValue([1]) == [1.5]`, `[1,2].map(x, {x: x}).exists(m, m[1] == 1)`,
		`"%s %d".format([route.name, 3]) == b"a"`, `effective.transformMap(k, v, v).size() > 0u`, `route.name.matches("(a+)+$") ? true : has(object.a)`,
		`quantity("1e3").isLessThan(quantity("2"))`, `lists.range(9).sortBy(x, -x).flatten(2).distinct() == []`, `sets.equivalent([1],[1u]) && timestamp("2020-01-01T00:00:00Z").getFullYear() == 2020`,
	} {
		f.Add(seed)
	}
	in := document()
	f.Fuzz(func(t *testing.T, expression string) {
		rules, problems := celrule.Compile([]guardrail.Expression{{Expression: expression, MessageExpression: `"a" + string(route.name)`}})
		if len(rules) == 0 && len(problems) == 0 {
			t.Error("neither a rule nor a problem")
		}
		for _, r := range rules {
			_, _ = r.Check(context.Background(), in)
		}
	})
}
