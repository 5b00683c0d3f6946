package effective_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/test/worldtest"
)

// drawWorld draws a small world in which everything may meet everything: two
// classes, three Gateways, some routes of several kinds, and policies with
// random targets, blocks, strategies and bounds.
func drawWorld(t *rapid.T) string {
	pick := func(label string, list ...string) string { return rapid.SampledFrom(list).Draw(t, label) }
	var docs []string
	add := func(format string, args ...any) { docs = append(docs, fmt.Sprintf(format, args...)) }
	for _, class := range []string{"edge", "mesh"} {
		add("{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: %s}, spec: {controllerName: example.com/c}}", class)
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "gateways") {
		add("{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g%d, namespace: a}, spec: {gatewayClassName: %s, listeners: [{name: x, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: %s}}}, {name: y, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}",
			i, pick("class", "edge", "mesh", "missing"), pick("from", "All", "Same"))
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "routes") {
		add("{apiVersion: gateway.networking.k8s.io/v1, kind: %s, metadata: {name: r%d, namespace: %s}, spec: {parentRefs: [{name: g0, namespace: a%s}, {name: %s, namespace: a}], rules: [{name: one%s}, {}]}}",
			pick("kind", "HTTPRoute", "GRPCRoute"), i, pick("ns", "a", "b"), pick("section", "", ", sectionName: x"), pick("second", "g1", "g2"),
			pick("inline", "", ", timeouts: {request: 7s}"))
	}
	for i := range rapid.IntRange(0, 8).Draw(t, "policies") {
		target := pick("target",
			"kind: GatewayClass, name: edge", "kind: GatewayClass, name: mesh", "kind: Gateway, name: g0", "kind: Gateway, name: g1",
			"kind: Gateway, name: g0, sectionName: y", "kind: HTTPRoute, name: r0", "kind: HTTPRoute, name: r1", "kind: GRPCRoute, name: r2",
			"kind: HTTPRoute, name: r0, sectionName: one")
		add("{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: p%d, namespace: %s}, spec: {targetRef: {group: gateway.networking.k8s.io, %s}, strategy: %s, %s}}",
			i, pick("ns", "a", "b"), target, pick("strategy", "Patch", "Atomic"),
			pick("blocks", "default: {request: 10s}", "default: {request: 20s, backend: 1s}", "override: {request: 30s}",
				"default: {connect: 1s}, override: {backend: 2s}", "bounds: {request: {max: 15s}}", "default: {idle: 0s}, bounds: {idle: {max: 9s}}"))
	}
	return strings.Join(docs, "\n---\n")
}

// dump shows everything that a resolution says.
func dump(s *policy.Snapshot) string {
	var b strings.Builder
	for e := range effective.ResolveAll(s).All() {
		fmt.Fprintf(&b, "%s\n%s", e.Target, show(e))
	}
	return b.String()
}

func TestTheOrderOfObjectsMakesNoDifference(t *testing.T) {
	kinds := ourKinds(t)
	rapid.Check(t, func(r *rapid.T) {
		list := objects(t, drawWorld(r))
		before, _ := json.Marshal(list)
		all, _ := policy.NewSnapshot(policy.Options{}).With(append(kinds, list...)...)
		want := dump(all)

		order := rapid.Permutation(list).Draw(r, "order")
		one, _ := policy.NewSnapshot(policy.Options{}).With(kinds...)
		for _, u := range order {
			one, _ = one.With(u)
		}
		if diff := cmp.Diff(want, dump(one)); diff != "" {
			r.Fatalf("one by one in another order: -all at once +one by one:\n%s", diff)
		}

		// Take some away and give them back.
		some := order[:rapid.IntRange(0, len(order)).Draw(r, "some")]
		again := one.Without(refs(some)...)
		again, _ = again.With(some...)
		if diff := cmp.Diff(want, dump(again)); diff != "" {
			r.Fatalf("after removing and adding %d: -before +after:\n%s", len(some), diff)
		}
		if after, _ := json.Marshal(list); string(after) != string(before) {
			r.Fatalf("an input object changed:\n%s\n%s", before, after)
		}
	})
}

