package command

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/policy/guardrail"
)

// Output formats of commands whose findings other programs read.
const (
	formatSARIF = "sarif"
	formatJUnit = "junit"
)

func (o *options) checkCommand() *cobra.Command {
	var flags changeFlags
	var onCluster bool
	cmd := &cobra.Command{
		Use:   "check -f FILE [--base FILE | --cluster]",
		Short: "Say what an API server with attache would answer to manifests",
		Long: `Say everything that an API server with attache would answer if manifests were
applied or, with --delete, removed: what it would refuse, what guardrails object
to, and what it would warn of. All manifests are one change.

Guardrails are those among the manifests and those of the world that is changed:
with --base that of other manifests, with --cluster that of the current context.
With neither the manifests are the whole world, and everything in them is new.

Rules that read who makes the change are checked for the user of --as and
--as-group.

Exit code 1 says that something would be denied, 0 that all would pass.`,
		Example: `  kubectl effective-policy check -f manifests/ -R
  kubectl effective-policy check -f timeout.yaml --cluster
  kubectl effective-policy check -f branch/ --base main/ -R -o sarif > findings.sarif`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.empty, flags.keepRefused = !onCluster, true
			return o.check(cmd, flags)
		},
	}
	flags.add(cmd, "nothing")
	cmd.Flags().BoolVar(&onCluster, "cluster", false, "what is there now is in the cluster of the current context")
	cmd.MarkFlagsMutuallyExclusive("base", "cluster")
	o.addOutput(cmd, formatTable, formatJSON, formatSARIF, formatJUnit)
	return cmd
}

// checkReport is everything that would be answered.
type checkReport struct {
	Denied bool `json:"denied"`
	// Denial is the message of the refusal, as an API server would pass it on.
	Denial   string      `json:"denial,omitempty"`
	Findings []finding   `json:"findings"`
	Totals   checkTotals `json:"totals"`
	// Warnings are the sentences that an API server would pass on.
	Warnings []string `json:"warnings"`
	// Changes count what the manifests change.
	Changes changeTotals `json:"changes"`

	checked []checkedObject
}

