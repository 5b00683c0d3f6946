package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/charts"
)

// everyKind has two Gateways with listeners for all protocols, of which only the class of one has a
// policy, and what hangs below.
const everyKind = `
{apiVersion: v1, kind: Namespace, metadata: {name: infra}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/gateway}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: loose}, spec: {controllerName: example.com/gateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  allowedListeners: {namespaces: {from: Same}}
  listeners: LISTENERS
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: bare, namespace: infra}
spec:
  gatewayClassName: loose
  allowedListeners: {namespaces: {from: Same}}
  listeners: LISTENERS
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: extra, namespace: infra}
spec:
  parentRef: {name: public}
  listeners: [{name: more, port: 8081, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: edge, namespace: infra}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}, default: {request: 10s}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop}
spec: {parentRefs: [{name: public, namespace: infra}], rules: [{name: pay}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: first, namespace: shop}
spec: {parentRefs: [{kind: ListenerSet, name: extra, namespace: infra}], rules: [{}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: guest, namespace: shop}
spec: {parentRefs: [{name: bare, namespace: infra}], rules: [{}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: from-infra, namespace: shop}
spec:
  from: [{group: attache.dev, kind: TimeoutPolicy, namespace: infra}]
  to: [{group: gateway.networking.k8s.io, kind: HTTPRoute}]
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: guest, namespace: infra}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: guest, namespace: shop}, default: {request: 5s}}}
`

// listeners are listeners of all protocols that everybody may use.
const listeners = `[{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}, ` +
	`{name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}, allowedRoutes: {namespaces: {from: All}}}, ` +
	`{name: tcp, port: 5432, protocol: TCP, allowedRoutes: {namespaces: {from: All}}}, ` +
	`{name: udp, port: 53, protocol: UDP, allowedRoutes: {namespaces: {from: All}}}]`

// versionWrite is a write of a kind, as a dry run.
type versionWrite struct {
	name string
	// do makes the write through a version of the kind.
	do func(w *world, kind string) (*obj, error)
	// refused is whether a guardrail has something against it.
	refused bool
}

// born creates a route on a Gateway.
func born(gateway, rest string) func(w *world, kind string) (*obj, error) {
	return func(w *world, kind string) (*obj, error) {
		u := named(kind, "shop", "second")
		u.Object["spec"] = parsed(w, `{parentRefs: [{name: `+gateway+`, namespace: infra}], `+rest+`}`).Object
		return u, w.Create(w.Context(), u, client.DryRunAll)
	}
}

// patched edits an object.
func patchedSpec(namespace, name, patch string) func(w *world, kind string) (*obj, error) {
	return func(w *world, kind string) (*obj, error) {
		u := named(kind, namespace, name)
		if err := w.Get(w.Context(), client.ObjectKeyFromObject(u), u); err != nil {
			return u, err
		}
		for key, value := range parsed(w, patch).Object {
			u.Object["spec"].(map[string]any)[key] = value
		}
		return u, w.Update(w.Context(), u, client.DryRunAll)
	}
}

// gone deletes an object.
func gone(namespace, name string) func(w *world, kind string) (*obj, error) {
	return func(w *world, kind string) (*obj, error) {
		u := named(kind, namespace, name)
		return u, w.Delete(w.Context(), u, client.DryRunAll)
	}
}

const backend = "rules: [{backendRefs: [{name: db, port: 5432}]}]"

// versionWrites are writes of every kind that the chart's webhooks intercept.
var versionWrites = map[string][]versionWrite{
	"GatewayClass": {{"it goes", gone("", "edge"), true}, {"another goes", gone("", "loose"), false}},
	"Gateway": {
		{"another class", patchedSpec("infra", "public", "{gatewayClassName: loose}"), true},
		{"another class of what has no policies", patchedSpec("infra", "bare", "{gatewayClassName: edge}"), false},
	},
	"ListenerSet":    {{"another Gateway", patchedSpec("infra", "extra", "{parentRef: {name: bare}}"), true}},
	"ReferenceGrant": {{"it goes", gone("shop", "from-infra"), true}},
	"HTTPRoute":      {{"without a limit", born("bare", "rules: [{}]"), true}, {"with one", born("public", "rules: [{}]"), false}, {"it moves", patchedSpec("shop", "checkout", "{parentRefs: [{name: bare, namespace: infra}]}"), true}},
	"GRPCRoute":      {{"without a limit", born("bare", "rules: [{}]"), true}, {"with one", born("public", "rules: [{}]"), false}},
	"TLSRoute":       {{"without a limit", born("bare", "hostnames: [db.example.com], "+backend), true}, {"on no Gateway", born("nowhere", "hostnames: [db.example.com], "+backend), false}},
	"TCPRoute":       {{"without a limit", born("bare", backend), true}, {"on no Gateway", born("nowhere", backend), false}},
	"UDPRoute":       {{"without a limit", born("bare", backend), true}, {"on no Gateway", born("nowhere", backend), false}},
}

