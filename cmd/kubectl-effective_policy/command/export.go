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
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
)

// toAuto is the value of --to that goes by the class.
const toAuto = "auto"

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
		ValidArgsFunction: o.completeObjects((*workspace).routes, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if e.restore {
				return o.restoreRoutes(cmd.Context(), args)
			}
			return o.export(cmd.Context(), e, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&e.to, "to", toAuto, "treat every GatewayClass as one of this exporter: "+strings.Join(exporterNames(), ", ")+"; auto goes by the class")
	flags.BoolVar(&e.routes, "routes", false, "also print the routes with the values to write into them")
	flags.BoolVar(&e.restore, "restore", false, "print only the routes that were changed, as their owners wrote them")
	flags.StringVar(&e.standardFields, "standard-fields", "", "an HTTPRoute CRD, whose fields are those that can be written into routes (default one in the input, else the experimental channel)")
	flags.StringVar(&e.report, "report", reportTable, "the report on standard error: table, json, none")
	flags.StringVar(&e.failOn, "fail-on", "", "exit 1 when a field is unsupported, or degraded or unsupported: unsupported, degraded")
	_ = cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(append(exporterNames(), toAuto), cobra.ShellCompDirectiveNoFileComp))
	o.addOutput(cmd, formatYAML, formatJSON)
	return cmd
}

func exporterNames() []string {
	var names []string
	for _, r := range exporters.All() {
		names = append(names, r.Name())
	}
	return names
}

// exporterInstead is what to write in place of a name that no exporter has.
func exporterInstead(of string) string {
	names := append(exporterNames(), toAuto)
	near, ok := prose.Closest(of, names)
	if i := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, of) }); i >= 0 {
		near, ok = names[i], true
	}
	if ok {
		return " did you mean " + near + "?"
	}
	return "\nwrite one of " + strings.Join(exporterNames(), ", ") + ",\nor " + toAuto
}

func (e *exportOptions) validate() error {
	if e.to != toAuto && !slices.Contains(exporterNames(), e.to) {
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

// exportedRoute is one route with what its exporters make of it.
type exportedRoute struct {
	target  *effective.Target
	results []enforcement.Result
	entries []enforcement.Entry
}

func (o *options) export(ctx context.Context, e *exportOptions, args []string) error {
	if err := e.validate(); err != nil {
		return err
	}
	o.quiet, o.planeKinds = e.report == reportJSON, planeKinds()
	w, err := o.load(ctx)
	if err != nil {
		return err
	}
	p, err := o.planes(ctx, w)
	if err != nil {
		return err
	}
	targets, err := w.find(args, w.routes())
	if err != nil {
		return err
	}
	fields, err := o.standardFields(p, e)
	if err != nil {
		return err
	}
	exported := p.exports(targets, e.to, fields)
	var objects []*unstructured.Unstructured
	for _, r := range exported {
		for _, result := range r.results {
			objects = append(objects, result.Projection.Objects...)
		}
	}
	if e.routes {
		for _, r := range exported {
			if route := p.injected(r); route != nil {
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

// exports is what exporters make of routes that a policy reaches.
func (p *planes) exports(targets []hierarchy.Ref, to string, fields export.StandardFields) []exportedRoute {
	w := p.workspace
	config := enforcement.Config{All: true}
	if to != toAuto {
		config.To = to
	}
	world := enforcement.World{Graph: w.snapshot.Graph(), Config: config, Fields: fields, Foreign: p.foreignIndex(),
		Refused: p.refusedRules, Schemas: p.schemas(), Installed: p.installed}
	resolution := w.resolve(targets)
	var exported []exportedRoute
	for _, target := range targets {
		t := resolution.Get(target)
		if t == nil || !t.Reached() {
			continue
		}
		r := exportedRoute{target: t}
		for _, part := range world.Parts(t) {
			r.results = append(r.results, enforcement.Result{Part: part, Projection: part.Project()})
		}
		object, _ := w.snapshot.Graph().Get(target)
		if _, isRoute := object.(*hierarchy.Route); isRoute {
			r.entries = enforcement.Entries(t, r.results)
		}
		exported = append(exported, r)
	}
	return exported
}

// installed says whether what an exporter writes can be: not where the cluster lacks the CRD, or one
// in the input does not serve the version that is written (E1.7, E2.5).
func (p *planes) installed(exporter string) bool {
	row, _ := exporters.Lookup(exporter)
	for _, k := range row.Kinds {
		name := k.Plural + "." + k.Group
		if p.missing[name] {
			return false
		}
		for _, d := range p.workspace.documents {
			if crd.Is(d.Object) && d.Object.GetName() == name && !serves(d.Object, k.Version) {
				return false
			}
		}
	}
	return true
}

// serves says whether a CRD serves a version.
func serves(definition *unstructured.Unstructured, version string) bool {
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	return slices.ContainsFunc(versions, func(v any) bool {
		fields, _ := v.(map[string]any)
		return fields["name"] == version && fields["served"] == true
	})
}

// planeKinds are the kinds of data planes' APIs that exporters write.
func planeKinds() []schema.GroupKind {
	var kinds []schema.GroupKind
	for _, r := range exporters.All() {
		for _, k := range r.Kinds {
			kinds = append(kinds, k.GroupKind())
		}
	}
	return kinds
}

// foreignIndex is the index of the objects of data planes' APIs, made once.
func (p *planes) foreignIndex() *export.ForeignIndex {
	if p.index == nil {
		p.index = export.NewForeignIndex(p.foreign())
	}
	return p.index
}

// foreign are the objects of data planes' APIs in the input.
func (p *planes) foreign() []*unstructured.Unstructured {
	kinds := planeKinds()
	all := slices.Clone(p.objects)
	for _, d := range p.workspace.documents {
		all = append(all, d.Object)
	}
	return slices.DeleteFunc(all, func(u *unstructured.Unstructured) bool {
		return !slices.Contains(kinds, u.GroupVersionKind().GroupKind())
	})
}

// standardFields is what the HTTPRoute CRD has: that of the flag, else of the
// input or the cluster, else the built-in one, and then the report says so.
func (o *options) standardFields(p *planes, e *exportOptions) (export.StandardFields, error) {
	if e.standardFields == "" {
		if p.builtInRoutes && e.report == reportTable {
			o.note("HTTPRoute: fields of the experimental channel of Gateway API, for want of a CRD in the input; --standard-fields names another")
		}
		return export.FieldsOf(p.routeCRD), nil
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

// routeCRDOf is the CRD by which HTTPRoutes of the input were checked, and
// whether it is the one in the binary.
func routeCRDOf(w *workspace) (definition *unstructured.Unstructured, builtIn bool) {
	const name = "httproutes." + hierarchy.Group
	builtIn = true
	for _, d := range w.documents {
		builtIn = builtIn && d.Object.GetName() != name
	}
	for _, c := range w.schemas.CRDs() {
		if c.GetName() == name {
			definition = c
		}
	}
	return definition, builtIn
}

// failed says whether --fail-on finds something.
func (e *exportOptions) failed(exported []exportedRoute) bool {
	for _, r := range exported {
		for _, entry := range r.entries {
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
