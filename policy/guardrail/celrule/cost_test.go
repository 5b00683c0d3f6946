package celrule

import (
	"errors"
	"testing"

	"github.com/google/cel-go/interpreter"

	"github.com/attache-dev/attache/policy/guardrail"
)

// The cost limit must stop a runaway expression without any deadline: a program that tracks its
// state would silently have no cost limit.
func TestCostAloneStopsARunawayExpression(t *testing.T) {
	rules, problems := Compile([]guardrail.Expression{
		{Expression: "object.all(a, object.all(b, object.all(c, a + b + c >= 0)))", Message: "m"},
	})
	if len(rules) != 1 {
		t.Fatal(problems)
	}
	list := make([]any, 2000)
	for i := range list {
		list[i] = int64(i)
	}
	_, details, err := rules[0].(*rule).program.Eval(variables{"object": list})
	var cancelled interpreter.EvalCancelledError
	if !errors.As(err, &cancelled) || cancelled.Cause != interpreter.CostLimitExceeded {
		t.Fatalf("got %v", err)
	}
	if cost := *details.ActualCost(); cost < MaxCost || cost > MaxCost+100 {
		t.Errorf("stopped at a cost of %d", cost)
	}
}
