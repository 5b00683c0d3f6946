package command

import (
	"fmt"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/ci"
	"github.com/attache-dev/attache/policy/preview"
)

// formatMarkdown is for comments on pull requests.
const formatMarkdown = "markdown"

// checkMarkdown prints a verdict as a comment.
func (o *options) checkMarkdown(report *preview.Report) error {
	out := o.Streams.Out
	sign := ":white_check_mark:"
	if report.Denied {
		sign = ":x:"
	}
	fmt.Fprintf(out, "%s\n### %s %s\n\n", ci.MarkdownMarker, sign, totalsText(report))
	var rows [][]string
	for _, f := range report.Findings {
		rows = append(rows, []string{f.Level, f.Place(), f.Sentence()})
	}
	if len(rows) > 0 {
		ci.MarkdownTable(out, []string{"level", "place", "finding"}, rows)
	}
	_, err := fmt.Fprintln(out, totalsText(report))
	return err
}
