package command

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
)

// completeObjects completes KIND/NAME with the objects that a command can show.
func (o *options) completeObjects(candidates func(*world) []hierarchy.Ref, one bool) cobra.CompletionFunc {
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

// completeRules completes --rule with the rules of the route that is named, or of
// all routes.
func (o *options) completeRules(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	return o.completeOf(cmd, args, begun, func(w *world, target hierarchy.Ref) []string {
		if !w.snapshot.IsRoute(target.GroupKind) {
			return nil
		}
		return explain.RuleNames(w.snapshot, target)
	})
}

// completeListeners completes --listener with those that the named object is on.
func (o *options) completeListeners(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	return o.completeOf(cmd, args, begun, func(w *world, target hierarchy.Ref) []string {
		var names []string
		for _, scope := range w.resolve([]hierarchy.Ref{target}).Get(target).Scopes {
			for _, l := range scope.Parents {
				names = append(names, l.Ref.Section)
			}
		}
		return names
	})
}

// completeKinds completes a policy kind.
func (o *options) completeKinds(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	w := o.quietWorld(cmd)
	if w == nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, k := range w.snapshot.Kinds() {
		if k.Class == policy.Inherited {
			names = append(names, k.Name())
		}
	}
	return begunWith(begun, names), cobra.ShellCompDirectiveNoFileComp
}

// completeOf completes with what the targets that are named have, or all targets.
func (o *options) completeOf(cmd *cobra.Command, args []string, begun string, of func(*world, hierarchy.Ref) []string) ([]string, cobra.ShellCompDirective) {
	w := o.quietWorld(cmd)
	if w == nil {
		return nil, cobra.ShellCompDirectiveError
	}
	targets, err := w.find(args, w.targets())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, target := range targets {
		names = append(names, of(w, target.Object())...)
	}
	return begunWith(begun, names), cobra.ShellCompDirectiveNoFileComp
}

// begunWith are the names that begin so, each once.
func begunWith(begun string, names []string) []string {
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, begun) })
	slices.Sort(names)
	return slices.Compact(names)
}

func (o *options) completeNamespaces(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	w := o.quietWorld(cmd)
	if w == nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, ref := range w.targets() {
		names = append(names, ref.Namespace)
	}
	return begunWith(begun, names), cobra.ShellCompDirectiveNoFileComp
}

// quietWorld is the world for a completion, nil when there is none: a person
// who presses the tabulator key wants no messages.
func (o *options) quietWorld(cmd *cobra.Command) *world {
	quiet := *o
	quiet.streams.ErrOut = io.Discard
	w, err := quiet.load(cmd.Context())
	if err != nil {
		return nil
	}
	return w
}
