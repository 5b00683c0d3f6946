package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/ci"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/verify"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/validate"
)

// verifyOptions are the flags of migrate verify alone.
type verifyOptions struct {
	report, dataPlane string
	policies          bool
	live              liveOptions
}

func (o *options) migrateVerifyCommand() *cobra.Command {
	m, v := &migrateOptions{}, &verifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify [--gateway NAMESPACE/NAME]",
		Short: "Show which requests the new side answers differently from the Ingresses",
		Long: `Show which requests the new side answers differently from the Ingresses, policies
included. Both sides are read from one set of manifests, or from the cluster.

For hosts without regular expressions the comparison is complete: when it finds no
difference, no request differs. For others it is sampled. Differences that the report of
migrate announces do not count with --report. The exit code is 1 when a request differs.`,
		Example: `  kubectl effective-policy migrate -f old.yaml \
    --new-gateway infra/edge --gateway-class envoy -o json > report.json
  kubectl effective-policy migrate verify -f old.yaml -f new.yaml \
    --report report.json
  kubectl effective-policy migrate verify -A --data-plane envoy-gateway -o junit`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.migrateVerify(cmd.Context(), m, v) },
	}
	m.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&v.report, "report", "", "the output of migrate -o json: differences that it announces do not count")
	flags.StringVar(&v.dataPlane, "data-plane", "", "the data plane, for what the specification leaves open: "+strings.Join(verify.DataPlanes(), ", "))
	flags.BoolVar(&v.policies, "policies", false, "compare policies even where the new side has none")
	v.live.addFlags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("data-plane", cobra.FixedCompletions(verify.DataPlanes(), cobra.ShellCompDirectiveNoFileComp))
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatJSON, formatSARIF, formatJUnit)
	return cmd
}

// sides are both sides of a migration as they were read.
type sides struct {
	objects  []document.Object
	snapshot *policy.Snapshot
	registry *validate.Registry
}

// readSides reads both sides from manifests or from the cluster.
func (o *options) readSides(ctx context.Context) (*sides, error) {
	if len(o.Files) == 0 {
		return o.sidesOfCluster(ctx)
	}
	settings, err := o.Settings()
	if err != nil {
		return nil, err
	}
	o.PlaneKinds = ingressKinds()
	in, err := o.ReadManifests(ctx, o.Files, source.Options{Namespace: *o.Config.Namespace, Stdin: o.Streams.In})
	if err != nil {
		return nil, err
	}
	s := &sides{registry: in.Schemas}
	for _, d := range slices.Concat(in.Documents, in.Unknown) {
		s.objects = append(s.objects, document.Object{Unstructured: d.Object, File: d.File, Document: d.Index, Line: d.Lines()})
	}
	base, _ := policy.NewSnapshot(settings).With(in.Schemas.CRDs()...)
	s.snapshot, _ = base.With(in.Objects()...)
	return s, nil
}

func (o *options) sidesOfCluster(ctx context.Context) (*sides, error) {
	objects, err := o.readIngresses(ctx)
	if err != nil {
		return nil, err
	}
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	settings, err := o.ClusterSettings(ctx, config)
	if err != nil {
		return nil, err
	}
	read, err := cluster.Objects(ctx, config, settings)
	if err != nil {
		return nil, err
	}
	registry, err := source.Builtin()
	if err != nil {
		return nil, err
	}
	base, _ := policy.NewSnapshot(settings).With(registry.CRDs()...) // the cluster may not have them yet
	snapshot, _ := base.With(read.Objects...)
	return &sides{objects, snapshot, registry}, nil
}

func (o *options) migrateVerify(ctx context.Context, m *migrateOptions, v *verifyOptions) error {
	if v.dataPlane != "" && !slices.Contains(verify.DataPlanes(), v.dataPlane) {
		return fmt.Errorf("--data-plane %s: write one of %s", v.dataPlane, strings.Join(verify.DataPlanes(), ", "))
	}
	if err := v.live.complete(); err != nil {
		return err
	}
	if err := m.complete(o, nil, false); err != nil {
		return err
	}
	m.options.Chosen = nil // the host view is always of all
	o.Quiet = o.Output != workspace.FormatTable
	s, err := o.readSides(ctx)
	if err != nil {
		return err
	}
	options := verify.Options{DataPlane: v.dataPlane, Policies: v.policies, Bridge: m.options.Bridge}
	if m.options.Gateway.Name != "" {
		options.Gateway = hierarchy.GatewayRef(m.options.Gateway.Namespace, m.options.Gateway.Name)
	}
	if v.report != "" {
		if options.Report, err = readReport(v.report); err != nil {
			return err
		}
	}
	old, err := oldside.Read(s.objects, m.options)
	if err != nil {
		return err
	}
	c := verify.Compare(old, s.snapshot, options)
	var live *liveResult
	if v.live.asked() {
		requests := verify.LiveRequests(old, s.snapshot, options, []string{v.live.scheme()}, v.live.most)
		if live, err = v.live.run(ctx, requests); err != nil {
			return err
		}
	}
	if err := o.printComparison(c, live); err != nil {
		return err
	}
	if c.Fails(o.Strict) || live.fails(o.Strict) {
		return errFinding
	}
	return nil
}

// readReport reads what migrate -o json printed.
func readReport(file string) ([]finding.Finding, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--report: %w", err)
	}
	var report struct {
		Findings []finding.Finding `json:"findings"`
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return nil, fmt.Errorf("--report %s is not what migrate -o json prints: %w", file, err)
	}
	if report.Findings == nil {
		return nil, errors.New("--report " + file + " has no findings: give what migrate -o json prints")
	}
	return report.Findings, nil
}

