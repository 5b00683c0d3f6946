package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/vendors"
)

// retrying is a route whose rules state retries in every way that the standard
// channel of Gateway API 1.7 has, under a platform's default.
const retrying = `
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: class-NS}, spec: {controllerName: example.com/gateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: NS}
spec: {gatewayClassName: class-NS, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: attache.dev/v1alpha1
kind: RetryPolicy
metadata: {name: public, namespace: NS}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}
  default: {maxRetries: 3, retryOn: ["503"]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: silent, namespace: NS}
spec: {parentRefs: [{name: public}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: never, namespace: NS}
spec: {parentRefs: [{name: public}], rules: [{retry: {attempts: 0}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: once, namespace: NS}
spec: {parentRefs: [{name: public}], rules: [{retry: {codes: [502]}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: twice, namespace: NS}
spec: {parentRefs: [{name: public}], rules: [{retry: {attempts: 2, codes: [500, 502], backoff: 50ms}}]}
`

// TestGatewayAPI17 runs the manager on the CRDs of Gateway API 1.7, whose standard channel has
// retry: attempts may be 0, which means no retries, and is 1 where a rule does not state it.
func TestGatewayAPI17(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	for _, channel := range []string{"standard", "experimental"} {
		t.Run(channel, func(t *testing.T) {
			crds := vendors.Extract(t, vendors.GatewayAPI17, "config/crd/"+channel+"/gateway.networking*.yaml")
			plane, err := controlplane.Start(t.Context(), controlplane.Options{CRDs: []string{crds, attacheCRDs}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := plane.Stop(); err != nil {
					t.Error(err)
				}
			})
			w := newWorld(t, plane.Config, plane.NewNamespace(t))
			startManager(t, plane.Kubeconfig)
			w.apply(retrying)
			w.settled(30 * time.Second)
			w.retries(map[string]string{
				"silent": "maxRetries: 3, retryOn: [503]", "never": "maxRetries: 0, retryOn: [503]",
				"once": "maxRetries: 1, retryOn: [502]", "twice": "backoffBase: 50ms, maxRetries: 2, retryOn: [500 502]",
			})
			if annotation(w.object("HTTPRoute", "never")) == "" {
				t.Error("the route has no annotation")
			}
			// Names of rules are unique in both channels now.
			twice := "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: twin, namespace: NS}, spec: {rules: [{name: a}, {name: a}]}}"
			if _, err := w.tryCreate(twice); err == nil || !strings.Contains(err.Error(), "Rule name must be unique") {
				t.Errorf("two rules of one name: %v", err)
			}
		})
	}
}

// retries compares what is effective of the RetryPolicy on each route, in words.
func (w *world) retries(want map[string]string) {
	w.Helper()
	_, resolution := w.fresh()
	got := map[string]string{}
	for target := range resolution.All() {
		for _, scope := range target.Scopes {
			p, ok := scope.Result.Kind("RetryPolicy")
			if !ok {
				continue
			}
			var words []string
			for _, field := range slices.Sorted(maps.Keys(p.Value)) {
				words = append(words, fmt.Sprintf("%s: %v", field, p.Value[field]))
			}
			got[target.Target.Name] = strings.Join(words, ", ")
		}
	}
	for route, words := range want {
		if got[route] != words {
			w.Errorf("%s has {%s}, want {%s}", route, got[route], words)
		}
	}
}
