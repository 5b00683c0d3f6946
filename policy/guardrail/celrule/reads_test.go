package celrule

import (
	"slices"
	"testing"

	"github.com/attache-dev/attache/policy/guardrail"
)

func TestWhichKindsAnExpressionReads(t *testing.T) {
	for expression, want := range map[string][]string{
		`duration(effective.?TimeoutPolicy.?request.orValue("1s")) < duration("5s")`:             {"TimeoutPolicy"},
		`!has(effective.TimeoutPolicy) || effective.TimeoutPolicy.request == "1s"`:               {"TimeoutPolicy"},
		`effective["WidgetPolicy.example.com"].size > 1 || effective.RetryPolicy.maxRetries > 1`: {"RetryPolicy", "WidgetPolicy.example.com"},
		`effective[?"WidgetPolicy.example.com"].hasValue()`:                                      {"WidgetPolicy.example.com"},
		`route.name == "a"`:                      {},
		`size(effective) > 1`:                    nil,
		`"TimeoutPolicy" in effective`:           nil,
		`effective.all(k, k != "TimeoutPolicy")`: nil,
		`effective == {}`:                        nil,
		`effective[route.name] == 1`:             nil,
		`has(effective.TimeoutPolicy) && effective.exists(k, k == "x")`: nil,
		`[effective][0].TimeoutPolicy.request == "1s"`:                  nil,
		`{"a": effective}.a.TimeoutPolicy.request == "1s"`:              nil,
		`(effective).RetryPolicy.maxRetries == 1`:                       {"RetryPolicy"},
		`[1].all(x, effective.RetryPolicy.maxRetries == x)`:             {"RetryPolicy"},
		`(true ? effective : effective).RetryPolicy.maxRetries == 1`:    nil,
	} {
		rules, problems := Compile([]guardrail.Expression{{Expression: expression}})
		if len(rules) != 1 {
			t.Errorf("%s: %v", expression, problems)
			continue
		}
		kinds, only := rules[0].(guardrail.KindReader).Kinds()
		slices.Sort(kinds)
		if only != (want != nil) || only && !slices.Equal(kinds, want) {
			t.Errorf("%s reads %q, only these %t; want %q", expression, kinds, only, want)
		}
	}
	rules, _ := Compile([]guardrail.Expression{{Expression: `effective.?TimeoutPolicy.?request.orValue("") != "9s"`, MessageExpression: `"retries: " + string(effective.?RetryPolicy.?maxRetries.orValue(0))`}})
	if kinds, only := rules[0].(guardrail.KindReader).Kinds(); !only || len(kinds) != 2 {
		t.Errorf("with its message it reads %q, only these %t; want two kinds", kinds, only)
	}
}
