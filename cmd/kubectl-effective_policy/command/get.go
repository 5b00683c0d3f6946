package command

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/status"
)

func (o *options) getCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get [KIND/]NAME…",
		Short: "List the effective policies of routes and Gateways",
		Long: `List the effective policies of routes and Gateways, all of them or those named.

What a Gateway shows is what a route without policies of its own would get on it.
The answer is computed from the routes, Gateways and policies. On a cluster it can
be ahead of the EffectivePolicy objects there, which 'kubectl get effective-policy'
shows.`,
		Example: `  kubectl effective-policy get -A
  kubectl effective-policy get httproutes -n shop -o wide
  kubectl effective-policy get httproute/checkout -f manifests/ -o json`,
		ValidArgsFunction: o.completeObjects((*world).targets, false),
		RunE:              o.get,
	}
	o.addOutput(cmd, formatTable, formatWide, formatJSON, formatYAML)
	return cmd
}

func (o *options) get(cmd *cobra.Command, args []string) error {
	w, err := o.load(cmd.Context())
	if err != nil {
		return err
	}
	targets, err := w.find(args, w.targets())
	if err != nil {
		return err
	}
	var shown []shownPolicy
	resolution := effective.Resolve(w.snapshot, targets...)
	for _, target := range targets {
		if object := status.EffectivePolicy(resolution.Get(target)); object != nil {
			shown = append(shown, shownPolicy{resolution.Get(target), object})
		} else if len(args) > 0 {
			o.note("no policy reaches %s", target)
		}
	}
	slices.SortFunc(shown, func(a, b shownPolicy) int {
		if c := strings.Compare(a.object.GetNamespace(), b.object.GetNamespace()); c != 0 {
			return c
		}
		return strings.Compare(a.object.GetName(), b.object.GetName())
	})
	if o.output == formatJSON || o.output == formatYAML {
		items := make([]any, len(shown))
		for i, s := range shown {
			items[i] = s.object.Object
		}
		return encode(o.streams.Out, o.output, map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	}
	if len(shown) == 0 {
		if len(args) == 0 {
			o.note("no policy reaches any route or Gateway%s", w.where())
		}
		return nil
	}
	return o.printPolicies(shown)
}

// shownPolicy is an effective policy and the object that shows it.
type shownPolicy struct {
	effective *effective.Target
	object    *unstructured.Unstructured
}

// printPolicies prints the columns of the EffectivePolicy CRD.
func (o *options) printPolicies(shown []shownPolicy) error {
	t := &table{}
	columns := []string{"NAMESPACE", "TARGET", "SCOPES", "TIMEOUT", "RETRIES", "RATE", "OVERRIDDEN"}
	if o.output == formatWide {
		columns = append(columns, "INVALID", "GATEWAYS", "POLICIES")
	}
	t.head(columns...)
	for _, s := range shown {
		summary, _, _ := unstructured.NestedMap(s.object.Object, "status", "summary")
		text := func(key string) string { v, _ := summary[key].(string); return v }
		line := []string{
			s.object.GetNamespace(), text("target"), strconv.Itoa(len(s.effective.Scopes)),
			text("timeout"), text("retries"), text("rate"), text("overridden"),
		}
		if o.output == formatWide {
			line = append(line, s.invalid(), s.gateways(), s.policies())
		}
		t.plain(line...)
	}
	p := o.pen()
	p.print(t)
	return p.err
}

// invalid says on how many scopes the merged values break a rule.
func (s *shownPolicy) invalid() string {
	n := 0
	for _, scope := range s.effective.Scopes {
		if slices.ContainsFunc(scope.Result.Kinds, func(m *effective.Policy) bool { return len(m.Invalid) > 0 }) {
			n++
		}
	}
	if n == 0 {
		return "no"
	}
	return strconv.Itoa(n) + " of " + strconv.Itoa(len(s.effective.Scopes))
}

func (s *shownPolicy) gateways() string {
	var names []string
	for _, scope := range s.effective.Scopes {
		for _, l := range scope.Parents {
			names = append(names, l.Gateway.Place())
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// policies are those that some value comes from.
func (s *shownPolicy) policies() string {
	var refs []hierarchy.Ref
	for _, scope := range s.effective.Scopes {
		for _, m := range scope.Result.Kinds {
			for _, origin := range m.Origins {
				if origin.From != s.effective.Target {
					refs = append(refs, origin.From)
				}
			}
		}
	}
	slices.SortFunc(refs, hierarchy.Compare)
	names := make([]string, 0, len(refs))
	for _, ref := range slices.Compact(refs) {
		names = append(names, ref.Kind+"/"+ref.Place())
	}
	return strings.Join(names, ",")
}
