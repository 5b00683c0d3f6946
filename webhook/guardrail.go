package webhook

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/review"
)

// guardrail checks a PolicyGuardrail that is written: it compiles, and its
// examples come out as they say. What was wrong with it before is only said.
func (h *Handlers) guardrail(ctx context.Context, _ *policy.Snapshot, req *request, v *verdict) error {
	if req.Operation == admissionv1.Delete || req.object == nil || !req.change().SpecChanges() {
		return nil
	}
	_, problems, err := guardrail.Examine(ctx, req.old, req.object, h.options.Compilers)
	if err != nil {
		return fmt.Errorf("running the examples of guardrail %s: %w", req.object.GetName(), err)
	}
	for _, p := range problems {
		if p.Warning {
			v.warn("%s", p)
			continue
		}
		v.objections = append(v.objections, review.Objection{Field: p.Field, Message: p.Text()})
	}
	return nil
}
