package terminal

import (
	"fmt"
	"io"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
)

// NewPen returns a pen that writes to a writer.
func NewPen(to io.Writer, colours bool) *Pen { return &Pen{To: to, Colours: colours} }

// Failed returns the first write error.
func (p *Pen) Failed() error { return p.err }

// Style is how a piece of text looks on a terminal with colours.
type Style string

// The styles.
const (
	Plain  Style = ""
	Bold   Style = "\x1b[1m"
	Faint  Style = "\x1b[2m"
	Red    Style = "\x1b[31m"
	Green  Style = "\x1b[1;32m"
	Yellow Style = "\x1b[33m"
	Cyan   Style = "\x1b[36m"

	resetStyle = "\x1b[0m"
)

// Pen writes text for people, in colours or without.
type Pen struct {
	To      io.Writer
	Colours bool
	err     error
}

// Paint applies a style to a text. Control characters are made visible, because names come from
// other people.
func (p *Pen) Paint(s Style, text string) string {
	text = prose.Visible(text)
	if !p.Colours || s == Plain || text == "" {
		return text
	}
	return string(s) + text + resetStyle
}

// Line prints a line.
func (p *Pen) Line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.To, strings.TrimRight(format, " ")+"\n", args...)
	}
}

// VisibleLines returns the lines of a composed text, each in a form that is safe to display.
func VisibleLines(text string) []string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = prose.Visible(lines[i])
	}
	return lines
}
