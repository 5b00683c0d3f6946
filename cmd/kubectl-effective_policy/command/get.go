package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/publish"
)

// getFlags are the flags of get only.
type getFlags struct {
	filterFlags
	noHeaders     bool
	noEnforcement bool
	watch         bool
	watchEvents   bool
}

func (o *options) getCommand() *cobra.Command {
	var flags getFlags
	cmd := &cobra.Command{
		Use:   "get [KIND/]NAME…",
		Short: "List the effective policies of routes and Gateways",
		Long: `List the effective policies of routes and Gateways, all of them or those named.

A Gateway shows what a route without policies of its own would get on it.
The answer is computed from the routes, Gateways and policies. On a cluster it can
be ahead of the EffectivePolicy objects there, which 'kubectl get effective-policy'
shows.

--where, --without, --overridden, --clamped and --invalid look at every path of all
bound routes, even of those that no policy reaches, and show the paths that match. The
variables of --where are those of guardrails: effective, origins, route, rule,
listener, gateway, gatewayClass, namespaceObject, enforcement. A path that lacks
what the expression reads does not match.`,
		Example: `  kubectl effective-policy get -A
  kubectl effective-policy get httproute/checkout -f manifests/ -o json
  kubectl effective-policy get -A --without RateLimitPolicy --fail
  kubectl effective-policy get -A --where '!has(effective.TimeoutPolicy)'`,
		ValidArgsFunction: o.CompleteObjects((*workspace.Workspace).Targets, false),
		RunE:              func(cmd *cobra.Command, args []string) error { return o.get(cmd, args, &flags) },
	}
	flags.add(cmd)
	_ = cmd.RegisterFlagCompletionFunc("without", o.CompleteWithout)
	cmd.Flags().BoolVar(&flags.noHeaders, "no-headers", false, "do not print the line of headings")
	cmd.Flags().BoolVar(&flags.noEnforcement, "no-enforcement", false, "do not show how data planes would enforce it")
	cmd.Flags().BoolVarP(&flags.watch, "watch", "w", false, "on a cluster, keep running and print the rows that change, and once more those that go")
	cmd.Flags().BoolVar(&flags.watchEvents, "output-watch-events", false, "with --watch, say of each row whether it is ADDED, MODIFIED or DELETED")
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatWide, workspace.FormatJSON, workspace.FormatYAML, formatName, formatJSONPath, formatColumns)
	return cmd
}

func (o *options) get(cmd *cobra.Command, args []string, flags *getFlags) error {
	if flags.watchEvents && !flags.watch {
		return errNoWatch
	}
	if flags.watch {
		return o.watch(cmd.Context(), args, flags)
	}
	w, p, err := o.LoadOrPublished(cmd.Context())
	switch {
	case err != nil:
		return err
	case p != nil:
		return o.getPublished(p, args, flags)
	}
	shown, err := o.shownPolicies(cmd.Context(), w, args, flags)
	if err != nil {
		return err
	}
	if err := o.printShown(w, shown, flags, len(args) > 0); err != nil {
		return err
	}
	if flags.fail && len(shown) > 0 {
		return errFinding
	}
	return nil
}

// shownPolicies are the rows of get, sorted.
func (o *options) shownPolicies(ctx context.Context, w *workspace.Workspace, args []string, flags *getFlags) ([]shownPolicy, error) {
	candidates := w.Targets()
	if flags.given() {
		candidates = w.Routes()
	}
	targets, err := w.Find(args, candidates)
	if err != nil {
		return nil, err
	}
	tests, err := flags.tests(w.Snapshot)
	if err != nil {
		return nil, err
	}
	var shown []shownPolicy
	var published map[hierarchy.Ref]*unstructured.Unstructured
	enforcement := !flags.noEnforcement && o.Output != workspace.FormatTable && o.Output != formatName
	if enforcement {
		if published, err = o.PublishedResults(ctx, w); err != nil {
			return nil, err
		}
	}
	show := publish.Show
	if o.Output == workspace.FormatTable && !flags.watch { // for ten thousand routes, the rest is hundreds of megabytes
		show = publish.Glance
		if len(tests) == 0 {
			w.Documents, w.Unknown = nil, nil // only tests would still ask for objects
		}
	}
	resolution, p := effective.Resolve(w.Snapshot, targets...), planes.Of(w)
	for _, target := range targets {
		row, err := rowOf(ctx, p, resolution.Get(target), tests, flags, show)
		switch {
		case err != nil:
			return nil, err
		case row != nil:
			if enforcement {
				showEnforcement(p, row.object, target, published[target])
			}
			shown = append(shown, *row)
		case len(args) > 0 && !flags.given():
			o.Note("no policy reaches %s", target)
		}
	}
	slices.SortFunc(shown, compareShown)
	return shown, nil
}

