package webhook

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/review"
)

// verdict is the outcome of a review: what is objected to, and what is warned about.
type verdict struct {
	objections []review.Objection
	// message is the message for all objections; it is made from them if it is empty.
	message  string
	warnings []string
	audit    map[string]string
}

func (v *verdict) forbid(field, format string, args ...any) {
	v.objections = append(v.objections, review.Objection{Field: field, Message: fmt.Sprintf(format, args...), Forbidden: true})
}

func (v *verdict) warn(format string, args ...any) {
	v.warnings = append(v.warnings, fmt.Sprintf(format, args...))
}

// GuardrailViolated is the type of the causes in status.details that come from
// guardrails.
const GuardrailViolated metav1.CauseType = "GuardrailViolated"

// maxCauses is the maximum number of objections that a denial lists for programs.
const maxCauses = 20

// answer turns the verdict into the answer to the API server.
func (v *verdict) answer(req *request) *answer {
	return &answer{denial: v.denial(req), warnings: clipped(v.warnings), audit: v.audit}
}

// denial returns nil when there is nothing to refuse.
func (v *verdict) denial(req *request) *metav1.Status {
	if len(v.objections) == 0 {
		return nil
	}
	status := &metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    http.StatusForbidden,
		Reason:  metav1.StatusReasonForbidden,
		Message: cmp.Or(v.message, review.DenialOf(req.shown(), v.objections)),
		Details: &metav1.StatusDetails{Name: req.ref().Name, Group: req.Kind.Group, Kind: req.Kind.Kind},
	}
	for i, o := range v.objections {
		cause := metav1.StatusCause{Type: metav1.CauseTypeForbidden, Field: o.Field, Message: prose.Visible(o.Message)}
		switch {
		case o.Guardrail != "":
			cause.Type, cause.Message = GuardrailViolated, "guardrail "+o.Guardrail+": "+cause.Message
		case !o.Forbidden:
			cause.Type = metav1.CauseTypeFieldValueInvalid
			status.Code, status.Reason = http.StatusUnprocessableEntity, metav1.StatusReasonInvalid
		}
		if i < maxCauses {
			status.Details.Causes = append(status.Details.Causes, cause)
		}
	}
	return status
}

// clipped returns the warnings in a form that an API server does not truncate: it truncates long
// warnings, and too many of them.
func clipped(warnings []string) []string {
	if len(warnings) == 0 {
		return nil
	}
	more := 0
	if n := len(warnings) - review.MaxWarnings; n > 0 {
		more, warnings = n+1, warnings[:review.MaxWarnings-1]
	}
	out := make([]string, 0, len(warnings)+1)
	for _, w := range warnings {
		out = append(out, prose.Clip(strings.Join(strings.Fields(prose.Visible(w)), " "), review.MaxWarning-1))
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("and %d more warnings", more))
	}
	return out
}

// The keys of the annotations in the API server's audit log; it puts the name of
// the webhook in front.
const (
	// AuditEngine is the version of the engine that decided.
	AuditEngine = "engine"
	// AuditGuardrails identifies the set of guardrails that it decided with.
	AuditGuardrails = "guardrails"
	// AuditChanges counts what the write changes.
	AuditChanges = "changes"
	// AuditViolations lists violations of guardrails that only audit, one per line.
	AuditViolations = "violations"
	// AuditUnjudged is what guardrails did not judge of a write of the platform that was admitted:
	// which guardrail was being evaluated when time was up, how far the review had come, and after
	// which time; or which guardrails have more paths than --max-paths.
	AuditUnjudged = "unjudged"
)

// maxAudited is the maximum number of violations in one entry of the audit log.
const maxAudited = 20

// digested is the text that stands for some guardrails.
type digested struct {
	guardrails []*guardrail.Guardrail
	text       string
}

// digestOf is the text that stands for the guardrails of a review: mostly those of the one before.
func (h *Handlers) digestOf(guardrails []*guardrail.Guardrail) string {
	same := func(a, b *guardrail.Guardrail) bool { return a == b || a.Name == b.Name && a.Digest == b.Digest }
	if last := h.digest.Load(); last != nil && slices.EqualFunc(last.guardrails, guardrails, same) {
		return last.text
	}
	now := &digested{slices.Clone(guardrails), fmt.Sprintf("%s (%d)", guardrail.Digest(guardrails), len(guardrails))}
	h.digest.Store(now)
	return now.text
}

// audit returns the audit annotations of a review. What was not judged may be empty.
func (h *Handlers) audit(guardrails []*guardrail.Guardrail, v review.Verdict, unjudged string) map[string]string {
	entries := map[string]string{
		AuditEngine:     h.options.Version,
		AuditGuardrails: h.digestOf(guardrails),
	}
	if unjudged != "" {
		entries[AuditUnjudged] = unjudged
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
