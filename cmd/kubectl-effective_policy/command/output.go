package command

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/hierarchy"
)

// The output formats.
const (
	formatTable = "table"
	formatWide  = "wide"
	formatJSON  = "json"
	formatYAML  = "yaml"
)

func (w *workspace) selects(meta *hierarchy.Meta) bool {
	return w.selector.Matches(labels.Set(meta.Labels))
}

// encode writes a value as JSON or YAML. It ends with a line break.
func encode(to io.Writer, format string, value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return err
	}
	out := text.Bytes()
	if format == formatYAML {
		var err error
		if out, err = yaml.JSONToYAML(out); err != nil {
			return err
		}
	}
	_, err := to.Write(out)
	return err
}

// pen returns a pen for standard output.
func (o *sharedFlags) pen() *terminal.Pen {
	return terminal.NewPen(o.streams.Out, !o.noColor && printers.AllowsColorOutput(o.streams.Out))
}

// progress is for work that begins now. Standard error gets it when it is a terminal: scripts and logs
// do not.
func (o *sharedFlags) progress(what string) *terminal.Progress {
	if !terminal.IsTerminal(o.streams.ErrOut) {
		return &terminal.Progress{}
	}
	return terminal.NewProgress(o.streams.ErrOut, what, time.Now)
}