func (o *options) printComparison(c *verify.Comparison, live *liveResult) error {
	switch o.Output {
	case workspace.FormatJSON:
		return workspace.Encode(o.Streams.Out, workspace.FormatJSON, struct {
			*verify.Comparison
			Live *liveResult `json:"live,omitempty"`
		}{c, live})
	case formatSARIF:
		return workspace.Encode(o.Streams.Out, workspace.FormatJSON, comparisonSARIF(c, o.BuiltAs))
	case formatJUnit:
		return ci.WriteJUnit(o.Streams.Out, comparisonJUnit(c))
	}
	p := o.Pen()
	for i := range c.Hosts {
		printHost(p, &c.Hosts[i])
	}
	for _, note := range c.Notes {
		p.Line("note: %s", note)
	}
	p.Line("%s", p.Paint(terminal.Bold, comparisonTotals(c)))
	live.print(p)
	return p.Failed()
}

// host prints one host, and each group of requests that differ on it.
func printHost(p *terminal.Pen, h *verify.HostResult) {
	if len(h.Groups) == 0 {
		text := "no request differs"
		if h.Result == verify.Sampled {
			text = "none of " + prose.Count(h.Requests, "request") + " differs"
		}
		p.Line("%s  %s  %s", p.Paint(terminal.Green, h.Result), p.Paint(terminal.Plain, h.Host), text)
		return
	}
	styles := map[string]terminal.Style{verify.Different: terminal.Red, verify.Undetermined: terminal.Yellow, verify.Announced: terminal.Faint}
	for _, g := range h.Groups {
		share := strconv.Itoa(g.Count) + " of " + prose.Count(h.Requests, "request")
		if g.Count == h.Requests {
			share = "all " + prose.Count(h.Requests, "request")
		}
		p.Line("%s  %s  %s", p.Paint(styles[g.Kind], g.Kind), p.Paint(terminal.Plain, h.Host), share)
		p.Line("  %s", p.Paint(terminal.Plain, g.Example))
		if len(g.Policy) == 0 {
			p.Line("    old  %s  (%s)", p.Paint(terminal.Plain, g.Old), p.Paint(terminal.Plain, g.OldPlace))
			p.Line("    new  %s  (%s)", p.Paint(terminal.Plain, g.New), p.Paint(terminal.Plain, g.NewPlace))
		}
		for _, d := range g.Policy {
			line := d.Kind + " " + d.Field + "   old " + d.Old + "   new " + d.New
			if d.Origin != "" {
				line += "   " + d.Origin
			}
			p.Line("    %s", p.Paint(terminal.Plain, line))
		}
		if g.Why != "" {
			p.Line("    why  %s", p.Paint(terminal.Plain, g.Why))
		}
	}
}

func comparisonTotals(c *verify.Comparison) string {
	t := c.Totals
	text := fmt.Sprintf("%s, %s: %d different, %d announced, %d undetermined", prose.Count(t.Hosts, "host"), prose.Count(t.Requests, "request"), t.Different, t.Announced, t.Undetermined)
	if t.OnlyNew > 0 {
		text += "; " + prose.Count(t.OnlyNew, "host") + " only on the new side"
	}
	if c.Tied {
		text += "; a conflict between Ingresses is decided by their names alone: give them with their creationTimestamp"
	}
	return text
}

// comparisonSARIF has a result for each group.
func comparisonSARIF(c *verify.Comparison, version string) ci.SARIFLog {
	rules := []string{verify.Different, verify.Undetermined, verify.Announced}
	levels := []string{"error", "warning", "note"}
	texts := []string{
		"The new side answers differently from the Ingresses.", "The specification leaves the answer to the data plane.",
		"The difference was announced by migrate.",
	}
	run := ci.NewSARIFRun(version)
	for i, id := range rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ci.NewSARIFRule(id, ci.RuleText{Text: texts[i], Help: texts[i], Page: "migrating.md"}, levels[i]))
	}
	run.Results = []ci.SARIFResult{}
	for _, h := range c.Hosts {
		for i := range h.Groups {
			g := &h.Groups[i]
			index := slices.Index(rules, g.Kind)
			run.Results = append(run.Results, ci.SARIFResult{
				RuleID: g.Kind, RuleIndex: index, Level: levels[index], Message: ci.SARIFText{Text: h.Host + ": " + groupText(g)},
			})
		}
	}
	return ci.SARIFLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []ci.SARIFRun{run}}
}

func groupText(g *verify.Group) string {
	if len(g.Policy) == 0 {
		return g.Example + ": old " + g.Old + " (" + g.OldPlace + "), new " + g.New + " (" + g.NewPlace + ")"
	}
	var fields []string
	for _, d := range g.Policy {
		fields = append(fields, d.Kind+" "+d.Field+": old "+d.Old+", new "+strings.TrimSpace(d.New+" "+d.Origin))
	}
	return g.Example + ": " + strings.Join(fields, "; ")
}

// comparisonJUnit has a suite for each host (M77).
func comparisonJUnit(c *verify.Comparison) *ci.JUnitSuites {
	suites := &ci.JUnitSuites{Name: "migrate verify"}
	for _, h := range c.Hosts {
		if len(h.Groups) == 0 {
			suites.Add(h.Host, ci.JUnitCase{Name: h.Result, Class: h.Host})
		}
		for i := range h.Groups {
			g := &h.Groups[i]
			one := ci.JUnitCase{Name: g.Example, Class: h.Host, Out: groupText(g)}
			if g.Kind == verify.Different {
				one.Failure = &ci.JUnitFailure{Message: "old " + g.Old + ", new " + g.New, Type: g.Kind, Text: groupText(g)}
			}
			suites.Add(h.Host, one)
		}
	}
	return suites
}
