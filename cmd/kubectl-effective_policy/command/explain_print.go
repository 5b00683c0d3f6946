package command

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/explain"
)

// The entries are what data planes would make of it.
func (o *options) printExplanation(e *explain.Explanation, entries []enforcement.Entry) error {
	p := o.pen()
	p.line("%s", p.paint(bold, e.Ref.String()))
	printBound(p, e)
	seen := map[string]int{}
	for i, s := range e.Scopes {
		number := ""
		if len(e.Scopes) > 1 {
			number = "[" + strconv.Itoa(i+1) + "] "
		}
		p.line("")
		p.line("%s", p.paint(cyan, number+s.Heading(e.Bindings != nil)))
		printScope(p, s, entries, i+1, seen, o.output == formatWide, len(e.Direct) > 0)
	}
	if len(e.NotInForce) > 0 {
		p.line("")
		p.line("%s", p.paint(yellow, "Not in force"))
		t := &rows{indent: "  ", wide: o.output == formatWide}
		for _, r := range e.NotInForce {
			t.add(cell{text: r.Policy}, standing(r.Target, r.Reason, r.Message))
		}
		t.print(p)
	}
	if len(e.Direct) > 0 {
		p.line("")
		p.line("%s", p.paint(cyan, "Direct policies, each applies to its target as it stands"))
		t := &rows{indent: "  ", wide: o.output == formatWide}
		for _, d := range e.Direct {
			t.add(cell{text: d.Policy}, standing(d.Target, d.Reason, d.Message))
		}
		t.print(p)
	}
	return p.err
}

// standing is where a policy is, and why it does not apply there.
func standing(target, reason, message string) cell {
	at := "on " + strings.ReplaceAll(target, " ", unbreakable)
	if message == "" {
		return cell{text: at}
	}
	return cell{at + "; " + reason + ": " + message, yellow}
}

// printScope prints the kinds of one scope. What reads as it did in an earlier
// scope is not said again.
func printScope(p *pen, s explain.Scope, entries []enforcement.Entry, number int, seen map[string]int, wide, direct bool) {
	for _, fields := range byPolicyKind(s.Fields) {
		t := &rows{indent: "    ", wide: wide}
		addFields(t, fields, verdictLabel(entries), func(f explain.Field) []cell { return enforcementOf(entries, s, f) })
		kind := fields[0].Kind
		var text bytes.Buffer
		draft := &pen{to: &text}
		t.print(draft)
		if at, before := seen[kind+text.String()]; before {
			p.line("  %s  %s", p.paint(bold, kind), p.paint(faint, "as in ["+strconv.Itoa(at)+"]"))
			continue
		}
		seen[kind+text.String()] = number
		p.line("  %s", p.paint(bold, kind))
		t.print(p)
	}
	remarks := &rows{indent: "  ", wide: wide}
	addRemarks(remarks, s)
	if len(s.Fields) == 0 && len(remarks.lines) == 0 && direct {
		remarks.add(cell{"no policy that is inherited states a value here", faint}, cell{})
	} else if len(s.Fields) == 0 && len(remarks.lines) == 0 {
		remarks.add(cell{"nothing applies: no policy states a value here", faint}, cell{})
	}
	remarks.print(p)
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

// printBound says what a route is not bound to. What it is bound to is in the
// headings.
func printBound(p *pen, e *explain.Explanation) {
	if len(e.Scopes) == 0 && e.Ref.Kind != "Gateway" {
		p.line("is bound to no listener, so nothing applies to it:")
		if len(e.Bindings) == 0 {
			p.line("  it has no parentRefs")
		}
	} else if len(e.Scopes) == 0 {
		p.line("has no listeners, so nothing applies to it")
	}
	for _, b := range e.Bindings {
		if !b.Accepted {
			p.wrapped("  ", cell{"not bound to " + b.ParentRef.Text() + ": " + b.Reason + ": " + b.Message, red})
		}
	}
}

// addFields adds two columns: a value, and who set it; below, whom it beat and what
// data planes make of it.
func addFields(t *rows, fields []explain.Field, label string, enforced func(explain.Field) []cell) {
	for _, f := range fields {
		if f.From == "" {
			t.add(cell{f.Field + ": not set", yellow}, cell{})
		} else {
			t.add(cell{f.Field + ": " + valueText(f.Value), green}, cell{text: origin(f.Block, f.Place, f.Policy, f.FromRef)})
		}
		if f.ClampedBy != "" {
			by := "bounds"
			if f.Limit != "" {
				by = f.Limit
			}
			t.add(cell{"  stated " + valueText(f.Stated), yellow}, cell{"limited by " + by + " of " + who("", f.Policy, f.ClampedByRef), yellow})
		}
		for _, b := range f.Beat {
			t.add(cell{"  beat " + valueText(b.Value), faint}, cell{origin(b.Block, b.Place, f.Policy, &b.FromRef), faint})
		}
		if len(f.Beat) > 0 || f.Block == "bound" {
			t.add(cell{"  why", faint}, cell{text: f.Why})
		}
		for _, line := range enforced(f) {
			t.add(cell{"  " + label, faint}, line)
		}
	}
}

// verdictLabel leads to what data planes make of a field: what they would, from manifests, and what
// they do, from a cluster.
func verdictLabel(entries []enforcement.Entry) string {
	if slices.ContainsFunc(entries, func(e enforcement.Entry) bool { return e.Exporter != "" && e.State != enforcement.Planned }) {
		return "is"
	}
	return "would be"
}

// origin is who set a value, and in which block on what.
func origin(block, place, kind string, from *explain.Object) string {
	if by := who(block, kind, from); by != "" {
		return how(block, place) + ", " + by
	}
	return how(block, place)
}

func addRemarks(t *rows, s explain.Scope) {
	for _, message := range s.Invalid {
		t.add(cell{"invalid", red}, cell{text: message})
	}
	for _, field := range s.NotApplicable {
		t.add(cell{"not applicable", yellow}, cell{text: field + " means nothing on this kind of route"})
	}
	for _, message := range s.Ignored {
		t.add(cell{"ignored", yellow}, cell{text: message})
	}
}

// how is the block and the place of a value.
func how(block, place string) string {
	switch block {
	case "inline":
		return "written in " + place
	case "bound":
		return "bounds of " + place
	}
	return block + " of " + place
}

// who is the policy of a value. Its kind stands above, and is said only where it is another one. A
// route that states a value itself is said already.
func who(block, kind string, by *explain.Object) string {
	if block == "inline" || by == nil {
		return ""
	}
	place := hierarchy.Ref{NamespacedName: types.NamespacedName{Namespace: by.Namespace, Name: by.Name}}.Place()
	if name := policy.KindName(schema.GroupKind{Group: by.Group, Kind: by.Kind}); name != kind {
		return name + " " + place
	}
	return place
}

// valueText is a value as a person writes it.
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
