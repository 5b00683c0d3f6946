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

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/publish"
)

// getFlags are those of get alone.
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
		ValidArgsFunction: o.completeObjects((*workspace).targets, false),
		RunE:              func(cmd *cobra.Command, args []string) error { return o.get(cmd, args, &flags) },
	}
	flags.add(cmd)
	_ = cmd.RegisterFlagCompletionFunc("without", o.completeWithout)
	cmd.Flags().BoolVar(&flags.noHeaders, "no-headers", false, "do not print the line of headings")
	cmd.Flags().BoolVar(&flags.noEnforcement, "no-enforcement", false, "do not show how data planes would enforce it")
	cmd.Flags().BoolVarP(&flags.watch, "watch", "w", false, "on a cluster, keep running and print the rows that change, and once more those that go")
	cmd.Flags().BoolVar(&flags.watchEvents, "output-watch-events", false, "with --watch, say of each row whether it is ADDED, MODIFIED or DELETED")
	o.addOutput(cmd, formatTable, formatWide, formatJSON, formatYAML, formatName, formatJSONPath, formatColumns)
	return cmd
}

func (o *options) get(cmd *cobra.Command, args []string, flags *getFlags) error {
	if flags.watchEvents && !flags.watch {
		return errNoWatch
	}
	if flags.watch {
		return o.watch(cmd.Context(), args, flags)
	}
	w, p, err := o.loadOrPublished(cmd.Context())
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
func (o *options) shownPolicies(ctx context.Context, w *workspace, args []string, flags *getFlags) ([]shownPolicy, error) {
	candidates := w.targets()
	if flags.given() {
		candidates = w.routes()
	}
	targets, err := w.find(args, candidates)
	if err != nil {
		return nil, err
	}
	tests, err := flags.tests(w.snapshot)
	if err != nil {
		return nil, err
	}
	var shown []shownPolicy
	var published map[hierarchy.Ref]*unstructured.Unstructured
	enforcement := !flags.noEnforcement && o.output != formatTable && o.output != formatName
	if enforcement {
		if published, err = o.publishedResults(ctx, w); err != nil {
			return nil, err
		}
	}
	show := publish.Show
	if o.output == formatTable && !flags.watch { // of ten thousand routes the rest is hundreds of megabytes
		show = publish.Glance
	}
	resolution, p := effective.Resolve(w.snapshot, targets...), planesOf(w)
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
			o.note("no policy reaches %s", target)
		}
	}
	slices.SortFunc(shown, compareShown)
	return shown, nil
}

func compareShown(a, b shownPolicy) int {
	return cmp.Or(strings.Compare(a.object.GetNamespace(), b.object.GetNamespace()), strings.Compare(a.object.GetName(), b.object.GetName()))
}

// rowOf is what get shows of one target, nil when that is nothing.
func rowOf(
	ctx context.Context, p *planes, e *effective.Target, tests []test, flags *getFlags, show func(*effective.Target) *unstructured.Unstructured,
) (*shownPolicy, error) {
	isRoute := p.workspace.snapshot.IsRoute(e.Target.GroupKind)
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
func (o *options) printShown(w *workspace, shown []shownPolicy, flags *getFlags, named bool) error {
	switch {
	case o.output == formatJSON || o.output == formatYAML:
		return encode(o.streams.Out, o.output, listOf(shown))
	case o.output != formatTable && o.output != formatWide:
		return o.printFields(shown, flags.noHeaders)
	}
	if len(shown) > 0 {
		if err := o.printPolicies(shown, flags); err != nil {
			return err
		}
	} else if !named {
		switch {
		case flags.given():
			o.note("no route fits%s%s", w.whereOrAll(), flags.lacking())
		default:
			which := "no policy"
			if hasDirect(w) { // it is there, and never comes to an effective policy
				which = "no policy that is inherited"
			}
			o.note("%s reaches any route or Gateway%s", which, w.whereOrAll())
		}
	}
	if flags.given() {
		return nil
	}
	return o.printDirect(w)
}

// printDirect says how many Direct policies there are, which no row shows.
func (o *options) printDirect(w *workspace) error {
	if !hasDirect(w) {
		return nil
	}
	on := map[hierarchy.Ref]bool{}
	for _, target := range w.targets() {
		if w.namespace == "" || target.Namespace == w.namespace {
			for ref := range explain.Surroundings(w.snapshot, target) {
				on[ref] = true
			}
		}
	}
	policies := map[explain.Object]bool{}
	for _, d := range explain.DirectPolicies(w.snapshot, on) {
		policies[d.PolicyRef] = true
	}
	if len(policies) == 0 {
		return nil
	}
	p := o.pen()
	p.Line("%s", p.Paint(terminal.Faint, prose.Count(len(policies), "Direct policy")+": see explain"))
	return p.Failed()
}

// hasDirect says whether there is any policy of a Direct kind.
func hasDirect(w *workspace) bool {
	for p := range w.snapshot.Policies() {
		if p.Kind.Class == policy.Direct {
			return true
		}
	}
	return false
}

// listOf is a List of EffectivePolicy objects.
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
	// paths is on how many of its paths a filter fits; empty without one.
	paths string
	// event is what became of the row since it was printed last; set by --watch alone.
	event string
}

// printPolicies prints the columns of the EffectivePolicy CRD.
func (o *options) printPolicies(shown []shownPolicy, flags *getFlags) error {
	t := &terminal.Table{}
	columns := []string{"NAMESPACE", "TARGET", "SCOPES", "TIMEOUT", "RETRIES", "RATE", "CONSTRAINED"}
	if flags.given() {
		columns[2] = "PATHS"
	}
	if o.output == formatWide {
		columns = append(columns, "ENFORCED", "BY", "INVALID", "GATEWAYS", "SET BY")
	}
	if flags.watchEvents {
		columns = append([]string{"EVENT"}, columns...)
	}
	if !flags.noHeaders {
		t.Head(columns...)
	}
	for i := range shown {
		cells := shown[i].cells(flags, o.output == formatWide)
		if flags.watchEvents {
			cells = append([]string{shown[i].event}, cells...)
		}
		t.Plain(cells...)
	}
	p := o.pen()
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

// countScopes is how many scopes there are, which the summary says; one that another version wrote
// may not.
func (s *shownPolicy) countScopes(summary map[string]any) int {
	if n, said := summary["scopes"].(int64); said {
		return int(n)
	}
	return len(s.scopes())
}

// scopes are those of the object that shows the effective policy.
func (s *shownPolicy) scopes() []map[string]any {
	return entriesOf(s.object.Object, "status", "scopes")
}

// entriesOf is a list of objects in an object.
func entriesOf(object map[string]any, path ...string) []map[string]any {
	list, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	items, _ := list.([]any)
	entries := make([]map[string]any, 0, len(items))
	for _, item := range items {
		if entry, ok := item.(map[string]any); ok {
			entries = append(entries, entry)
		}
	}
	return entries
}

// exporters are those that write for the route's data planes.
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

// invalid says on how many scopes the merged values break a rule.
func (s *shownPolicy) invalid() string {
	n := 0
	for _, scope := range s.scopes() {
		if len(entriesOf(scope, "invalid")) > 0 {
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
		for _, parent := range entriesOf(scope, "parents") {
			gateway, _, _ := unstructured.NestedStringMap(parent, "gateway")
			names = append(names, gateway["namespace"]+"/"+gateway["name"])
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// policies are those that some value comes from.
func (s *shownPolicy) policies() string {
	var refs []hierarchy.Ref
	for _, scope := range s.scopes() {
		for _, origin := range entriesOf(scope, "origins") {
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
