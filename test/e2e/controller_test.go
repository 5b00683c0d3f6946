package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/test/controlplane"
)

// shop is a GatewayClass, a Gateway and two routes, with a policy on the Gateway
// and one on a route.
const shop = `
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: class-NS}, spec: {controllerName: example.com/gateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: NS}
spec: {gatewayClassName: class-NS, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: NS}
spec:
  parentRefs: [{name: public}]
  rules: [{name: pay, timeouts: {backendRequest: 2s}}, {name: browse}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: catalog, namespace: NS}
spec: {parentRefs: [{name: public}]}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: public, namespace: NS}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}
  default: {request: 10s, backend: 5s}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: checkout, namespace: NS}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}
  default: {request: 60s}
`

// settled waits until annotations, EffectivePolicy objects and the status of all
// policies say what a fresh computation says.
func (w *world) settled(limit time.Duration) time.Duration {
	w.Helper()
	return within(w, limit, "what is written to agree with a fresh computation", func(context.Context) error {
		if err := w.agrees(); err != nil {
			return err
		}
		return w.statusesAgree()
	})
}

func TestAnEditOfAGatewayDefaultIsFollowedAndNothingElseIsWritten(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	startManager(t, plane.Kubeconfig)
	w.settled(20 * time.Second)
	before := w.versions()

	w.edit("TimeoutPolicy", "public", func(u *unstructured.Unstructured) {
		u.Object["spec"].(map[string]any)["default"] = map[string]any{"request": "20s", "backend": "5s", "connect": "1s"}
	})
	took := within(t, 2*time.Second, "the catalog's annotation to follow", func(context.Context) error {
		if got := effective(w.object("HTTPRoute", "catalog"), "TimeoutPolicy"); got != `{"backend":"5s","connect":"1s","request":"20s"}` {
			return fmt.Errorf("it says %s", got)
		}
		return nil
	})
	t.Logf("the annotation followed within %s", took)
	t.Logf("everything followed within %s", w.settled(2*time.Second))

	// checkout's own policy and status are the same as before, but its paths get
	// a connect timeout from above.
	wanted := []string{
		"EffectivePolicy NS/gateway.public", "EffectivePolicy NS/httproute.catalog", "EffectivePolicy NS/httproute.checkout",
		"Gateway NS/public", "HTTPRoute NS/catalog", "HTTPRoute NS/checkout",
		"TimeoutPolicy NS/public",
	}
	for i := range wanted {
		wanted[i] = strings.ReplaceAll(wanted[i], "NS", w.namespace)
	}
	if got := changed(before, w.versions()); !slices.Equal(got, wanted) {
		t.Errorf("these objects were written:\n\t%s\nand should have been:\n\t%s", strings.Join(got, "\n\t"), strings.Join(wanted, "\n\t"))
	}
}

func TestARestartChangesNothing(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	first := startManager(t, plane.Kubeconfig)
	w.settled(20 * time.Second)
	first.terminate(t)
	before := w.versions()

	second := startManager(t, plane.Kubeconfig)
	second.idle(t)
	if got := changed(before, w.versions()); len(got) > 0 {
		t.Errorf("the restart wrote %s", strings.Join(got, ", "))
	}
	if n := second.metric(t, "attache_writes_total"); n != 0 {
		t.Errorf("the restarted manager sent %v writes", n)
	}
	_ = status.Annotation
}
