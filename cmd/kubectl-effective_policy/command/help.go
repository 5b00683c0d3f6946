package command

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy/prose"
)

// Groups of subcommands in the help.
const (
	groupAsk    = "ask"
	groupChange = "change"
	groupMore   = "more"
)

var groupTitles = []*cobra.Group{
	{ID: groupAsk, Title: "Which policies apply, and why:"},
	{ID: groupChange, Title: "What a change does:"},
	{ID: groupMore, Title: "More:"},
}

// groupOf is the group of each subcommand; one that is not here is in the last group.
var groupOf = map[string]string{
	"get": groupAsk, "explain": groupAsk, "policies": groupAsk, "describe": groupAsk, "bindings": groupAsk, "graph": groupAsk, "kinds": groupAsk,
	"diff": groupChange, "check": groupChange, "test": groupChange,
}

// shared are the flags of all commands that every help lists; "options" has the
// others.
var shared = []string{"filename", "recursive", "namespace", "all-namespaces", "selector", "context"}

// addHelp gives a command and its subcommands help in kubectl's style: its own flags, the most
// frequent common flags, and where to find the others.
func (o *options) addHelp(root *cobra.Command) {
	root.SetUsageFunc(usage)
	for _, cmd := range root.Commands() {
		cmd.Long = reflow(cmd.Long)
		for _, sub := range cmd.Commands() {
			sub.Long = reflow(sub.Long)
		}
	}
	for _, group := range groupTitles {
		root.AddGroup(group)
	}
	for _, cmd := range root.Commands() {
		if cmd.GroupID = groupOf[cmd.Name()]; cmd.GroupID == "" {
			cmd.GroupID = groupMore
		}
	}
	root.SetHelpCommandGroupID(groupMore)
	root.SetCompletionCommandGroupID(groupMore)
}

func (o *options) optionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "options",
		Short: "List the flags that every command has",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			own, kubectls := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
			kubectl := pflag.NewFlagSet("", pflag.ContinueOnError)
			o.Config.AddFlags(kubectl)
			cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) {
				if kubectl.Lookup(f.Name) != nil {
					kubectls.AddFlag(f)
					return
				}
				own.AddFlag(f)
			})
			own.SortFlags = false
			_, err := fmt.Fprintf(o.Streams.Out, "Every command has these flags:\n%s\nand those of kubectl for a connection:\n%s",
				own.FlagUsagesWrapped(terminal.Screen), kubectls.FlagUsagesWrapped(terminal.Screen))
			return err
		},
	}
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) { _ = cmd.RunE(cmd, nil) })
	return cmd
}

// usage prints the part of the help below the description.
func usage(cmd *cobra.Command) error {
	var b strings.Builder
	if cmd.Runnable() && cmd.HasParent() {
		fmt.Fprintf(&b, "Usage:\n  %s\n", hanging(cmd.UseLine(), 6))
	}
	if cmd.HasExample() {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "Examples:\n%s\n", cmd.Example)
	}
	subcommands(&b, cmd)
	if flags := cmd.LocalNonPersistentFlags(); flags.HasAvailableFlags() && cmd.HasParent() {
		fmt.Fprintf(&b, "\nFlags:\n%s", flags.FlagUsagesWrapped(terminal.Screen))
	}
	common := pflag.NewFlagSet("", pflag.ContinueOnError)
	common.SortFlags = false
	for _, name := range shared {
		if f := cmd.Root().PersistentFlags().Lookup(name); f != nil {
			common.AddFlag(f)
		}
	}
	fmt.Fprintf(&b, "\nFlags of all commands:\n%s", common.FlagUsagesWrapped(terminal.Screen))
	fmt.Fprintf(&b, "\nUse \"%s options\" for more flags of all commands.\n", workspace.DisplayName)
	_, err := io.WriteString(cmd.OutOrStderr(), b.String())
	return err
}

// reflow makes the paragraphs of a text fit a screen. Lines that are indented stay
// as they are.
func reflow(text string) string {
	var lines, paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			lines = append(lines, terminal.Wrap(strings.Join(paragraph, " "), terminal.Screen)...)
			paragraph = nil
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line != "" && !strings.HasPrefix(line, " ") {
			paragraph = append(paragraph, line)
			continue
		}
		end()
		lines = append(lines, line)
	}
	end()
	return strings.Join(lines, "\n")
}

// hanging wraps a text in a help; further lines are indented.
func hanging(text string, indent int) string {
	return strings.Join(terminal.Wrap(text, terminal.Screen-indent), "\n"+strings.Repeat(" ", indent))
}

func subcommands(b *strings.Builder, cmd *cobra.Command) {
	groups := cmd.Groups()
	if len(groups) == 0 && cmd.HasAvailableSubCommands() {
		groups = []*cobra.Group{{Title: "Commands:"}}
	}
	for _, group := range groups {
		fmt.Fprintf(b, "\n%s\n", group.Title)
		for _, sub := range cmd.Commands() {
			if sub.GroupID == group.ID && (sub.IsAvailableCommand() || sub.Name() == "help") {
				fmt.Fprintf(b, "  %-10s  %s\n", sub.Name(), hanging(sub.Short, 14))
			}
		}
	}
}

// knownCommand refuses a word that is not a subcommand, and says which one may be
// meant.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	text := fmt.Sprintf("there is no command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("%s: did you mean %q?", text, near[0])
	}
	return fmt.Errorf("%s\nsee '%s --help'", text, cmd.CommandPath())
}

// flagError says which flag may be meant, or where the help is.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		slices.Sort(names)
		if near, ok := prose.Closest(unknown.GetSpecifiedName(), names); ok {
			return fmt.Errorf("%w: did you mean --%s?", err, near)
		}
	}
	return fmt.Errorf("%w\nsee '%s --help'", err, cmd.CommandPath())
}

// oneObject checks the arguments of commands for one object.
func oneObject(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return fmt.Errorf("name %s", what)
		case 1, 2:
			return nil
		}
		return fmt.Errorf("name one object, and not %d: %s", len(args), strings.Join(args, " "))
	}
}
