package regorule

import (
	"slices"
	"testing"

	"github.com/attache-dev/attache/policy/guardrail"
)

func TestWhichKindsAModuleReads(t *testing.T) {
	for body, want := range map[string][]string{
		`input.effective.RetryPolicy.maxRetries > 3`:                                                         {"RetryPolicy"},
		`input.effective["WidgetPolicy.example.com"].size > 1; not input.effective.RetryPolicy`:              {"RetryPolicy", "WidgetPolicy.example.com"},
		`some x in [1]; input.effective.RetryPolicy.maxRetries == x`:                                         {"RetryPolicy"},
		`all := input.effective; all.RetryPolicy.maxRetries > 3`:                                             nil,
		`input.effective[kind].maxRetries > 3; kind != "x"`:                                                  nil,
		`count(input.effective) > 3`:                                                                         nil,
		`object.get(input, ["effective", "RetryPolicy", "maxRetries"], 3) == 3`:                              nil,
		`input[name].RetryPolicy.maxRetries > 3; name == "effective"`:                                        {"RetryPolicy"},
		`every kind, values in input.effective { kind != values }`:                                           nil,
		`input.before.RetryPolicy.maxRetries < input.effective.RetryPolicy.maxRetries`:                       {"RetryPolicy"},
		`count([x | x := input.effective.TimeoutPolicy[_]]) > 1; input.effective.RetryPolicy.maxRetries > 1`: {"RetryPolicy", "TimeoutPolicy"},
	} {
		rules, problems := Compile("package guardrail\n\ndeny contains \"no\" if { " + body + " }\n")
		if len(rules) != 1 {
			t.Errorf("%s: %v", body, problems)
			continue
		}
		kinds, only := rules[0].(guardrail.KindReader).Kinds()
		slices.Sort(kinds)
		if only != (want != nil) || only && !slices.Equal(kinds, want) {
			t.Errorf("%s reads %q, only these %t; want %q", body, kinds, only, want)
		}
	}
}
