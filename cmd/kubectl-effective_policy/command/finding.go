package command

import (
	"fmt"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/preview"
)

// printFindings prints a line for each finding, and the totals.
func (o *options) printFindings(r *preview.Report) error {
	p := o.pen()
	styles := map[string]style{preview.Denied: red, preview.Warning: yellow, preview.Note: faint}
	t := &table{}
	for _, f := range r.Findings {
		place := f.Place()
		if place == "" {
			place = "-"
		}
		t.add(cell{text: place}, cell{f.Level, styles[f.Level]}, cell{text: f.Sentence()})
	}
	p.print(t)
	if len(r.Findings) > 0 {
		p.line("")
	}
	p.line("%s", p.paint(bold, totalsText(r)))
	return p.err
}

// totalsText is the totals in words.
func totalsText(r *preview.Report) string {
	text := prose.Count(r.Totals.Objects, "object") + ": "
	switch t := r.Totals; {
	case t.Denials > 0:
		text += "denied for " + prose.Count(t.Denials, "reason")
	default:
		text += "allowed"
	}
	if r.Totals.Warnings > 0 {
		text += ", " + prose.Count(r.Totals.Warnings, "warning")
	}
	if r.Unbound > 0 {
		verb := "are"
		if r.Unbound == 1 {
			verb = "is"
		}
		text += fmt.Sprintf("; %d of %s %s bound to nothing", r.Unbound, prose.Count(r.Routes, "route"), verb)
	}
	if r.Changes.Fields > 0 {
		text += "; " + r.Changes.Text()
	}
	return text
}
