package command

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/ci"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/policy/migrate"
	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/finding"
)

// printMigration prints what was written and the report (M64).
func (o *options) printMigration(r *migrate.Result, m *migrateOptions) error {
	if m.held != "" {
		if err := writeHeld(m.held, r.Held); err != nil {
			return fmt.Errorf("--held: %w", err)
		}
	}
	switch o.Output {
	case workspace.FormatJSON:
		return workspace.Encode(o.Streams.Out, workspace.FormatJSON, migrationReport(r))
	case formatSARIF:
		return workspace.Encode(o.Streams.Out, workspace.FormatJSON, migrationSARIF(r.Findings, o.BuiltAs))
	case workspace.FormatTable:
		return printMigrationTable(o.Pen(), r)
	}
	text, err := manifests(r.Objects)
	if err != nil {
		return err
	}
	if _, err := o.Streams.Out.Write(text); err != nil {
		return err
	}
	return printMigrationTable(&terminal.Pen{To: o.Streams.ErrOut}, r)
}

// manifests are objects as YAML documents.
func manifests(objects []*unstructured.Unstructured) ([]byte, error) {
	var out bytes.Buffer
	for i, u := range objects {
		text, err := yaml.Marshal(u.Object)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(text)
	}
	return out.Bytes(), nil
}

// migrationReport is a result for programs.
func migrationReport(r *migrate.Result) map[string]any {
	list := func(objects []*unstructured.Unstructured) []any {
		items := []any{}
		for _, u := range objects {
			items = append(items, u.Object)
		}
		return items
	}
	report := map[string]any{
		"objects": list(r.Objects), "held": list(r.Held), "findings": slices.Concat([]finding.Finding{}, r.Findings), "totals": r.Totals,
	}
	if r.Lifted != nil {
		report["lift"] = r.Lifted
	}
	return report
}

var findingStyles = map[finding.Status]terminal.Style{
	finding.Lost: terminal.Red, finding.NotServed: terminal.Red, finding.Unbound: terminal.Red, finding.Unresolved: terminal.Red, finding.Conflict: terminal.Red,
	finding.Unknown: terminal.Yellow, finding.Approximated: terminal.Yellow, finding.Implicit: terminal.Faint, finding.NoEffect: terminal.Faint, finding.Foreign: terminal.Faint,
}

func printMigrationTable(p *terminal.Pen, r *migrate.Result) error {
	for i := range r.Findings {
		f := &r.Findings[i]
		place := f.File
		if f.Line > 0 {
			place += ":" + strconv.Itoa(f.Line)
		}
		padding := strings.Repeat(" ", max(0, len(finding.Approximated)-len(f.Status)))
		p.Line("%s  %s%s  %s", p.Paint(terminal.Plain, cmp.Or(place, f.Ingress, "-")), p.Paint(findingStyles[f.Status], string(f.Status)), padding, p.Paint(terminal.Plain, findingText(f)))
	}
	if r.Lifted != nil {
		p.Line("%s", r.Lifted.String())
	}
	p.Line("%s", p.Paint(terminal.Bold, r.Totals.String()))
	return p.Failed()
}

// findingText is a finding in a sentence, with its effect where it is a loss.
func findingText(f *finding.Finding) string {
	text := f.Message
	if f.Status == finding.Lost {
		text += " (" + string(f.Effect)
		switch {
		case f.Held:
			text += ", held"
		case f.Accepted:
			text += ", accepted"
		}
		text += ")"
	}
	return text
}

// migrationSARIF are findings for programs that show them in source code.
func migrationSARIF(findings []finding.Finding, version string) ci.SARIFLog {
	var ids []string
	for i := range findings {
		ids = append(ids, string(findings[i].Status))
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	run := ci.NewSARIFRun(version)
	for _, id := range ids {
		text := aboutStatus(finding.Status(id))
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ci.NewSARIFRule(id, ci.RuleText{Text: text, Help: text, Page: "migrating.md"}, "warning"))
	}
	seen := map[string]int{}
	for i := range findings {
		f := &findings[i]
		result := ci.SARIFResult{RuleID: string(f.Status), RuleIndex: slices.Index(ids, string(f.Status)), Level: statusLevel(f), Message: ci.SARIFText{Text: findingText(f)}}
		result.Fingerprints = map[string]string{"attache/v1": ci.Fingerprint(seen, string(f.Status), f.Ingress, f.Message)}
		if f.File != "" {
			location := ci.SARIFLocation{PhysicalLocation: ci.SARIFPhysical{ArtifactLocation: ci.ArtifactOf(f.File, "")}}
			if f.Line > 0 {
				location.PhysicalLocation.Region = &ci.SARIFRegion{StartLine: f.Line}
			}
			if f.Ingress != "" {
				location.LogicalLocations = []ci.SARIFLogical{{FullyQualifiedName: "Ingress " + f.Ingress, Kind: "object"}}
			}
			result.Locations = []ci.SARIFLocation{location}
		}
		run.Results = append(run.Results, result)
	}
	return ci.SARIFLog{Schema: ci.SARIFSchema, Version: "2.1.0", Runs: []ci.SARIFRun{run}}
}

// statusLevel is the level of a finding in SARIF (M64).
func statusLevel(f *finding.Finding) string {
	switch f.Status {
	case finding.Lost:
		if f.Effect == finding.Exposes || f.Effect == finding.Breaks {
			return "error"
		}
		return "warning"
	case finding.NotServed, finding.Unbound, finding.Unresolved, finding.Conflict:
		return "error"
	case finding.Unknown, finding.Approximated, finding.NoCertificate, finding.HostIncomplete:
		return "warning"
	}
	return "note"
}

func aboutStatus(s finding.Status) string {
	switch s {
	case finding.Converted:
		return "The new side does the same by specification."
	case finding.Approximated:
		return "The nearest thing is written; the sentence says what differs."
	case finding.Lost:
		return "Nothing is written; the sentence says why and what to do."
	case finding.NoEffect:
		return "The controller passed over it here."
	case finding.Unknown:
		return "The controller has no such annotation or key."
	case finding.Foreign:
		return "It belongs to somebody else and is not copied."
	case finding.NotServed:
		return "The controller refuses the Ingress."
	}
	return "What to know about the migration: " + string(s) + "."
}

func (o *options) migrateAnnotationsCommand() *cobra.Command {
	var which string
	cmd := &cobra.Command{
		Use:   "annotations [--controller NAME]",
		Short: "List what becomes of each annotation and each ConfigMap key",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			tables := controller.Tables(which)
			if len(tables) == 0 {
				return fmt.Errorf("--controller %s is not known: write one of %s", which, fmt.Sprint(controller.Known()))
			}
			if o.Output != workspace.FormatTable {
				return workspace.Encode(o.Streams.Out, o.Output, tables)
			}
			return printTables(o.Pen(), tables)
		},
	}
	cmd.Flags().StringVar(&which, "controller", "", "only annotations and keys of one controller")
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatJSON, workspace.FormatYAML)
	return cmd
}

func printTables(p *terminal.Pen, tables []controller.Table) error {
	t := &terminal.Table{}
	t.Head("NAME", "SCOPE", "BECOMES", "STATUS", "WHEN LOST", "BAD VALUE")
	for _, each := range tables {
		for _, r := range each.Annotations {
			t.Plain(r.Name, r.Scope, r.Becomes, string(r.Status), string(r.Effect), string(r.Bad))
		}
		for _, r := range each.Keys {
			t.Plain("ConfigMap "+r.Name, r.Scope, r.Becomes, string(r.Status), string(r.Effect), string(r.Bad))
		}
	}
	p.Print(t)
	return p.Failed()
}
