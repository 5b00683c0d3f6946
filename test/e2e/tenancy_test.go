package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/publish"
)

// tenancy is what two tenants share with the platform team, and who they are.
// The roles are the cluster's own; a kube-controller-manager would fold the
// chart's into them, so here they are bound directly.
const tenancy = `
{apiVersion: v1, kind: Namespace, metadata: {name: rival}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: private, namespace: infra}
spec:
  gatewayClassName: edge
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: secret-project, namespace: rival}
spec: {parentRefs: [{name: private, namespace: infra}], rules: [{}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: routes}
rules:
- {apiGroups: [gateway.networking.k8s.io], resources: [httproutes, gateways, referencegrants], verbs: ["*"]}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot, namespace: shop}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: routes, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: routes}
subjects: [{kind: User, name: tina, apiGroup: rbac.authorization.k8s.io}, {kind: ServiceAccount, name: robot, namespace: shop}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: policies, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: attache-edit}
subjects: [{kind: User, name: tina, apiGroup: rbac.authorization.k8s.io}, {kind: ServiceAccount, name: robot, namespace: shop}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: view, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: attache-view}
subjects: [{kind: User, name: tina, apiGroup: rbac.authorization.k8s.io}, {kind: ServiceAccount, name: robot, namespace: shop}]
`

// grant lets policies of shop target something in infra.
func grant(kind, name string) string {
	to := "{group: gateway.networking.k8s.io, kind: Gateway" + name + "}"
	return `{apiVersion: gateway.networking.k8s.io/v1, kind: ReferenceGrant, metadata: {name: shop, namespace: infra}, spec: {from: [{group: attache.dev, kind: ` + kind + `, namespace: shop}], to: [` + to + `]}}`
}

// TestTenants is what tenants try, as users and as service accounts with the
// rights of their namespace.
func TestTenants(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}})
	_, address := a.replica()
	a.board.to(address)
	admin := a.as(a.plane.Config, "shop")
	admin.apply(shopAbove)
	admin.apply(shopRoute)
	admin.apply(tenancy)
	controller, err := a.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	startManager(t, controller.Kubeconfig, "--platform-namespaces", "attache-system,infra")
	within(t, patience, "the controller to publish", func(context.Context) error {
		if !admin.exists("EffectivePolicy", "httproute.checkout") {
			return errors.New("it has not")
		}
		return nil
	})
	tina, err := a.plane.AddUser("tina")
	if err != nil {
		t.Fatal(err)
	}
	robot, err := a.plane.ServiceAccount(t.Context(), "shop", "robot")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("what others do is counted, not told", func(t *testing.T) { countedNotTold(t, a, admin, tina.Kubeconfig) })
	t.Run("a grant that nearly fits is told to who may read it", func(t *testing.T) { nearGrantTold(t, a, admin, tina.Kubeconfig) })
	admin.apply(exposed)
	for name, config := range map[string]*restConfig{"tina": tina.Config, "the robot": robot.Config} {
		t.Run(name, func(t *testing.T) { attempts(t, admin, config) })
	}
}

// nearGrantTold has a platform and a tenant write a policy that a grant nearly permits, and the platform
// a grant that nearly permits one.
func nearGrantTold(t *testing.T, a *admission, admin *world, kubeconfig string) {
	g := admin.create(grant("RetryPolicy", ", name: private"))
	write := policyOn("shop", "waits", privateGateway, fiveSeconds)
	apply := dry("apply", "-f", "-")
	enough := func(said string, err error) bool { return err == nil && strings.Contains(said, noGrant) }
	told := func(said string, err error) bool {
		return err == nil && strings.Contains(said, `ReferenceGrant infra/shop nearly permits it: its from.kind is "RetryPolicy", not "TimeoutPolicy"`)
	}
	a.asked("the platform's answer", write, apply, told)
	if said := a.asked("the tenant's answer", write, append(apply, "--kubeconfig", kubeconfig), enough); strings.Contains(said, "nearly") {
		t.Errorf("it tells of a grant that the tenant may not read: %s", said)
	}
	if err := admin.Delete(t.Context(), g); err != nil {
		t.Error(err)
	}
	waits := admin.create(write)
	a.asked("the answer to who writes the grant", grant("RetryPolicy", ", name: private"), apply, func(said string, err error) bool {
		return err == nil && strings.Contains(said, `does not let TimeoutPolicy shop/waits refer to Gateway infra/private: its from.kind is "RetryPolicy", not "TimeoutPolicy"`)
	})
	if err := admin.Delete(t.Context(), waits); err != nil {
		t.Error(err)
	}
}

