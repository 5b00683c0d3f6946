package command

import (
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/explain"
)

func (o *options) printDescription(d *explain.Description) error {
	if o.output != formatTable {
		return encode(o.streams.Out, o.output, d)
	}
	p := o.pen()
	p.line("%s", p.paint(bold, d.Ref.String()))
	facts := &table{indent: "  "}
	for _, f := range d.Facts {
		facts.add(cell{f.Name, faint}, cell{text: f.Value})
	}
	p.print(facts)
	p.section("Policies attached here", attachedTable(d.Attached))
	p.section("Policies from above", attachedTable(d.Above))
	targets := &table{}
	for _, t := range d.Targets {
		targets.add(cell{text: t.Target}, cell{t.Reason, reasonStyle(t.Reason)}, cell{t.Message, faint})
	}
	p.section("Targets", targets)
	p.section("In effect", inEffectTable(d.InEffect))
	p.section("Bound to", boundToTable(d.Bindings))
	p.section("Listeners and the routes on them", listenerTable(d.Listeners))
	references := &table{}
	for _, r := range d.References {
		s := plain
		if r.State != explain.StateExists {
			s = yellow
		}
		references.add(cell{text: r.Field}, cell{text: r.To}, cell{r.State, s})
	}
	p.section("Refers to", references)
	findings := &table{}
	for _, f := range d.Findings {
		findings.add(cell{f.Field, yellow}, cell{text: f.Message})
	}
	p.section("Findings", findings)
	return p.err
}

// section prints a table under a heading, or nothing when it is empty.
func (p *pen) section(heading string, t *table) {
	if len(t.lines) == 0 {
		return
	}
	p.line("")
	p.line("%s", p.paint(cyan, heading))
	t.indent = "  "
	p.print(t)
}

func reasonStyle(reason string) style {
	if reason == "Accepted" {
		return green
	}
	return red
}

func attachedTable(policies []explain.Attached) *table {
	t := &table{}
	for _, a := range policies {
		t.add(cell{text: a.Policy}, cell{text: "on " + a.Target}, cell{text: strings.Join(a.States, ", ")}, cell{a.Reason, reasonStyle(a.Reason)}, cell{a.Message, faint})
	}
	return t
}

func inEffectTable(counts []explain.InEffect) *table {
	t := &table{}
	for _, c := range counts {
		text := "on " + strconv.Itoa(c.Whole+c.Part) + " of " + strconv.Itoa(c.Paths) + " paths"
		if c.Part > 0 {
			text += ", on " + strconv.Itoa(c.Part) + " of them in part"
		}
		beaten := ""
		if len(c.BeatenBy) > 0 {
			beaten = "beaten by " + strings.Join(c.BeatenBy, ", ")
		}
		t.add(cell{text: "through Gateway " + c.Gateway}, cell{text: text}, cell{beaten, faint})
	}
	return t
}

func boundToTable(bindings []explain.Binding) *table {
	t := &table{}
	for _, b := range bindings {
		if !b.Accepted {
			t.add(cell{text: b.ParentRef.Text()}, cell{"no", red}, cell{text: b.Reason + ": " + b.Message})
			continue
		}
		for _, l := range b.Listeners {
			text := "listener " + l.Listener
			if len(l.Hostnames) > 0 {
				text += ", " + strings.Join(l.Hostnames, ", ")
			}
			if l.Idle != "" {
				text += "; " + l.Idle
			}
			t.add(cell{text: b.ParentRef.Text()}, cell{"yes", green}, cell{text: text})
		}
	}
	return t
}

func listenerTable(listeners []explain.ListenerRoutes) *table {
	t := &table{}
	for _, l := range listeners {
		holder := "Gateway " + l.Gateway
		if l.ListenerSet != "" {
			holder = "ListenerSet " + l.ListenerSet
		}
		routes := strings.Join(l.Routes, ", ")
		if routes == "" {
			routes = "no routes"
		}
		if l.Note != "" {
			routes += " (" + l.Note + ")"
		}
		t.add(cell{text: holder}, cell{text: l.Listener}, cell{text: strings.TrimSpace(l.Spec.Protocol + " " + strconv.Itoa(int(l.Spec.Port)) + " " + l.Spec.Hostname)}, cell{text: routes})
	}
	return t
}
