package command

import (
	"fmt"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/ci"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/explain"
)

// diffMarkdown prints a difference as a comment.
func (o *options) diffMarkdown(report *explain.Changes) error {
	out := o.Streams.Out
	fmt.Fprintln(out, ci.MarkdownMarker)
	if len(report.Changes)+len(report.Unbound) == 0 {
		_, err := fmt.Fprintln(out, "### Effective policies: nothing changes")
		return err
	}
	fmt.Fprintf(out, "### Effective policies: %s\n\n", totalsOr(report))
	for _, u := range report.Unbound {
		fmt.Fprintf(out, "- :warning: %s %s\n", ci.MarkdownCell(u.Ref.String()), ci.MarkdownCell(u.Sentence()))
	}
	if len(report.Unbound) > 0 {
		fmt.Fprintln(out)
	}
	var rows [][]string
	for _, c := range report.Changes {
		rows = append(rows, []string{c.Ref.String(), pathsOf(c), c.Kind + " " + c.Field, sideText(c.Before), sideText(c.After), setBy(c)})
	}
	if len(rows) > 0 {
		ci.MarkdownTable(out, []string{"object", "paths", "field", "before", "after", "set by"}, rows)
	}
	_, err := fmt.Fprintln(out, totalsOr(report))
	return err
}

// totalsOr returns the totals, or the number of routes that are not bound.
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
