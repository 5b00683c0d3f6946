package review_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/review"
	"github.com/attache-dev/attache/test/worldtest"
)

// shop has a class, a Gateway, two routes in two namespaces and a default on
// the Gateway.
func shop(t testing.TB, more ...string) *policy.Snapshot {
	t.Helper()
	var all []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		all = append(all, worldtest.Objects(t, string(file.Data))...)
	}
	all = append(all, worldtest.Objects(t, `
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: labs, labels: {env: dev}}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: infra, labels: {exposure: internet}}, spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: checkout, namespace: shop}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{name: pay}, {}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: trial, namespace: labs}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}}`)...)
	for _, text := range more {
		all = append(all, worldtest.Objects(t, text)...)
	}
	s, problems := policy.NewSnapshot(policy.Options{}).With(all...)
	for _, p := range problems {
		t.Fatal(p)
	}
	return s
}

func timeout(t testing.TB, namespace, name, target, spec string) *unstructured.Unstructured {
	t.Helper()
	return worldtest.Objects(t, fmt.Sprintf(
		`{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: %s, namespace: %s}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, %s}, %s}}`,
		name, namespace, target, spec))[0]
}

const (
	onGateway  = "kind: Gateway, name: public"
	onCheckout = "kind: HTTPRoute, name: checkout"
)

// atMost is a rule: no request timeout over a number of seconds.
type atMost struct{ seconds float64 }

func (r *atMost) Uses() guardrail.Variables { return guardrail.Effective }

func (r *atMost) Check(_ context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	effective := in["effective"].(map[string]any)
	block, _ := effective["TimeoutPolicy"].(map[string]any)
	text, set := block["request"].(string)
	if !set {
		return nil, nil
	}
	if d, err := time.ParseDuration(text); err != nil {
		return nil, err
	} else if d.Seconds() <= r.seconds {
		return nil, nil
	}
	return []guardrail.Finding{{Code: "0", Message: fmt.Sprintf("at most %vs", r.seconds), FieldPath: "effective.TimeoutPolicy.request"}}, nil
}

func sixty(match guardrail.Match) []*guardrail.Guardrail {
	return []*guardrail.Guardrail{{Name: "sixty", Enforcement: guardrail.Deny, Match: match, Rules: []guardrail.Rule{&atMost{60}}}}
}

