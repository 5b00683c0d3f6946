package evaluate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/test/worldtest"
)

// whim is a rule that objects to whatever it takes a dislike to, and always to the same: its answer
// follows from the variables that it declares, and from each of them.
type whim struct {
	name string
	uses guardrail.Variables
	// every is how many documents there are to one that it objects to.
	every uint32
}

func (w *whim) Uses() guardrail.Variables { return w.uses }

func (w *whim) Check(_ context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	seen := map[string]any{"rule": w.name}
	for _, v := range guardrail.Names {
		if w.uses&v.Variable != 0 {
			seen[v.Name] = in[v.Name]
		}
	}
	text, err := json.Marshal(seen)
	if err != nil {
		return nil, err
	}
	h := fnv.New32a()
	_, _ = h.Write(text)
	if h.Sum32()%w.every != 0 {
		return nil, nil
	}
	mood := h.Sum32() / w.every
	fields := []string{"", "effective.TimeoutPolicy.request", "effective.RetryPolicy", "effective.RetryPolicy.maxRetries", "route.name"}
	return []guardrail.Finding{{
		Code: fmt.Sprint(mood % 3), Message: w.name + " does not like it", FieldPath: fields[mood%5], WarnOnly: mood%7 == 0,
	}}, nil
}

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func guardrails() *rapid.Generator[[]*guardrail.Guardrail] {
	return rapid.Custom(func(t *rapid.T) []*guardrail.Guardrail {
		var list []*guardrail.Guardrail
		all := []guardrail.Variables{
			guardrail.Effective, guardrail.Effective, guardrail.Effective | guardrail.User, guardrail.Effective | guardrail.Before, guardrail.Origins,
			guardrail.Edited, guardrail.Effective | guardrail.Route, guardrail.RouteRule,
			guardrail.Effective | guardrail.Listener, guardrail.Namespace | guardrail.Effective, guardrail.Gateway,
		}
		if rapid.Bool().Draw(t, "of values") {
			all = all[:3]
		}
		for i := range rapid.IntRange(1, 6).Draw(t, "guardrails") {
			g := &guardrail.Guardrail{Name: fmt.Sprint("rail-", i), Enforcement: rapid.SampledFrom([]guardrail.Enforcement{guardrail.Deny, guardrail.Deny, guardrail.Warn}).Draw(t, "enforcement")}
			for j := range rapid.IntRange(1, 2).Draw(t, "rules") {
				uses := rapid.SampledFrom(all).Draw(t, "uses")
				g.Rules = append(g.Rules, &whim{fmt.Sprint(i, j), uses, rapid.SampledFrom([]uint32{1, 2, 5, 50}).Draw(t, "every")})
			}
			switch rapid.IntRange(0, 8).Draw(t, "match") {
			case 0:
				g.Match.PolicyKinds = []string{"RetryPolicy"}
			case 1:
				g.Match.RouteKinds = []string{"GRPCRoute"}
			case 2:
				g.Match.Route = labels.SelectorFromSet(labels.Set{"tier": "a"})
			case 3:
				g.Match.GatewayClasses = []string{"edge"}
			}
			if rapid.IntRange(0, 3).Draw(t, "excepts") == 0 {
				g.Withholds = rapid.Bool().Draw(t, "withholds")
				g.Exceptions = []guardrail.Exception{{
					Name: "e", Until: noon.Add(time.Duration(rapid.SampledFrom([]int{-1, 1}).Draw(t, "until")) * time.Hour), Namespaces: []string{"a"},
				}}
			}
			list = append(list, g)
		}
		return guardrail.At(list, noon)
	})
}

// world draws one of some routes and policies. Many of them say the same.
func world(t *rapid.T, empty *policy.Snapshot) *policy.Snapshot {
	texts := []string{`{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/gateway}}`}
	for _, ns := range []string{"a", "b"} {
		texts = append(texts, fmt.Sprintf(`{apiVersion: v1, kind: Namespace, metadata: {name: %s}}`, ns))
	}
	for i := range 2 {
		texts = append(texts, fmt.Sprintf(`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g%d, namespace: a}, spec: {gatewayClassName: edge, listeners: [{name: one, protocol: HTTP, port: 80, allowedRoutes: {namespaces: {from: All}}}, {name: two, protocol: HTTP, port: 81, allowedRoutes: {namespaces: {from: All}}}]}}`, i))
	}
	for i := range 5 {
		texts = append(texts, route(t, fmt.Sprint("r", i)))
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "policies") {
		texts = append(texts, stated(t, fmt.Sprint("p", i)))
	}
	return with(t, empty, texts...)
}

func with(t *rapid.T, s *policy.Snapshot, texts ...string) *policy.Snapshot {
	s, problems := s.With(worldtest.Readable(strings.Join(texts, "\n---\n"))...)
	for _, p := range problems {
		t.Fatalf("%v", p)
	}
	return s
}

