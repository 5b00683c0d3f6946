package command

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
)

func (o *options) diffCommand() *cobra.Command {
	var flags changeFlags
	cmd := &cobra.Command{
		Use:   "diff -f CHANGE [--delete] [--base FILE]",
		Short: "Show what would change if manifests were applied, or removed",
		Long: `Show what would change if manifests were applied or, with --delete, removed: for
every route, rule and field the value before and after, and who sets it.

The manifests of -f are compared with the cluster of the current context, or with
the manifests of --base: then no cluster is asked. All of them are one change.
What applies to a Gateway is what a new route would get there.

Exit code 1 says that something changes, 0 that nothing does.`,
		Example: `  kubectl effective-policy diff -f timeout.yaml
  kubectl effective-policy diff -f timeout.yaml --delete
  kubectl effective-policy diff -f branch/ --base main/ -R -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.diff(cmd, flags) },
	}
	flags.add(cmd, "the cluster")
	o.addOutput(cmd, formatTable, formatJSON)
	return cmd
}

// diffReport is all that changes.
type diffReport struct {
	Changes []fieldChange `json:"changes"`
	Totals  changeTotals  `json:"totals"`
}

// fieldChange is one field that changes in the same way on some paths of a route
// or a Gateway.
type fieldChange struct {
	Target  boundParent    `json:"target"`
	Parents []listenerName `json:"parents"`
	Rules   []string       `json:"rules"`
	Policy  string         `json:"policy"`
	Field   string         `json:"field"`
	// Before and After are null where the field is not set.
	Before *changeSide `json:"before"`
	After  *changeSide `json:"after"`

	ref hierarchy.Ref
}

// changeSide is a value and who set it.
type changeSide struct {
	Value     any    `json:"value"`
	From      string `json:"from"`
	Target    string `json:"target"`
	Level     string `json:"level"`
	Block     string `json:"block"`
	ClampedBy string `json:"clampedBy,omitempty"`

	place string
}

// changeTotals count the objects on which something changes. Namespaces are
// those of the routes.
type changeTotals struct {
	Routes     int `json:"routes"`
	Gateways   int `json:"gateways"`
	Namespaces int `json:"namespaces"`
	Fields     int `json:"fields"`
}

func (o *options) diff(cmd *cobra.Command, flags changeFlags) error {
	chosen, err := o.chosen()
	if err != nil {
		return err
	}
	c, err := o.loadChange(cmd.Context(), flags)
	if err != nil {
		return err
	}
	verdict, err := guardrail.Review(cmd.Context(), c.before, c.edit(), nil)
	if err != nil {
		return err
	}
	for _, r := range verdict.Refusals {
		o.note("warning: it would be refused: %s", about(r.Object, r.Field, r.Message))
	}
	for _, n := range verdict.Notices() {
		o.note("warning: %s", n)
	}
	report := reportChanges(verdict, chosen)
	if o.output == formatJSON {
		err = encode(o.streams.Out, o.output, report)
	} else {
		err = o.printChanges(report)
	}
	if err == nil && len(report.Changes) > 0 {
		err = errFinding
	}
	return err
}

// chosen is the selector of -l.
func (o *options) chosen() (labels.Selector, error) {
	selector, err := labels.Parse(o.selector)
	if err != nil {
		return nil, fmt.Errorf("-l %s: %w", o.selector, err)
	}
	return selector, nil
}

// about puts what is said in front of a message.
func about(object hierarchy.Ref, field, message string) string {
	if field != "" {
		message = field + ": " + message
	}
	if !object.IsZero() {
		message = object.String() + ": " + message
	}
	return message
}

// reportChanges tells the changes of the routes and Gateways with certain labels.
func reportChanges(v guardrail.Verdict, chosen labels.Selector) diffReport {
	report := diffReport{Changes: []fieldChange{}}
	namespaces := map[string]bool{}
	var last hierarchy.Ref
	for _, c := range v.Impact.Changes {
		if !chosen.Matches(labels.Set(labelsOf(v, c.Target))) {
			continue
		}
		report.Changes = append(report.Changes, changeOf(c))
		report.Totals.Fields++
		switch {
		case c.Target == last:
		case v.Before.IsRoute(c.Target.GroupKind) || v.After.IsRoute(c.Target.GroupKind):
			report.Totals.Routes++
			namespaces[c.Target.Namespace] = true
		default:
			report.Totals.Gateways++
		}
		last = c.Target
	}
	report.Totals.Namespaces = len(namespaces)
	return report
}

// labelsOf are those that an object has after the change, or had before it.
func labelsOf(v guardrail.Verdict, ref hierarchy.Ref) map[string]string {
	for _, s := range []*policy.Snapshot{v.After, v.Before} {
		if object, ok := s.Graph().Get(ref); ok {
			return object.Meta().Labels
		}
	}
	return nil
}

func changeOf(c policy.Change) fieldChange {
	t := c.Target
	out := fieldChange{
		Target: boundParent{Group: t.GroupKind.Group, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name},
		Rules:  c.Rules, Policy: c.Kind, Field: c.Field,
		Before: sideOf(c.Before), After: sideOf(c.After),
		ref: t,
	}
	for _, l := range c.Parents {
		out.Parents = append(out.Parents, nameOf(l))
	}
	return out
}

func sideOf(o *policy.Origin) *changeSide {
	if o == nil {
		return nil
	}
	side := &changeSide{
		Value: o.Value, From: o.From.String(), Target: o.Target.String(), Level: o.Level.String(), Block: o.Block.String(),
		place: placeOf(o.Target, o.Level),
	}
	if !o.ClampedBy.IsZero() {
		side.ClampedBy = o.ClampedBy.String()
	}
	return side
}

// printChanges prints one block for each object, with a part for each set of
// paths, and two lines for each field.
func (o *options) printChanges(report diffReport) error {
	p := o.pen()
	if len(report.Changes) == 0 {
		o.note("nothing changes")
		return nil
	}
	for _, ofOne := range runs(report.Changes, func(c fieldChange) string { return c.ref.String() }) {
		p.line("%s", p.paint(bold, ofOne[0].ref.String()))
		slices.SortStableFunc(ofOne, func(a, b fieldChange) int { return strings.Compare(a.paths(), b.paths()) })
		for _, onPaths := range runs(ofOne, fieldChange.paths) {
			p.line("  %s", p.paint(cyan, onPaths[0].paths()))
			t := &table{indent: "    "}
			for _, c := range onPaths {
				addChange(t, c)
			}
			p.print(t)
		}
		p.line("")
	}
	p.line("%s", p.paint(bold, report.Totals.text()))
	return p.err
}

// runs cuts a list into parts of neighbours with the same key.
func runs[T any](list []T, key func(T) string) [][]T {
	var parts [][]T
	for i, item := range list {
		if n := len(parts); i > 0 && key(item) == key(list[i-1]) {
			parts[n-1] = append(parts[n-1], item)
			continue
		}
		parts = append(parts, []T{item})
	}
	return parts
}

// paths says on which paths a field changes.
func (c fieldChange) paths() string {
	scope := explainedScope{Parents: c.Parents, Rules: c.Rules}
	return scope.heading(c.ref.GroupKind != hierarchy.GatewayRef("", "").GroupKind)
}

func addChange(t *table, c fieldChange) {
	name := cell{text: c.Policy + " " + c.Field}
	for _, side := range []struct {
		sign  string
		style style
		*changeSide
	}{{"-", red, c.Before}, {"+", green, c.After}} {
		if side.changeSide == nil {
			continue
		}
		who := who(side.Block, c.Policy, side.From)
		if side.ClampedBy != "" {
			who += ", clamped by " + side.ClampedBy
		}
		t.add(name, cell{side.sign + " " + valueText(side.Value), side.style}, cell{text: how(side.Block, side.place)}, cell{text: who})
		name = cell{}
	}
}

// text is the totals in words.
func (t changeTotals) text() string {
	var parts []string
	if t.Routes > 0 {
		parts = append(parts, counted(t.Routes, "route")+" in "+counted(t.Namespaces, "namespace"))
	}
	if t.Gateways > 0 {
		parts = append(parts, counted(t.Gateways, "Gateway"))
	}
	verb := "change"
	if t.Routes+t.Gateways == 1 {
		verb = "changes"
	}
	return strings.Join(parts, " and ") + " " + verb
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
