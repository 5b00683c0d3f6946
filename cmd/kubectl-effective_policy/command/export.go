package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
)

// The values of --report and --fail-on.
const (
	reportTable       = "table"
	reportJSON        = "json"
	reportNone        = "none"
	failOnUnsupported = "unsupported"
	failOnDegraded    = "degraded"
)

// exportOptions are the flags of export alone.
type exportOptions struct {
	to, report, failOn, standardFields string
	routes, restore                    bool
}

func (o *options) exportCommand() *cobra.Command {
	e := &exportOptions{}
	cmd := &cobra.Command{
		Use:   "export [KIND/]NAME…",
		Short: "Print the data plane objects that enforce effective policies",
		Long: `Print the data plane objects that enforce the effective policies of routes, of all
or of those named, and report on standard error for every field whether it is in
force there, in force with a loss, or not in force, and why.

The controllerName of a GatewayClass tells its data plane. Objects of the data plane
that are in the input are taken into account. With --routes the routes are printed
too, with the values to write into them.`,
		Example: `  kubectl effective-policy export -f manifests/ -R > objects.yaml
  kubectl effective-policy export httproute/checkout -n shop --report json
  kubectl effective-policy export --to envoy-gateway -f manifests/
  kubectl effective-policy export --restore -A | kubectl replace -f -`,
		ValidArgsFunction: o.CompleteObjects((*workspace.Workspace).Routes, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if e.restore {
				return o.restoreRoutes(cmd.Context(), args)
			}
			return o.export(cmd.Context(), e, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&e.to, "to", planes.Auto, "treat every GatewayClass as one of this exporter: "+strings.Join(exporterNames(), ", ")+"; auto goes by the class")
	flags.BoolVar(&e.routes, "routes", false, "also print the routes with the values to write into them")
	flags.BoolVar(&e.restore, "restore", false, "print only the routes that were changed, as their owners wrote them")
	flags.StringVar(&e.standardFields, "standard-fields", "", "an HTTPRoute CRD, whose fields are those that can be written into routes (default one in the input, else the experimental channel)")
	flags.StringVar(&e.report, "report", reportTable, "the report on standard error: table, json, none")
	flags.StringVar(&e.failOn, "fail-on", "", "exit 1 when a field is unsupported, or degraded or unsupported: unsupported, degraded")
	_ = cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(append(exporterNames(), planes.Auto), cobra.ShellCompDirectiveNoFileComp))
	o.AddOutput(cmd, workspace.FormatYAML, workspace.FormatJSON)
	return cmd
}

func exporterNames() []string {
	var names []string
	for _, r := range exporters.All() {
		names = append(names, r.Name())
	}
	return names
}

// exporterInstead suggests what to write instead of the name of an unknown exporter.
func exporterInstead(of string) string {
	names := append(exporterNames(), planes.Auto)
	near, ok := prose.Closest(of, names)
	if i := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, of) }); i >= 0 {
		near, ok = names[i], true
	}
	if ok {
		return " did you mean " + near + "?"
	}
	return "\nwrite one of " + strings.Join(exporterNames(), ", ") + ",\nor " + planes.Auto
}

func (e *exportOptions) validate() error {
	if e.to != planes.Auto && !slices.Contains(exporterNames(), e.to) {
		return fmt.Errorf("--to %s is not an exporter:%s", e.to, exporterInstead(e.to))
	}
	if !slices.Contains([]string{reportTable, reportJSON, reportNone}, e.report) {
		return fmt.Errorf("--report %s: write table, json or none", e.report)
	}
	if !slices.Contains([]string{"", failOnUnsupported, failOnDegraded}, e.failOn) {
		return fmt.Errorf("--fail-on %s: write unsupported or degraded", e.failOn)
	}
	return nil
}

func (o *options) export(ctx context.Context, e *exportOptions, args []string) error {
	if err := e.validate(); err != nil {
		return err
	}
	o.Quiet, o.PlaneKinds = e.report == reportJSON, planes.Kinds()
	w, err := o.Load(ctx)
	if err != nil {
		return err
	}
	p, err := o.planes(ctx, w)
	if err != nil {
		return err
	}
	targets, err := w.Find(args, w.Routes())
	if err != nil {
		return err
	}
	fields, err := o.standardFields(p, e)
	if err != nil {
		return err
	}
	exported := p.Exports(targets, e.to, fields)
	var objects []*unstructured.Unstructured
	for _, r := range exported {
		for _, result := range r.Results {
			objects = append(objects, result.Projection.Objects...)
		}
	}
	if e.routes {
		for _, r := range exported {
			if route := p.Injected(r); route != nil {
				objects = append(objects, route)
			}
		}
	}
	if err := o.printObjects(objects); err != nil {
		return err
	}
	if err := o.printExportReport(e.report, exported, w); err != nil {
		return err
	}
	if e.failed(exported) {
		return errFinding
	}
	return nil
}

// standardFields returns the fields of the HTTPRoute CRD: the one of the flag, else the one in the
// input or the cluster, else the built-in one, which the report mentions.
func (o *options) standardFields(p *planes.Planes, e *exportOptions) (export.StandardFields, error) {
	if e.standardFields == "" {
		if p.BuiltInRoutes && e.report == reportTable {
			o.Note("HTTPRoute: fields of the experimental channel of Gateway API, for want of a CRD in the input; --standard-fields names another")
		}
		return export.FieldsOf(p.RouteCRD), nil
	}
	data, err := os.ReadFile(e.standardFields)
	if err != nil {
		return export.StandardFields{}, fmt.Errorf("--standard-fields: %w", err)
	}
	definition := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, &definition.Object); err != nil {
		return export.StandardFields{}, fmt.Errorf("--standard-fields %s: %w", e.standardFields, err)
	}
	fields := export.FieldsOf(definition)
	if fields.FiltersMax == 0 {
		return fields, errors.New("--standard-fields " + e.standardFields + " is not the CustomResourceDefinition of HTTPRoute: give httproutes.gateway.networking.k8s.io")
	}
	return fields, nil
}

// failed reports whether there is a finding for --fail-on.
func (e *exportOptions) failed(exported []planes.Exported) bool {
	for _, r := range exported {
		for _, entry := range r.Entries {
			for _, outcome := range entry.Outcomes {
				if e.failOn != "" && outcome.Verdict == export.Unsupported || e.failOn == failOnDegraded && outcome.Verdict == export.Degraded {
					return true
				}
			}
			if e.failOn != "" && entry.State == enforcement.NoExporter {
				return true
			}
		}
	}
	return false
}
