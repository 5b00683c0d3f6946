package command

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// enforcementOf returns how data planes enforce one field in a scope, with one line for each
// different outcome on some of its paths; nothing if no exporter serves them (E3.5).
func enforcementOf(entries []enforcement.Entry, s explain.Scope, f explain.Field) []terminal.Cell {
	var lines []terminal.Cell
	for i := range entries {
		e := &entries[i]
		if e.Exporter == "" || !shareRules(e.Rules.Names(), s.Rules) || !slices.ContainsFunc(e.Parents, func(l *hierarchy.Listener) bool {
			return slices.Contains(s.Parents, explain.NameOf(l))
		}) {
			continue
		}
		found := false
		for _, outcome := range e.Outcomes {
			if outcome.Field.Policy != f.Policy || !slices.Equal(outcome.Field.Path(), f.Path) {
				continue
			}
			found = true
			if line := verdict(e, outcome, f.Block == "inline"); !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
		if found || e.Projected == 0 || !field.IsKind(f.Policy) {
			continue
		}
		if line := verdict(e, export.Outcome{Verdict: export.Projected}, false); !slices.Contains(lines, line) {
			lines = append(lines, line) // there was no room for its position (E3.1)
		}
	}
	return lines
}

// shareRules reports whether two lists of rules have one in common; "*" means all of them.
func shareRules(a, b []string) bool {
	return slices.Contains(a, "*") || slices.Contains(b, "*") ||
		slices.ContainsFunc(a, func(rule string) bool { return slices.Contains(b, rule) })
}

// verdict returns an outcome as one line: what enforces it and where, or why it is not enforced.
func verdict(e *enforcement.Entry, o export.Outcome, inline bool) terminal.Cell {
	notes := ""
	if len(o.Notes) > 0 {
		notes = " (" + strings.Join(o.Notes, ", ") + ")"
	}
	switch {
	case o.Verdict != export.Unsupported && !slices.Contains([]enforcement.State{enforcement.Accepted, enforcement.Planned}, e.State):
		text := "not enforced (" + string(e.State) + ")"
		if e.State == enforcement.Pending {
			text = "not enforced yet (" + string(e.State) + ")"
		}
		if e.Message != "" {
			text += ": " + e.Message
		}
		return terminal.Cell{Text: text, Style: terminal.Yellow}
	case o.Verdict == export.Unsupported:
		return terminal.Cell{Text: "not enforced (" + string(o.Reason) + "): " + o.Message, Style: terminal.Yellow}
	case o.Verdict == export.Degraded:
		return terminal.Cell{Text: "enforced with loss (" + string(o.Reason) + "): " + o.Message + notes, Style: terminal.Yellow}
	case inline && o.InRoute():
		return terminal.Cell{Text: "enforced by the route's own words" + notes}
	}
	if o.As == "" {
		return terminal.Cell{Text: "enforced as stated by " + e.Exporter}
	}
	where := "the route's " + o.As
	if !o.InRoute() {
		where = o.As
		if object, known := e.Holding(o); known {
			where = object.Kind + " " + object.Place() + " " + o.As
		}
	}
	if o.As == export.Absent {
		where = "leaving it out"
	}
	return terminal.Cell{Text: "enforced by " + e.Exporter + ", " + where + notes}
}
