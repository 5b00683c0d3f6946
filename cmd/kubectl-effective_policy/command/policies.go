package command

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
)

// policyFlags select policies by their effect.
type policyFlags struct{ noEffect, conflicted, overridden bool }

func (f *policyFlags) picks(r *explain.PolicyRow) bool {
	if !f.noEffect && !f.conflicted && !f.overridden {
		return true
	}
	return f.noEffect && r.NoEffect() ||
		f.conflicted && r.State == policy.ReasonConflicted ||
		f.overridden && len(r.BeatenBy) > 0
}

func (o *options) policiesCommand() *cobra.Command {
	var flags policyFlags
	cmd := &cobra.Command{
		Use:   "policies [KIND/NAME…]",
		Short: "List all policies of all kinds, with their effect",
		Long: `List all policies of all kinds, with their effect.

  STATE  Programmed, Partial(lyProgrammed), Overridden (beaten everywhere) or
         NoScope (it reaches no route); the reason for which it is not accepted;
         Direct for a kind that is not merged
  PATHS  on how many of the paths that it reaches something of it is in effect
  BY     who wins over it somewhere`,
		Example: `  kubectl effective-policy policies -A
  kubectl effective-policy policies -A --no-effect
  kubectl effective-policy policies -n shop --overridden`,
		ValidArgsFunction: o.CompleteObjects(allPolicies, false),
		RunE:              func(cmd *cobra.Command, args []string) error { return o.listPolicies(cmd, args, flags) },
	}
	cmd.Flags().BoolVar(&flags.noEffect, "no-effect", false, "only policies that have no effect")
	cmd.Flags().BoolVar(&flags.conflicted, "conflicted", false, "only policies that conflict with another one on their target")
	cmd.Flags().BoolVar(&flags.overridden, "overridden", false, "only policies that another one beats somewhere")
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatWide, workspace.FormatJSON, workspace.FormatYAML)
	return cmd
}

// allPolicies are the policies of all kinds.
func allPolicies(w *workspace.Workspace) []hierarchy.Ref {
	var refs []hierarchy.Ref
	for p := range w.Snapshot.Policies() {
		refs = append(refs, p.Ref)
	}
	return refs
}

func (o *options) listPolicies(cmd *cobra.Command, args []string, flags policyFlags) error {
	w, err := o.Load(cmd.Context())
	if err != nil {
		return err
	}
	found, err := w.Find(args, allPolicies(w))
	if err != nil {
		return err
	}
	rows := slices.DeleteFunc(explain.PoliciesOf(w.Snapshot), func(r explain.PolicyRow) bool {
		return !slices.Contains(found, r.Ref) || !flags.picks(&r)
	})
	if o.Output == workspace.FormatJSON || o.Output == workspace.FormatYAML {
		return workspace.Encode(o.Streams.Out, o.Output, map[string]any{"policies": rows})
	}
	if len(rows) == 0 {
		o.Note("there is no such policy%s", w.Where())
		return nil
	}
	if o.Output == workspace.FormatTable {
		return o.printPolicyRows(rows)
	}
	t := &terminal.Table{}
	t.Head("NAMESPACE", "POLICY", "TARGET", "STATE", "PATHS", "BY")
	for _, r := range rows {
		t.Plain(r.Ref.Namespace, r.Kind+"/"+r.Ref.Name, targetsText(r.Targets, r.Ref.Namespace), o.stateText(r), r.Fraction(), o.beatenText(r))
	}
	t.DropEmpty()
	p := o.Pen()
	p.Print(t)
	return p.Failed()
}

// printPolicyRows prints two columns by namespace, in the width of a screen.
func (o *options) printPolicyRows(list []explain.PolicyRow) error {
	p := o.Pen()
	for _, ofOne := range terminal.Runs(list, func(r explain.PolicyRow) string { return r.Ref.Namespace }) {
		p.Line("%s", p.Paint(terminal.Bold, ofOne[0].Ref.Namespace))
		t := &terminal.Rows{Indent: "  "}
		for _, r := range ofOne {
			text, look := o.stateText(r), terminal.Plain
			if f := r.Fraction(); f != "-" {
				text += " " + f
			}
			if r.NoEffect() {
				look = terminal.Yellow
			}
			text += ", on " + targetsText(r.Targets, r.Ref.Namespace)
			if by := o.beatenText(r); by != "" {
				text += "; beaten by " + by
			}
			t.Add(terminal.Cell{Text: r.Kind + "/" + r.Ref.Name}, terminal.Cell{Text: text, Style: look})
		}
		t.Print(p)
	}
	return p.Failed()
}

// stateText is a state in the width of a column.
func (o *options) stateText(r explain.PolicyRow) string {
	if r.State == explain.StatePartially && o.Output == workspace.FormatTable {
		return "Partial"
	}
	return r.State
}

// beatenText names the first winner, and counts the others.
func (o *options) beatenText(r explain.PolicyRow) string {
	var names []string
	for _, by := range r.BeatenBy {
		names = append(names, by.Namespace+"/"+by.Name)
	}
	if o.Output == workspace.FormatWide || len(names) < 2 {
		return strings.Join(names, ",")
	}
	return names[0] + ",+" + strconv.Itoa(len(names)-1)
}

// targetsText names the first target, and counts the others.
func targetsText(targets []explain.Object, namespace string) string {
	if len(targets) == 0 {
		return ""
	}
	first := targets[0]
	text := first.Kind + "/" + first.Name
	if first.Namespace != "" && first.Namespace != namespace {
		text = first.Kind + "/" + first.Namespace + "/" + first.Name
	}
	if first.SectionName != "" {
		text += "#" + first.SectionName
	}
	if len(targets) > 1 {
		text += ",+" + strconv.Itoa(len(targets)-1)
	}
	return text
}
