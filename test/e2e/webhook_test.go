package e2e

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/charts"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/publish"
)

type restConfig = rest.Config

func decoded(t testing.TB, text string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parsed(t testing.TB, manifest string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

const (
	shopAbove = `
{apiVersion: v1, kind: Namespace, metadata: {name: infra}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/gateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: public, namespace: infra}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}
  default: {request: 10s, backend: 5s}
`
	shopRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop}
spec:
  parentRefs: [{name: public, namespace: infra}]
  rules: [{name: pay, backendRefs: [{name: checkout, port: 80}]}]
`
)

func policyOn(namespace, name, target, blocks string) string {
	return fmt.Sprintf("{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: %s, namespace: %s}, spec: {targetRef: {group: gateway.networking.k8s.io, %s}, %s}}",
		name, namespace, target, blocks)
}

func annotation(u *unstructured.Unstructured) string { return u.GetAnnotations()[publish.Annotation] }

// TestAdmission is the story of an installed chart, from the first policy to the
// end of the replicas.
func TestAdmission(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}})
	first, address := a.replica("--drain-delay", "2s")
	a.board.to(address)
	w := a.as(a.plane.Config, "shop")
	w.apply(shopAbove)
	within(t, patience, "the replica to know the policy", func(context.Context) error {
		u, err := w.tryCreate(shopRoute, client.DryRunAll)
		if err == nil && annotation(u) == "" {
			err = errors.New("no annotation on a dry run")
		}
		return err
	})

	t.Run("a route is born with its annotation", func(t *testing.T) {
		born := w.create(shopRoute)
		_, resolution := w.fresh("infra")
		var want string
		for e := range resolution.All() {
			if e.Target.Name == "checkout" {
				want, _ = publish.AnnotationValue(e)
			}
		}
		if got := annotation(born); got != want || !strings.Contains(got, `"request":"10s"`) {
			t.Errorf("the response to the creation has %q, want %q", got, want)
		}
		old := w.create(strings.NewReplacer("v1\n", "v1beta1\n", "checkout, namespace", "old, namespace").Replace(shopRoute))
		if old.GetAPIVersion() != "gateway.networking.k8s.io/v1beta1" || annotation(old) != want {
			t.Errorf("through v1beta1 it has %q", annotation(old))
		}
	})
	t.Run("nobody else writes the annotation", func(t *testing.T) { spoof(t, w) })
	t.Run("what is refused", func(t *testing.T) { refusals(t, a) })
	t.Run("what is warned of", func(t *testing.T) {
		said, err := a.kubectl(policyOn("shop", "early", "kind: HTTPRoute, name: later", "default: {request: 5s}"), "apply", "--dry-run=server", "-f", "-")
		if err != nil || !strings.Contains(said, "Warning: HTTPRoute shop/later does not exist: policies on it have no effect") {
			t.Errorf("%v: %s", err, said)
		}
		t.Logf("a person reads: %s", said)
	})
	t.Run("the controller finds all annotations right", func(t *testing.T) { controllerAgrees(t, a, w) })
	t.Run("a replica that cannot tell yet is asked again", func(t *testing.T) { startingReplica(t, a, w) })
	t.Run("a replica that ends loses nobody's write", func(t *testing.T) { rollout(t, a, w, first, address) })
	t.Run("when no replica answers", func(t *testing.T) { outage(t, a, w) })
}

func spoof(t *testing.T, w *world) {
	right := annotation(w.object("HTTPRoute", "checkout"))
	changes := map[string]func(map[string]string){
		"a false value":   func(m map[string]string) { m[publish.Annotation] = `{"scopes":[]}` },
		"no value":        func(m map[string]string) { delete(m, publish.Annotation) },
		"a second one":    func(m map[string]string) { m["attache.dev/Effective-Policies"] = right },
		"something else":  func(m map[string]string) { m["example.com/owner"] = "shop" },
		"a false and one": func(m map[string]string) { m[publish.Annotation], m["example.com/owner"] = "{}", "me" },
	}
	for name, change := range changes {
		u := w.object("HTTPRoute", "checkout")
		annotations := u.GetAnnotations()
		change(annotations)
		u.SetAnnotations(annotations)
		if err := w.Update(w.Context(), u); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := annotation(u); got != right {
			t.Errorf("%s: the annotation is %q", name, got)
		}
		if _, there := u.GetAnnotations()["attache.dev/Effective-Policies"]; there {
			t.Errorf("%s: the look-alike stays", name)
		}
	}
	if u := w.object("HTTPRoute", "checkout"); u.GetAnnotations()["example.com/owner"] == "" {
		t.Error("other annotations are lost")
	}
	forced := parsed(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: checkout, namespace: shop, annotations: {attache.dev/effective-policies: "{}"}}}`)
	if err := w.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(forced), client.FieldOwner("tenant"), client.ForceOwnership); err != nil {
		t.Fatal(err)
	}
	if got := annotation(w.object("HTTPRoute", "checkout")); got != right {
		t.Errorf("after a forced apply: %q", got)
	}
}

