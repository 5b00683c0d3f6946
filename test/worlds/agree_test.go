package worlds

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/test/worldtest"
)

// How the tests write objects.
var manifests = worldtest.Objects

var (
	count = flag.Int("worlds", 3000, "how many random worlds to compare")
	seed  = flag.Uint64("world-seed", 1, "seed of the first world; the next ones follow")
)

func TestTheEngineAgreesWithPlainLoops(t *testing.T) {
	kinds := manifests(t, strangers)
	for _, file := range crds.Attache() {
		kinds = append(kinds, manifests(t, string(file.Data))...)
	}
	for i := range *count {
		n := *seed + uint64(i)
		w := draw(rand.New(rand.NewPCG(n, 7)), float64(i%10+1)/10)
		if disagreement(t, kinds, w) == "" {
			continue
		}
		w = shrink(w, func(w *world) bool { return disagreement(t, kinds, w) != "" })
		t.Fatalf("world %d: the engine and the plain loops disagree (-world-seed=%d -worlds=1 draws a like one). The smallest world that shows it:\n%s\n---\n%s",
			n, n, w.yaml(), disagreement(t, kinds, w))
	}
}

// disagreement lists the facts on which the two differ.
func disagreement(t *testing.T, kinds []*unstructured.Unstructured, w *world) string {
	t.Helper()
	want, got := w.oracle(), engine(t, kinds, w)
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			lines = append(lines, fmt.Sprintf("%s\n    loops:  %s\n    engine: %s", key, want[key], got[key]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, both := want[key]; !both {
			lines = append(lines, fmt.Sprintf("%s\n    loops:  nothing\n    engine: %s", key, got[key]))
		}
	}
	return strings.Join(lines, "\n")
}

// engine asks the product for the same facts.
func engine(t *testing.T, kinds []*unstructured.Unstructured, w *world) facts {
	t.Helper()
	s, _ := policy.NewSnapshot(policy.Options{PlatformNamespaces: []string{"infra"}}).With(append(slices.Clone(kinds), manifests(t, w.yaml())...)...)
	f := facts{}
	for g := range s.Graph().Gateways() {
		for _, l := range s.Graph().Listeners(g.Meta().Ref) {
			f["attached "+spotOf(l)] = fmt.Sprint(s.Graph().AttachedRoutes(l.Ref))
		}
	}
	for e := range effective.ResolveAll(s).All() {
		if e.Target.Kind == "Gateway" {
			continue
		}
		object, _ := s.Graph().Get(e.Target)
		for _, scope := range e.Scopes {
			for _, l := range scope.Parents {
				for _, i := range rulesOf(object.(*hierarchy.Route), scope.Rules) {
					pathFacts(f, fmt.Sprintf("%s %s|%s|%d", e.Target.Kind, e.Target.Place(), spotOf(l), i), scope.Result)
				}
			}
		}
	}
	for p := range s.Policies() {
		for _, standing := range s.Acceptances(p) {
			ref := standing.Target.Ref
			f[fmt.Sprintf("standing %s %s on %v", p.Ref.Kind, p.Ref.Place(), target{ref.Kind, ref.Namespace, ref.Name, ref.Section})] = standing.Reason
		}
	}
	return f
}

func pathFacts(f facts, path string, r *effective.PathPolicies) {
	for _, m := range r.Kinds {
		name := path + "|" + m.Kind.GroupKind.Kind
		for _, o := range m.Origins {
			field := name + "." + o.Path.String()
			f[field] = fmt.Sprintf("%v by %s of %s clamped by %q", o.Value, o.Block, o.From, text(o.ClampedBy))
			var beat []string
			for _, b := range o.Beat {
				beat = append(beat, b.String())
			}
			f[field+" beats"] = strings.Join(beat, ", ")
		}
		for _, n := range m.NotSet {
			f[fmt.Sprintf("%s.%s not set: %s %s %d", name, n.Path.String(), n.From, n.Block, n.Level)] = fmt.Sprintf("%v %s %s", n.Value, n.Rule, text(n.By))
		}
	}
}

func text(ref hierarchy.Ref) string {
	if ref.IsZero() {
		return ""
	}
	return ref.String()
}

func spotOf(l *hierarchy.Listener) string {
	set := ""
	if !l.ListenerSet.IsZero() {
		set = l.ListenerSet.Place()
	}
	return l.Gateway.Place() + "|" + set + "|" + l.Ref.Section
}

// rulesOf turns the rule names of a scope back into indexes.
func rulesOf(rt *hierarchy.Route, rules hierarchy.RuleSet) []int {
	var indexes []int
	for i := range max(1, len(rt.Rules)) {
		if rules.Has(i) {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// shrink takes away from a world whatever is not needed for it to fail.
func shrink(w *world, fails func(*world) bool) *world {
	for smaller := true; smaller; {
		smaller = false
		for _, candidate := range w.parts() {
			if fails(candidate) {
				w, smaller = candidate, true
				break
			}
		}
	}
	return w
}

// parts are all worlds with one thing less.
func (w *world) parts() []*world {
	var list []*world
	with := func(change func(*world)) {
		c := *w
		change(&c)
		list = append(list, &c)
	}
	for i := range w.routes {
		with(func(c *world) { c.routes = slices.Delete(slices.Clone(c.routes), i, i+1) })
	}
	for i := range w.policies {
		with(func(c *world) { c.policies = slices.Delete(slices.Clone(c.policies), i, i+1) })
	}
	for i := range w.sets {
		with(func(c *world) { c.sets = slices.Delete(slices.Clone(c.sets), i, i+1) })
	}
	for i := range w.gateways {
		with(func(c *world) { c.gateways = slices.Delete(slices.Clone(c.gateways), i, i+1) })
		for j := range w.gateways[i].listeners {
			with(func(c *world) {
				c.gateways = slices.Clone(c.gateways)
				c.gateways[i].listeners = slices.Delete(slices.Clone(c.gateways[i].listeners), j, j+1)
			})
		}
	}
	for i := range w.grants {
		with(func(c *world) { c.grants = slices.Delete(slices.Clone(c.grants), i, i+1) })
	}
	for i, rt := range w.routes {
		for j := range rt.parents {
			with(func(c *world) {
				c.routes = slices.Clone(c.routes)
				c.routes[i].parents = slices.Delete(slices.Clone(rt.parents), j, j+1)
			})
		}
		for j := range rt.rules {
			with(func(c *world) {
				c.routes = slices.Clone(c.routes)
				c.routes[i].rules = slices.Delete(slices.Clone(rt.rules), j, j+1)
			})
		}
	}
	for i, p := range w.policies {
		smaller := func(change func(p *pol)) {
			with(func(c *world) {
				c.policies = slices.Clone(c.policies)
				c.policies[i].def, c.policies[i].ovr, c.policies[i].bounds = maps.Clone(p.def), maps.Clone(p.ovr), maps.Clone(p.bounds)
				change(&c.policies[i])
			})
		}
		if len(p.def)+len(p.ovr)+len(p.bounds) > 1 {
			for leaf := range p.def {
				smaller(func(p *pol) { delete(p.def, leaf) })
			}
			for leaf := range p.ovr {
				smaller(func(p *pol) { delete(p.ovr, leaf) })
			}
			for leaf := range p.bounds {
				smaller(func(p *pol) { delete(p.bounds, leaf) })
			}
		}
		if len(p.selectors)+len(p.targets) > 1 {
			for j := range p.selectors {
				smaller(func(p *pol) { p.selectors = slices.Delete(slices.Clone(p.selectors), j, j+1) })
			}
		}
		for j := range p.targets {
			if len(p.targets) > 1 {
				with(func(c *world) {
					c.policies = slices.Clone(c.policies)
					c.policies[i].targets = slices.Delete(slices.Clone(p.targets), j, j+1)
				})
			}
		}
	}
	return list
}