func compareShown(a, b shownPolicy) int {
	return cmp.Or(strings.Compare(a.object.GetNamespace(), b.object.GetNamespace()), strings.Compare(a.object.GetName(), b.object.GetName()))
}

// rowOf returns the row of one target, nil when there is none.
func rowOf(
	ctx context.Context, p *planes.Planes, e *effective.Target, tests []test, flags *getFlags, show func(*effective.Target) *unstructured.Unstructured,
) (*shownPolicy, error) {
	isRoute := p.Workspace.Snapshot.IsRoute(e.Target.GroupKind)
	switch {
	case len(tests) > 0:
		found, err := pick(ctx, p, e, tests)
		if err != nil || found.paths == 0 {
			return nil, err
		}
		some := *e
		some.Scopes = found.scopes
		return &shownPolicy{object: show(&some), paths: fmt.Sprintf("%d/%d", found.paths, found.total)}, nil
	case e.Reached(), flags.all && isRoute && len(e.Scopes) > 0:
		return &shownPolicy{object: show(e)}, nil
	}
	return nil, nil
}

// printShown prints rows in the format that is asked for.
func (o *options) printShown(w *workspace.Workspace, shown []shownPolicy, flags *getFlags, named bool) error {
	switch {
	case o.Output == workspace.FormatJSON || o.Output == workspace.FormatYAML:
		return workspace.Encode(o.Streams.Out, o.Output, listOf(shown))
	case o.Output != workspace.FormatTable && o.Output != workspace.FormatWide:
		return o.printFields(shown, flags.noHeaders)
	}
	if len(shown) > 0 {
		if err := o.printPolicies(shown, flags); err != nil {
			return err
		}
	} else if !named {
		switch {
		case flags.given():
			o.Note("no route fits%s%s", w.WhereOrAll(), flags.lacking())
		default:
			which := "no policy"
			if hasDirect(w) { // it exists, but is never part of an effective policy
				which = "no policy that is inherited"
			}
			o.Note("%s reaches any route or Gateway%s", which, w.WhereOrAll())
		}
	}
	if flags.given() {
		return nil
	}
	return o.printDirect(w)
}

// printDirect prints the number of Direct policies, which no row shows.
func (o *options) printDirect(w *workspace.Workspace) error {
	if !hasDirect(w) {
		return nil
	}
	on := map[hierarchy.Ref]bool{}
	for _, target := range w.Targets() {
		if w.Namespace == "" || target.Namespace == w.Namespace {
			for ref := range explain.Surroundings(w.Snapshot, target) {
				on[ref] = true
			}
		}
	}
	policies := map[explain.Object]bool{}
	for _, d := range explain.DirectPolicies(w.Snapshot, on) {
		policies[d.PolicyRef] = true
	}
	if len(policies) == 0 {
		return nil
	}
	p := o.Pen()
	p.Line("%s", p.Paint(terminal.Faint, prose.Count(len(policies), "Direct policy")+": see explain"))
	return p.Failed()
}

// hasDirect reports whether there is any policy of a Direct kind.
func hasDirect(w *workspace.Workspace) bool {
	for p := range w.Snapshot.Policies() {
		if p.Kind.Class == policy.Direct {
			return true
		}
	}
	return false
}

// listOf returns a List of EffectivePolicy objects.
func listOf(shown []shownPolicy) map[string]any {
	items := make([]any, len(shown))
	for i, s := range shown {
		items[i] = s.object.Object
	}
	return map[string]any{"apiVersion": "v1", "kind": "List", "items": items}
}

// shownPolicy is the object that shows an effective policy.
type shownPolicy struct {
	object *unstructured.Unstructured
	// paths says on how many of its paths the filter matches; empty without a filter.
	paths string
	// event is the change of the row since it was last printed; only set by --watch.
	event string
}

