package command

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
)

// printObjects prints objects sorted by namespace, group, kind and name: as YAML
// documents, or as one List.
func (o *options) printObjects(objects []*unstructured.Unstructured) error {
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GroupVersionKind().Group, b.GroupVersionKind().Group),
			cmp.Compare(a.GetKind(), b.GetKind()), cmp.Compare(a.GetName(), b.GetName()))
	})
	items := make([]any, len(objects))
	for i, object := range objects {
		bare := object.DeepCopy()
		unstructured.RemoveNestedField(bare.Object, "metadata", "ownerReferences")
		unstructured.RemoveNestedField(bare.Object, "metadata", "managedFields")
		unstructured.RemoveNestedField(bare.Object, "status")
		items[i] = bare.Object
	}
	if o.Output == workspace.FormatJSON {
		return workspace.Encode(o.Streams.Out, o.Output, map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	}
	for i, item := range items {
		text, err := yaml.Marshal(item)
		if err != nil {
			return err
		}
		if i > 0 {
			text = append([]byte("---\n"), text...)
		}
		if _, err := o.Streams.Out.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// printExportReport prints the outcome of every field on standard error.
func (o *options) printExportReport(format string, exported []planes.Exported, w *workspace.Workspace) error {
	switch format {
	case reportNone:
		return nil
	case reportJSON:
		return o.printReportJSON(exported, w)
	}
	if len(exported) == 0 {
		o.Note("no policy reaches any route%s", w.Where())
		return nil
	}
	p := &terminal.Pen{To: o.Streams.ErrOut, Colours: false}
	for i, r := range exported {
		if i > 0 {
			p.Line("")
		}
		p.Line("%s: would be enforced: %s", p.Paint(terminal.Plain, r.Target.Target.String()), enforcement.Summary(r.Entries))
		for _, entry := range r.Entries {
			printEntry(p, entry)
		}
	}
	return p.Failed()
}

// printEntry prints one entry of a route.
func printEntry(p *terminal.Pen, e enforcement.Entry) {
	by := "no exporter"
	if e.Exporter != "" {
		by = e.Exporter
	}
	p.Line("  %s, %s: %s", p.Paint(terminal.Plain, listenersText(e.Parents)), rulesText(e.Rules), by)
	if e.Message != "" {
		p.Line("    %s", p.Paint(terminal.Plain, e.Message))
	}
	t := &terminal.Table{Indent: "    "}
	for _, outcome := range e.Outcomes {
		t.Plain(outcome.Field.Policy+" "+outcome.Field.String(), outcomeText(outcome))
	}
	p.Print(t)
}

// outcomeText returns an outcome as one line: where the value is, or why it is not enforced.
func outcomeText(o export.Outcome) string {
	text := string(o.Verdict)
	if o.Reason != "" {
		text += " " + string(o.Reason) + ": " + o.Message
	} else if o.As != "" {
		text += " as " + o.As
	}
	if len(o.Notes) > 0 {
		text += " (" + strings.Join(o.Notes, ", ") + ")"
	}
	return text
}

func listenersText(listeners []*hierarchy.Listener) string {
	names := make([]string, len(listeners))
	for i, l := range listeners {
		names[i] = l.Ref.Object().Place() + " " + l.Ref.Section
	}
	return strings.Join(names, ", ")
}

func rulesText(rules hierarchy.RuleSet) string {
	if rules.All {
		return "all rules"
	}
	return "rules " + rules.String()
}

func (o *options) printReportJSON(exported []planes.Exported, w *workspace.Workspace) error {
	list := []any{}
	for _, r := range exported {
		target := r.Target.Target
		for _, entry := range r.Entries {
			item := entry.Object()
			item["route"] = map[string]any{"group": target.GroupKind.Group, "kind": target.Kind, "namespace": target.Namespace, "name": target.Name}
			list = append(list, item)
		}
	}
	report := map[string]any{"enforcement": list}
	if len(w.Problems) > 0 {
		report["problems"] = w.Problems
	}
	return workspace.Encode(o.Streams.ErrOut, workspace.FormatJSON, report)
}
