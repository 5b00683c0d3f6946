package celrule_test

import (
	"context"
	"fmt"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
)

func Example() {
	rules, problems := celrule.Compile([]guardrail.Expression{{
		Expression: `duration(effective.?TimeoutPolicy.?request.orValue("1s")) <= duration("60s")`,
		Message:    "use at most 60s",
		FieldPath:  "effective.TimeoutPolicy.request",
	}})
	fmt.Println(len(rules), len(problems))

	findings, err := rules[0].Check(context.Background(), guardrail.Input{
		"effective": map[string]any{"TimeoutPolicy": map[string]any{"request": "90s"}},
	})
	fmt.Println(findings[0].FieldPath, findings[0].Message, err)

	_, problems = celrule.Compile([]guardrail.Expression{{Expression: "has(efective.TimeoutPolicy) &&\n namespace.labels.env", Message: "m"}})
	for _, p := range problems {
		fmt.Println(p)
	}
	// Output:
	// 1 0
	// effective.TimeoutPolicy.request use at most 60s <nil>
	// [0].expression line 2 column 2: namespace is a word that CEL reserves: write namespaceObject (at "namespace.labels.env")
}
