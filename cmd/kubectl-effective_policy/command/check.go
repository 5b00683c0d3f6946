package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/ci"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/edit"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/review"
)

// Output formats of commands whose findings other programs read.
const (
	formatSARIF = "sarif"
	formatJUnit = "junit"
	// formatGitHub is annotations of GitHub's workflows, next to the lines.
	formatGitHub = "github"
)

func (o *options) checkCommand() *cobra.Command {
	var flags edit.Flags
	var onCluster bool
	var failOn string
	var guardrails []string
	var root string
	cmd := &cobra.Command{
		Use:   "check -f FILE [--base FILE | --cluster]",
		Short: "Check manifests as an API server with attache would",
		Long: `Check what an API server with attache would answer if manifests were applied
or, with --delete, removed: what it would refuse, what guardrails object to, and
what it would warn about. All manifests are one change.

Guardrails are those among the manifests and those of the current state: the
manifests of --base or, with --cluster, the cluster of the current context. With
neither, the manifests are the whole state, and everything in them is new.

Rules that read the user of a change are checked for the user of --as and
--as-group.

The exit code is 1 if something would be denied, and 0 if all would be accepted.`,
		Example: `  kubectl effective-policy check -f manifests/ -R
  kubectl effective-policy check -f timeout.yaml --cluster
  kubectl effective-policy check -R -f branch/ --base main/ --prune -o sarif
  kubectl effective-policy check --guardrail guard.yaml --cluster`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.Empty, flags.KeepRefused = !onCluster, true
			if !slices.Contains(ci.Levels(), failOn) {
				return fmt.Errorf("--fail-on %s: write one of %s", failOn, strings.Join(ci.Levels(), ", "))
			}
			o.Files = append(o.Files, guardrails...)
			return o.check(cmd, flags, failOn, root)
		},
	}
	flags.Add(cmd, "nothing")
	cmd.Flags().BoolVar(&onCluster, "cluster", false, "the current state is that of the cluster of the current context")
	cmd.MarkFlagsMutuallyExclusive("base", "cluster")
	o.AddNow(cmd)
	cmd.Flags().StringVar(&failOn, "fail-on", preview.Denied, "exit with 1 from this level on: note, warning or denied")
	cmd.Flags().StringArrayVar(&guardrails, "guardrail", nil, "a file with a guardrail to try on the current state; may be repeated")
	cmd.Flags().StringVar(&root, "root", "", "with -o sarif, the folder of the repository: files are named relative to it")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(ci.Levels(), cobra.ShellCompDirectiveNoFileComp))
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatWide, workspace.FormatJSON, formatSARIF, formatJUnit, formatMarkdown, formatGitHub)
	return cmd
}

// fails reports whether a report has findings of a level or above.
func fails(r *preview.Report, from string) bool {
	return slices.ContainsFunc(r.Findings, func(f preview.Finding) bool {
		return slices.Index(ci.Levels(), f.Level) >= slices.Index(ci.Levels(), from)
	})
}

func (o *options) check(cmd *cobra.Command, flags edit.Flags, failOn, root string) error {
	report, err := o.review(cmd.Context(), flags)
	if err != nil {
		if o.Output == formatSARIF { // a program that expects a file gets one
			err = errors.Join(err, workspace.Encode(o.Streams.Out, workspace.FormatJSON, ci.FailureSARIF(err, ownVersion(o.BuiltAs).Version)))
		}
		return err
	}
	forPeople := o.Output == workspace.FormatTable || o.Output == workspace.FormatWide
	if report.Elsewhere && forPeople && flags.Empty && len(flags.Base) == 0 {
		o.Note("note: only these manifests were looked at; --cluster looks at the cluster, too")
	}
	failed := fails(report, failOn)
	switch o.Output {
	case workspace.FormatJSON:
		err = workspace.Encode(o.Streams.Out, o.Output, report)
	case formatSARIF:
		err = workspace.Encode(o.Streams.Out, workspace.FormatJSON, ci.SARIF(report, ownVersion(o.BuiltAs).Version, root))
	case formatJUnit:
		err = ci.WriteJUnit(o.Streams.Out, ci.JUnit(report))
	case formatMarkdown:
		err = o.checkMarkdown(report)
	case formatGitHub:
		err = ci.WriteAnnotations(o.Streams.Out, report, totalsText(report))
	default: // what is passed over is counted on standard error, and -v lists it
		report.Findings = slices.DeleteFunc(report.Findings, func(f preview.Finding) bool { return f.Rule == preview.PassedOverRule })
		err = o.printFindings(report)
	}
	if err == nil && failed {
		err = errFinding
	}
	return err
}

// review returns what admission would answer to the change that the flags describe.
func (o *options) review(ctx context.Context, flags edit.Flags) (*preview.Report, error) {
	c, err := edit.Load(ctx, o.Flags, flags)
	if err != nil {
		return nil, err
	}
	if c.Now, err = o.Now(); err != nil {
		return nil, err
	}
	return c.Review(ctx, edit.Compilers, o.author())
}

// author returns the author of the change, if the flags name one.
func (o *options) author() *review.Author {
	if *o.Config.Impersonate == "" {
		return nil
	}
	return &review.Author{Username: *o.Config.Impersonate, Groups: *o.Config.ImpersonateGroup}
}
