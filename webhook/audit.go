package webhook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/review"
)

// The keys of the annotations in the API server's audit log; it puts the name of
// the webhook in front.
const (
	// AuditEngine is the version of the engine that decided.
	AuditEngine = "engine"
	// AuditGuardrails identifies the set of guardrails that it decided with.
	AuditGuardrails = "guardrails"
	// AuditChanges counts what the write changes.
	AuditChanges = "changes"
	// AuditViolations lists violations of guardrails that only audit, one a line.
	AuditViolations = "violations"
)

// maxAudited is how many violations one entry of the audit log lists.
const maxAudited = 20

// audit is what the audit log keeps of a review.
func (h *Handlers) audit(rails []*guardrail.Guardrail, v review.Verdict) map[string]string {
	entries := map[string]string{
		AuditEngine:     h.options.Version,
		AuditGuardrails: fmt.Sprintf("%s (%d)", guardrail.Digest(rails), len(rails)),
	}
	if v.Impact.Routes+v.Impact.Gateways > 0 {
		entries[AuditChanges] = fmt.Sprintf("routes=%d namespaces=%d gateways=%d", v.Impact.Routes, len(v.Impact.Namespaces), v.Impact.Gateways)
	}
	var lines []string
	for _, x := range v.By(guardrail.Audit) {
		lines = append(lines, prose.Clip("guardrail "+x.Guardrail+": "+x.String(), guardrail.MaxMessage))
	}
	if n := len(lines) - maxAudited; n > 0 {
		lines = append(slices.Clip(lines[:maxAudited]), fmt.Sprintf("and %d more", n))
	}
	if len(lines) > 0 {
		entries[AuditViolations] = strings.Join(lines, "\n")
	}
	return entries
}
