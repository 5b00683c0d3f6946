package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/edit"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/explain"
)

func (o *options) diffCommand() *cobra.Command {
	var flags diffFlags
	cmd := &cobra.Command{
		Use:   "diff -f CHANGE [--delete] [--base FILE]",
		Short: "Show what would change if manifests were applied, or removed",
		Long: `Show what would change if manifests were applied or, with --delete, removed: for
every route, rule and field the value before and after, and who sets it.

The manifests of -f are compared with the cluster of the current context, or with
the manifests of --base: then no cluster is asked. All of them are one change.
The rows of a Gateway show what a new route without policies of its own would get.

From 10 routes on, equal changes are shown together; --full never does that, --summary always.

The exit code is 1 if something changes, and 0 if nothing does.`,
		Example: `  kubectl effective-policy diff -f timeout.yaml
  kubectl effective-policy diff -f timeout.yaml --delete
  kubectl effective-policy diff -f branch/ --base main/ -R --prune -o markdown`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.diff(cmd, flags) },
	}
	flags.Add(cmd, "the cluster")
	cmd.Flags().BoolVar(&flags.full, "full", false, "show every object by itself, however many change")
	cmd.Flags().BoolVar(&flags.summary, "summary", false, "show equal changes on one line, however few")
	cmd.Flags().BoolVar(&flags.keep, "keep", false, "also show routes that keep their value")
	cmd.MarkFlagsMutuallyExclusive("full", "summary")
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatJSON, formatMarkdown)
	return cmd
}

// diffFlags are the flags of a change, and those that say how much is shown.
type diffFlags struct {
	edit.Flags
	full, summary, keep bool
}

// manyRoutes is the number of routes from which on equal changes are grouped.
const manyRoutes = 10

func (o *options) diff(cmd *cobra.Command, flags diffFlags) error {
	chosen, err := o.chosen()
	if err != nil {
		return err
	}
	flags.Staying = true
	c, err := edit.Load(cmd.Context(), o.Flags, flags.Flags)
	if err != nil {
		return err
	}
	verdict, err := c.Verdict(cmd.Context())
	if err != nil {
		return err
	}
	for _, r := range verdict.Refusals {
		o.Note("warning: it would be refused: %s", about(r.Object, r.Field, r.Message))
	}
	for _, n := range verdict.Notices() {
		o.Note("warning: %s", n)
	}
	report := explain.ChangesOf(verdict.Before, verdict.After, o.inNamespace(verdict.Changes()), chosen)
	report.Unbound = slices.DeleteFunc(report.Unbound, func(u explain.Unbound) bool { return !o.among(u.Ref) })
	if flags.keep {
		report.Kept = report.KeptBy(verdict.After, c.Touched(verdict.After))
	}
	switch {
	case o.Output == workspace.FormatJSON:
		err = workspace.Encode(o.Streams.Out, o.Output, report)
	case o.Output == formatMarkdown:
		err = o.diffMarkdown(&report)
	case flags.summary || !flags.full && report.Totals.Routes >= manyRoutes:
		err = o.printGroups(&report)
	default:
		err = o.printChanges(report)
	}
	if err == nil && o.Output == workspace.FormatTable {
		err = o.printKept(report.Kept)
	}
	if err == nil && len(report.Changes)+len(report.Unbound) > 0 {
		err = errFinding
	}
	return err
}

// among reports whether an object is in the namespace of -n, if there is one.
func (o *options) among(ref hierarchy.Ref) bool {
	return o.AllNamespaces || *o.Config.Namespace == "" || ref.Namespace == *o.Config.Namespace
}

// inNamespace returns the changes in the namespace of -n, if there is one, and notes how many
// objects in other namespaces change as well.
func (o *options) inNamespace(changes []effective.Change) []effective.Change {
	elsewhere := map[hierarchy.Ref]bool{}
	shown := slices.DeleteFunc(slices.Clone(changes), func(c effective.Change) bool {
		if !o.among(c.Target) {
			elsewhere[c.Target] = true
		}
		return !o.among(c.Target)
	})
	if n := len(elsewhere); n > 0 {
		o.Note("note: %s in other namespaces would change too: leave -n out to see them", prose.Count(n, "object"))
	}
	return shown
}

// chosen is the selector of -l.
func (o *options) chosen() (labels.Selector, error) {
	selector, err := labels.Parse(o.Selector)
	if err != nil {
		return nil, fmt.Errorf("-l %s: %w", o.Selector, err)
	}
	return selector, nil
}

