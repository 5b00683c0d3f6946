package command

import (
	"fmt"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/preview"
)

// printFindings prints the findings, each with its place and level, and the totals.
// With -o wide each is one line.
func (o *options) printFindings(r *preview.Report) error {
	p := o.Pen()
	styles := map[string]terminal.Style{preview.Denied: terminal.Red, preview.Warning: terminal.Yellow, preview.Note: terminal.Faint}
	t, above := &terminal.Table{}, ""
	for _, f := range r.Findings {
		place := f.Place()
		if place == "" {
			place = "-"
		}
		if o.Output == workspace.FormatWide {
			t.Add(terminal.Cell{Text: place}, terminal.Cell{Text: f.Level, Style: styles[f.Level]}, terminal.Cell{Text: f.Sentence()})
			continue
		}
		if at := place + "  " + f.Level; at != above {
			above = at
			p.Line("%s  %s", p.Paint(terminal.Plain, place), p.Paint(styles[f.Level], f.Level))
		}
		for _, line := range terminal.Wrap(f.Sentence(), terminal.Screen-2) {
			p.Line("  %s", p.Paint(terminal.Plain, line))
		}
	}
	p.Print(t)
	if len(r.Findings) > 0 {
		p.Line("")
	}
	if o.Output == workspace.FormatWide {
		p.Line("%s", p.Paint(terminal.Bold, totalsText(r)))
	} else {
		p.Wrapped("", terminal.Cell{Text: totalsText(r), Style: terminal.Bold})
	}
	return p.Failed()
}

// totalsText returns the totals in words.
func totalsText(r *preview.Report) string {
	text := prose.Count(r.Totals.Objects, "object") + ": allowed"
	switch {
	case r.Totals.Denials == 0:
	case r.Totals.Objects <= 1:
		text = "1 object: denied"
	default:
		text = fmt.Sprintf("%d of %s denied", r.DeniedObjects, prose.Count(r.Totals.Objects, "object"))
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
