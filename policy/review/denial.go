package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Objection is one reason against an edit, in the form for people and programs.
type Objection struct {
	// Guardrail is the guardrail that objects; empty when the edit is refused without one.
	Guardrail string
	// Field is the path in the object of the edit that has to be changed; if it is not in one of
	// these, the path in the effective policy; or empty.
	Field   string
	Message string
	// Forbidden means that the author may not do this, rather than that it is invalid.
	Forbidden bool
}

// Objections lists every reason for which the edit is denied: first what is wrong with it, then the
// violations of all Deny guardrails.
func (v Verdict) Objections() []Objection {
	var list []Objection
	for _, r := range v.Refusals {
		list = append(list, Objection{Field: r.Field, Message: r.Message, Forbidden: r.Forbidden})
	}
	for _, x := range v.By(guardrail.Deny) {
		list = append(list, Objection{Guardrail: x.Guardrail, Field: v.fieldOf(x), Message: v.Told(x), Forbidden: true})
	}
	return list
}

// Told returns a violation as one line, with what to do about it.
func (v Verdict) Told(x evaluate.Violation) string {
	text := x.Told(v.edit.MayRead)
	if x.Stood {
		text += "; the value that was there may stay, a new one must satisfy the guardrail"
	}
	if remedy := v.remedy(x); remedy != "" {
		text += "; to fix it, " + remedy
	}
	return text
}

// fieldOf returns the field of the edit that sets the offending value, or else its path in the
// effective policy.
func (v Verdict) fieldOf(x evaluate.Violation) string {
	if x.Origin != nil {
		if field := v.ownField(*x.Origin); field != "" {
			return field
		}
	}
	return x.FieldPath
}

// maxObjections is the maximum number of objections that a message lists.
const maxObjections = 20

// Denial returns the message of a denied edit; object is the author's name for it. It is one
// sentence for a single objection, else a heading and a line for each.
func (v Verdict) Denial(object string) string {
	if v.edit.deletes() != nil {
		object = "deleting " + object
	}
	return DenialOf(object, v.Objections())
}

// DenialOf is like Denial, for a list of objections. If only one guardrail objects, it is named
// once, in the heading.
func DenialOf(object string, objections []Objection) string {
	lines := make([]string, len(objections))
	var guardrails []string
	others := false
	for i, o := range objections {
		lines[i] = o.Message
		switch {
		case o.Guardrail != "":
			guardrails = append(guardrails, o.Guardrail)
		default:
			others = true
			if o.Field != "" {
				lines[i] = o.Field + ": " + o.Message
			}
		}
	}
	slices.Sort(guardrails)
	guardrails = slices.Compact(guardrails)
	heading := fmt.Sprintf("%s has %d problems", object, len(lines))
	switch {
	case len(guardrails) == 0 && len(lines) == 1:
		return object + ": " + prose.Visible(lines[0])
	case len(guardrails) > 0 && !others:
		heading = fmt.Sprintf("%s is refused by %s", object, cmp.Or(oneRail(guardrails), "guardrails "+strings.Join(guardrails, ", ")))
	}
	for i, o := range objections {
		if o.Guardrail != "" && (others || len(guardrails) > 1) {
			lines[i] = "guardrail " + o.Guardrail + ": " + lines[i]
		}
		lines[i] = prose.Visible(lines[i])
	}
	more := ""
	if n := len(lines) - maxObjections; n > 0 {
		lines = lines[:maxObjections]
		more = fmt.Sprintf("\n- and %d more", n)
	}
	return heading + ":\n- " + strings.Join(lines, "\n- ") + more
}

func oneRail(guardrails []string) string {
	if len(guardrails) == 1 {
		return "guardrail " + guardrails[0]
	}
	return ""
}
