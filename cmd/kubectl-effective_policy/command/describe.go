package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

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
		ValidArgsFunction: o.completeObjects((*workspace).describable, true),
		RunE:              o.describe,
	}
	o.addOutput(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

// describable is everything on the hierarchy and every policy.
func (w *workspace) describable() []hierarchy.Ref {
	refs := w.bindable()
	for c := range w.snapshot.Graph().GatewayClasses() {
		refs = append(refs, c.Meta().Ref)
	}
	for p := range w.snapshot.Policies() {
		refs = append(refs, p.Ref)
	}
	return refs
}

// others are the objects that are neither on the hierarchy nor policies: those of
// manifests, and those that policies name.
func others(w *workspace) []hierarchy.Ref {
	refs := explain.PolicyTargets(w.snapshot)
	for _, d := range w.documents {
		refs = append(refs, hierarchy.RefOf(d.Object))
	}
	known := w.describable()
	refs = slices.DeleteFunc(refs, func(ref hierarchy.Ref) bool { return slices.Contains(known, ref) })
	slices.SortFunc(refs, hierarchy.Compare)
	return slices.Compact(refs)
}

func (o *options) describe(cmd *cobra.Command, args []string) error {
	w, p, err := o.loadOrPublished(cmd.Context())
	switch {
	case err != nil:
		return err
	case p != nil:
		return o.describePublished(cmd.Context(), p, args)
	}
	ref, err := w.findOne(args, w.describable())
	if others := others(w); err != nil && len(others) > 0 {
		if other, otherErr := w.findOne(args, others); otherErr == nil {
			d := explain.DescribeOther(w.snapshot, other)
			d.AddUnread(w.snapshot, w.unread)
			return o.printDescription(d)
		}
	}
	if err != nil {
		return err
	}
	if p, isPolicy := w.snapshot.Policy(ref); isPolicy {
		if ref.Section != "" {
			return fmt.Errorf("a policy has no sections: write %s", strings.TrimSuffix(args[len(args)-1], "#"+ref.Section))
		}
		return o.printDescription(explain.DescribePolicy(w.snapshot, p))
	}
	d, err := explain.Describe(w.snapshot, ref, o.existence(cmd.Context(), w))
	if err != nil {
		return err
	}
	d.AddUnread(w.snapshot, w.unread)
	return o.printDescription(d)
}
