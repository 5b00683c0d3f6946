package workspace

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/explain"
)

// CompleteObjects completes KIND/NAME with the objects that a command can show.
func (o *Flags) CompleteObjects(candidates func(*Workspace) []hierarchy.Ref, one bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if one && len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		w := o.quietWorld(cmd)
		if w == nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []string
		for _, ref := range w.matching(query{}, candidates(w)) {
			name := strings.ToLower(ref.Kind) + "/" + ref.Name
			switch {
			case slices.Contains(args, name) || slices.Contains(args, ref.Name):
			case strings.HasPrefix(name, begun):
				names = append(names, name)
			case begun != "" && strings.HasPrefix(ref.Name, begun):
				names = append(names, ref.Name)
			}
		}
		return begunWith(begun, names), cobra.ShellCompDirectiveNoFileComp
	}
}

// CompleteRules completes --rule with the rules of the route that is named, or of
// all routes.
func (o *Flags) CompleteRules(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	return o.completeOf(cmd, args, begun, func(w *Workspace, target hierarchy.Ref) []string {
		if !w.Snapshot.IsRoute(target.GroupKind) {
			return nil
		}
		return explain.RuleNames(w.Snapshot, target)
	})
}

// CompleteListeners completes --listener with those that the named object is on.
func (o *Flags) CompleteListeners(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	return o.completeOf(cmd, args, begun, func(w *Workspace, target hierarchy.Ref) []string {
		var names []string
		for _, scope := range w.Resolve([]hierarchy.Ref{target}).Get(target).Scopes {
			for _, l := range scope.Parents {
				names = append(names, l.Ref.Section)
			}
		}
		return names
	})
}

// CompleteKinds completes a policy kind.
func (o *Flags) CompleteKinds(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	w := o.quietWorld(cmd)
	if w == nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, k := range w.Snapshot.Kinds() {
		if k.Class == policy.Inherited {
			names = append(names, k.Name())
		}
	}
	return begunWith(begun, names), cobra.ShellCompDirectiveNoFileComp
}

// CompleteFields completes --field with the fields of the kind that --policy names, or
// of all kinds.
func (o *Flags) CompleteFields(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	w := o.quietWorld(cmd)
	if w == nil {
		return nil, cobra.ShellCompDirectiveError
	}
	chosen, _ := cmd.Flags().GetString("policy") // a command without it is about all
	var names []string
	for kind, fields := range w.PolicyFields() {
		if chosen == "" || strings.EqualFold(chosen, kind) {
			names = append(names, fields...)
		}
	}
	return begunWith(begun, names), cobra.ShellCompDirectiveNoFileComp
}

// CompleteWithout completes --without with kinds, and after a dot with their fields.
func (o *Flags) CompleteWithout(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	w := o.quietWorld(cmd)
	if w == nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var kinds, fields []string
	for kind, of := range w.PolicyFields() {
		kinds = append(kinds, kind)
		for _, field := range of {
			fields = append(fields, kind+"."+field)
		}
	}
	if names := begunWith(begun, kinds); len(names) > 1 || len(names) == 1 && names[0] != begun {
		return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return begunWith(begun, fields), cobra.ShellCompDirectiveNoFileComp
}

// PolicyFields returns the fields of each policy kind that its CRD declares or that have a value.
func (w *Workspace) PolicyFields() map[string][]string {
	fields := map[string][]string{}
	for _, k := range w.Snapshot.Kinds() {
		if k.Class != policy.Inherited {
			continue
		}
		paths := []string{}
		for _, b := range k.Bounds {
			paths = append(paths, b.Field.String())
		}
		for _, list := range k.AppliesTo {
			paths = append(paths, crd.Texts(list)...)
		}
		fields[k.Name()] = paths
	}
	for e := range w.Resolve(w.Targets()).All() {
		for _, scope := range e.Scopes {
			for _, m := range scope.Result.Kinds {
				for _, origin := range m.Origins {
					fields[m.Kind.Name()] = append(fields[m.Kind.Name()], origin.Path.String())
				}
			}
		}
	}
	return fields
}

// completeOf completes with what the targets that are named have, or all targets.
func (o *Flags) completeOf(cmd *cobra.Command, args []string, begun string, of func(*Workspace, hierarchy.Ref) []string) ([]string, cobra.ShellCompDirective) {
	w := o.quietWorld(cmd)
	if w == nil {
		return nil, cobra.ShellCompDirectiveError
	}
	targets, err := w.Find(args, w.Targets())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, target := range targets {
		names = append(names, of(w, target.Object())...)
	}
	return begunWith(begun, names), cobra.ShellCompDirectiveNoFileComp
}

// begunWith returns the names with a prefix, each once.
func begunWith(begun string, names []string) []string {
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, begun) })
	slices.Sort(names)
	return slices.Compact(names)
}

func (o *Flags) completeNamespaces(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	w := o.quietWorld(cmd)
	if w == nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, ref := range w.Targets() {
		names = append(names, ref.Namespace)
	}
	return begunWith(begun, names), cobra.ShellCompDirectiveNoFileComp
}

// quietWorld returns the workspace for a completion, nil when there is none: completions must not
// print messages.
func (o *Flags) quietWorld(cmd *cobra.Command) *Workspace {
	quiet := *o
	quiet.Streams.ErrOut = io.Discard
	w, err := quiet.Load(cmd.Context())
	if err != nil {
		return nil
	}
	return w
}
