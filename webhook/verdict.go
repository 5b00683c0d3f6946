package webhook

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// violation is one reason to refuse an edit.
type violation struct {
	// Field is the path in the object under review that the person has to change;
	// empty when it is none or not known.
	Field   string
	Message string
	// Forbidden says that the author may not do this, rather than that it is
	// wrong.
	Forbidden bool
}

// verdict is what the checks found.
type verdict struct {
	violations []violation
	warnings   []string
}

func (v *verdict) deny(field, format string, args ...any) {
	v.violations = append(v.violations, violation{Field: field, Message: fmt.Sprintf(format, args...)})
}

func (v *verdict) forbid(field, format string, args ...any) {
	v.violations = append(v.violations, violation{Field: field, Message: fmt.Sprintf(format, args...), Forbidden: true})
}

func (v *verdict) warn(format string, args ...any) {
	v.warnings = append(v.warnings, fmt.Sprintf(format, args...))
}

// maxCauses is how many violations a denial lists.
const maxCauses = 20

// answer turns the verdict into what the API server is told.
func (v *verdict) answer(req *request) *answer {
	return &answer{denial: v.denial(req), warnings: clipped(v.warnings)}
}

// denial is nil when there is nothing to refuse.
func (v *verdict) denial(req *request) *metav1.Status {
	if len(v.violations) == 0 {
		return nil
	}
	status := &metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    http.StatusForbidden,
		Reason:  metav1.StatusReasonForbidden,
		Message: v.message(req.shown()),
		Details: &metav1.StatusDetails{Name: req.ref().Name, Group: req.Kind.Group, Kind: req.Kind.Kind},
	}
	for i, violation := range v.violations {
		cause := metav1.StatusCause{Type: metav1.CauseTypeForbidden, Field: violation.Field, Message: violation.Message}
		if !violation.Forbidden {
			cause.Type = metav1.CauseTypeFieldValueInvalid
			status.Code, status.Reason = http.StatusUnprocessableEntity, metav1.StatusReasonInvalid
		}
		if i < maxCauses {
			status.Details.Causes = append(status.Details.Causes, cause)
		}
	}
	return status
}

// message is a sentence for one problem and a list for several.
func (v *verdict) message(object string) string {
	lines := make([]string, 0, len(v.violations))
	for _, violation := range v.violations {
		line := violation.Message
		if violation.Field != "" {
			line = violation.Field + ": " + line
		}
		lines = append(lines, line)
	}
	if len(lines) == 1 {
		return object + ": " + lines[0]
	}
	more := ""
	if n := len(lines) - maxCauses; n > 0 {
		lines = lines[:maxCauses]
		more = fmt.Sprintf("\n- and %d more", n)
	}
	return fmt.Sprintf("%s has %d problems:\n- %s%s", object, len(v.violations), strings.Join(lines, "\n- "), more)
}

// The API server cuts warnings that are longer, or when there is too much of
// them; a person does not read more either.
const (
	maxWarning  = 249
	maxWarnings = 10
)

// clipped are the warnings in the form that an API server passes on.
func clipped(warnings []string) []string {
	if len(warnings) == 0 {
		return nil
	}
	if n := len(warnings) - maxWarnings; n > 0 {
		warnings = append(slices.Clone(warnings[:maxWarnings-1]), fmt.Sprintf("and %d more warnings", n+1))
	}
	out := make([]string, len(warnings))
	for i, w := range warnings {
		out[i] = clip(strings.Join(strings.Fields(w), " "), maxWarning)
	}
	return out
}

// clip shortens a text to a number of bytes, at the end of a character.
func clip(text string, limit int) string {
	const mark = "…"
	if len(text) <= limit {
		return text
	}
	end := limit - len(mark)
	for end > 0 && text[end]&0xC0 == 0x80 {
		end--
	}
	return text[:end] + mark
}
