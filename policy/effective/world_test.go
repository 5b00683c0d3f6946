package effective_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/test/worldtest"
)

// How the tests write objects and worlds.
var (
	objects  = worldtest.Objects
	ourKinds = worldtest.Kinds
	world    = worldtest.Snapshot
)

func route(name string) hierarchy.Ref {
	return hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", name)
}

// show writes an effective policy in lines, for comparison.
func show(e *effective.Target) string {
	var b strings.Builder
	for _, s := range e.Scopes {
		var parents []string
		for _, l := range s.Parents {
			parents = append(parents, l.Gateway.Place()+"#"+l.Ref.Section)
		}
		fmt.Fprintf(&b, "%s %s\n", strings.Join(parents, " "), strings.Join(s.Rules.Names(), " "))
		for _, m := range s.Result.Kinds {
			for _, o := range m.Origins {
				fmt.Fprintf(&b, "  %s.%s = %v, %s of %s on %s", m.Kind.Name(), o.Path.String(), o.Value, o.Block, o.From, o.Target)
				for _, l := range o.Beat {
					fmt.Fprintf(&b, ", beats %s", l)
				}
				if !o.ClampedBy.IsZero() {
					fmt.Fprintf(&b, ", clamped from %v by %s", o.Stated, o.ClampedBy)
				}
				b.WriteByte('\n')
			}
			var invalid []string
			for _, broken := range m.Invalid {
				invalid = append(invalid, broken.Message)
			}
			var ignored []string
			for _, bound := range m.Ignored {
				ignored = append(ignored, bound.String())
			}
			for _, list := range [][]string{crd.Texts(m.NotApplicable), invalid, ignored} {
				for _, line := range list {
					fmt.Fprintf(&b, "  ! %s\n", line)
				}
			}
		}
	}
	return b.String()
}

func resolved(t testing.TB, s *policy.Snapshot, ref hierarchy.Ref) string {
	t.Helper()
	e := effective.Resolve(s, ref).Get(ref)
	if e == nil {
		t.Fatalf("%s was not resolved", ref)
	}
	return show(e)
}

const edgeAndCheckout = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec: {controllerName: example.com/gateway}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: https, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop}
spec:
  parentRefs: [{name: public, namespace: infra, sectionName: https}]
  rules:
  - {name: pay, timeouts: {backendRequest: 2s}}
  - {name: list}
  - {}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ceiling, namespace: infra}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}
  override: {request: 30s}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: public, namespace: infra}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}
  default: {request: 10s, backend: 5s}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: checkout, namespace: shop}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}
  default: {request: 60s}
`
