package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/attache-dev/attache/hierarchy/prose"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/hierarchy"
)

// The output formats.
const (
	formatTable = "table"
	formatWide  = "wide"
	formatJSON  = "json"
	formatYAML  = "yaml"
)

func (w *world) selects(meta *hierarchy.Meta) bool {
	return w.selector.Matches(labels.Set(meta.Labels))
}

// encode writes a value as JSON or YAML. It ends with a line break.
func encode(to io.Writer, format string, value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return err
	}
	out := text.Bytes()
	if format == formatYAML {
		var err error
		if out, err = yaml.JSONToYAML(out); err != nil {
			return err
		}
	}
	_, err := to.Write(out)
	return err
}

// style is how a piece of text looks on a terminal with colours.
type style string

const (
	plain  style = ""
	bold   style = "\x1b[1m"
	faint  style = "\x1b[2m"
	red    style = "\x1b[31m"
	green  style = "\x1b[1;32m"
	yellow style = "\x1b[33m"
	cyan   style = "\x1b[36m"

	resetStyle = "\x1b[0m"
)

// pen writes text for people, in colours or without.
type pen struct {
	to      io.Writer
	colours bool
	err     error
}

// pen returns a pen for standard output.
func (o *options) pen() *pen {
	return &pen{to: o.streams.Out, colours: !o.noColor && printers.AllowsColorOutput(o.streams.Out)}
}

// paint puts a text into a style. What could steer a terminal is made visible:
// names come from other people.
func (p *pen) paint(s style, text string) string {
	text = prose.Visible(text)
	if !p.colours || s == plain || text == "" {
		return text
	}
	return string(s) + text + resetStyle
}

func (p *pen) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.to, strings.TrimRight(format, " ")+"\n", args...)
	}
}

// cell is one place in a table.
type cell struct {
	text  string
	style style
}

// table is lines of cells. Columns are as wide as their widest cell, but the
// last cell of a line takes what it needs.
type table struct {
	indent string
	lines  [][]cell
}

func (t *table) add(cells ...cell) { t.lines = append(t.lines, cells) }

// head adds a line of headings.
func (t *table) head(names ...string) {
	cells := make([]cell, len(names))
	for i, name := range names {
		cells[i] = cell{name, bold}
	}
	t.add(cells...)
}

// plain adds a line of text.
func (t *table) plain(texts ...string) {
	cells := make([]cell, len(texts))
	for i, text := range texts {
		if text == "" {
			text = "-"
		}
		cells[i] = cell{text: text}
	}
	t.add(cells...)
}

// dropEmpty leaves out the columns that have nothing below their heading.
func (t *table) dropEmpty() {
	for i := len(t.lines[0]) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(t.lines[1:], func(line []cell) bool { return i < len(line) && line[i].text != "-" && line[i].text != "" }) {
			for n, line := range t.lines {
				if i < len(line) {
					t.lines[n] = slices.Delete(line, i, i+1)
				}
			}
		}
	}
}

// widths are those of the columns; the last cell of a line does not count.
func (t *table) widths() []int {
	var widths []int
	for _, line := range t.lines {
		for i, c := range line[:max(len(line)-1, 0)] {
			for len(widths) <= i {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(c.text))
		}
	}
	return widths
}

func width(text string) int { return utf8.RuneCountInString(prose.Visible(text)) }

// print writes the table.
func (p *pen) print(t *table) {
	const gap = "  "
	widths := t.widths()
	for _, line := range t.lines {
		var b strings.Builder
		b.WriteString(t.indent)
		for i, c := range line {
			b.WriteString(p.paint(c.style, c.text))
			if i < len(line)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-width(c.text)) + gap)
			}
		}
		p.line("%s", strings.TrimRight(b.String(), " "))
	}
}

// visibleLines are the lines of a text that we put together, each as it may be shown.
func visibleLines(text string) []string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = prose.Visible(lines[i])
	}
	return lines
}
