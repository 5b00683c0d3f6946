package command

import (
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
)

func (o *options) printDescription(d *explain.Description) error {
	if o.output != formatTable {
		return encode(o.streams.Out, o.output, d)
	}
	p := o.pen()
	p.line("%s", p.paint(bold, d.Text))
	facts := &rows{indent: "  "}
	for _, f := range d.Facts {
		facts.add(cell{f.Name, faint}, cell{text: f.Value})
	}
	facts.print(p)
	p.part("Policies attached here", attachedRows(d.Attached))
	p.part("Policies from above", attachedRows(d.Above))
	targets := &rows{}
	for _, t := range d.Targets {
		targets.add(cell{text: t.Target}, acceptance(t.Reason, t.Message))
	}
	p.part("Targets", targets)
	p.part("In effect", inEffectRows(d.InEffect))
	p.part("Bound to", boundToRows(d.Bindings))
	p.part("Listeners and the routes on them", listenerRows(d.Listeners))
	references := &rows{}
	for _, r := range d.References {
		s := plain
		if r.State != explain.StateExists {
			s = yellow
		}
		references.add(cell{text: r.Field}, cell{r.To + ": " + r.State, s})
		for _, a := range r.Policies {
			references.add(cell{}, attachedCell(glued([]string{a.Policy})+", ", a))
		}
	}
	p.part("Refers to", references)
	named := &rows{}
	for _, r := range d.NamedBy {
		named.add(cell{text: r.To}, cell{text: r.Field})
	}
	p.part("Named by", named)
	if len(d.Facts)+len(d.Attached)+len(d.Targets)+len(d.NamedBy)+len(d.Findings) == 0 {
		p.line("  %s", p.paint(faint, "no policy is attached to it, and no route or Gateway names it"))
	}
	findings := &rows{}
	for _, f := range d.Findings {
		field := f.Field
		if field == "" {
			field = "note"
		}
		findings.add(cell{field, yellow}, cell{text: f.Message})
	}
	p.part("Findings", findings)
	return p.err
}

// part prints rows under a heading, or nothing when there are none.
func (p *pen) part(heading string, t *rows) {
	if len(t.lines) == 0 {
		return
	}
	p.line("")
	p.line("%s", p.paint(cyan, heading))
	t.indent = "  "
	t.print(p)
}

// acceptance is whether a policy applies at a target, and why it does not.
func acceptance(reason, message string) cell {
	switch reason {
	case policy.ReasonAccepted:
		return cell{reason, green}
	case policy.ReasonNotLookedAt:
		return cell{message, yellow}
	}
	return cell{reason + ": " + message, red}
}

func attachedRows(policies []explain.Attached) *rows {
	t := &rows{}
	for _, a := range policies {
		t.add(cell{text: a.Policy}, attachedCell("", a))
	}
	return t
}

// attachedCell is what a policy states where it is attached, and why it does not
// apply there.
func attachedCell(before string, a explain.Attached) cell {
	text := before + strings.Join(a.States, ", ")
	if a.Target != "" { // what is published does not say where a policy stands that only bounds
		text += " of " + glued([]string{a.Target})
	}
	switch a.Reason {
	case policy.ReasonAccepted:
		return cell{text: text}
	case policy.ReasonNotLookedAt:
		return cell{text + "; " + a.Message, yellow}
	}
	return cell{text + "; " + a.Reason + ": " + a.Message, red}
}

func inEffectRows(counts []explain.InEffect) *rows {
	t := &rows{}
	for _, c := range counts {
		text := "on " + strconv.Itoa(c.Whole+c.Part) + " of " + prose.Count(c.Paths, "path")
		if c.Part > 0 {
			text += ", on " + strconv.Itoa(c.Part) + " of them in part"
		}
		if len(c.BeatenBy) > 0 {
			text += "; beaten by " + glued(c.BeatenBy)
		}
		t.add(cell{text: "through Gateway " + c.Gateway}, cell{text: text})
		for _, limited := range c.Limited {
			t.add(cell{}, cell{limited, yellow})
		}
	}
	return t
}

func boundToRows(bindings []explain.Binding) *rows {
	t := &rows{}
	for _, b := range bindings {
		addBinding(t, b)
	}
	return t
}

func listenerRows(listeners []explain.ListenerRoutes) *rows {
	t := &rows{}
	for _, l := range listeners {
		routes := glued(l.Routes)
		if routes == "" {
			routes = "no routes"
		}
		if l.Note != "" {
			routes += " (" + l.Note + ")"
		}
		on := strings.TrimSpace(l.Spec.Protocol + " " + strconv.Itoa(int(l.Spec.Port)) + " " + l.Spec.Hostname)
		t.add(cell{text: listenerText(l.ListenerName)}, cell{text: on + ": " + routes})
	}
	return t
}
