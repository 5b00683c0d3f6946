package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/attache-dev/attache/policy/publish"
)

// A policy kind and a route kind that are named as others are, with all that CRDs
// may say of themselves.
const ownKinds = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: timeoutpolicies.evil.example.com
  labels: {gateway.networking.k8s.io/policy: Inherited}
  annotations:
    attache.dev/manage-status: "true"
    attache.dev/strategy: '{"field":"strategy","default":"Patch"}'
spec:
  group: evil.example.com
  scope: Namespaced
  names: {kind: TimeoutPolicy, plural: timeoutpolicies, singular: timeoutpolicy}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: httproutes.evil.example.com, labels: {attache.dev/route: "true"}}
spec:
  group: evil.example.com
  scope: Namespaced
  names: {kind: HTTPRoute, plural: httproutes, singular: httproute}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}}]
`

// Creating CRDs gains nothing: no information about what others have, and no manager that waits
// for kinds which it is not permitted to read.
func TestKindsOfOnesOwnGiveNothing(t *testing.T) {
	s := startSite(t, nil, "team-a", "team-b")
	s.user("alice", "team-a")
	s.admin.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: crds}
rules: [{apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: crds}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: crds}
subjects: [{kind: User, name: alice, apiGroup: rbac.authorization.k8s.io}]`)
	alice, bob := s.impersonating("alice", "team-a"), s.owner("bob", "team-b")
	bob.route("web", "5s")
	within(t, patience, "bob's result", func(context.Context) error { return bob.published("web", "5s") })
	before := bob.object(publish.Kind, "httproute.web").GetResourceVersion()

	alice.apply(ownKinds)
	for kind, target := range map[string]string{
		"the class":    "{group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}",
		"the Gateway":  "{group: gateway.networking.k8s.io, kind: Gateway, name: public, namespace: infra}",
		"bob's route":  "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: web, namespace: team-b}",
		"its own kind": "{group: evil.example.com, kind: HTTPRoute, name: web}",
	} {
		name := fmt.Sprintf("p-%d", len(kind))
		alice.apply("{apiVersion: evil.example.com/v1, kind: TimeoutPolicy, metadata: {name: " + name + ", namespace: team-a}, spec: {targetRef: " + target + ", override: {request: 1h}}}")
	}
	alice.apply(`{apiVersion: evil.example.com/v1, kind: HTTPRoute, metadata: {name: web, namespace: team-a}, spec: {parentRefs: [{name: public, namespace: infra}], hostnames: [web.example.com], rules: [{name: r1}]}}`)

	s.controller.kill()
	s.replica.kill()
	var address string
	s.replica, address = s.admission.replica("--subject-access-reviews=true") // ready, although it may not read the kinds
	s.board.to(address)
	s.startController()
	bob.route("more", "6s")
	within(t, patience, "the controller to go on", func(context.Context) error { return bob.published("more", "6s") })
	s.controller.idle(t)
	if after := bob.object(publish.Kind, "httproute.web").GetResourceVersion(); after != before {
		t.Errorf("bob's result was written anew: %v", bob.object(publish.Kind, "httproute.web").Object["status"])
	}
	for _, u := range alice.all("TimeoutPolicy.v1.evil.example.com", "team-a") {
		if u.Object["status"] != nil {
			t.Errorf("%s has the status %v", u.GetName(), u.Object["status"])
		}
	}
	s.noWebhooks() // this replica goes before what was made does
}

// The platform deletes what kept routes within a guardrail, and there are more paths
// than guardrails are asked about in one review. That is admitted with a warning; the
// gate judges it, and what was published stays.
func TestTheGateHoldsDeletionsOfThePlatform(t *testing.T) {
	s := startSite(t, nil, "team-a")
	s.replica.kill()
	var address string
	s.replica, address = s.admission.replica("--subject-access-reviews=true", "--max-paths=1")
	s.board.to(address)
	alice := s.owner("alice", "team-a")
	alice.route("one", "90s")
	alice.route("two", "90s")
	s.admin.apply(policyOn("infra", "ceiling", "kind: Gateway, name: public", "override: {request: 30s}"))
	for _, route := range []string{"one", "two"} {
		within(t, patience, "the ceiling to hold", func(context.Context) error { return alice.published(route, "30s") })
	}
	s.admin.apply(`
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: names}
spec:
  cel:
  - expression: "rule.name == 'x' || route.name == 'x' || !has(effective.TimeoutPolicy) || duration(effective.TimeoutPolicy.request) <= duration('60s')"
    message: no request may take longer than 60s
    fieldPath: effective.TimeoutPolicy.request
`)
	s.admin.untilReports("names", "Compiled", 0)
	s.admin.remove("TimeoutPolicy", "ceiling")
	alice.untilProgrammed("one", "GuardrailViolated")
	alice.untilProgrammed("two", "GuardrailViolated")
	for _, route := range []string{"one", "two"} {
		if err := alice.published(route, "30s"); err != nil {
			t.Error(err)
		}
	}
	s.noWebhooks() // this replica goes before what was made does
}
