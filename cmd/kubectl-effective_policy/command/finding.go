package command

import (
	"fmt"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/preview"
)

// printFindings prints the findings, each with its place and level, and the totals.
// With -o wide each is one line.
func (o *options) printFindings(r *preview.Report) error {
	p := o.pen()
	styles := map[string]style{preview.Denied: red, preview.Warning: yellow, preview.Note: faint}
	t, above := &table{}, ""
	for _, f := range r.Findings {
		place := f.Place()
		if place == "" {
			place = "-"
		}
		if o.output == formatWide {
			t.add(cell{text: place}, cell{f.Level, styles[f.Level]}, cell{text: f.Sentence()})
			continue
		}
		if at := place + "  " + f.Level; at != above {
			above = at
			p.line("%s  %s", p.paint(plain, place), p.paint(styles[f.Level], f.Level))
		}
		for _, line := range wrap(f.Sentence(), screen-2) {
			p.line("  %s", p.paint(plain, line))
		}
	}
	p.print(t)
	if len(r.Findings) > 0 {
		p.line("")
	}
	if o.output == formatWide {
		p.line("%s", p.paint(bold, totalsText(r)))
	} else {
		p.wrapped("", cell{totalsText(r), bold})
	}
	return p.err
}

// totalsText is the totals in words.
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
