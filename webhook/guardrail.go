package webhook

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
)

// guardrail checks a PolicyGuardrail that is written: it compiles, and its
// examples come out as they say. What was wrong with it before is only said.
func (h *Handlers) guardrail(ctx context.Context, _ *policy.Snapshot, req *request, v *verdict) error {
	if req.Operation == admissionv1.Delete || req.object == nil || req.old != nil && !specChanges(req.old, req.object) {
		return nil
	}
	rail, problems := guardrail.Parse(req.object, h.options.Compilers)
	if rail.Broken == "" {
		problems = append(problems, guardrail.RunExamples(ctx, rail, req.object)...)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("running the examples of guardrail %s: %w", rail.Name, err)
		}
	}
	known := map[string]bool{}
	if req.old != nil {
		was, before := guardrail.Parse(req.old, h.options.Compilers)
		for _, p := range append(before, guardrail.RunExamples(ctx, was, req.old)...) {
			known[p.String()] = true
		}
	}
	for _, p := range problems {
		if p.Warning || known[p.String()] {
			v.warn("%s", p)
			continue
		}
		v.objections = append(v.objections, guardrail.Objection{Field: p.Field, Message: p.Text()})
	}
	return nil
}