func TestTouchedNamesEverythingThatAnEditChanges(t *testing.T) {
	kinds := ourKinds(t)
	rapid.Check(t, func(r *rapid.T) {
		list := objects(t, drawWorld(r))
		s, _ := policy.NewSnapshot(policy.Options{}).With(append(kinds, list...)...)
		edited := rapid.SampledFrom(list).Draw(r, "edited")
		ref := refs([]*unstructured.Unstructured{edited})[0]
		without := s.Without(ref)
		touched := map[hierarchy.Ref]bool{}
		for _, target := range append(s.Touched(ref), without.Touched(ref)...) {
			touched[target] = true
		}
		for _, c := range effective.Diff(effective.ResolveAll(s), effective.ResolveAll(without)) {
			if !touched[c.Target] {
				r.Fatalf("removing %s changes %s, which was not said to be touched", ref, c.Target)
			}
		}
	})
}

func TestAResolutionDoesNotDifferFromItself(t *testing.T) {
	kinds := ourKinds(t)
	rapid.Check(t, func(r *rapid.T) {
		s, _ := policy.NewSnapshot(policy.Options{}).With(append(kinds, objects(t, drawWorld(r))...)...)
		one := effective.ResolveAll(s)
		if changes := effective.Diff(one, one); len(changes) > 0 {
			r.Fatalf("Diff(r, r) = %v", changes)
		}
		if changes := effective.Diff(one, effective.ResolveAll(s)); len(changes) > 0 {
			r.Fatalf("resolving twice differs: %v", changes)
		}
	})
}

// Routes share what they have in common, and so do their differences and versions, whatever is
// forgotten in between: their results are those that each has alone.
func TestTargetsTogetherComeToWhatEachComesToAlone(t *testing.T) {
	kinds := ourKinds(t)
	rapid.Check(t, func(r *rapid.T) {
		list := objects(t, drawWorld(r))
		s, _ := policy.NewSnapshot(policy.Options{}).With(append(kinds, list...)...)
		resolver := effective.NewResolver(s)
		before := resolver.ResolveAll()
		for range rapid.IntRange(1, 4).Draw(r, "edits") {
			edited := []*unstructured.Unstructured{rapid.SampledFrom(list).Draw(r, "edited")}
			next := s.Without(refs(edited)...)
			if rapid.Bool().Draw(r, "given again") {
				next, _ = s.With(edited...)
			}
			for range rapid.IntRange(0, 2).Draw(r, "forgets") {
				resolver.Forget()
			}
			after := resolver.On(next).ResolveAll()
			var alone []string
			for target := range everyTarget(before, after) {
				old, now := effective.Resolve(s, target), effective.Resolve(next, target)
				for _, at := range [...][2]*effective.Target{{before.Get(target), old.Get(target)}, {after.Get(target), now.Get(target)}} {
					if (at[0] == nil) != (at[1] == nil) || at[0] != nil && show(at[0]) != show(at[1]) {
						r.Fatalf("%s: together %v, alone %v", target, at[0], at[1])
					}
				}
				alone = append(alone, changeLines(effective.Diff(old, now))...)
			}
			if diff := cmp.Diff(alone, changeLines(effective.Diff(before, after))); diff != "" {
				r.Fatalf("-alone +together:\n%s", diff)
			}
			s, before = next, after
		}
	})
}

// everyTarget are the targets of two resolutions, sorted.
func everyTarget(a, b effective.Resolution) iter.Seq[hierarchy.Ref] {
	all := map[hierarchy.Ref]bool{}
	for _, r := range [...]effective.Resolution{a, b} {
		for e := range r.All() {
			all[e.Target] = true
		}
	}
	return slices.Values(slices.SortedFunc(maps.Keys(all), hierarchy.Compare))
}

