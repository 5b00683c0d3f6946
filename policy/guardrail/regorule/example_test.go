package regorule_test

import (
	"context"
	"fmt"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
)

func Example() {
	rules, problems := regorule.Compile(`
package guardrail

deny contains {"msg": "use at most 60s", "fieldPath": "effective.TimeoutPolicy.request", "code": "long"} if {
	time.parse_duration_ns(input.effective.TimeoutPolicy.request) > time.parse_duration_ns("60s")
}

warn contains sprintf("%s has no rate limit", [input.route.name]) if not input.effective.RateLimitPolicy
`)
	fmt.Println(len(rules), len(problems))

	findings, err := rules[0].Check(context.Background(), guardrail.Input{
		"effective": map[string]any{"TimeoutPolicy": map[string]any{"request": "90s"}},
		"route":     map[string]any{"name": "checkout"},
	})
	for _, f := range findings {
		fmt.Println(f.Code, f.Message, f.WarnOnly)
	}
	fmt.Println(err)

	_, problems = regorule.Compile("package guardrail\ndeny contains \"late\" if time.now_ns() > 0")
	for _, p := range problems {
		fmt.Println(p)
	}
	// Output:
	// 1 0
	// deny/long use at most 60s false
	// warn checkout has no rate limit true
	// <nil>
	//  line 2 column 25: time.now_ns is not available: a guardrail sees its input and nothing else (at "time.now_ns()")
}
