package guardrail

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Examine reviews an edit of a guardrail itself: whether it compiles, and whether its examples have
// the expected results. A problem that existed before is a warning. old is nil for a creation. The
// error is the error of the context.
func Examine(ctx context.Context, old, object *unstructured.Unstructured, compile Compilers) (*Guardrail, []Problem, error) {
	g, problems := examined(ctx, object, compile)
	known := map[Problem]bool{}
	if old != nil {
		_, before := examined(ctx, old, compile)
		for _, p := range before {
			known[p.identity()] = true
		}
	}
	for i, p := range problems {
		problems[i].Warning = p.Warning || known[p.identity()]
	}
	return g, problems, ctx.Err()
}

// examined compiles a guardrail and runs its examples.
func examined(ctx context.Context, u *unstructured.Unstructured, compile Compilers) (*Guardrail, []Problem) {
	g, problems := Parse(u, compile)
	if g.Broken == "" {
		problems = append(problems, RunExamples(ctx, g, u)...)
	}
	return g, problems
}

// identity returns what makes two problems the same: this excludes the line, which moves when a
// line is added above it.
func (p Problem) identity() Problem { return Problem{Field: p.Field, Message: p.Message} }
