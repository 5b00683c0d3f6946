package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/explain"
)

func (o *options) diffCommand() *cobra.Command {
	var flags changeFlags
	cmd := &cobra.Command{
		Use:   "diff -f CHANGE [--delete] [--base FILE]",
		Short: "Show what would change if manifests were applied, or removed",
		Long: `Show what would change if manifests were applied or, with --delete, removed: for
every route, rule and field the value before and after, and who sets it.

The manifests of -f are compared with the cluster of the current context, or with
the manifests of --base: then no cluster is asked. All of them are one change.
What applies to a Gateway is what a new route would get there.

Exit code 1 says that something changes, 0 that nothing does.`,
		Example: `  kubectl effective-policy diff -f timeout.yaml
  kubectl effective-policy diff -f timeout.yaml --delete
  kubectl effective-policy diff -f branch/ --base main/ -R -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.diff(cmd, flags) },
	}
	flags.add(cmd, "the cluster")
	o.addOutput(cmd, formatTable, formatJSON)
	return cmd
}

func (o *options) diff(cmd *cobra.Command, flags changeFlags) error {
	chosen, err := o.chosen()
	if err != nil {
		return err
	}
	c, err := o.loadChange(cmd.Context(), flags)
	if err != nil {
		return err
	}
	verdict, err := c.Verdict(cmd.Context())
	if err != nil {
		return err
	}
	for _, r := range verdict.Refusals {
		o.note("warning: it would be refused: %s", about(r.Object, r.Field, r.Message))
	}
	for _, n := range verdict.Notices() {
		o.note("warning: %s", n)
	}
	report := explain.ChangesOf(verdict.Before, verdict.After, verdict.Impact.Changes, chosen)
	if o.output == formatJSON {
		err = encode(o.streams.Out, o.output, report)
	} else {
		err = o.printChanges(report)
	}
	if err == nil && len(report.Changes)+len(report.Unbound) > 0 {
		err = errFinding
	}
	return err
}

// chosen is the selector of -l.
func (o *options) chosen() (labels.Selector, error) {
	selector, err := labels.Parse(o.selector)
	if err != nil {
		return nil, fmt.Errorf("-l %s: %w", o.selector, err)
	}
	return selector, nil
}

// about puts what is said in front of a message.
func about(object hierarchy.Ref, field, message string) string {
	if field != "" {
		message = field + ": " + message
	}
	if !object.IsZero() {
		message = object.String() + ": " + message
	}
	return message
}

// printChanges prints one block for each object, with a part for each set of
// paths, and two lines for each field.
func (o *options) printChanges(report explain.Changes) error {
	p := o.pen()
	if len(report.Changes) == 0 && len(report.Unbound) == 0 {
		o.note("nothing changes")
		return nil
	}
	if len(report.Changes) == 0 {
		for _, u := range report.Unbound {
			p.line("%s", p.paint(bold, u.Ref.String())+" "+p.paint(yellow, u.Sentence()))
		}
		return p.err
	}
	for _, ofOne := range runs(report.Changes, func(c explain.Change) string { return c.Ref.String() }) {
		p.line("%s", p.paint(bold, ofOne[0].Ref.String()))
		for _, u := range report.Unbound {
			if u.Ref == ofOne[0].Ref {
				p.line("  %s", p.paint(yellow, u.Sentence()))
			}
		}
		slices.SortStableFunc(ofOne, func(a, b explain.Change) int { return strings.Compare(pathsOf(a), pathsOf(b)) })
		for _, onPaths := range runs(ofOne, pathsOf) {
			p.line("  %s", p.paint(cyan, pathsOf(onPaths[0])))
			t := &rows{indent: "    "}
			for _, c := range onPaths {
				addChange(t, c)
			}
			t.print(p)
		}
		p.line("")
	}
	p.line("%s", p.paint(bold, report.Totals.Text()))
	return p.err
}

// runs cuts a list into parts of neighbours with the same key.
func runs[T any](list []T, key func(T) string) [][]T {
	var parts [][]T
	for i, item := range list {
		if n := len(parts); i > 0 && key(item) == key(list[i-1]) {
			parts[n-1] = append(parts[n-1], item)
			continue
		}
		parts = append(parts, []T{item})
	}
	return parts
}

// pathsOf says on which paths a field changes.
func pathsOf(c explain.Change) string {
	scope := explain.Scope{Parents: c.Parents, Rules: c.Rules}
	return scope.Heading(c.Ref.GroupKind != hierarchy.GatewayKind)
}

// addChange adds a field with its values before and after.
func addChange(t *rows, c explain.Change) {
	t.add(cell{text: c.Policy + " " + c.Field}, cell{})
	for _, side := range []struct {
		sign  string
		style style
		*explain.Side
	}{{"-", red, c.Before}, {"+", green, c.After}} {
		if side.Side == nil {
			continue
		}
		text := origin(side.Block, side.Place, c.Policy, side.From)
		if side.ClampedBy != "" {
			text += ", limited by bounds of " + who("", c.Policy, side.ClampedBy)
		}
		t.add(cell{"  " + side.sign + " " + valueText(side.Value), side.style}, cell{text: text})
	}
}
