package command

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/explain"
)

func (o *options) explainCommand() *cobra.Command {
	var on explain.Selection
	var asked requestFlags
	var noEnforcement bool
	cmd := &cobra.Command{
		Use:   "explain KIND/NAME | --request '[METHOD] URL'",
		Short: "Explain what applies to a route or a Gateway, who set it, and why",
		Long: `Explain for every field what applies, who set it, at which level and block, what it
beat, and why. Paths on which the same applies are shown together.

For a Gateway, this is what a route without policies of its own would get. On files,
every field that an exporter can bring to a data plane has a line that says how.

With --request it first shows which listener, route and rule serve a request, and why
others do not. The exit code is 1 if no route serves it.`,
		Example: `  kubectl effective-policy explain httproute/checkout
  kubectl effective-policy explain httproute/checkout --rule pay
  kubectl effective-policy explain gateway/public -n infra -f manifests/
  kubectl effective-policy explain --request 'POST https://www.example.com/pay'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("request") {
				return nil // an empty one is an invalid request
			}
			return oneObject("a route or a Gateway, such as httproute/checkout")(cmd, args)
		},
		ValidArgsFunction: o.CompleteObjects((*workspace.Workspace).Targets, true),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := asked.check(args, on.Rule, on.Listener); err != nil {
				return err
			}
			if cmd.Flags().Changed("request") {
				return o.explainRequest(cmd, &asked)
			}
			return o.explain(cmd, args, on, noEnforcement)
		},
	}
	cmd.Flags().StringVar(&on.Rule, "rule", "", "only this rule of the route: its name, or rules[2] for the third when it has none")
	cmd.Flags().StringVar(&on.Listener, "listener", "", "only this listener: NAME, or GATEWAY/NAME")
	cmd.Flags().StringVar(&on.Policy, "policy", "", "only this policy kind, such as TimeoutPolicy")
	cmd.Flags().StringVar(&on.Field, "field", "", "only this field and the fields in it, such as request")
	cmd.Flags().BoolVar(&noEnforcement, "no-enforcement", false, "do not show how data planes would enforce it")
	_ = cmd.RegisterFlagCompletionFunc("rule", o.CompleteRules)
	_ = cmd.RegisterFlagCompletionFunc("listener", o.CompleteListeners)
	_ = cmd.RegisterFlagCompletionFunc("policy", o.CompleteKinds)
	_ = cmd.RegisterFlagCompletionFunc("field", o.CompleteFields)
	asked.add(cmd)
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatWide, workspace.FormatJSON, workspace.FormatYAML)
	return cmd
}

func (o *options) explain(cmd *cobra.Command, args []string, on explain.Selection, noEnforcement bool) error {
	w, p, err := o.LoadOrPublished(cmd.Context())
	switch {
	case err != nil:
		return err
	case p != nil:
		return o.explainPublished(p, args, on, noEnforcement)
	}
	target, err := w.FindOne(args, w.Targets())
	if err != nil {
		return err
	}
	sectionInto(&on, target, w.Snapshot.IsRoute(target.GroupKind))
	target = target.Object()
	kindInto(w, &on)
	e, err := explain.Explain(w.Snapshot, target, on)
	if err != nil {
		return err
	}
	if near, ok := misspelt(w, on, e); ok {
		o.Note("no field that has a value is called %s; did you mean --field %s?", on.Field, near)
	}
	if o.Output == workspace.FormatJSON || o.Output == workspace.FormatYAML {
		return workspace.Encode(o.Streams.Out, o.Output, e)
	}
	var entries []enforcement.Entry
	switch {
	case noEnforcement:
	case w.Schemas == nil && w.Snapshot.IsRoute(target.GroupKind):
		if entries, err = o.PublishedEntries(cmd.Context(), w, target); err != nil {
			return err
		}
	default:
		entries = planes.Of(w).Enforced(target)
	}
	return o.printExplanation(e, entries)
}

// kindInto uses the kind in --field TimeoutPolicy.request, which is the form of --without, for
// --policy.
func kindInto(w *workspace.Workspace, on *explain.Selection) {
	for _, k := range w.Snapshot.Kinds() {
		if field, ok := cutFold(on.Field, k.GroupKind.Kind+"."); ok && on.Policy == "" {
			on.Policy, on.Field = k.Name(), field
		}
	}
}

// misspelt returns what --field probably means, if nothing is found and no known field has this
// name.
func misspelt(w *workspace.Workspace, on explain.Selection, found *explain.Explanation) (near string, ok bool) {
	if on.Field == "" || slices.ContainsFunc(found.Scopes, func(s explain.Scope) bool { return len(s.Fields)+len(s.NotSet) > 0 }) {
		return "", false
	}
	var known []string
	for kind, fields := range w.PolicyFields() {
		if on.Policy == "" || strings.EqualFold(on.Policy, kind) {
			known = append(known, fields...)
		}
	}
	if slices.ContainsFunc(known, func(field string) bool { return field == on.Field || strings.HasPrefix(field, on.Field+".") }) {
		return "", false
	}
	slices.Sort(known)
	return prose.Closest(on.Field, known)
}

// sectionInto uses the section of httproute/checkout#pay for --rule, and that of a Gateway for
// --listener.
func sectionInto(on *explain.Selection, target hierarchy.Ref, isRoute bool) {
	switch {
	case target.Section == "":
	case isRoute && on.Rule == "":
		on.Rule = target.Section
	case !isRoute && on.Listener == "":
		on.Listener = target.Section
	}
}
