package command

import (
	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/policy/explain/topology"
)

// The output formats of graph besides JSON.
const (
	formatTree    = "tree"
	formatDot     = "dot"
	formatMermaid = "mermaid"
)

func (o *options) graphCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "graph [KIND/NAME…]",
		Short: "Draw the topology with the policies on it",
		Long: `Draw the topology: GatewayClasses, Gateways, ListenerSets, listeners, the routes
bound to them and their rules, each with the policies attached to it. Policies that
do not apply are drawn with the reason.

Name routes, Gateways or ListenerSets to draw only the paths through them.`,
		Example: `  kubectl effective-policy graph -A
  kubectl effective-policy graph httproute/checkout
  kubectl effective-policy graph -f manifests/ -o mermaid`,
		ValidArgsFunction: o.CompleteObjects((*workspace.Workspace).Bindable, false),
		RunE:              o.graph,
	}
	o.AddOutput(cmd, formatTree, formatDot, formatMermaid, workspace.FormatJSON)
	return cmd
}

func (o *options) graph(cmd *cobra.Command, args []string) error {
	o.AllNamespaces = o.AllNamespaces || *o.Config.Namespace == "" // it is an overview
	w, err := o.Load(cmd.Context())
	if err != nil {
		return err
	}
	found, err := w.Find(args, w.Bindable())
	if err != nil {
		return err
	}
	t := topology.Of(w.Snapshot, found)
	if len(t.Nodes) == 0 {
		o.Note("there is no route and no Gateway%s", w.Where())
	}
	switch o.Output {
	case workspace.FormatJSON:
		return workspace.Encode(o.Streams.Out, o.Output, t)
	case formatDot:
		return o.printDot(t)
	case formatMermaid:
		return o.printMermaid(t)
	}
	return o.printTree(t)
}
