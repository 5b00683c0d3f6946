package workspace

import (
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// DisplayName is the command line that users type to run the plugin.
const DisplayName = "kubectl effective-policy"

// Flags are the flags that every subcommand has. Their methods return what is opened from them: a
// workspace, a connection to a cluster, a pen to print with.
type Flags struct {
	Streams genericiooptions.IOStreams
	// BuiltAs is the version of the program.
	BuiltAs string
	// Config are kubectl's flags for a connection, --namespace among them.
	Config *genericclioptions.ConfigFlags

	Files         []string
	Recursive     bool
	AllNamespaces bool
	Selector      string
	Strict        bool
	Manager       managerFlags
	// Output is the format that AddOutput found.
	Output  string
	nowText string
	noColor bool
	verbose bool

	// Quiet leaves problems of objects to the subcommand.
	Quiet bool
	// ListsFaults means that the subcommand prints what is wrong with policy kinds itself.
	ListsFaults bool
	// PlaneKinds are kinds of data planes' APIs that are read, with or without their CRDs.
	PlaneKinds []schema.GroupKind
	// SettingsUnknown means that the cluster does not tell which namespaces are platform namespaces.
	SettingsUnknown bool
}

// AddFlags adds the flags to the root command.
func (o *Flags) AddFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.StringArrayVarP(&o.Files, "filename", "f", nil, "manifests to work on instead of a cluster: a file, a folder, or - for standard input; PATH@NAMESPACE for objects that state none; may be repeated")
	flags.BoolVarP(&o.Recursive, "recursive", "R", false, "with -f, also read the folders inside a folder")
	flags.BoolVarP(&o.AllNamespaces, "all-namespaces", "A", false, "look in all namespaces (the default with -f and without -n)")
	flags.StringVarP(&o.Selector, "selector", "l", "", "only routes and Gateways with these labels, such as -l app=shop,tier!=test")
	flags.BoolVar(&o.noColor, "no-color", false, "do not use colours; they are only used on a terminal, and not when NO_COLOR is set")
	flags.BoolVar(&o.Strict, "strict", false, "with -f, refuse documents that are not Kubernetes objects of a known kind")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "with -f, list what is passed over")
	flags.StringSliceVar(&o.Manager.platformNamespaces, "platform-namespaces", nil, "namespaces whose policies may target a GatewayClass (default: those of the cluster's manager; with -f any)")
	flags.StringSliceVar(&o.Manager.policyKinds, "policy-kinds", nil, "kinds, as Kind.group, that are policies although their CRD has no label")
	flags.StringSliceVar(&o.Manager.routeKinds, "route-kinds", nil, "kinds, as Kind.group, that are routes although their CRD has no label")
	flags.StringSliceVar(&o.Manager.profiles, "profiles", nil, "files that describe CRDs of policy kinds where their vendors do not; an entry replaces the built-in one of its CRD")
	flags.StringVar(&o.Manager.Namespace, "attache-namespace", "attache-system", "namespace in which attache is installed on the cluster")
	o.Config.AddFlags(flags)
	_ = root.RegisterFlagCompletionFunc("namespace", o.completeNamespaces)
}