func reviewed(t *testing.T, s *policy.Snapshot, e review.Edit, guardrails []*guardrail.Guardrail) review.Verdict {
	t.Helper()
	v, err := review.Review(t.Context(), s, e, guardrails)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func lines(v review.Verdict) []string {
	var list []string
	for _, violation := range v.Violations {
		list = append(list, violation.String())
	}
	return list
}

func TestAViolationNamesThePathTheValueAndWhoSetIt(t *testing.T) {
	s := shop(t)
	v := reviewed(t, s, review.EditOf(nil, timeout(t, "infra", "public", onGateway, "default: {request: 90s}")), sixty(guardrail.Match{}))
	want := []string{"HTTPRoute labs/trial rules[0] on infra/public#http and 1 more route: at most 60s " +
		"[effective.TimeoutPolicy.request is 90s, set by TimeoutPolicy infra/public (default at Gateway infra/public)]"}
	if diff := cmp.Diff(want, lines(v)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !v.Denied() {
		t.Error("not denied")
	}
}

func TestMatchSelectsByNamespaceLabels(t *testing.T) {
	prod, err := labels.Parse("env=prod")
	if err != nil {
		t.Fatal(err)
	}
	v := reviewed(t, shop(t), review.EditOf(nil, timeout(t, "infra", "public", onGateway, "default: {request: 90s}")), sixty(guardrail.Match{Namespace: prod}))
	if len(v.Violations) != 1 || v.Violations[0].Target.Namespace != "shop" || v.Violations[0].Targets != 1 || v.Violations[0].Paths != 2 {
		t.Errorf("want the two rules of shop/checkout, got %+v", v.Violations)
	}
}

func TestOnlyNewOrWorseViolationsDeny(t *testing.T) {
	before := timeout(t, "shop", "checkout", onCheckout, "default: {request: 90s}")
	s, _ := shop(t).With(before)
	tests := map[string]struct {
		spec   string
		denied bool
	}{
		"the same value again":            {"default: {request: 90s}", false},
		"another field":                   {"default: {request: 90s, connect: 1s}", false},
		"another spelling of it":          {"default: {request: 1m30s}", false},
		"better, and still not good":      {"default: {request: 70s}", true},
		"good":                            {"default: {request: 30s}", false},
		"worse":                           {"default: {request: 120s}", true},
		"the same value from an override": {"override: {request: 90s}", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := reviewed(t, s, review.EditOf(before, timeout(t, "shop", "checkout", onCheckout, test.spec)), sixty(guardrail.Match{}))
			if v.Denied() != test.denied {
				t.Errorf("denied is %v, want %v: %v", v.Denied(), test.denied, lines(v))
			}
		})
	}
}

func TestADeletionIsJudgedByWhatItUncovers(t *testing.T) {
	ceiling := timeout(t, "infra", "ceiling", onGateway, "override: {request: 30s}")
	s, _ := shop(t).With(ceiling, timeout(t, "shop", "checkout", onCheckout, "default: {request: 90s}"))
	v := reviewed(t, s, review.EditOf(ceiling, nil), sixty(guardrail.Match{}))
	if !v.Denied() {
		t.Error("deleting the ceiling uncovers 90s and is not denied")
	}
	if said := v.Warnings(); len(said) > 0 {
		t.Errorf("beside the refusal it says %q", said)
	}
	v = reviewed(t, s, review.EditOf(ceiling, nil), nil)
	want := []string{
		"TimeoutPolicy infra/ceiling changes 2 routes in 2 namespaces and 1 Gateway; " +
			"HTTPRoute labs/trial: TimeoutPolicy request 30s → not set; " +
			"HTTPRoute shop/checkout: TimeoutPolicy request 30s → 90s (default of TimeoutPolicy shop/checkout)",
	}
	if diff := cmp.Diff(want, v.Warnings()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestALabelOfANamespaceBringsItsRoutesUnderAGuardrail(t *testing.T) {
	s, _ := shop(t).With(timeout(t, "labs", "trial", "kind: HTTPRoute, name: trial", "default: {request: 90s}"))
	prod, _ := labels.Parse("env=prod")
	relabelled := worldtest.Objects(t, `{apiVersion: v1, kind: Namespace, metadata: {name: labs, labels: {env: prod}}}`)[0]
	v := reviewed(t, s, review.EditOf(worldtest.Objects(t, `{apiVersion: v1, kind: Namespace, metadata: {name: labs, labels: {env: dev}}}`)[0], relabelled),
		sixty(guardrail.Match{Namespace: prod}))
	if !v.Denied() {
		t.Error("the route is new to the guardrail and violates it")
	}
}

func TestNamespacesThatMayNotBeReadAreCounted(t *testing.T) {
	e := review.EditOf(nil, timeout(t, "infra", "public", onGateway, "default: {request: 5s}"))
	e.MayRead = func(ns string) bool { return ns != "labs" }
	got := reviewed(t, shop(t), e, nil).Warnings()
	want := []string{
		"TimeoutPolicy infra/public changes 2 routes in 2 namespaces and 1 Gateway",
		"1 route in namespaces that you may not read",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAPolicyWithoutEffectSaysWhy(t *testing.T) {
	s, _ := shop(t).With(timeout(t, "infra", "ceiling", onGateway, "override: {request: 30s}"))
	for want, e := range map[string]review.Edit{
		"TimeoutPolicy shop/checkout has no effect on any of 2 paths: TimeoutPolicy infra/ceiling wins": review.EditOf(nil,
			timeout(t, "shop", "checkout", onCheckout, "default: {request: 90s}")),
		"HTTPRoute shop/gone does not exist: policies on it have no effect": review.EditOf(nil,
			timeout(t, "shop", "checkout", "kind: HTTPRoute, name: gone", "default: {request: 90s}")),
	} {
		v := reviewed(t, s, e, nil)
		if got := v.Warnings(); len(got) != 1 || got[0] != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// noDeletions denies deletions, whatever follows from them.
type noDeletions struct{}

func (noDeletions) Uses() guardrail.Variables { return guardrail.Operation }

func (noDeletions) Check(_ context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	if in["operation"] == "DELETE" {
		return []guardrail.Finding{{Code: "0", Message: "nobody deletes"}}, nil
	}
	return nil, nil
}

func TestADeletionWasNotADeletionBefore(t *testing.T) {
	public := timeout(t, "infra", "public", onGateway, "default: {request: 5s}")
	s, _ := shop(t).With(public)
	guardrails := []*guardrail.Guardrail{{Name: "keep", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{noDeletions{}}}}
	if v := reviewed(t, s, review.EditOf(public, nil), guardrails); !v.Denied() {
		t.Error("a rule against deletions does not deny one")
	}
	if v := reviewed(t, s, review.EditOf(public, public), guardrails); v.Denied() {
		t.Error("a rule against deletions denies an update")
	}
}

// warnsOfLabs wants no timeouts: it warns on the routes of labs, and denies on
// those of shop.
type warnsOfLabs struct{}

func (warnsOfLabs) Uses() guardrail.Variables { return guardrail.Route | guardrail.Effective }

func (warnsOfLabs) Check(_ context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	if len(in["effective"].(map[string]any)) == 0 {
		return nil, nil
	}
	namespace := in["route"].(map[string]any)["namespace"]
	return []guardrail.Finding{{Code: "x", Message: "no", WarnOnly: namespace == "labs"}}, nil
}

func TestAWarningOutOfSightHidesNoDenial(t *testing.T) {
	e := review.EditOf(nil, timeout(t, "infra", "public", onGateway, "default: {request: 5s}"))
	for name, reader := range map[string]policy.Reader{"in sight": nil, "out of sight": func(string) bool { return false }} {
		e.MayRead = reader
		guardrails := []*guardrail.Guardrail{{Name: "both", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{warnsOfLabs{}}}}
		v := reviewed(t, shop(t), e, guardrails)
		if !v.Denied() || len(v.By(guardrail.Warn)) != 1 {
			t.Errorf("%s: denied is %v, want a denial and a warning: %v", name, v.Denied(), v.Violations)
		}
	}
}

func TestAViolationNamesNobodyElsesValue(t *testing.T) {
	e := review.Edit{Changes: []review.ObjectChange{
		{New: timeout(t, "shop", "checkout", onCheckout, "default: {request: 90s}")},
		{New: timeout(t, "labs", "trial", "kind: HTTPRoute, name: trial", "default: {request: 70s}")},
	}}
	v := reviewed(t, shop(t), e, sixty(guardrail.Match{}))
	var got []string
	for _, violation := range v.Violations {
		got = append(got, violation.String())
	}
	want := []string{
		"HTTPRoute labs/trial rules[0] on infra/public#http: at most 60s [effective.TimeoutPolicy.request is 70s, set by TimeoutPolicy labs/trial (default at Route labs/trial)]",
		"HTTPRoute shop/checkout rule pay on infra/public#http: at most 60s [effective.TimeoutPolicy.request is 90s, set by TimeoutPolicy shop/checkout (default at Route shop/checkout)]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestInAnEditOfSeveralObjectsWarningsSayWhich(t *testing.T) {
	e := review.Edit{Changes: []review.ObjectChange{
		{New: timeout(t, "shop", "one", "kind: HTTPRoute, name: gone", "default: {request: 1s}")},
		{New: timeout(t, "shop", "two", "kind: HTTPRoute, name: lost", "default: {request: 1s}")},
	}}
	v := reviewed(t, shop(t), e, nil)
	want := []string{
		"TimeoutPolicy shop/one: spec.targetRef: HTTPRoute shop/gone does not exist",
		"TimeoutPolicy shop/two: spec.targetRef: HTTPRoute shop/lost does not exist",
	}
	if diff := cmp.Diff(want, v.Warnings()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := v.Notices(); len(n) != 2 || n[1].Object.Name != "two" || n[1].Field != "spec.targetRef" {
		t.Errorf("got %+v", n)
	}
}

func TestTheGateJudgesAgainstWhatIsPublished(t *testing.T) {
	route := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout")
	good, _ := shop(t).With(timeout(t, "shop", "checkout", onCheckout, "default: {request: 30s}"))
	bad, _ := good.With(timeout(t, "shop", "checkout", onCheckout, "default: {request: 90s}"))
	published, next := effective.Resolve(good, route).Get(route), effective.Resolve(bad, route).Get(route)
	violations, err := evaluate.Of(bad, sixty(guardrail.Match{}), nil).Published(t.Context(), published, next)
	if err != nil || len(violations) != 1 {
		t.Errorf("want one violation, got %v, %v", violations, err)
	}
	violations, err = evaluate.Of(bad, sixty(guardrail.Match{}), nil).Published(t.Context(), next, next)
	if err != nil || len(violations) != 0 {
		t.Errorf("what is already published is not new, got %v, %v", violations, err)
	}
	violations, err = evaluate.Of(bad, sixty(guardrail.Match{}), nil).Existing(t.Context(), next)
	if err != nil || len(violations) != 1 || violations[0].Paths != 2 {
		t.Errorf("an audit finds what exists, got %v, %v", violations, err)
	}
}
