package command

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/explain"
)

// printExplanation prints an explanation. The entries say how data planes would enforce it.
func (o *options) printExplanation(e *explain.Explanation, entries []enforcement.Entry) error {
	p := o.Pen()
	p.Line("%s", p.Paint(terminal.Bold, e.Ref.String()))
	printBound(p, e)
	seen := map[string]int{}
	for i, s := range e.Scopes {
		number := ""
		if len(e.Scopes) > 1 {
			number = "[" + strconv.Itoa(i+1) + "] "
		}
		p.Line("")
		p.Line("%s", p.Paint(terminal.Cyan, number+s.Heading(e.Bindings != nil)))
		printScope(p, s, entries, i+1, seen, o.Output == workspace.FormatWide, len(e.Direct) > 0)
	}
	if len(e.NotInForce) > 0 {
		p.Line("")
		p.Line("%s", p.Paint(terminal.Yellow, "Not in force"))
		t := &terminal.Rows{Indent: "  ", Wide: o.Output == workspace.FormatWide}
		for _, r := range e.NotInForce {
			t.Add(terminal.Cell{Text: r.Policy}, standing(r.Target, r.Reason, r.Message))
		}
		t.Print(p)
	}
	if len(e.Direct) > 0 {
		p.Line("")
		p.Line("%s", p.Paint(terminal.Cyan, "Direct policies, each applies to its target as it stands"))
		t := &terminal.Rows{Indent: "  ", Wide: o.Output == workspace.FormatWide}
		for _, d := range e.Direct {
			t.Add(terminal.Cell{Text: d.Policy}, standing(d.Target, d.Reason, d.Message))
		}
		t.Print(p)
	}
	return p.Failed()
}

// standing returns the target of a policy, and if it does not apply there, why.
func standing(target, reason, message string) terminal.Cell {
	at := "on " + strings.ReplaceAll(target, " ", terminal.Unbreakable)
	if message == "" {
		return terminal.Cell{Text: at}
	}
	return terminal.Cell{Text: at + "; " + reason + ": " + message, Style: terminal.Yellow}
}

// printScope prints the kinds of one scope. Text that was printed for an earlier scope is not
// repeated.
func printScope(p *terminal.Pen, s explain.Scope, entries []enforcement.Entry, number int, seen map[string]int, wide, direct bool) {
	for _, fields := range byPolicyKind(s.Fields) {
		t := &terminal.Rows{Indent: "    ", Wide: wide}
		addFields(t, fields, verdictLabel(entries), func(f explain.Field) []terminal.Cell { return enforcementOf(entries, s, f) })
		kind := fields[0].Kind
		var text bytes.Buffer
		draft := &terminal.Pen{To: &text}
		t.Print(draft)
		if at, before := seen[kind+text.String()]; before {
			p.Line("  %s  %s", p.Paint(terminal.Bold, kind), p.Paint(terminal.Faint, "as in ["+strconv.Itoa(at)+"]"))
			continue
		}
		seen[kind+text.String()] = number
		p.Line("  %s", p.Paint(terminal.Bold, kind))
		t.Print(p)
	}
	remarks := &terminal.Rows{Indent: "  ", Wide: wide}
	addRemarks(remarks, s)
	if len(s.Fields) == 0 && len(remarks.Lines) == 0 && direct {
		remarks.Add(terminal.Cell{Text: "no inherited policy states a value here", Style: terminal.Faint}, terminal.Cell{})
	} else if len(s.Fields) == 0 && len(remarks.Lines) == 0 {
		remarks.Add(terminal.Cell{Text: "nothing applies: no policy states a value here", Style: terminal.Faint}, terminal.Cell{})
	}
	remarks.Print(p)
}

func byPolicyKind(fields []explain.Field) [][]explain.Field {
	var groups [][]explain.Field
	for _, f := range fields {
		if n := len(groups); n > 0 && groups[n-1][0].Policy == f.Policy {
			groups[n-1] = append(groups[n-1], f)
			continue
		}
		groups = append(groups, []explain.Field{f})
	}
	return groups
}