// countedNotTold has a tenant write a policy that changes somebody else's route.
func countedNotTold(t *testing.T, a *admission, admin *world, kubeconfig string) {
	g := admin.create(grant("TimeoutPolicy", ", name: private"))
	write := policyOn("shop", "p", privateGateway, fiveSeconds)
	apply := dry("apply", "-f", "-")
	enough := func(said string, err error) bool { return err == nil && strings.Contains(said, "1 route") }
	says(t, a.asked("the platform's answer", write, apply, enough), "Warning: TimeoutPolicy shop/p changes 1 route in 1 namespace")
	said := a.asked("the tenant's answer", write, append(apply, "--kubeconfig", kubeconfig), enough)
	says(t, said, "Warning: TimeoutPolicy shop/p changes 1 route in 1 namespace", "Warning: 1 route in namespaces that you may not read")
	if strings.Contains(said, "secret") || strings.Contains(said, "rival") {
		t.Errorf("it tells of others: %s", said)
	}
	if err := admin.Delete(t.Context(), g); err != nil {
		t.Error(err)
	}
}

// exposed is a guardrail that holds for every route, wherever it goes.
const exposed = `
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: a-limit-for-everybody}
spec:
  cel:
  - expression: effective.?TimeoutPolicy.?request.hasValue()
    message: a route needs a request timeout
    fieldPath: effective.TimeoutPolicy.request
`

// attempt is something that a tenant tries.
type attempt struct {
	what string
	// grant is there while they try, if it is not empty.
	grant string
	try   func(tenant *world) error
	// says is in the error; empty when they may.
	says string
	// warns is in a warning; what is warned of has no effect.
	warns string
}

func tryPolicy(target, blocks string) func(*world) error {
	return func(w *world) error {
		_, err := w.tryCreate(policyOn("shop", "p", target, blocks), client.DryRunAll)
		return err
	}
}

func tryRoute(change ...string) func(*world) error {
	return func(w *world) error {
		_, err := w.tryCreate(strings.NewReplacer(append(change, "name: checkout, namespace", "name: second, namespace")...).Replace(shopRoute), client.DryRunAll)
		return err
	}
}

func tryUpdate(kind, name string, change func(*unstructured.Unstructured)) func(*world) error {
	return func(w *world) error {
		u := named(kind, w.namespace, name)
		if err := w.Get(w.Context(), client.ObjectKeyFromObject(u), u); err != nil {
			return err
		}
		change(u)
		return w.Update(w.Context(), u, client.DryRunAll)
	}
}

const (
	publicGateway  = "kind: Gateway, name: public, namespace: infra"
	privateGateway = "kind: Gateway, name: private, namespace: infra"
	fiveSeconds    = "default: {request: 5s}"
	noGrant        = `no ReferenceGrant in namespace "infra"`
)

// nearGrants are grants each of which lacks one word, and grants that are in the wrong place:
// none of them permits anything.
func nearGrants() []attempt {
	whole := grant("TimeoutPolicy", ", name: public")
	var list []attempt
	for what, g := range map[string]string{
		"from another namespace": strings.Replace(whole, "namespace: shop}", "namespace: rival}", 1),
		"from another group":     strings.Replace(whole, "group: attache.dev", "group: kuadrant.io", 1),
		"to another kind":        strings.Replace(whole, "kind: Gateway", "kind: HTTPRoute", 1),
		"to the core group":      strings.Replace(whole, "to: [{group: gateway.networking.k8s.io", `to: [{group: ""`, 1),
		"that is in shop":        strings.Replace(whole, "namespace: infra}", "namespace: shop}", 1),
	} {
		list = append(list, attempt{what: "a grant " + what, grant: g, warns: noGrant, try: tryPolicy(publicGateway, fiveSeconds)})
	}
	return list
}

