package guardrails

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
	"github.com/attache-dev/attache/policy/review"
	"github.com/attache-dev/attache/test/worldtest"
)

// How the tests write objects.
var object = worldtest.Object

// world has a Gateway on the internet and a route in each of five namespaces, of
// which the first is in production.
func world(t *testing.T, more ...*unstructured.Unstructured) *policy.Snapshot {
	t.Helper()
	var all []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		all = append(all, object(t, string(file.Data)))
	}
	all = append(all, object(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: infra, labels: {exposure: internet}},
		spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}`))
	for i, namespace := range []string{"shop", "labs", "team-a", "team-b", "team-c"} {
		env := "dev"
		if i == 0 {
			env = "prod"
		}
		all = append(all,
			object(t, fmt.Sprintf(`{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {env: %s}}}`, namespace, env)),
			object(t, fmt.Sprintf(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: web, namespace: %s}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}}`, namespace)))
	}
	s, problems := policy.NewSnapshot(policy.Options{}).With(append(all, more...)...)
	for _, p := range problems {
		t.Fatal(p)
	}
	return s
}

// on makes a policy. target is "Gateway public" or "HTTPRoute web".
func on(t *testing.T, kind, namespace, target, spec string) *unstructured.Unstructured {
	t.Helper()
	targetKind, name, _ := strings.Cut(target, " ")
	return object(t, fmt.Sprintf(`{apiVersion: attache.dev/v1alpha1, kind: %s, metadata: {name: policy, namespace: %s}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: %s, name: %s}, %s}}`,
		kind, namespace, targetKind, name, spec))
}

// Each guardrail, in both languages, on edits of a small world: what is stored
// before, what is written, and whether that is denied.
func TestReviewsOfEdits(t *testing.T) {
	limit := func(rate string) *unstructured.Unstructured {
		return on(t, "RateLimitPolicy", "infra", "Gateway public", "default: {requestsPerSecond: "+rate+"}")
	}
	for _, c := range []struct {
		name, guardrail string
		stored, edit    *unstructured.Unstructured
		removed, denied bool
	}{
		{name: "a limit goes", guardrail: "rate-limit-on-internet", edit: limit("100"), removed: true, denied: true},
		{name: "a limit changes", guardrail: "rate-limit-on-internet", stored: limit("100"), edit: limit("10")},
		{name: "a limit comes", guardrail: "rate-limit-on-internet", edit: limit("100")},
		{name: "two minutes in production", guardrail: "timeout-at-most-60s-in-prod", edit: on(t, "TimeoutPolicy", "shop", "HTTPRoute web", "default: {request: 2m}"), denied: true},
		{name: "two minutes elsewhere", guardrail: "timeout-at-most-60s-in-prod", edit: on(t, "TimeoutPolicy", "labs", "HTTPRoute web", "default: {request: 2m}")},
		{name: "less too much", guardrail: "timeout-at-most-60s-in-prod", stored: on(t, "TimeoutPolicy", "shop", "HTTPRoute web", "default: {request: 3m}"),
			edit: on(t, "TimeoutPolicy", "shop", "HTTPRoute web", "default: {request: 2m}"), denied: true},
		{name: "retries alone", guardrail: "retries-need-a-timeout", edit: on(t, "RetryPolicy", "shop", "HTTPRoute web", "default: {maxRetries: 3}"), denied: true},
		{name: "an override of a team", guardrail: "only-infra-overrides", edit: on(t, "TimeoutPolicy", "shop", "HTTPRoute web", "override: {request: 2s}"), denied: true},
		{name: "an override of infra", guardrail: "only-infra-overrides", edit: on(t, "TimeoutPolicy", "infra", "Gateway public", "override: {request: 2s}")},
		{name: "five namespaces", guardrail: "change-few-namespaces", edit: limit("100"), denied: true},
		{name: "five namespaces again", guardrail: "change-few-namespaces", stored: limit("100"), edit: limit("90"), denied: true},
		{name: "one namespace", guardrail: "change-few-namespaces", edit: on(t, "TimeoutPolicy", "shop", "HTTPRoute web", "default: {request: 2m}")},
		{name: "halved", guardrail: "no-halving-of-limits", stored: limit("100"), edit: limit("50")},
		{name: "more than halved", guardrail: "no-halving-of-limits", stored: limit("100"), edit: limit("49"), denied: true},
	} {
		for _, language := range []string{"cel", "rego"} {
			t.Run(c.name+" in "+language, func(t *testing.T) {
				g, problems := guardrail.Parse(read(t, c.guardrail+"."+language+".yaml"), guardrail.Compilers{CEL: celrule.Compile, Rego: regorule.Compile})
				if len(problems) > 0 {
					t.Fatal(problems)
				}
				e := review.EditOf(c.stored, c.edit)
				if c.removed {
					e = review.EditOf(c.edit, nil)
				}
				v, err := review.Review(t.Context(), world(t), e, []*guardrail.Guardrail{g})
				if err != nil {
					t.Fatal(err)
				}
				if v.Denied() != c.denied {
					t.Errorf("denied is %v: %v", v.Denied(), v.Violations)
				}
				for _, violation := range v.Violations {
					if violation.Failed {
						t.Error(violation)
					}
				}
			})
		}
	}
}
