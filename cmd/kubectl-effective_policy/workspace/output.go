package workspace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
)

// The output formats.
const (
	FormatTable = "table"
	FormatWide  = "wide"
	FormatJSON  = "json"
	FormatYAML  = "yaml"
)

// Encode writes a value as JSON or YAML. It ends with a line break.
func Encode(to io.Writer, format string, value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return err
	}
	out := text.Bytes()
	if format == FormatYAML {
		var err error
		if out, err = yaml.JSONToYAML(out); err != nil {
			return err
		}
	}
	_, err := to.Write(out)
	return err
}

// Pen returns a pen for standard output.
func (o *Flags) Pen() *terminal.Pen {
	return terminal.NewPen(o.Streams.Out, !o.noColor && printers.AllowsColorOutput(o.Streams.Out))
}

// Progress returns the progress of work that begins now. It is only shown if standard error is a
// terminal, and not in scripts and logs.
func (o *Flags) Progress(what string) *terminal.Progress {
	if !terminal.IsTerminal(o.Streams.ErrOut) {
		return &terminal.Progress{}
	}
	return terminal.NewProgress(o.Streams.ErrOut, what, time.Now)
}

// AddOutput adds -o with the formats of a command, the default first.
func (o *Flags) AddOutput(cmd *cobra.Command, formats ...string) {
	format := cmd.Flags().StringP("output", "o", formats[0], "output format: "+strings.Join(formats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		known := slices.ContainsFunc(formats, func(f string) bool {
			return f == *format || strings.HasSuffix(f, "=") && strings.HasPrefix(*format, f)
		})
		if !known {
			return fmt.Errorf("-o %s is not an output format of this command: write one of %s", *format, strings.Join(formats, ", "))
		}
		o.Output = *format
		return run(cmd, args)
	}
}

// Note prints a message that is not part of the answer.
func (o *Flags) Note(format string, args ...any) {
	fmt.Fprintf(o.Streams.ErrOut, format+"\n", args...)
}
