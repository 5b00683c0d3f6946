package command

import (
	"bytes"
	"fmt"
	"strings"

	"k8s.io/client-go/util/jsonpath"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
)

// Formats that pick fields of objects, as in kubectl. The text after = is part of them.
const (
	formatName     = "name"
	formatJSONPath = "jsonpath="
	formatColumns  = "custom-columns="
)

// resource is the name of the resource in kubectl's output.
const resource = "effectivepolicy.attache.dev"

func (o *options) printFields(shown []shownPolicy, noHeaders bool) error {
	if o.Output == formatName {
		for _, s := range shown {
			fmt.Fprintln(o.Streams.Out, resource+"/"+s.object.GetName())
		}
		return nil
	}
	if path, ok := strings.CutPrefix(o.Output, formatJSONPath); ok {
		printed, err := atPath(path, listOf(shown))
		if err == nil {
			_, err = fmt.Fprint(o.Streams.Out, printed)
		}
		return err
	}
	return o.printColumns(strings.TrimPrefix(o.Output, formatColumns), shown, noHeaders)
}

// atPath evaluates a JSONPath template on a value. Missing fields are empty.
func atPath(template string, value any) (string, error) {
	p := jsonpath.New("output").AllowMissingKeys(true)
	if err := p.Parse(template); err != nil {
		return "", fmt.Errorf("-o jsonpath: %w", err)
	}
	var text bytes.Buffer
	if err := p.Execute(&text, value); err != nil {
		return "", fmt.Errorf("-o jsonpath: %w", err)
	}
	return text.String(), nil
}

// printColumns prints NAME:.path,NAME:.path of each object.
func (o *options) printColumns(spec string, shown []shownPolicy, noHeaders bool) error {
	t := &terminal.Table{}
	var heads, paths []string
	for _, column := range strings.Split(spec, ",") {
		head, path, ok := strings.Cut(column, ":")
		if !ok || head == "" || path == "" {
			return fmt.Errorf("-o custom-columns: %q is not a column: write NAME:.path, such as TIMEOUT:.status.summary.timeout", column)
		}
		if !strings.HasPrefix(path, "{") {
			path = "{." + strings.TrimPrefix(path, ".") + "}"
		}
		heads, paths = append(heads, head), append(paths, path)
	}
	if !noHeaders {
		t.Head(heads...)
	}
	for _, s := range shown {
		cells := make([]string, len(paths))
		for i, path := range paths {
			text, err := atPath(path, s.object.Object)
			if err != nil {
				return err
			}
			if cells[i] = text; text == "" {
				cells[i] = "<none>"
			}
		}
		t.Plain(cells...)
	}
	p := o.Pen()
	p.Print(t)
	return p.Failed()
}
