package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/explain"
)

func (o *options) describeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe KIND/NAME[#SECTION]",
		Short: "Show an object with its policies, bindings and findings",
		Long: `Show a GatewayClass, a Gateway, a ListenerSet, a listener (gateway/public#https),
a route, a rule, or a policy with its surroundings: the policies attached to it and
those that reach it from above, what it is bound to or what is bound to it, what it
refers to, and what is wrong or doubtful about it. For any other object, such as a
Service, it shows the policies on it and the objects that name it.`,
		Example: `  kubectl effective-policy describe gateway/public -n infra
  kubectl effective-policy describe gateway/public#https -n infra
  kubectl effective-policy describe timeoutpolicy/edge-ceiling -f manifests/`,
		Args:              oneObject("an object, such as gateway/public or timeoutpolicy/checkout"),
		ValidArgsFunction: o.CompleteObjects((*workspace.Workspace).Describable, true),
		RunE:              o.describe,
	}
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatJSON, workspace.FormatYAML)
	return cmd
}

// others returns the objects that are neither on the hierarchy nor policies: those of manifests,
// and those that policies name.
func others(w *workspace.Workspace) []hierarchy.Ref {
	refs := explain.PolicyTargets(w.Snapshot)
	for _, d := range w.Documents {
		refs = append(refs, hierarchy.RefOf(d.Object))
	}
	known := w.Describable()
	refs = slices.DeleteFunc(refs, func(ref hierarchy.Ref) bool { return slices.Contains(known, ref) })
	slices.SortFunc(refs, hierarchy.Compare)
	return slices.Compact(refs)
}

func (o *options) describe(cmd *cobra.Command, args []string) error {
	w, p, err := o.LoadOrPublished(cmd.Context())
	switch {
	case err != nil:
		return err
	case p != nil:
		return o.describePublished(cmd.Context(), p, args)
	}
	ref, err := w.FindOne(args, w.Describable())
	if others := others(w); err != nil && len(others) > 0 {
		if other, otherErr := w.FindOne(args, others); otherErr == nil {
			d := explain.DescribeOther(w.Snapshot, other)
			d.AddUnread(w.Snapshot, w.Unread)
			return o.printDescription(d)
		}
	}
	if err != nil {
		return err
	}
	if p, isPolicy := w.Snapshot.Policy(ref); isPolicy {
		if ref.Section != "" {
			return fmt.Errorf("a policy has no sections: write %s", strings.TrimSuffix(args[len(args)-1], "#"+ref.Section))
		}
		return o.printDescription(explain.DescribePolicy(w.Snapshot, p))
	}
	d, err := explain.Describe(w.Snapshot, ref, o.Existence(cmd.Context(), w))
	if err != nil {
		return err
	}
	d.AddUnread(w.Snapshot, w.Unread)
	return o.printDescription(d)
}
