package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/test/eventually"
)

// anotherHTTPRoute is a route kind of the same name in another group.
const anotherHTTPRoute = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: httproutes.other.example.com, labels: {attache.dev/route: "true"}}
spec:
  group: other.example.com
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
            properties:
              parentRefs: {type: array, items: {type: object, properties: {group: {type: string}, kind: {type: string}, namespace: {type: string}, name: {type: string}}}}
`

// Two kinds of one name do not share a result, and the end of one object is not the
// end of the other's.
func TestResultsOfTwoKindsOfOneNameDoNotMeet(t *testing.T) {
	s := startSite(t, nil, "team-a")
	admin := s.as(s.plane.Config, "team-a")
	admin.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: other-routes}
rules: [{apiGroups: [other.example.com], resources: [httproutes], verbs: [get, list, watch, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: other-routes}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: other-routes}
subjects: [{kind: ServiceAccount, namespace: attache-system, name: attache-controller}, {kind: ServiceAccount, namespace: attache-system, name: attache-webhook}]`)
	admin.apply(anotherHTTPRoute)
	admin.route("web", "5s")
	admin.apply(`
{apiVersion: other.example.com/v1, kind: HTTPRoute, metadata: {name: web, namespace: NS}, spec: {parentRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public, namespace: infra}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: above, namespace: infra}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}, default: {idle: 9s}}}`)
	results := func() (ours, other string) {
		for _, u := range admin.all(publish.Kind, "team-a") {
			target, _ := u.Object["targetRef"].(map[string]any)
			if target["group"] == "other.example.com" {
				other = u.GetName()
			} else if target["kind"] == "HTTPRoute" {
				ours = u.GetName()
			}
		}
		return ours, other
	}
	within(t, patience, "a result for each", func(context.Context) error {
		ours, other := results()
		if ours != "httproute.web" || other == "" || other == ours {
			return fmt.Errorf("%q and %q", ours, other)
		}
		return admin.published("web", "5s")
	})
	admin.remove("HTTPRoute.v1.other.example.com", "web")
	within(t, patience, "the result of what is gone to be gone", func(context.Context) error {
		if _, other := results(); other != "" {
			return errors.New("it is there")
		}
		return nil
	})
	s.controller.idle(t)
	if ours, _ := results(); ours != "httproute.web" {
		t.Error("the other's result went with it")
	}
	if err := admin.published("web", "5s"); err != nil {
		t.Error(err)
	}
}

// An object whose name is made after mutation is not pointed to a result that no
// object can have.
func TestGeneratedNamesAreNotReferredTo(t *testing.T) {
	s := startSite(t, nil, "team-a")
	admin := s.as(s.plane.Config, "team-a")
	admin.apply(wideGateway("infra", "wide"))
	admin.apply(policyOn("infra", "above", "kind: Gateway, name: wide", "default: {idle: 9s}"))
	manifest := strings.Replace(wideRoute("team-a", "big", "{name: wide, namespace: infra}"), "name: big,", "generateName: "+strings.Repeat("g", 40)+"-,", 1)
	var name string
	within(t, patience, "the replica to know the policy", func(context.Context) error {
		u, err := admin.tryCreate(manifest)
		if err != nil {
			return err
		}
		name = u.GetName()
		if see := annotation(u); strings.Contains(see, `"see"`) && !strings.Contains(see, name) {
			return eventually.Final(fmt.Errorf("the answer says %s", see))
		}
		return nil
	})
	within(t, patience, "the annotation to name the result", func(context.Context) error {
		if see := annotation(admin.object("HTTPRoute", name)); !strings.Contains(see, `"see":"httproute.`+name+`"`) {
			return fmt.Errorf("it says %.200s", see)
		}
		return nil
	})
}

// What a tenant states does not keep the platform from stating something above.
func TestATenantDoesNotVetoThePlatform(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	alice.apply(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: tiny, namespace: NS}
spec: {parentRefs: [{name: public, namespace: infra}], rules: [{name: r1, timeouts: {request: 1ms}}]}`)
	within(t, patience, "the replica to know the route", func(context.Context) error {
		_, err := alice.tryCreate(policyOn("team-a", "p", "kind: HTTPRoute, name: tiny, sectionName: r1", "default: {idle: 1s}"))
		return err
	})
	s.controller.idle(t)
	for what, policy := range map[string]string{
		"a default on the Gateway":    policyOn("infra", "one", "kind: Gateway, name: public", "default: {request: 60s, backend: 15s}"),
		"an override on the listener": policyOn("infra", "two", "kind: Gateway, name: public, sectionName: http", "override: {backend: 15s}"),
		"a default on the class":      policyOn("infra", "three", "kind: GatewayClass, name: edge", "default: {backend: 2s}"),
	} {
		if _, err := s.admin.tryCreate(policy); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	within(t, patience, "the route's own word to hold", func(context.Context) error {
		got := mergedValue(alice.object("HTTPRoute", "tiny"), "TimeoutPolicy")
		if !strings.Contains(got, `"request":"1ms"`) || !strings.Contains(got, `"backend":"1ms"`) {
			return errors.New("it has " + got)
		}
		return nil
	})
}
