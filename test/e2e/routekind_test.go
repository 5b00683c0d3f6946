package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/test/controlplane"
)

// webSocketRoute is a route kind that no code of ours knows.
const webSocketRoute = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: websocketroutes.sockets.example.com
  labels: {attache.dev/route: "true"}
spec:
  group: sockets.example.com
  names: {kind: WebSocketRoute, plural: websocketroutes, singular: websocketroute}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
`

const webSocketKind = "WebSocketRoute.v1.sockets.example.com"

// A user's own route kind works like a built-in one, from the moment its CRD is
// installed beside the running manager until it is deleted.
func TestARouteKindOfOnesOwnWorksLikeABuiltInOne(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	manager := startManager(t, plane.Kubeconfig)
	w.settled(20 * time.Second)
	w.apply(webSocketRoute)
	within(t, patience, "the kind to be served", func(ctx context.Context) error {
		return w.List(ctx, listOf(webSocketKind))
	})
	w.apply(`
apiVersion: sockets.example.com/v1
kind: WebSocketRoute
metadata: {name: chat, namespace: NS}
spec: {parentRefs: [{name: public}], rules: [{name: lobby}, {name: room}]}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: chat, namespace: NS}
spec: {targetRef: {group: sockets.example.com, kind: WebSocketRoute, name: chat}, default: {idle: 1h}}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: room, namespace: NS}
spec: {targetRef: {group: sockets.example.com, kind: WebSocketRoute, name: chat, sectionName: room}, default: {idle: 2h}}
`)
	within(t, patience, "its annotation and its EffectivePolicy", func(context.Context) error {
		annotation := w.object(webSocketKind, "chat").GetAnnotations()[publish.Annotation]
		if !strings.Contains(annotation, `"idle":"1h"`) || !strings.Contains(annotation, `"idle":"2h"`) {
			return fmt.Errorf("it is annotated %q", annotation)
		}
		if w.find(publish.Kind, publish.ObjectName(hierarchy.NewRef("sockets.example.com", "WebSocketRoute", w.namespace, "chat"))) == nil {
			return fmt.Errorf("there is no EffectivePolicy")
		}
		return nil
	})
	w.untilProgrammed("room", "Programmed")
	manager.idle(t)

	crd := named("CustomResourceDefinition.v1.apiextensions.k8s.io", "", "websocketroutes.sockets.example.com")
	if err := w.Delete(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	within(t, patience, "nothing to be said of a kind that is gone", func(context.Context) error {
		if w.find(publish.Kind, publish.ObjectName(hierarchy.NewRef("sockets.example.com", "WebSocketRoute", w.namespace, "chat"))) != nil {
			return fmt.Errorf("its EffectivePolicy is still there")
		}
		return nil
	})
}