// checkTotals count objects and findings.
type checkTotals struct {
	Objects  int `json:"objects"`
	Denials  int `json:"denials"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
}

// checkedObject is one object that was checked, and where it stands.
type checkedObject struct {
	name, file           string
	document, item, line int
}

func (o *options) check(cmd *cobra.Command, flags changeFlags) error {
	c, err := o.loadChange(cmd.Context(), flags)
	if err != nil {
		return err
	}
	report, err := c.review(cmd.Context(), o.user())
	if err != nil {
		return err
	}
	switch o.output {
	case formatJSON:
		err = encode(o.streams.Out, o.output, report)
	case formatSARIF:
		err = encode(o.streams.Out, formatJSON, sarifOf(report, ownVersion(o.builtAs).Version))
	case formatJUnit:
		err = writeJUnit(o.streams.Out, junitOfCheck(report))
	default:
		err = o.printFindings(report)
	}
	if err == nil && report.Denied {
		err = errFinding
	}
	return err
}

// review asks for a verdict on the whole change by a user, nil when that is not
// known, and puts what it says to its places in the files.
func (c *change) review(ctx context.Context, user map[string]any) (*checkReport, error) {
	report := &checkReport{Findings: []finding{}, Warnings: []string{}}
	for _, p := range c.problems {
		report.Findings = append(report.Findings, finding{
			Level: levelDenied, Rule: schemaRule, Object: p.Object, Field: p.Field, Message: p.Message,
			File: p.File, Document: p.Document, Item: p.Item, Line: p.Line,
		})
	}
	rails, findings := c.rails(ctx)
	report.Findings = append(report.Findings, findings...)
	if user == nil {
		known := part(rails, func(uses guardrail.Variables) bool { return uses&byWhom == 0 })
		report.Findings = append(report.Findings, unchecked(rails, known)...)
		rails = known
	}
	edit := c.edit()
	edit.User = user
	whole, single := rails, []*guardrail.Guardrail(nil)
	if edit.Operation == "" {
		whole = part(rails, func(uses guardrail.Variables) bool { return uses&oneObject == 0 })
		single = part(rails, func(uses guardrail.Variables) bool { return uses&oneObject != 0 })
	}
	verdict, err := guardrail.Review(ctx, c.before, edit, whole)
	if err != nil {
		return nil, err
	}
	oneByOne, err := c.oneByOne(ctx, user, single)
	if err != nil {
		return nil, err
	}
	places := &places{c, verdict}
	for _, r := range verdict.Refusals {
		report.Findings = append(report.Findings, places.refusal(r))
	}
	for _, v := range append(slices.Clone(verdict.Violations), oneByOne...) {
		report.Findings = append(report.Findings, places.violation(v))
	}
	for _, n := range verdict.Notices() {
		report.Findings = append(report.Findings, places.notice(n))
	}
	if verdict.Denied() {
		report.Denial = verdict.Denial(c.name())
	}
	report.Warnings = append(report.Warnings, verdict.Warnings()...)
	report.Changes = reportChanges(verdict, labels.Everything()).Totals
	report.finish(c)
	return report, nil
}

// name is how a person calls the change.
func (c *change) name() string {
	if edited := c.edited(); len(edited) == 1 {
		return guardrail.RefOf(c.documents[edited[0]].Object).String()
	}
	return "the change"
}

// user is who makes the change, as far as the flags say.
func (o *options) user() map[string]any {
	if *o.config.Impersonate == "" {
		return nil
	}
	groups := make([]any, len(*o.config.ImpersonateGroup))
	for i, g := range *o.config.ImpersonateGroup {
		groups[i] = g
	}
	return map[string]any{"username": *o.config.Impersonate, "groups": groups}
}

// unchecked says of which guardrails some rules are passed over.
func unchecked(all, known []*guardrail.Guardrail) []finding {
	rules := map[string]int{}
	for _, g := range known {
		rules[g.Name] = len(g.Rules)
	}
	var findings []finding
	for _, g := range all {
		if rules[g.Name] < len(g.Rules) {
			findings = append(findings, finding{
				Level: levelNote, Rule: guardrailRule(g.Name), Guardrail: g.Name, Object: "PolicyGuardrail " + g.Name,
				Message: "not checked, because it depends on who makes the change: say with --as and --as-group who does",
			})
		}
	}
	return findings
}

// oneByOne asks rules that read the object under edit about each object in turn,
// in the order in which they can be applied.
func (c *change) oneByOne(ctx context.Context, user map[string]any, rails []*guardrail.Guardrail) ([]guardrail.Violation, error) {
	if len(rails) == 0 {
		return nil, nil
	}
	var violations []guardrail.Violation
	said := map[string]bool{}
	now := c.before
	for _, i := range c.inOrder() {
		edit := c.editOf(i)
		edit.User = user
		verdict, err := guardrail.Review(ctx, now, edit, rails)
		if err != nil {
			return nil, err
		}
		now = verdict.After
		for _, v := range verdict.Violations {
			if key := v.Guardrail + v.String(); !said[key] {
				said[key] = true
				violations = append(violations, v)
			}
		}
	}
	return violations, nil
}

// inOrder lists the documents as they can be applied: what others stand on comes
// first, and when things are removed last.
func (c *change) inOrder() []int {
	rank := func(i int) int {
		u := c.documents[i].Object
		_, isPolicy := c.before.Kind(u.GroupVersionKind().GroupKind())
		switch {
		case u.GetKind() == "CustomResourceDefinition":
			return 0
		case u.GetKind() == "Namespace":
			return 1
		case isPolicy:
			return 3
		}
		return 2
	}
	order := c.edited()
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	if c.remove {
		slices.Reverse(order)
	}
	return order
}

// finish sorts and counts.
func (r *checkReport) finish(c *change) {
	slices.SortStableFunc(r.Findings, func(a, b finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Document-b.Document, a.Item-b.Item, severity[a.Level]-severity[b.Level], a.Line-b.Line,
			strings.Compare(a.Rule, b.Rule), strings.Compare(a.Field, b.Field), strings.Compare(a.Message, b.Message))
	})
	for _, d := range append(slices.Clone(c.documents), c.refused...) {
		r.checked = append(r.checked, checkedObject{guardrail.RefOf(d.Object).String(), d.File, d.Index, d.Item, d.Line})
	}
	slices.SortStableFunc(r.checked, func(a, b checkedObject) int {
		return cmp.Or(strings.Compare(a.file, b.file), a.document-b.document, a.item-b.item)
	})
	r.Totals.Objects = len(r.checked)
	for _, f := range r.Findings {
		switch f.Level {
		case levelDenied:
			r.Totals.Denials++
		case levelWarning:
			r.Totals.Warnings++
		default:
			r.Totals.Notes++
		}
	}
	r.Denied = r.Totals.Denials > 0
}
