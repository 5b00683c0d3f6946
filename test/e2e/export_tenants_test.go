package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/export"
)

// planeRights is what a tenant has who may write routes and the data plane's own policies in his
// namespace.
const planeRights = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: traffic}
rules:
- {apiGroups: [gateway.networking.k8s.io], resources: [httproutes], verbs: ["*"]}
- {apiGroups: [gateway.envoyproxy.io], resources: [backendtrafficpolicies], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: traffic, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: traffic}
subjects: [{kind: User, name: tina, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: view, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: attache-view}
subjects: [{kind: User, name: tina, apiGroup: rbac.authorization.k8s.io}]
`

// theirs is a policy of the data plane that somebody attaches to a route of shop.
func theirs(name, route, spec string) string {
	return fmt.Sprintf(`{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: BackendTrafficPolicy, metadata: {name: %s, namespace: shop},
		spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: %s}], %s}}`, name, route, spec)
}

// sharedLimit cannot be carried over into an object on a rule: a copy would count apart.
const sharedLimit = "rateLimit: {global: {rules: [{shared: true, limit: {requests: 9, unit: Hour}}]}}"

// connectCeiling overrides a field that a BackendTrafficPolicy has and a route has not.
const connectCeiling = `
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ceiling, namespace: infra}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: envoy}, override: {connect: 1s}}
`

// TestTenantsAndTheObjectsOfExporters is what a tenant with all rights on routes and on the data
// plane's policies in one namespace can do about them, as a separate user (E5.5, E9.3).
func TestTenantsAndTheObjectsOfExporters(t *testing.T) {
	a := startAdmission(t, map[string]any{
		"platformNamespaces": []any{"infra"}, "export": map[string]any{"exporters": []any{"envoy-gateway"}},
		"policyKinds": []any{map[string]any{"group": "gateway.envoyproxy.io", "resource": "backendtrafficpolicies", "kind": "BackendTrafficPolicy"}},
	})
	admin := a.as(a.plane.Config, "shop")
	planeCRDs(t, admin)
	flags := []string{"--exporters", "envoy-gateway", "--platform-namespaces", "attache-system,infra"}
	_, address := a.replica(flags...)
	a.board.to(address)
	account, err := a.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	manager, whole := startManager(t, account.Kubeconfig, flags...), t
	admin.apply(exportAbove)
	admin.apply(planeRights)
	user, err := a.plane.AddUser("tina")
	if err != nil {
		t.Fatal(err)
	}
	tina := a.as(user.Config, "shop")

	t.Run("a policy that was there before ours wins, and is named", func(t *testing.T) {
		admin.apply(silent("early", false, "envoy"))
		tina.apply(strings.Replace(theirs("tinas", "early", "timeout: {tcp: {connectTimeout: 90s}}"), "name: early}", "name: early, sectionName: pay}", 1))
		admin.apply(connectCeiling)
		within(t, patience, "the override to be said not to be enforced", func(context.Context) error {
			return errors.Join(outcome(admin, "httproute.early", "connect", "ForeignPolicy"),
				enforcedSays(a.as(a.plane.Config, "infra"), "ceiling", "False", "NotEnforced"))
		})
		if live := tina.object(backendTrafficPolicy, "tinas"); live.GetLabels()[export.ManagedByLabel] != "" {
			t.Errorf("her policy is touched: %v", live.Object)
		}
	})
	admin.apply(silent("checkout", false, "envoy"))
	ours := func() *unstructured.Unstructured { return onlyOne(admin, backendTrafficPolicy) }
	connects := func(want string) func(context.Context) error {
		return func(context.Context) error {
			u := ours()
			if u == nil {
				return errors.New("there is no object of ours")
			}
			if got, _, _ := unstructured.NestedString(u.Object, "spec", "timeout", "tcp", "connectTimeout"); got != want {
				return fmt.Errorf("connectTimeout is %q", got)
			}
			return nil
		}
	}
	within(t, patience, "our object", connects("1s"))
	t.Run("with her rights she reads what became of each field", func(t *testing.T) {
		for route, want := range map[string]string{
			"early":    "is not enforced (ForeignPolicy): BackendTrafficPolicy shop/tinas is attached there and is older",
			"checkout": "is not enforced yet (Pending)",
		} {
			within(t, patience, "explain of "+route, func(ctx context.Context) error {
				out, errOut, code := plugin(ctx, user, "explain", "httproute/"+route, "-n", "shop")
				if words := strings.Join(strings.Fields(out), " "); code != 0 || !strings.Contains(words, want) {
					return fmt.Errorf("it does not say %q:\n%s%s", want, out, errOut)
				}
				return nil
			})
		}
	})
	tries := map[string]func() error{
		"an edit": func() error {
			u := ours()
			_ = unstructured.SetNestedField(u.Object, "9s", "spec", "timeout", "tcp", "connectTimeout")
			return tina.Update(t.Context(), u)
		},
		"labels taken off": func() error {
			u := ours()
			u.SetLabels(nil)
			return tina.Update(t.Context(), u)
		},
		"the annotation taken off": func() error {
			u := ours()
			u.SetAnnotations(nil)
			return tina.Update(t.Context(), u)
		},
		"the owner taken off": func() error {
			u := ours()
			u.SetOwnerReferences(nil)
			return tina.Update(t.Context(), u)
		},
		"a deletion": func() error { return tina.Delete(t.Context(), ours()) },
		"one that looks like ours": func() error {
			u := parsed(t, theirs("attache-look-alike", "checkout", "useClientProtocol: true"))
			u.SetLabels(map[string]string{export.ManagedByLabel: export.ManagedBy, export.ExporterLabel: export.EnvoyGateway})
			return tina.Create(t.Context(), u)
		},
	}
	refusedAll := func(t *testing.T) {
		t.Helper()
		for what, try := range tries {
			if err := try(); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "change a policy instead") {
				t.Errorf("%s gives %v", what, err)
			}
		}
	}
	t.Run("what she tries with our object is refused", refusedAll)
	t.Run("also with our pods dead", func(t *testing.T) {
		manager.kill()
		a.board.down()
		refusedAll(t)
		a.board.up()
		manager = startManager(whole, account.Kubeconfig, flags...)
	})
	t.Run("what would hide an override is warned of, and refused where the installer wants that", func(t *testing.T) {
		hides := theirs("hides", "checkout", sharedLimit)
		const text = "override connect of TimeoutPolicy infra/ceiling will not be enforced on HTTPRoute shop/checkout rule pay: WouldHide: "
		apply := append(dry("apply", "-f", "-"), "--kubeconfig", user.Kubeconfig)
		said := a.asked("a warning", hides, apply, func(said string, err error) bool { return err == nil && strings.Contains(said, "will not be enforced") })
		if !strings.Contains(said, "Warning: "+text) {
			t.Errorf("she reads %q", said)
		}
		_, other := a.replica(append([]string{"--export-refuse-unenforced"}, flags...)...)
		a.board.to(other)
		whole.Cleanup(func() { a.board.to(address) }) // the first replica ends last
		said = a.asked("a refusal", hides, apply, func(_ string, err error) bool { return err != nil })
		if !strings.Contains(said, text) {
			t.Errorf("she reads %q", said)
		}
		a.board.to(address)
	})
	t.Run("without protection what she does is put right", func(t *testing.T) {
		binding := named("ValidatingAdmissionPolicyBinding.v1.admissionregistration.k8s.io", "", "attache-export")
		if err := admin.Delete(t.Context(), binding); err != nil {
			t.Fatal(err)
		}
		within(t, patience, "the edit to be possible", func(context.Context) error { return tries["an edit"]() })
		within(t, patience, "the object as it was", connects("1s"))
		uid := ours().GetUID()
		if err := tries["a deletion"](); err != nil {
			t.Fatal(err)
		}
		within(t, patience, "the object to be there again", func(ctx context.Context) error {
			if u := ours(); u == nil || u.GetUID() == uid {
				return errors.New("it is not")
			}
			return connects("1s")(ctx)
		})
		if n := manager.metric(t, "attache_export_reverts_total"); n < 1 {
			t.Errorf("%v reverts are counted", n)
		}
	})
	t.Run("what she says is for another route is not ours any more, and in our way", func(t *testing.T) {
		u := ours()
		name, uid := u.GetName(), u.GetUID()
		says := func(purpose string) func(context.Context) error {
			return func(ctx context.Context) error {
				u := tina.object(backendTrafficPolicy, name)
				u.SetAnnotations(map[string]string{export.ForAnnotation: purpose})
				return tina.Update(ctx, u)
			}
		}
		was := u.GetAnnotations()[export.ForAnnotation]
		within(t, patience, "the annotation to be changed", says("HTTPRoute/early"))
		within(t, patience, "the name to be said to be taken", func(context.Context) error {
			return outcome(admin, "httproute.checkout", "connect", "NameTaken")
		})
		manager.idle(t)
		if live := tina.object(backendTrafficPolicy, name); live.GetUID() != uid || live.GetAnnotations()[export.ForAnnotation] != "HTTPRoute/early" {
			t.Errorf("what is not ours is touched: %v", live.Object)
		}
		within(t, patience, "the annotation as it was", says(was))
		within(t, patience, "the override to be in its object again", func(ctx context.Context) error {
			return errors.Join(connects("1s")(ctx), outcome(admin, "httproute.checkout", "connect", ""))
		})
	})
	t.Run("nothing is written outside the namespace of the route", func(t *testing.T) {
		manager.idle(t)
		for _, u := range admin.all(backendTrafficPolicy, "") {
			if route, isOurs := export.RouteOf(&u); isOurs && (u.GetNamespace() != "shop" || route.Name != "checkout") {
				t.Errorf("%s/%s is there, for %s", u.GetNamespace(), u.GetName(), route)
			}
		}
	})
}
