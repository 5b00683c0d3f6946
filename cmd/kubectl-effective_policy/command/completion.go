package command

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/hierarchy"
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
			if strings.HasPrefix(name, begun) && !slices.Contains(args, name) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
	}
}

func (o *options) completeNamespaces(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	w := o.quietWorld(cmd)
	if w == nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, ref := range w.targets() {
		if strings.HasPrefix(ref.Namespace, begun) {
			names = append(names, ref.Namespace)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
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