// edit draws another version of the world: a policy or a route that is written, or goes.
func edit(t *rapid.T, s *policy.Snapshot) *policy.Snapshot {
	name := rapid.SampledFrom([]string{"p0", "p1", "p2", "r0", "r2"}).Draw(t, "edited")
	switch {
	case name[0] == 'r':
		return with(t, s, route(t, name))
	case rapid.IntRange(0, 4).Draw(t, "delete") == 0:
		return s.Without(hierarchy.NewRef(policy.Group, "TimeoutPolicy", "a", name), hierarchy.NewRef(policy.Group, "RetryPolicy", "a", name))
	}
	return with(t, s, stated(t, name))
}

func route(t *rapid.T, name string) string {
	return fmt.Sprintf(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: %s, namespace: %s, labels: {tier: %s}}, spec: {parentRefs: [{name: %s, namespace: a}], rules: [{name: one}, {name: two}]}}`,
		name, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "namespace"), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "tier"), rapid.SampledFrom([]string{"g0", "g1"}).Draw(t, "gateway"))
}

func stated(t *rapid.T, name string) string {
	kind := rapid.SampledFrom([]string{"TimeoutPolicy", "RetryPolicy"}).Draw(t, "kind")
	values := rapid.SampledFrom([]string{"request: 10s", "request: 20s"}).Draw(t, "timeout")
	if kind == "RetryPolicy" {
		values = rapid.SampledFrom([]string{"maxRetries: 1", "maxRetries: 2"}).Draw(t, "retries")
	}
	target := rapid.SampledFrom([]string{
		"kind: GatewayClass, name: edge", "kind: Gateway, name: g0", "kind: Gateway, name: g1", "kind: HTTPRoute, name: r0", "kind: HTTPRoute, name: r1, sectionName: one",
	}).Draw(t, "target")
	return fmt.Sprintf(`{apiVersion: attache.dev/v1alpha1, kind: %s, metadata: {name: %s, namespace: a}, spec: {targetRef: {group: gateway.networking.k8s.io, %s}, strategy: Patch, %s: {%s}}}`,
		kind, name, target, rapid.SampledFrom([]string{"default", "override"}).Draw(t, "block"), values)
}

// TestSharedVerdictsAreThoseOfEachPath: an Evaluator that shares the answers of guardrails about
// results, and remembers those from another world, finds the same as one that evaluates every path
// by itself.
func TestSharedVerdictsAreThoseOfEachPath(t *testing.T) {
	empty := worldtest.Snapshot(t, "")
	rapid.Check(t, func(t *rapid.T) {
		before, rails, memory := world(t, empty), guardrails().Draw(t, "rails"), evaluate.NewMemory()
		for range 3 {
			after := edit(t, before)
			options := evaluate.Options{Guardrails: rails, Before: before, After: after, Deletes: rapid.Bool().Draw(t, "deletes")}
			if rapid.Bool().Draw(t, "edit") {
				options.Edit = guardrail.Input{
					"change": map[string]any{"routes": rapid.Int64Range(1, 3).Draw(t, "routes")}, "user": map[string]any{"username": rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "user")},
				}
			}
			alone := evaluate.New(options).Alone()
			options.Memory = memory
			same(t, before, after, evaluate.New(options), alone)
			before = after
		}
	})
}

// same asks two Evaluators of one edit all that there is to ask.
func same(t *rapid.T, before, after *policy.Snapshot, shared, alone *evaluate.Evaluator) {
	ctx := context.Background()
	old, now := effective.NewResolver(before), effective.NewResolver(before).On(after)
	var targets []hierarchy.Ref
	for _, ns := range []string{"a", "b"} {
		for i := range 5 {
			targets = append(targets, hierarchy.NewRef(hierarchy.Group, "HTTPRoute", ns, fmt.Sprint("r", i)))
		}
	}
	was, is := old.Resolve(targets...), now.Resolve(targets...)
	compare := func(what string, ask func(x *evaluate.Evaluator, ref hierarchy.Ref) (any, error)) {
		for _, ref := range targets {
			got, err := ask(shared, ref)
			if err != nil {
				t.Fatal(err)
			}
			want, err := ask(alone, ref)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s of %s:\n%v\nwant\n%v", what, ref, got, want)
			}
		}
	}
	if rapid.Bool().Draw(t, "published first") {
		compare("what is published", func(x *evaluate.Evaluator, ref hierarchy.Ref) (any, error) {
			return x.Published(ctx, was.Get(ref), is.Get(ref))
		})
	}
	compare("the edit", func(x *evaluate.Evaluator, ref hierarchy.Ref) (any, error) {
		err := x.Target(ctx, was.Get(ref), is.Get(ref))
		return []any{x.Violations(), x.Covered()}, err
	})
	for range 2 {
		compare("what is published", func(x *evaluate.Evaluator, ref hierarchy.Ref) (any, error) {
			return x.Published(ctx, was.Get(ref), is.Get(ref))
		})
		compare("what exists", func(x *evaluate.Evaluator, ref hierarchy.Ref) (any, error) { return x.Existing(ctx, is.Get(ref)) })
	}
	for _, isNew := range []bool{true, false} {
		compare("whether it can be published", func(x *evaluate.Evaluator, ref hierarchy.Ref) (any, error) {
			if x == alone {
				return x.PublishableAlone(ctx, is.Get(ref), isNew)
			}
			return x.Publishable(ctx, is.Get(ref), isNew)
		})
	}
}
