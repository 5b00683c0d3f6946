package terminal

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/attache-dev/attache/hierarchy/prose"
)

// Cell is one place in a table.
type Cell struct {
	Text  string
	Style Style
}

// Table is lines of cells. Columns are as wide as their widest cell, but the
// last cell of a line takes what it needs.
type Table struct {
	Indent string
	Lines  [][]Cell
}

// Add adds a line.
func (t *Table) Add(cells ...Cell) { t.Lines = append(t.Lines, cells) }

// Head adds a line of headings.
func (t *Table) Head(names ...string) {
	cells := make([]Cell, len(names))
	for i, name := range names {
		cells[i] = Cell{name, Bold}
	}
	t.Add(cells...)
}

// Plain adds a line of text.
func (t *Table) Plain(texts ...string) {
	cells := make([]Cell, len(texts))
	for i, text := range texts {
		if text == "" {
			text = "-"
		}
		cells[i] = Cell{Text: text}
	}
	t.Add(cells...)
}

// DropEmpty removes the columns that have nothing below their heading.
func (t *Table) DropEmpty() {
	for i := len(t.Lines[0]) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(t.Lines[1:], func(line []Cell) bool { return i < len(line) && line[i].Text != "-" && line[i].Text != "" }) {
			for n, line := range t.Lines {
				if i < len(line) {
					t.Lines[n] = slices.Delete(line, i, i+1)
				}
			}
		}
	}
}

// widths are those of the columns; the last cell of a line does not count.
func (t *Table) widths() []int {
	var widths []int
	for _, line := range t.Lines {
		for i, c := range line[:max(len(line)-1, 0)] {
			for len(widths) <= i {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(c.Text))
		}
	}
	return widths
}

// Width returns the number of columns of a text.
func Width(text string) int { return utf8.RuneCountInString(prose.Visible(text)) }

// Print writes the table.
func (p *Pen) Print(t *Table) {
	const gap = "  "
	widths := t.widths()
	for _, line := range t.Lines {
		var b strings.Builder
		b.WriteString(t.Indent)
		for i, c := range line {
			b.WriteString(p.Paint(c.Style, c.Text))
			if i < len(line)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-Width(c.Text)) + gap)
			}
		}
		p.Line("%s", strings.TrimRight(b.String(), " "))
	}
}