// printBound prints to which parents a route is not bound. Those that it is bound to are in the
// headings.
func printBound(p *terminal.Pen, e *explain.Explanation) {
	if len(e.Scopes) == 0 && e.Ref.Kind != "Gateway" {
		p.Line("is bound to no listener, so nothing applies to it:")
		if len(e.Bindings) == 0 {
			p.Line("  it has no parentRefs")
		}
	} else if len(e.Scopes) == 0 {
		p.Line("has no listeners, so nothing applies to it")
	}
	for _, b := range e.Bindings {
		if !b.Accepted {
			p.Wrapped("  ", terminal.Cell{Text: "not bound to " + b.ParentRef.Text() + ": " + b.Reason + ": " + b.Message, Style: terminal.Red})
		}
	}
}

// addFields adds two columns: a value, and its origin; below, the values that it beat and how data
// planes enforce it.
func addFields(t *terminal.Rows, fields []explain.Field, label string, enforced func(explain.Field) []terminal.Cell) {
	for _, f := range fields {
		if f.From == "" {
			t.Add(terminal.Cell{Text: f.Field + ": not set", Style: terminal.Yellow}, terminal.Cell{})
		} else {
			t.Add(terminal.Cell{Text: f.Field + ": " + valueText(f.Value), Style: terminal.Green}, terminal.Cell{Text: origin(f.Block, f.Place, f.Policy, f.FromRef)})
		}
		if f.ClampedBy != "" {
			by := "bounds"
			if f.Limit != "" {
				by = f.Limit
			}
			t.Add(terminal.Cell{Text: "  stated " + valueText(f.Stated), Style: terminal.Yellow}, terminal.Cell{Text: "limited by " + by + " of " + who("", f.Policy, f.ClampedByRef), Style: terminal.Yellow})
		}
		for _, b := range f.Beat {
			t.Add(terminal.Cell{Text: "  beat " + valueText(b.Value), Style: terminal.Faint}, terminal.Cell{Text: origin(b.Block, b.Place, f.Policy, &b.FromRef), Style: terminal.Faint})
		}
		if len(f.Beat) > 0 || f.Block == "bound" {
			t.Add(terminal.Cell{Text: "  why", Style: terminal.Faint}, terminal.Cell{Text: f.Why})
		}
		for _, line := range enforced(f) {
			t.Add(terminal.Cell{Text: "  " + label, Style: terminal.Faint}, line)
		}
	}
}

// verdictLabel introduces how data planes enforce a field: "would be" for manifests, "is" for a
// cluster.
func verdictLabel(entries []enforcement.Entry) string {
	if slices.ContainsFunc(entries, func(e enforcement.Entry) bool { return e.Exporter != "" && e.State != enforcement.Planned }) {
		return "is"
	}
	return "would be"
}

// origin returns who set a value, in which block, and at which target.
func origin(block, place, kind string, from *explain.Object) string {
	if by := who(block, kind, from); by != "" {
		return how(block, place) + ", " + by
	}
	return how(block, place)
}

func addRemarks(t *terminal.Rows, s explain.Scope) {
	for _, message := range s.Invalid {
		t.Add(terminal.Cell{Text: "invalid", Style: terminal.Red}, terminal.Cell{Text: message})
	}
	for _, field := range s.NotApplicable {
		t.Add(terminal.Cell{Text: "not applicable", Style: terminal.Yellow}, terminal.Cell{Text: field + " means nothing on this kind of route"})
	}
	for _, message := range s.Ignored {
		t.Add(terminal.Cell{Text: "ignored", Style: terminal.Yellow}, terminal.Cell{Text: message})
	}
}

// how returns the block and the target of a value.
func how(block, place string) string {
	switch block {
	case "inline":
		return "written in " + place
	case "bound":
		return "bounds of " + place
	}
	return block + " of " + place
}

// who returns the policy of a value. Its kind is in the heading, and is only repeated if it is a
// different one. A route that states a value itself is not repeated.
func who(block, kind string, by *explain.Object) string {
	if block == "inline" || by == nil {
		return ""
	}
	place := hierarchy.Ref{NamespacedName: types.NamespacedName{Namespace: by.Namespace, Name: by.Name}}.Place()
	gk := schema.GroupKind{Group: by.Group, Kind: by.Kind}
	switch {
	case policy.KindName(gk) == kind:
		return place
	case gk.Group == policy.Group:
		return gk.Kind + " " + place
	}
	return hierarchy.KindName(gk) + " " + place
}

// valueText returns a value as people write it.
func valueText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []any:
		items := make([]string, len(v))
		for i := range v {
			items[i] = valueText(v[i])
		}
		return strings.Join(items, ", ")
	}
	text, err := json.Marshal(value)
	if err != nil { // cannot be: values came from JSON
		return err.Error()
	}
	return string(text)
}
