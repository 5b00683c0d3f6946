package policy_test

import (
	"slices"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

func TestAPolicyOnAListenerTouchesTheGatewayThatShowsIt(t *testing.T) {
	s := world(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: http, namespace: infra}
spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public, sectionName: http}, default: {request: 1s}}
`)
	want := []hierarchy.Ref{hierarchy.GatewayRef("infra", "public")}
	if got := s.Touched(hierarchy.NewRef(policy.Group, "TimeoutPolicy", "infra", "http")); !slices.Equal(got, want) {
		t.Errorf("it touches %v", got)
	}
}