// printPolicies prints the columns of the EffectivePolicy CRD.
func (o *options) printPolicies(shown []shownPolicy, flags *getFlags) error {
	t := &terminal.Table{}
	columns := []string{"NAMESPACE", "TARGET", "SCOPES", "TIMEOUT", "RETRIES", "RATE", "CONSTRAINED"}
	if flags.given() {
		columns[2] = "PATHS"
	}
	if o.Output == workspace.FormatWide {
		columns = append(columns, "ENFORCED", "BY", "INVALID", "GATEWAYS", "SET BY")
	}
	if flags.watchEvents {
		columns = append([]string{"EVENT"}, columns...)
	}
	if !flags.noHeaders {
		t.Head(columns...)
	}
	for i := range shown {
		cells := shown[i].cells(flags, o.Output == workspace.FormatWide)
		if flags.watchEvents {
			cells = append([]string{shown[i].event}, cells...)
		}
		t.Plain(cells...)
	}
	p := o.Pen()
	p.Print(t)
	return p.Failed()
}

func (s *shownPolicy) cells(flags *getFlags, wide bool) []string {
	summary, _, _ := unstructured.NestedMap(s.object.Object, "status", "summary")
	text := func(key string) string { v, _ := summary[key].(string); return v }
	line := []string{
		s.object.GetNamespace(), text("target"), strconv.Itoa(s.countScopes(summary)),
		text("timeout"), text("retries"), text("rate"), text("constrained"),
	}
	if flags.given() {
		line[2] = s.paths
	}
	if wide {
		line = append(line, text("enforced"), s.exporters(), s.invalid(), s.gateways(), s.policies())
	}
	return line
}

// countScopes returns the number of scopes from the summary, which an object of another version may
// not have.
func (s *shownPolicy) countScopes(summary map[string]any) int {
	if n, said := summary["scopes"].(int64); said {
		return int(n)
	}
	return len(s.scopes())
}

// scopes are those of the object that shows the effective policy.
func (s *shownPolicy) scopes() []map[string]any {
	return workspace.EntriesOf(s.object.Object, "status", "scopes")
}

// exporters returns the exporters for the route's data planes.
func (s *shownPolicy) exporters() string {
	entries, _, _ := unstructured.NestedSlice(s.object.Object, "status", "enforcement")
	var names []string
	for _, entry := range entries {
		if name, _, _ := unstructured.NestedString(entry.(map[string]any), "exporter"); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// invalid returns on how many scopes the merged values break a rule.
func (s *shownPolicy) invalid() string {
	n := 0
	for _, scope := range s.scopes() {
		if len(workspace.EntriesOf(scope, "invalid")) > 0 {
			n++
		}
	}
	if n == 0 {
		return "no"
	}
	return strconv.Itoa(n) + " of " + strconv.Itoa(len(s.scopes()))
}

func (s *shownPolicy) gateways() string {
	var names []string
	for _, scope := range s.scopes() {
		for _, parent := range workspace.EntriesOf(scope, "parents") {
			gateway, _, _ := unstructured.NestedStringMap(parent, "gateway")
			names = append(names, gateway["namespace"]+"/"+gateway["name"])
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// policies returns the policies that some value comes from.
func (s *shownPolicy) policies() string {
	var refs []hierarchy.Ref
	for _, scope := range s.scopes() {
		for _, origin := range workspace.EntriesOf(scope, "origins") {
			from, _, _ := unstructured.NestedStringMap(origin, "from")
			ref := hierarchy.NewRef(from["group"], from["kind"], from["namespace"], from["name"])
			if ref != publish.TargetOf(s.object) {
				refs = append(refs, ref)
			}
		}
	}
	slices.SortFunc(refs, hierarchy.Compare)
	names := make([]string, 0, len(refs))
	for _, ref := range slices.Compact(refs) {
		names = append(names, policy.KindName(ref.GroupKind)+"/"+ref.Place())
	}
	return strings.Join(names, ",")
}

var (
	errNothingToWatch = errors.New("--watch is for a cluster: manifests do not change by themselves")
	errNoWatch        = errors.New("--output-watch-events is for --watch")
	errNameIsNoRow    = errors.New("--output-watch-events is for rows: leave -o name out")
)
