package command

import (
	"github.com/spf13/cobra"

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
		ValidArgsFunction: o.completeObjects((*workspace).bindable, false),
		RunE:              o.graph,
	}
	o.addOutput(cmd, formatTree, formatDot, formatMermaid, formatJSON)
	return cmd
}

func (o *options) graph(cmd *cobra.Command, args []string) error {
	o.allNamespaces = o.allNamespaces || *o.config.Namespace == "" // it is an overview
	w, err := o.load(cmd.Context())
	if err != nil {
		return err
	}
	found, err := w.find(args, w.bindable())
	if err != nil {
		return err
	}
	t := topology.Of(w.snapshot, found)
	if len(t.Nodes) == 0 {
		o.note("there is no route and no Gateway%s", w.where())
	}
	switch o.output {
	case formatJSON:
		return encode(o.streams.Out, o.output, t)
	case formatDot:
		return o.printDot(t)
	case formatMermaid:
		return o.printMermaid(t)
	}
	return o.printTree(t)
}