// about adds the object and the field in front of a message.
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
	p := o.Pen()
	if len(report.Changes) == 0 && len(report.Unbound) == 0 {
		o.Note("nothing changes")
		return nil
	}
	if len(report.Changes) == 0 {
		for _, u := range report.Unbound {
			p.Wrapped("", terminal.Cell{Text: u.Ref.String() + " " + u.Sentence(), Style: terminal.Yellow})
		}
		return p.Failed()
	}
	for _, ofOne := range terminal.Runs(report.Changes, func(c explain.Change) string { return c.Ref.String() }) {
		p.Line("%s", p.Paint(terminal.Bold, ofOne[0].Ref.String()))
		for _, u := range report.Unbound {
			if u.Ref == ofOne[0].Ref {
				p.Wrapped("  ", terminal.Cell{Text: u.Sentence(), Style: terminal.Yellow})
			}
		}
		slices.SortStableFunc(ofOne, func(a, b explain.Change) int { return strings.Compare(pathsOf(a), pathsOf(b)) })
		for _, onPaths := range terminal.Runs(ofOne, pathsOf) {
			p.Wrapped("  ", terminal.Cell{Text: pathsOf(onPaths[0]), Style: terminal.Cyan})
			t := &terminal.Rows{Indent: "    "}
			for _, c := range onPaths {
				addChange(t, c)
			}
			t.Print(p)
		}
		p.Line("")
	}
	p.Line("%s", p.Paint(terminal.Bold, report.Totals.Text()))
	return p.Failed()
}

// printGroups prints equal changes once.
func (o *options) printGroups(report *explain.Changes) error {
	p := o.Pen()
	if len(report.Changes)+len(report.Unbound) == 0 {
		o.Note("nothing changes")
		return nil
	}
	for _, u := range report.Unbound {
		p.Wrapped("", terminal.Cell{Text: u.Ref.String() + " " + u.Sentence(), Style: terminal.Yellow})
	}
	for _, g := range report.Groups() {
		text := func(value any) string {
			if value == nil {
				return "not set"
			}
			return valueText(value)
		}
		p.Line("%s", p.Paint(terminal.Bold, g.Policy+" "+g.Field)+"  "+p.Paint(terminal.Red, text(g.Before))+" → "+p.Paint(terminal.Green, text(g.After)))
		t := &terminal.Rows{Indent: "  "}
		example := g.Example.Kind + " " + g.Example.Namespace + "/" + g.Example.Name
		t.Add(terminal.Cell{Text: "on", Style: terminal.Faint}, terminal.Cell{Text: g.Where() + ", e.g. " + terminal.Glued([]string{example})})
		t.Add(terminal.Cell{Text: "by", Style: terminal.Faint}, terminal.Cell{Text: terminal.Glued(g.SetBy)})
		t.Print(p)
	}
	p.Line("")
	p.Line("%s", p.Paint(terminal.Bold, totalsOr(report)))
	return p.Failed()
}

// printKept prints the routes that keep their values.
func (o *options) printKept(kept []explain.Kept) error {
	p := o.Pen()
	if len(kept) == 0 {
		return nil
	}
	p.Line("")
	p.Line("%s", p.Paint(terminal.Cyan, "Keep their value"))
	t := &terminal.Rows{Indent: "  "}
	for _, k := range kept {
		t.Add(terminal.Cell{Text: k.Ref.String()}, terminal.Cell{Text: k.Policy + " " + k.Field + ": " + valueText(k.Side.Value) + ", " + origin(k.Side.Block, k.Side.Place, k.Policy, &k.Side.FromRef)})
	}
	t.Print(p)
	return p.Failed()
}

// pathsOf returns the paths on which a field changes.
func pathsOf(c explain.Change) string {
	scope := explain.Scope{Parents: c.Parents, Rules: c.Rules}
	return scope.Heading(c.Ref.GroupKind != hierarchy.GatewayKind)
}

// addChange adds a field with its values before and after.
func addChange(t *terminal.Rows, c explain.Change) {
	t.Add(terminal.Cell{Text: c.Kind + " " + c.Field}, terminal.Cell{})
	for _, side := range []struct {
		sign  string
		style terminal.Style
		*explain.Side
	}{{"-", terminal.Red, c.Before}, {"+", terminal.Green, c.After}} {
		if side.Side == nil {
			continue
		}
		text := origin(side.Block, side.Place, c.Policy, &side.FromRef)
		if side.ClampedBy != "" {
			text += ", limited by bounds of " + who("", c.Policy, side.ClampedByRef)
		}
		t.Add(terminal.Cell{Text: "  " + side.sign + " " + valueText(side.Value), Style: side.style}, terminal.Cell{Text: text})
	}
}
