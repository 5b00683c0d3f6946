package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
)

// The exit codes (api.md section 5).
const (
	exitFine    = 0
	exitFinding = 1
	exitFailure = 2
)

// errFinding ends a command that has a finding of its own, which is printed already.
var errFinding = errors.New("the command found something")

// options are the flags that every subcommand has, and what is opened from them. The subcommands are
// its methods.
type options struct{ *workspace.Flags }

// Main runs the command line and returns the exit code. args[0] is the name of the program: under
// the name kubectl_complete-effective_policy it answers kubectl's requests for completions. version
// is the version of the program; when it is empty, the version known to the Go tools is shown.
func Main(ctx context.Context, args []string, streams genericiooptions.IOStreams, version string) int {
	root := New(streams, version)
	rest := args[1:]
	if strings.HasPrefix(filepath.Base(args[0]), "kubectl_complete-") {
		rest = append([]string{cobra.ShellCompRequestCmd}, rest...)
	}
	root.SetArgs(rest)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errFinding):
		return exitFinding
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	fmt.Fprintln(streams.ErrOut, "error: "+strings.Join(terminal.VisibleLines(err.Error()), "\n       "))
	return exitFailure
}

// New returns the command with all its subcommands.
func New(streams genericiooptions.IOStreams, version string) *cobra.Command {
	o := &options{&workspace.Flags{Streams: streams, BuiltAs: version, Config: genericclioptions.NewConfigFlags(true)}}
	root := &cobra.Command{
		Use:   "kubectl-effective_policy",
		Short: "Show which policies apply on every path through a Gateway, and why",
		Long: `Show which policies apply on every path through a Gateway, and why.

Without -f it asks the cluster of the current context. With -f it works on
manifests alone: no cluster, no network, the same answers.`,
		Example: `  kubectl effective-policy get -A
  kubectl effective-policy explain httproute/checkout --rule pay
  kubectl effective-policy bindings -f manifests/ -R`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: workspace.DisplayName},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.SetFlagErrorFunc(flagError)
	o.AddFlags(root)
	root.AddCommand(
		o.getCommand(),
		o.explainCommand(),
		o.bindingsCommand(),
		o.describeCommand(),
		o.graphCommand(),
		o.kindsCommand(),
		o.policiesCommand(),
		o.diffCommand(),
		o.checkCommand(),
		o.testCommand(),
		o.exportCommand(),
		o.uiCommand(),
		o.migrateCommand(),
		o.doctorCommand(),
		o.versionCommand(),
		o.optionsCommand(),
	)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	o.addHelp(root)
	return root
}
