package guardrail

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// example is one entry of spec.examples.
type example struct {
	Name    string         `json:"name"`
	Input   map[string]any `json:"-"`
	Allowed bool           `json:"allowed"`
}

// RunExamples runs the examples embedded in a PolicyGuardrail and returns those with another result
// than expected. The examples of a guardrail that does not compile are not run.
func RunExamples(ctx context.Context, g *Guardrail, u *unstructured.Unstructured) []Problem {
	var problems []Problem
	for _, failed := range FailedExamples(ctx, g, u) {
		problems = append(problems, failed.Problem)
	}
	return problems
}

// FailedExample is an example with another result than expected.
type FailedExample struct {
	// Index is its index among the examples.
	Index   int
	Problem Problem
}

// FailedExamples is like RunExamples, with the index of each.
func FailedExamples(ctx context.Context, g *Guardrail, u *unstructured.Unstructured) []FailedExample {
	s, problems := readSpec(u)
	if len(problems) > 0 || g.Broken != "" {
		return nil
	}
	var failed []FailedExample
	for i, e := range s.Examples {
		if p := runExample(ctx, g.Rules, e, fmt.Sprintf("spec.examples[%d]", i)); p != nil {
			failed = append(failed, FailedExample{i, *p})
		}
	}
	return failed
}

func runExample(ctx context.Context, rules []Rule, e example, path string) *Problem {
	for _, name := range slices.Sorted(maps.Keys(e.Input)) {
		if VariableNamed(name) == 0 {
			return &Problem{Field: path + ".input." + name, Message: fmt.Sprintf("example %q: the input document has no %s; it has %s", e.Name, name, VariableNames())}
		}
	}
	denied, err := objections(ctx, rules, e.Input)
	switch {
	case err != nil:
		return &Problem{Field: path, Message: fmt.Sprintf("example %q cannot be decided: %v", e.Name, err)}
	case e.Allowed && len(denied) > 0:
		return &Problem{Field: path + ".allowed", Message: fmt.Sprintf("example %q should be allowed, and is denied: %s", e.Name, strings.Join(denied, "; "))}
	case !e.Allowed && len(denied) == 0:
		return &Problem{Field: path + ".allowed", Message: fmt.Sprintf("example %q should be denied, and nothing objects to it", e.Name)}
	}
	return nil
}

// objections returns the messages of all findings that deny.
func objections(ctx context.Context, rules []Rule, in Input) ([]string, error) {
	var messages []string
	for _, rule := range rules {
		findings, err := rule.Check(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, f := range findings {
			if !f.WarnOnly {
				messages = append(messages, f.Message)
			}
		}
	}
	return messages, nil
}
