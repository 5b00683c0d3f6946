package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
)

// The exit codes (api.md section 5).
const (
	exitFine    = 0
	exitFinding = 1
	exitFailure = 2
)

// errFinding ends a command whose own finding is not a clean one. What it found
// is printed already.
var errFinding = errors.New("the command found something")

// displayName is how people call the plugin.
const displayName = "kubectl effective-policy"

// options are the flags that every subcommand has, and what is opened from them. The subcommands are
// its methods.
type options struct{ *sharedFlags }

// sharedFlags are the flags that every subcommand has. What is opened from them is what their methods
// return: a workspace, a connection to a cluster, a pen to print with.
type sharedFlags struct {
	streams genericiooptions.IOStreams
	builtAs string
	config  *genericclioptions.ConfigFlags

	files         []string
	recursive     bool
	allNamespaces bool
	selector      string
	output        string
	nowText       string
	noColor       bool
	strict        bool
	verbose       bool
	manager       managerFlags
	// settingsUnknown says that the cluster does not tell who may target what.
	settingsUnknown bool
	// quiet leaves problems of objects to the command. planeKinds are kinds of
	// data planes' APIs that it reads, with or without their CRDs.
	quiet bool
	// listsFaults says that the command prints what is wrong with kinds itself.
	listsFaults bool
	planeKinds  []kschema.GroupKind
}

// Main runs the command line and returns the exit code. args[0] is the name of
// the program: under the name kubectl_complete-effective_policy it answers
// kubectl's requests for completions. version is that of the program; when it is
// empty, what the Go tools know is shown.
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
	o := &options{&sharedFlags{streams: streams, builtAs: version, config: genericclioptions.NewConfigFlags(true)}}
	root := &cobra.Command{
		Use:   "kubectl-effective_policy",
		Short: "Show which policies apply on every path through a Gateway, and why",
		Long: `Show which policies apply on every path through a Gateway, and why.

Without -f it asks the cluster of the current context. With -f it works on
manifests alone: no cluster, no network, the same answers.`,
		Example: `  kubectl effective-policy get -A
  kubectl effective-policy explain httproute/checkout --rule pay
  kubectl effective-policy bindings -f manifests/ -R`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: displayName},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.SetFlagErrorFunc(flagError)
	o.addFlags(root)
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

func (o *sharedFlags) addFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.StringArrayVarP(&o.files, "filename", "f", nil, "manifests to work on instead of a cluster: a file, a folder, or - for standard input; PATH@NAMESPACE for objects that state none; may be repeated")
	flags.BoolVarP(&o.recursive, "recursive", "R", false, "with -f, also read the folders inside a folder")
	flags.BoolVarP(&o.allNamespaces, "all-namespaces", "A", false, "look in all namespaces (the default with -f and without -n)")
	flags.StringVarP(&o.selector, "selector", "l", "", "only routes and Gateways with these labels, such as -l app=shop,tier!=test")
	flags.BoolVar(&o.noColor, "no-color", false, "do not use colours; they are only used on a terminal, and not when NO_COLOR is set")
	flags.BoolVar(&o.strict, "strict", false, "with -f, refuse documents that are not Kubernetes objects of a known kind")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "with -f, list what is passed over")
	flags.StringSliceVar(&o.manager.platformNamespaces, "platform-namespaces", nil, "namespaces whose policies may target a GatewayClass (default: those of the cluster's manager; with -f any)")
	flags.StringSliceVar(&o.manager.policyKinds, "policy-kinds", nil, "kinds, as Kind.group, that are policies although their CRD has no label")
	flags.StringSliceVar(&o.manager.routeKinds, "route-kinds", nil, "kinds, as Kind.group, that are routes although their CRD has no label")
	flags.StringSliceVar(&o.manager.profiles, "profiles", nil, "files that describe CRDs of policy kinds where their vendors do not; an entry replaces the built-in one of its CRD")
	flags.StringVar(&o.manager.namespace, "attache-namespace", "attache-system", "namespace in which attache is installed on the cluster")
	o.config.AddFlags(flags)
	_ = root.RegisterFlagCompletionFunc("namespace", o.completeNamespaces)
}

// addOutput adds -o with the formats of a command, the default first.
func (o *sharedFlags) addOutput(cmd *cobra.Command, formats ...string) {
	format := cmd.Flags().StringP("output", "o", formats[0], "output format: "+strings.Join(formats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		known := slices.ContainsFunc(formats, func(f string) bool {
			return f == *format || strings.HasSuffix(f, "=") && strings.HasPrefix(*format, f)
		})
		if !known {
			return fmt.Errorf("-o %s is not an output format of this command: write one of %s", *format, strings.Join(formats, ", "))
		}
		o.output = *format
		return run(cmd, args)
	}
}

// note tells the person something that is not part of the answer.
func (o *sharedFlags) note(format string, args ...any) {
	fmt.Fprintf(o.streams.ErrOut, format+"\n", args...)
}
