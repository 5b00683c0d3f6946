package command

import (
	"strconv"
	"strings"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
)

func (o *options) printDescription(d *explain.Description) error {
	if o.Output != workspace.FormatTable {
		return workspace.Encode(o.Streams.Out, o.Output, d)
	}
	p := o.Pen()
	p.Line("%s", p.Paint(terminal.Bold, d.Text))
	facts := &terminal.Rows{Indent: "  "}
	for _, f := range d.Facts {
		facts.Add(terminal.Cell{Text: f.Name, Style: terminal.Faint}, terminal.Cell{Text: f.Value})
	}
	facts.Print(p)
	p.Part("Policies attached here", attachedRows(d.Attached))
	p.Part("Policies from above", attachedRows(d.Above))
	targets := &terminal.Rows{}
	for _, t := range d.Targets {
		targets.Add(terminal.Cell{Text: t.Target}, acceptance(t.Reason, t.Message))
	}
	p.Part("Targets", targets)
	p.Part("In effect", inEffectRows(d.InEffect))
	p.Part("Bound to", boundToRows(d.Bindings))
	p.Part("Listeners and the routes on them", listenerRows(d.Listeners))
	references := &terminal.Rows{}
	for _, r := range d.References {
		s := terminal.Plain
		if r.State != explain.StateExists {
			s = terminal.Yellow
		}
		references.Add(terminal.Cell{Text: r.Field}, terminal.Cell{Text: r.To + ": " + r.State, Style: s})
		for _, a := range r.Policies {
			references.Add(terminal.Cell{}, attachedCell(terminal.Glued([]string{a.Policy})+", ", a))
		}
	}
	p.Part("Refers to", references)
	named := &terminal.Rows{}
	for _, r := range d.NamedBy {
		named.Add(terminal.Cell{Text: r.To}, terminal.Cell{Text: r.Field})
	}
	p.Part("Named by", named)
	if len(d.Facts)+len(d.Attached)+len(d.Targets)+len(d.NamedBy)+len(d.Findings) == 0 {
		p.Line("  %s", p.Paint(terminal.Faint, "no policy is attached to it, and no route or Gateway names it"))
	}
	findings := &terminal.Rows{}
	for _, f := range d.Findings {
		field := f.Field
		if field == "" {
			field = "note"
		}
		findings.Add(terminal.Cell{Text: field, Style: terminal.Yellow}, terminal.Cell{Text: f.Message})
	}
	p.Part("Findings", findings)
	return p.Failed()
}

// acceptance returns whether a policy applies at a target, and if not, why.
func acceptance(reason, message string) terminal.Cell {
	switch reason {
	case policy.ReasonAccepted:
		return terminal.Cell{Text: reason, Style: terminal.Green}
	case policy.ReasonNotLookedAt:
		return terminal.Cell{Text: message, Style: terminal.Yellow}
	}
	return terminal.Cell{Text: reason + ": " + message, Style: terminal.Red}
}

func attachedRows(policies []explain.Attached) *terminal.Rows {
	t := &terminal.Rows{}
	for _, a := range policies {
		t.Add(terminal.Cell{Text: a.Policy}, attachedCell("", a))
	}
	return t
}

// attachedCell returns the blocks of an attached policy, and if it does not apply there, why.
func attachedCell(before string, a explain.Attached) terminal.Cell {
	text := before + strings.Join(a.States, ", ")
	if a.Target != "" { // a published result does not have the target of a policy that only bounds
		text += " of " + terminal.Glued([]string{a.Target})
	}
	switch a.Reason {
	case policy.ReasonAccepted:
		return terminal.Cell{Text: text}
	case policy.ReasonNotLookedAt:
		return terminal.Cell{Text: text + "; " + a.Message, Style: terminal.Yellow}
	}
	return terminal.Cell{Text: text + "; " + a.Reason + ": " + a.Message, Style: terminal.Red}
}

func inEffectRows(counts []explain.InEffect) *terminal.Rows {
	t := &terminal.Rows{}
	for _, c := range counts {
		text := "on " + strconv.Itoa(c.Whole+c.Part) + " of " + prose.Count(c.Paths, "path")
		if c.Part > 0 {
			text += ", on " + strconv.Itoa(c.Part) + " of them in part"
		}
		if len(c.BeatenBy) > 0 {
			text += "; beaten by " + terminal.Glued(c.BeatenBy)
		}
		t.Add(terminal.Cell{Text: "through Gateway " + c.Gateway}, terminal.Cell{Text: text})
		for _, limited := range c.Limited {
			t.Add(terminal.Cell{}, terminal.Cell{Text: limited, Style: terminal.Yellow})
		}
	}
	return t
}

func boundToRows(bindings []explain.Binding) *terminal.Rows {
	t := &terminal.Rows{}
	for _, b := range bindings {
		addBinding(t, b)
	}
	return t
}

func listenerRows(listeners []explain.ListenerRoutes) *terminal.Rows {
	t := &terminal.Rows{}
	for _, l := range listeners {
		routes := terminal.Glued(l.Routes)
		if routes == "" {
			routes = "no routes"
		}
		if l.Note != "" {
			routes += " (" + l.Note + ")"
		}
		on := strings.TrimSpace(l.Spec.Protocol + " " + strconv.Itoa(int(l.Spec.Port)) + " " + l.Spec.Hostname)
		t.Add(terminal.Cell{Text: listenerText(l.ListenerName)}, terminal.Cell{Text: on + ": " + routes})
	}
	return t
}