func changeLines(changes []effective.Change) []string {
	side := func(o *effective.Origin) string {
		if o == nil {
			return "unset"
		}
		return fmt.Sprintf("%v of %s on %s by %s", o.Value, o.From, o.Target, o.ClampedBy)
	}
	var lines []string
	for _, c := range changes {
		line := fmt.Sprintf("%s %s %s %s: %s, then %s, %v, on", c.Target, c.Rules, c.Kind, c.Path, side(c.Before), side(c.After), c.Gone)
		for _, l := range c.Parents {
			line += " " + l.Gateway.String() + "/" + l.Ref.String()
		}
		lines = append(lines, line)
	}
	return lines
}

func TestEveryLeafHasOneOriginThatHoldsItsValue(t *testing.T) {
	kinds := ourKinds(t)
	rapid.Check(t, func(r *rapid.T) {
		s, _ := policy.NewSnapshot(policy.Options{}).With(append(kinds, objects(t, drawWorld(r))...)...)
		for e := range effective.ResolveAll(s).All() {
			for _, scope := range e.Scopes {
				for _, m := range scope.Result.Kinds {
					if len(m.Origins) != len(m.Value) { // the fields here are flat
						r.Fatalf("%s: %v has origins %v", e.Target, m.Value, m.Origins)
					}
					for _, o := range m.Origins {
						if m.Value[o.Path.String()] != o.Value {
							r.Fatalf("%s: %s is %v, its origin says %v", e.Target, o.Path.String(), m.Value[o.Path.String()], o.Value)
						}
					}
				}
			}
		}
	})
}

// The tally that follows edits equals one that counts afresh.
func TestATallyOfEditsIsATallyOfTheResult(t *testing.T) {
	kinds := ourKinds(t)
	rapid.Check(t, func(r *rapid.T) {
		list := objects(t, drawWorld(r))
		s, _ := policy.NewSnapshot(policy.Options{}).With(append(kinds, list...)...)
		var running effective.Tally
		before := effective.ResolveAll(s)
		for e := range before.All() {
			running.Add(e)
		}
		gone := s.Without(refs([]*unstructured.Unstructured{rapid.SampledFrom(list).Draw(r, "gone")})...)
		after := effective.ResolveAll(gone)
		for e := range before.All() {
			running.Remove(e)
			running.Add(after.Get(e.Target))
		}
		var fresh effective.Tally
		for e := range after.All() {
			fresh.Add(e)
		}
		for p := range s.Policies() {
			if diff := cmp.Diff(fresh.Of(p.Ref), running.Of(p.Ref), cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
				r.Fatalf("%s: -fresh +running:\n%s", p.Ref, diff)
			}
		}
	})
}

func refs(list []*unstructured.Unstructured) []hierarchy.Ref {
	var refs []hierarchy.Ref
	for _, u := range list {
		gk := u.GroupVersionKind().GroupKind()
		refs = append(refs, hierarchy.NewRef(gk.Group, gk.Kind, u.GetNamespace(), u.GetName()))
	}
	return refs
}

func FuzzParse(f *testing.F) {
	f.Add("spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: a}, default: {request: 1s}}")
	f.Add("spec: {targetRefs: [1, {kind: 2}], overrides: [], strategy: {}, bounds: {request: {max: []}}}")
	f.Add("spec: {mergeType: 7, defaults: {strategy: merge}}")
	s, _ := policy.NewSnapshot(policy.Options{}).With(ourKinds(f)...)
	kinds := s.Kinds()
	f.Fuzz(func(t *testing.T, text string) {
		objs := worldtest.Readable(text)
		if len(objs) == 0 {
			return
		}
		u := objs[0]
		for _, kind := range kinds {
			p, errs := policy.Parse(kind, u)
			if (len(errs) > 0) != (len(p.Problems) > 0) {
				t.Errorf("%d errors and %d problems", len(errs), len(p.Problems))
			}
		}
	})
}