func refusals(t *testing.T, a *admission) {
	a = &admission{TB: t, plane: a.plane}
	denied := `admission webhook "policies.attache.dev" denied the request: TimeoutPolicy shop/p: `
	a.refused(policyOn("shop", "p", "kind: GatewayClass, name: edge", "default: {request: 5s}"),
		denied+`spec.targetRef: a policy in namespace "shop" may not target a GatewayClass: create it in a platform namespace (attache-system, infra)`)
	// What can come true later, and what its status says, is only warned of.
	a.warned(policyOn("shop", "p", "kind: Gateway, name: public, namespace: infra", "default: {request: 5s}"),
		`Warning: TimeoutPolicy shop/p: spec.targetRef: no ReferenceGrant in namespace "infra"`)
	a.warned(strings.Replace(policyOn("shop", "p", "kind: Service, name: checkout", "default: {request: 5s}"), "gateway.networking.k8s.io", `""`, 1),
		`not to kind "Service"`)
	a.refused(`{apiVersion: attache.dev/v1alpha1, kind: EffectivePolicy, metadata: {name: httproute.checkout, namespace: shop}, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}}`,
		"is the result that attache computes, so only attache writes it: change a policy instead")
}

func controllerAgrees(t *testing.T, a *admission, w *world) {
	account, err := a.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	before := map[string]string{}
	for _, name := range []string{"checkout", "old"} {
		before[name] = w.object("HTTPRoute", name).GetResourceVersion()
	}
	p := startManager(t, account.Kubeconfig, "--platform-namespaces", "attache-system,infra", "--leader-elect")
	within(t, patience, "the controller to publish", func(context.Context) error { return w.agrees("infra") })
	p.idle(t)
	for name, version := range before {
		if now := w.object("HTTPRoute", name).GetResourceVersion(); now != version {
			t.Errorf("the controller wrote HTTPRoute %s, which was right from the start", name)
		}
	}
	if strings.Contains(p.log.String(), "forbidden") {
		t.Errorf("a right is missing: %s", p.log)
	}
	// Its results are out of other people's reach.
	u := w.object(publish.Kind, "httproute.checkout")
	if err := w.Delete(t.Context(), u); !apierrors.IsForbidden(err) {
		t.Errorf("an EffectivePolicy is deleted by hand: %v", err)
	}
	p.terminate(t)
}

// startingReplica measures what an API server does with 503 and Retry-After.
func startingReplica(t *testing.T, a *admission, w *world) {
	snapshot, _ := w.fresh("infra")
	var calls, complete atomic.Int64
	complete.Store(1 << 30)
	a.board.to(a.stub(func() (*policy.Snapshot, bool) { return snapshot, calls.Add(1) >= complete.Load() }))
	write := policyOn("shop", "p", "kind: HTTPRoute, name: checkout", "default: {request: 5s}")

	complete.Store(2)
	began := time.Now()
	if _, err := w.tryCreate(write, client.DryRunAll); err != nil || calls.Load() != 2 {
		t.Errorf("ready at the second call: %d calls, %v", calls.Load(), err)
	}
	t.Logf("ready at the second call: accepted after %s and %d calls", time.Since(began).Round(time.Millisecond), calls.Load())

	calls.Store(0)
	complete.Store(1 << 30)
	began = time.Now()
	_, err := w.tryCreate(write, client.DryRunAll)
	took := time.Since(began)
	// It asks once a second for as long as the webhook's timeout lasts.
	if !apierrors.IsInternalError(err) || calls.Load() < 4 || took >= 5*time.Second+slack ||
		!strings.Contains(err.Error(), `failed calling webhook "policies.attache.dev": failed to call webhook: attache is starting and has not seen all objects yet`) {
		t.Errorf("never ready: %d calls, %v", calls.Load(), err)
	}
	t.Logf("never ready: refused after %s and %d calls: %v", took.Round(time.Millisecond), calls.Load(), err)
}

// rollout replaces a replica while people write, with a Service that learns of
// it late.
func rollout(t *testing.T, a *admission, w *world, first *process, address string) {
	a.board.to(address)
	second, next := a.replica()
	writing, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var writes int
	go func() {
		for writing.Err() == nil {
			u := parsed(t, policyOn("shop", "p", "kind: HTTPRoute, name: checkout", "default: {request: 5s}"))
			if err := w.Create(context.Background(), u, client.DryRunAll); err != nil {
				ended <- err
				return
			}
			writes++
		}
		ended <- nil
	}()
	done := make(chan struct{})
	time.AfterFunc(time.Second, func() { // how late the Service is
		a.board.toNew(next)
		close(done)
	})
	first.terminate(t)
	<-done
	stop()
	if err := <-ended; err != nil {
		t.Errorf("after %d writes: %v", writes, err)
	}
	t.Logf("%d writes during the rollout", writes)
	a.board.to(next)
	if err := second.get(t.Context(), second.health, "/readyz"); err != nil {
		t.Error(err)
	}
}