// intercepted are the kinds of Gateway API that the chart's webhooks intercept, with the versions that
// the CRDs serve.
func intercepted(w *world) map[string][]string {
	w.Helper()
	hooks, err := charts.RenderWebhooks(charts.Release{})
	if err != nil {
		w.Fatal(err)
	}
	resources := map[string]bool{}
	for _, c := range hooks.Validating {
		for _, hook := range c.Webhooks {
			for _, rule := range hook.Rules {
				for _, resource := range rule.Resources {
					resources[resource+"."+rule.APIGroups[0]] = true
				}
			}
		}
	}
	definitions := &apiextensionsv1.CustomResourceDefinitionList{}
	if err := w.List(w.Context(), definitions); err != nil {
		w.Fatal(err)
	}
	served := map[string][]string{}
	for _, d := range definitions.Items {
		if d.Spec.Group != "gateway.networking.k8s.io" || !resources[d.Name] {
			continue
		}
		for _, v := range d.Spec.Versions {
			if v.Served {
				served[d.Spec.Names.Kind] = append(served[d.Spec.Names.Kind], v.Name)
			}
		}
	}
	return served
}

// The same write gets the same answer through every version of its kind that the API server serves,
// and the answer names the object as its author does.
func TestEveryServedVersionGetsTheSameVerdict(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}})
	_, address := a.replica()
	a.board.to(address)
	admin := a.as(a.plane.Config, "shop")
	admin.apply(strings.ReplaceAll(everyKind, "LISTENERS", listeners))
	// From here on everything below has to have a limit.
	within(t, patience, "the replica to know everything", func(context.Context) error {
		u, err := admin.tryCreate(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: probe, namespace: shop}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}}`, client.DryRunAll)
		if err == nil && annotation(u) == "" {
			err = errors.New("no annotation on a dry run")
		}
		return err
	})
	admin.apply(exposed)
	heard := &ears{}
	config := rest.CopyConfig(a.plane.Config)
	config.WarningHandler = heard
	w := newWorld(t, config, "shop")
	answer := func(write versionWrite, kind string) (said string, refused bool, err error) {
		before := len(heard.all())
		u, err := write.do(w, kind)
		warnings := slices.DeleteFunc(slices.Clone(heard.all()[before:]), func(text string) bool { return strings.Contains(text, "deprecated") })
		if err != nil && !strings.Contains(err.Error(), "denied the request: ") {
			return "", false, err
		}
		return fmt.Sprintf("%v\nwarnings %q\nannotation %s", err, warnings, annotation(u)), err != nil, nil
	}
	served := intercepted(w)
	if len(served) != len(versionWrites) {
		t.Errorf("intercepted are %v", served)
	}
	several := 0
	for kind, versions := range served {
		if len(versions) > 1 {
			several++
		}
		if len(versionWrites[kind]) == 0 {
			t.Errorf("there is no write of a %s", kind)
		}
		for _, write := range versionWrites[kind] {
			t.Run(kind+" "+write.name, func(t *testing.T) {
				var want string
				within(t, patience, "the verdict through v1", func(context.Context) error {
					said, refused, err := answer(write, kind+".v1.gateway.networking.k8s.io")
					if want = said; err == nil && refused != write.refused {
						err = errors.New(said)
					}
					return err
				})
				if write.refused && !strings.Contains(want, kind+" ") {
					t.Errorf("it names no %s: %s", kind, want)
				}
				t.Logf("a person reads: %s", want)
				for _, version := range versions {
					said, _, err := answer(write, kind+"."+version+".gateway.networking.k8s.io")
					if err != nil || said != want {
						t.Errorf("through %s: %v %s", version, err, said)
					}
				}
			})
		}
	}
	if several < 6 {
		t.Errorf("only %d kinds are served in several versions: %v", several, served)
	}
}
