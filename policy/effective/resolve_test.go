package effective_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// The worked example of semantics section 9.
func TestAClassOverrideReachesEveryRuleAndInlineValuesBeatDefaults(t *testing.T) {
	want := `infra/public#https pay
  TimeoutPolicy.backend = 2s, inline of HTTPRoute shop/checkout on HTTPRoute shop/checkout#pay, beats TimeoutPolicy infra/public (default)
  TimeoutPolicy.request = 30s, override of TimeoutPolicy infra/ceiling on GatewayClass edge, beats TimeoutPolicy shop/checkout (default), beats TimeoutPolicy infra/public (default)
infra/public#https list rules[2]
  TimeoutPolicy.backend = 5s, default of TimeoutPolicy infra/public on Gateway infra/public
  TimeoutPolicy.request = 30s, override of TimeoutPolicy infra/ceiling on GatewayClass edge, beats TimeoutPolicy shop/checkout (default), beats TimeoutPolicy infra/public (default)
`
	if diff := cmp.Diff(want, resolved(t, world(t, edgeAndCheckout), route("checkout"))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAGatewayShowsWhatARouteWithoutPoliciesWouldGet(t *testing.T) {
	want := `infra/public#http infra/public#https *
  TimeoutPolicy.backend = 5s, default of TimeoutPolicy infra/public on Gateway infra/public
  TimeoutPolicy.request = 30s, override of TimeoutPolicy infra/ceiling on GatewayClass edge, beats TimeoutPolicy infra/public (default)
`
	got := resolved(t, world(t, edgeAndCheckout), hierarchy.GatewayRef("infra", "public"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAPolicyOnARuleReachesThatRuleAlone(t *testing.T) {
	s := world(t, edgeAndCheckout+`
---
apiVersion: attache.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: list, namespace: shop}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout, sectionName: list}
  default: {requestsPerSecond: 10}
`)
	e := effective.ResolveAll(s).Get(route("checkout"))
	for _, scope := range e.Scopes {
		_, limited := scope.Result.Kind("RateLimitPolicy")
		if want := scope.Rules.String() == "list"; limited != want {
			t.Errorf("rules %v: limited is %v, want %v", scope.Rules, limited, want)
		}
	}
	if len(e.Scopes) != 3 {
		t.Errorf("%d scopes, want pay, list and rules[2] apart:\n%s", len(e.Scopes), show(e))
	}
}

func TestAnOlderPolicyHoldsTheTargetAndTheYoungerTakesOver(t *testing.T) {
	s := world(t, edgeAndCheckout)
	older, _ := s.Policy(hierarchy.NewRef("attache.dev", "TimeoutPolicy", "shop", "checkout"))
	s, _ = s.With(objects(t, `
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: another, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}
  default: {connect: 1s}
`)...)
	standing := s.Acceptances(older)[0]
	if standing.Reason != policy.ReasonConflicted || standing.Holder.Name != "another" {
		t.Errorf("without a creation time a policy is the younger one, got %+v", standing)
	}
	s = s.Without(standing.Holder)
	if standing := s.Acceptances(older)[0]; !standing.Accepted() {
		t.Errorf("the holder is gone, got %+v", standing)
	}
}

func TestBounds(t *testing.T) {
	policyOn := func(kind, namespace, target, spec string) string {
		return `
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: on-` + target + `, namespace: ` + namespace + `}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: ` + kind + `, name: ` + target + `}
  ` + spec
	}
	const bare = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec: {controllerName: example.com/gateway}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop}
spec:
  parentRefs: [{name: public, namespace: infra}]
  rules: [{}]`
	class := func(spec string) string { return policyOn("GatewayClass", "infra", "edge", spec) }
	gateway := func(spec string) string { return policyOn("Gateway", "infra", "public", spec) }
	onRoute := func(spec string) string { return policyOn("HTTPRoute", "shop", "checkout", spec) }
	tests := map[string]struct{ policies, want string }{
		"a value outside is clamped to the nearest end": {
			gateway("bounds: {request: {max: 60s, min: 1s}}") + onRoute("default: {request: 90s}"),
			"  TimeoutPolicy.request = 60s, default of TimeoutPolicy shop/on-checkout on HTTPRoute shop/checkout, clamped from 90s by TimeoutPolicy infra/on-public\n",
		},
		"a field that nobody sets takes the max": {
			gateway("bounds: {request: {max: 60s}, backend: {min: 1s}}"),
			"  TimeoutPolicy.request = 60s, bound of TimeoutPolicy infra/on-public on Gateway infra/public\n",
		},
		"off is longer than every max": {
			gateway("bounds: {request: {max: 60s}}") + onRoute("default: {request: 0s}"),
			"  TimeoutPolicy.request = 60s, default of TimeoutPolicy shop/on-checkout on HTTPRoute shop/checkout, clamped from 0s by TimeoutPolicy infra/on-public\n",
		},
		"a lower level cannot constrain an override from above": {
			class("override: {request: 90s}") + gateway("bounds: {request: {max: 60s}}"),
			"  TimeoutPolicy.request = 90s, override of TimeoutPolicy infra/on-edge on GatewayClass edge\n",
		},
		"an override from below is bound": {
			class("bounds: {request: {max: 60s}}") + gateway("override: {request: 90s}"),
			"  TimeoutPolicy.request = 60s, override of TimeoutPolicy infra/on-public on Gateway infra/public, clamped from 90s by TimeoutPolicy infra/on-edge\n",
		},
		"bounds intersect, and a lower level can tighten": {
			class("bounds: {request: {max: 60s}}") + gateway("bounds: {request: {max: 20s}}") + onRoute("default: {request: 90s}"),
			"  TimeoutPolicy.request = 20s, default of TimeoutPolicy shop/on-checkout on HTTPRoute shop/checkout, clamped from 90s by TimeoutPolicy infra/on-public\n",
		},
		"where bounds contradict, the higher level's holds": {
			class("bounds: {request: {max: 20s}}") + gateway("bounds: {request: {min: 30s}}") + onRoute("default: {request: 25s}"),
			"  TimeoutPolicy.request = 20s, default of TimeoutPolicy shop/on-checkout on HTTPRoute shop/checkout, clamped from 25s by TimeoutPolicy infra/on-edge\n" +
				"  ! TimeoutPolicy infra/on-public: the bound on request (min 30s) contradicts a bound of a higher level and is ignored\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := resolved(t, world(t, bare+test.policies), route("checkout"))
			if diff := cmp.Diff("infra/public#http *\n"+test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDiffTellsWhatAnEditChanges(t *testing.T) {
	before := world(t, edgeAndCheckout)
	after := before.Without(hierarchy.NewRef("attache.dev", "TimeoutPolicy", "infra", "ceiling"))
	var got []string
	for _, c := range effective.Diff(effective.ResolveAll(before), effective.ResolveAll(after)) {
		got = append(got, c.Target.String()+" "+c.Kind+"."+c.Path.String()+": "+c.Before.Value.(string)+" -> "+c.After.Value.(string))
	}
	want := []string{
		"Gateway infra/public TimeoutPolicy.request: 30s -> 10s",
		"HTTPRoute shop/checkout TimeoutPolicy.request: 30s -> 60s", // all three rules at once
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
