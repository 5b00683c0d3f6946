package webhook

import (
	"context"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/policy/validate"
	"github.com/attache-dev/attache/test/worldtest"
)

// onEnvoy is a shop on Envoy Gateway whose class has an override.
const onEnvoy = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ceiling, namespace: infra}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}
  override: {request: 20s}
`

const envoyRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop}
spec:
  parentRefs: [{name: public, namespace: infra}]
  rules:
  - {name: pay, TIMEOUTSbackendRefs: [{name: pay, port: 80}]}
`

// unenforcedHandlers know the objects of data planes that are given.
func unenforcedHandlers(t *testing.T, refuse bool, route string, foreign ...*unstructured.Unstructured) *Handlers {
	s := world(t, onEnvoy, route)
	return handlersOf(t, s, func(o *Options) {
		o.RefuseUnenforced = refuse
		o.Injector = &status.Injector{
			Exists: func(hierarchy.Ref, types.UID) bool { return true },
			World: func(g *hierarchy.Graph) enforcement.World {
				return enforcement.World{
					Graph: g, Config: enforcement.Config{Enabled: []string{export.EnvoyGateway}},
					Fields:  export.StandardFields{Timeouts: true, Retry: true, FiltersMax: 16},
					Foreign: export.NewForeignIndex(foreign),
				}
			},
		}
	})
}

func TestOverridesThatADataPlaneNewlyDoesNotDo(t *testing.T) {
	plain := strings.Replace(envoyRoute, "TIMEOUTS", "", 1)
	stated := strings.Replace(envoyRoute, "TIMEOUTS", "timeouts: {request: 60s}, ", 1)
	relabelled := strings.Replace(stated, "namespace: shop}", "namespace: shop, labels: {tier: web}}", 1)
	const warning = "override request of TimeoutPolicy infra/ceiling will not be enforced on HTTPRoute shop/checkout rule pay: InlineWins: "

	response := answerTo(t, unenforcedHandlers(t, false, plain).Validate(), update(t, plain, stated))
	if !response.Allowed || !has(response.Warnings, warning) {
		t.Errorf("allowed %t, with the warnings %q", response.Allowed, response.Warnings)
	}
	if response = answerTo(t, unenforcedHandlers(t, false, plain).Validate(), update(t, plain, plain)); has(response.Warnings, "will not be enforced") {
		t.Errorf("of a rule that states nothing: %q", response.Warnings)
	}
	if response = answerTo(t, unenforcedHandlers(t, false, stated).Validate(), update(t, stated, relabelled)); has(response.Warnings, "will not be enforced") {
		t.Errorf("what was so before: %q", response.Warnings)
	}
	if response = answerTo(t, unenforcedHandlers(t, true, plain).Validate(), update(t, plain, stated)); response.Allowed || !strings.Contains(response.Result.Message, warning) {
		t.Errorf("with refuseUnenforced: allowed %t, %v", response.Allowed, response.Result)
	}
	if response = answerTo(t, unenforcedHandlers(t, true, stated).Validate(), update(t, stated, relabelled)); !response.Allowed {
		t.Errorf("with refuseUnenforced, what was so before: %v", response.Result)
	}
}

func TestAForeignPolicyBeforeOurs(t *testing.T) {
	plain := strings.Replace(envoyRoute, "TIMEOUTS", "", 1)
	const theirs = `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: mine, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout, sectionName: pay}]
  timeout: {http: {requestTimeout: 1h}}
`
	response := answerTo(t, unenforcedHandlers(t, false, plain).Validate(), create(t, theirs))
	if !response.Allowed || !has(response.Warnings, "on HTTPRoute shop/checkout rule pay: ForeignPolicy: ") {
		t.Errorf("allowed %t, with the warnings %q", response.Allowed, response.Warnings)
	}
	if response = answerTo(t, unenforcedHandlers(t, true, plain).Validate(), create(t, theirs)); response.Allowed {
		t.Error("with refuseUnenforced it is allowed")
	}
	if response = answerTo(t, unenforcedHandlers(t, true, plain, object(t, theirs)).Validate(), update(t, theirs, strings.Replace(theirs, "1h", "2h", 1))); !response.Allowed {
		t.Errorf("what was there before: %v", response.Result)
	}
}

