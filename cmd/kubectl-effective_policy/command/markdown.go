package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/preview"
)

// formatMarkdown is for comments on pull requests.
const formatMarkdown = "markdown"

// marker is how a program finds its own comment again.
const marker = "<!-- attache -->"

// mostRows are shown at once; more are folded.
const mostRows = 30

// markdownCell escapes what would end a cell, or be read as HTML or as a mention.
func markdownCell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", ">", "&gt;", "@", "@\u200b", "`", "\\`").Replace(text)
}

// markdownTable writes a table, folded when it is long.
func markdownTable(out io.Writer, heads []string, rows [][]string) {
	folded := len(rows) > mostRows
	if folded {
		fmt.Fprintf(out, "<details><summary>%s</summary>\n\n", prose.Count(len(rows), "row"))
	}
	fmt.Fprintf(out, "| %s |\n|%s\n", strings.Join(heads, " | "), strings.Repeat("---|", len(heads)))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, text := range row {
			cells[i] = markdownCell(text)
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
	}
	if folded {
		fmt.Fprintf(out, "\n</details>\n")
	}
	fmt.Fprintln(out)
}

// diffMarkdown is a difference as a comment.
func (o *options) diffMarkdown(report *explain.Changes) error {
	out := o.streams.Out
	fmt.Fprintln(out, marker)
	if len(report.Changes)+len(report.Unbound) == 0 {
		_, err := fmt.Fprintln(out, "### Effective policies: nothing changes")
		return err
	}
	fmt.Fprintf(out, "### Effective policies: %s\n\n", totalsOr(report))
	for _, u := range report.Unbound {
		fmt.Fprintf(out, "- :warning: %s %s\n", markdownCell(u.Ref.String()), markdownCell(u.Sentence()))
	}
	if len(report.Unbound) > 0 {
		fmt.Fprintln(out)
	}
	var rows [][]string
	for _, c := range report.Changes {
		rows = append(rows, []string{c.Ref.String(), pathsOf(c), c.Kind + " " + c.Field, sideText(c.Before), sideText(c.After), setBy(c)})
	}
	if len(rows) > 0 {
		markdownTable(out, []string{"object", "paths", "field", "before", "after", "set by"}, rows)
	}
	_, err := fmt.Fprintln(out, totalsOr(report))
	return err
}

// totalsOr are the totals, or how many routes are bound to nothing.
func totalsOr(report *explain.Changes) string {
	if len(report.Changes) > 0 {
		return report.Totals.Text()
	}
	return prose.Count(len(report.Unbound), "route") + " bound to nothing"
}

func sideText(s *explain.Side) string {
	if s == nil {
		return "not set"
	}
	return valueText(s.Value)
}

func setBy(c explain.Change) string {
	side := c.After
	if side == nil {
		side = c.Before
	}
	return origin(side.Block, side.Place, c.Policy, &side.FromRef)
}

// checkMarkdown is a verdict as a comment.
func (o *options) checkMarkdown(report *preview.Report) error {
	out := o.streams.Out
	sign := ":white_check_mark:"
	if report.Denied {
		sign = ":x:"
	}
	fmt.Fprintf(out, "%s\n### %s %s\n\n", marker, sign, totalsText(report))
	var rows [][]string
	for _, f := range report.Findings {
		rows = append(rows, []string{f.Level, f.Place(), f.Sentence()})
	}
	if len(rows) > 0 {
		markdownTable(out, []string{"level", "place", "finding"}, rows)
	}
	_, err := fmt.Fprintln(out, totalsText(report))
	return err
}