// outage is when nothing listens where the Service leads.
func outage(t *testing.T, a *admission, w *world) {
	var p *unstructured.Unstructured
	// The switchboard hung up just now, which the API server may learn by a write.
	within(t, patience, "the API server to connect anew", func(context.Context) (err error) {
		p, err = w.tryCreate(policyOn("shop", "p", "kind: HTTPRoute, name: checkout", "default: {request: 5s}"))
		return err
	})
	a.board.down()
	for what, manifest := range map[string]string{
		"policies.attache.dev":    policyOn("shop", "q", "kind: HTTPRoute, name: checkout", "default: {request: 5s}"),
		"gateway-api.attache.dev": strings.Replace(shopRoute, "name: checkout, namespace", "name: later, namespace", 1),
	} {
		_, err := w.tryCreate(manifest)
		if !apierrors.IsInternalError(err) || !strings.Contains(err.Error(), fmt.Sprintf("failed calling webhook %q", what)) {
			t.Errorf("%s: %v", what, err)
		}
		t.Logf("a person reads: %v", err)
	}

	// Whatever does not concern policies goes on.
	for _, manifest := range []string{
		`{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: attache-system}}`,
		`{apiVersion: v1, kind: Namespace, metadata: {name: other}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: attache-system}, spec: {containers: [{name: c, image: i}]}}`,
		`{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: l, namespace: attache-system}}`,
	} {
		w.create(manifest)
	}
	// What changes nothing that matters, too: status, finalizers, other annotations.
	route := w.object("HTTPRoute", "checkout")
	route.SetAnnotations(map[string]string{publish.Annotation: annotation(route), "example.com/owner": "nobody"})
	if err := w.Update(t.Context(), route); err != nil {
		t.Errorf("another annotation: %v", err)
	}
	// And those who empty namespaces.
	cleaner := *a.plane.Config
	cleaner.Impersonate.UserName = "system:serviceaccount:kube-system:namespace-controller"
	cleaner.Impersonate.Groups = []string{"system:masters"}
	c, err := client.New(&cleaner, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), p); err != nil {
		t.Errorf("the namespace controller is held up: %v", err)
	}

	// With Ignore everywhere, writes pass, without the annotation.
	config := named("ValidatingWebhookConfiguration.v1.admissionregistration.k8s.io", "", "attache")
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(config), config); err != nil {
		t.Fatal(err)
	}
	hooks, _, _ := unstructured.NestedSlice(config.Object, "webhooks")
	for _, h := range hooks {
		h.(map[string]any)["failurePolicy"] = "Ignore"
	}
	if err := errors.Join(unstructured.SetNestedSlice(config.Object, hooks, "webhooks"), w.Update(t.Context(), config)); err != nil {
		t.Fatal(err)
	}
	within(t, patience, "the API server to follow the configuration", func(context.Context) error {
		_, err := w.tryCreate(strings.Replace(shopRoute, "name: checkout, namespace", "name: unreviewed, namespace", 1))
		return err
	})
	if got := annotation(w.object("HTTPRoute", "unreviewed")); got != "" {
		t.Errorf("annotation %q", got)
	}
	a.board.up()
}

// TestTheChartsFlagsAreTheManagers compares the flags in the chart with those of the manager.
func TestTheChartsFlagsAreTheManagers(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	help, err := exec.Command(path, "manager", "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, help)
	}
	one := []any{map[string]any{"group": "example.com", "resource": "things", "kind": "Thing"}}
	objects, err := charts.Render(charts.Release{Values: map[string]any{"policyKinds": one, "routeKinds": one}})
	if err != nil {
		t.Fatal(err)
	}
	deployments := 0
	for _, u := range objects {
		if u.GetKind() != "Deployment" {
			continue
		}
		deployments++
		containers, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
		arguments, _, _ := unstructured.NestedStringSlice(containers[0].(map[string]any), "args")
		if len(arguments) < 5 || arguments[0] != "manager" {
			t.Errorf("%s runs with %q", u.GetName(), arguments)
		}
		for _, argument := range arguments[1:] {
			name, _, _ := strings.Cut(argument, "=")
			if !strings.Contains(string(help), name+" ") {
				t.Errorf("%s: the manager has no flag %s", u.GetName(), name)
			}
		}
	}
	if deployments != 2 {
		t.Errorf("%d Deployments", deployments)
	}
}