// strictTimes are CRDs with rules that exporters do not know: a request of a route takes three
// seconds at most, and connecting to a backend five.
const strictTimes = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: httproutes.gateway.networking.k8s.io}
spec:
  group: gateway.networking.k8s.io
  scope: Namespaced
  names: {kind: HTTPRoute, listKind: HTTPRouteList, plural: httproutes, singular: httproute}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            x-kubernetes-preserve-unknown-fields: true
            properties:
              rules:
                type: array
                maxItems: 16
                items:
                  type: object
                  x-kubernetes-preserve-unknown-fields: true
                  properties:
                    timeouts:
                      type: object
                      properties: {request: {type: string, maxLength: 20}}
                      x-kubernetes-validations: [{rule: "duration(self.request) <= duration('3s') || self.request == '60s'", message: 3s at most here}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: backendtrafficpolicies.gateway.envoyproxy.io}
spec:
  group: gateway.envoyproxy.io
  scope: Namespaced
  names: {kind: BackendTrafficPolicy, listKind: BackendTrafficPolicyList, plural: backendtrafficpolicies, singular: backendtrafficpolicy}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            x-kubernetes-preserve-unknown-fields: true
            properties:
              timeout:
                type: object
                x-kubernetes-preserve-unknown-fields: true
                properties:
                  tcp:
                    type: object
                    properties: {connectTimeout: {type: string, maxLength: 20}}
                    x-kubernetes-validations: [{rule: "duration(self.connectTimeout) <= duration('5s')", message: 5s at most here}]
`

// byCRDs refuses what CRDs refuse.
type byCRDs struct{ registry *validate.Registry }

func (c byCRDs) Refuses(u *unstructured.Unstructured) []string {
	_, problems, _ := c.registry.Prepare(context.Background(), u)
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Field + ": " + p.Message
	}
	return texts
}

func (c byCRDs) Check(u *unstructured.Unstructured) []string { return c.Refuses(u) }

// TestWhatACRDRefusesIsWarnedOf: an override that no object can say, or that cannot be put into the
// route, since the CRD there would refuse it, is one that is not enforced (E2.2, E3.7, E8.5).
func TestWhatACRDRefusesIsWarnedOf(t *testing.T) {
	registry, err := validate.New(worldtest.Objects(t, strictTimes)...)
	if err != nil {
		t.Fatal(err)
	}
	crds := byCRDs{registry}
	stated := strings.Replace(envoyRoute, "TIMEOUTS", "timeouts: {request: 60s}, ", 1)
	stated = strings.Replace(stated, "namespace: shop}", `namespace: shop, labels: {attache.dev/inject: "true"}}`, 1)
	plain := strings.Replace(envoyRoute, "TIMEOUTS", "", 1)
	const ceiling = `
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ceiling, namespace: infra}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}, override: {request: 20sMORE}}
`
	more := func(field string) string { return strings.Replace(ceiling, "MORE", field, 1) }
	handlers := func(route string) *Handlers {
		h := unenforcedHandlers(t, false, route)
		world := h.options.Injector.World
		stored := worldtest.Objects(t, route)[0]
		h.options.Injector = &status.Injector{
			Check: crds, Exists: h.options.Injector.Exists,
			Stored: func(hierarchy.Ref) *unstructured.Unstructured { return stored },
			World: func(g *hierarchy.Graph) enforcement.World {
				w := world(g)
				w.Schemas = crds
				return w
			},
		}
		return h
	}
	for name, c := range map[string]struct {
		h       *Handlers
		request ask
		warns   string
	}{
		"an object of ours": {handlers(plain), update(t, more(""), more(", connect: 9s")),
			"override connect of TimeoutPolicy infra/ceiling will not be enforced on HTTPRoute shop/checkout rule pay: Invalid: "},
		"an object that fits": {handlers(plain), update(t, more(""), more(", connect: 4s")), ""},
		"a value in the route": {handlers(plain), update(t, plain, stated),
			"override request of TimeoutPolicy infra/ceiling will not be enforced on HTTPRoute shop/checkout rule pay: Invalid: "},
	} {
		response := answerTo(t, c.h.Validate(), c.request)
		if !response.Allowed || c.warns != "" && !has(response.Warnings, c.warns) || c.warns == "" && has(response.Warnings, ": Invalid: ") {
			t.Errorf("%s: allowed %t, with the warnings %q", name, response.Allowed, response.Warnings)
		}
	}
}