func attemptsOfTenants() []attempt {
	return []attempt{
		{what: "a policy on the own route", try: tryPolicy("kind: HTTPRoute, name: checkout", fiveSeconds)},
		{what: "edits an EffectivePolicy", says: "forbidden", try: tryUpdate("EffectivePolicy", "httproute.checkout", func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{"a": "b"}) })},
		{what: "deletes an EffectivePolicy", says: "forbidden", try: func(w *world) error {
			return w.Delete(w.Context(), named("EffectivePolicy", "shop", "httproute.checkout"), client.DryRunAll)
		}},
		{what: "overrides on the class", says: `may not target a GatewayClass`, try: tryPolicy("kind: GatewayClass, name: edge", "override: {request: 1s}")},
		{what: "a policy on a sibling's route", warns: `no ReferenceGrant in namespace "rival"`, try: tryPolicy("kind: HTTPRoute, name: secret-project, namespace: rival", "override: {request: 1s}")},
		{what: "a policy in a sibling's namespace", says: "forbidden", try: func(w *world) error {
			_, err := w.tryCreate(policyOn("rival", "p", "kind: HTTPRoute, name: secret-project", fiveSeconds), client.DryRunAll)
			return err
		}},
		{what: "another's Gateway without a grant", warns: noGrant, try: tryPolicy(publicGateway, fiveSeconds)},
		{what: "another's Gateway with a grant", grant: grant("TimeoutPolicy", ", name: public"), try: tryPolicy(publicGateway, fiveSeconds)},
		{what: "a grant for another kind", grant: grant("RetryPolicy", ", name: public"), warns: noGrant, try: tryPolicy(publicGateway, fiveSeconds)},
		{what: "a grant for another Gateway", grant: grant("TimeoutPolicy", ", name: public"), warns: noGrant, try: tryPolicy(privateGateway, fiveSeconds)},
		{what: "the grant is gone again", warns: noGrant, try: tryPolicy(publicGateway, fiveSeconds)},
		{what: "a grant of their own in infra", says: "forbidden", try: func(w *world) error {
			_, err := w.tryCreate(grant("TimeoutPolicy", ""), client.DryRunAll)
			return err
		}},
		{what: "a route on a Gateway without policies", says: "refused by guardrail a-limit-for-everybody", try: tryRoute("name: public, namespace: infra", "name: private, namespace: infra")},
		{what: "the same through v1beta1", says: "refused by guardrail a-limit-for-everybody", try: tryRoute("io/v1\n", "io/v1beta1\n", "name: public, namespace: infra", "name: private, namespace: infra")},
		{what: "moves its route there", says: "refused by guardrail a-limit-for-everybody", try: tryUpdate("HTTPRoute", "checkout", func(u *unstructured.Unstructured) {
			_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"name": "private", "namespace": "infra"}}, "spec", "parentRefs")
		})},
		{what: "a Gateway of its own beside the guarded one", says: "refused by guardrail a-limit-for-everybody", try: tryUpdate("HTTPRoute", "checkout", func(u *unstructured.Unstructured) {
			_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"name": "public", "namespace": "infra"}, map[string]any{"name": "private", "namespace": "infra"}}, "spec", "parentRefs")
		})},
		{what: "a route with policies", try: tryRoute()},
		{what: "relabels its namespace", says: "forbidden", try: func(w *world) error {
			u := parsed(w, `{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: dev}}}`)
			return w.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("tenant"), client.ForceOwnership)
		}},
		{what: "a guardrail of its own", says: "forbidden", try: func(w *world) error {
			_, err := w.tryCreate(exposed, client.DryRunAll)
			return err
		}},
		{what: "the end of a guardrail", says: "forbidden", try: func(w *world) error {
			return w.Delete(w.Context(), named("PolicyGuardrail.v1alpha1.attache.dev", "", "a-limit-for-everybody"), client.DryRunAll)
		}},
	}
}

func attempts(t *testing.T, admin *world, who *restConfig) {
	heard := &ears{}
	config := rest.CopyConfig(who)
	config.WarningHandler = heard
	tenant := newWorld(t, config, "shop")
	for _, test := range append(attemptsOfTenants(), nearGrants()...) {
		t.Run(test.what, func(t *testing.T) {
			if test.grant != "" {
				g := admin.create(test.grant)
				defer func() {
					if err := admin.Delete(t.Context(), g); err != nil {
						t.Error(err)
					}
				}()
			}
			// Rights, grants and guardrails reach the API server and the replica in
			// their own time.
			within(t, patience, "the answer", func(context.Context) error {
				before := len(heard.all())
				err := test.try(tenant)
				warnings := strings.Join(heard.all()[before:], "\n")
				switch {
				case test.says == "" && err == nil && strings.Contains(warnings, test.warns):
					return nil
				case test.says != "" && err != nil && strings.Contains(err.Error(), test.says):
					t.Logf("a person reads: %v", err)
					if strings.Contains(err.Error(), "secret-project") && !strings.Contains(test.what, "sibling") {
						t.Errorf("it tells of others: %v", err)
					}
					return nil
				}
				return errors.Join(errors.New("another answer: "+warnings), err)
			})
		})
	}
	t.Run("the annotation", func(t *testing.T) { annotationOfTenant(t, admin, tenant) })
}

func annotationOfTenant(t *testing.T, admin, tenant *world) {
	right := annotation(admin.object("HTTPRoute", "checkout"))
	for what, change := range map[string]func(u *unstructured.Unstructured){
		"edits":   func(u *unstructured.Unstructured) { u.SetAnnotations(map[string]string{publish.Annotation: "{}"}) },
		"deletes": func(u *unstructured.Unstructured) { u.SetAnnotations(nil) },
	} {
		tenant.edit("HTTPRoute", "checkout", change)
		if got := annotation(admin.object("HTTPRoute", "checkout")); got != right || got == "" {
			t.Errorf("a tenant %s it: %q", what, got)
		}
	}
}
