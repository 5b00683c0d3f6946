package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/eventually"
)

// TestTheSampleQuotaCounts gives a namespace the ResourceQuota of docs/install.md, with room for one
// object of each kind: the API server knows every name in it, and refuses the second object.
func TestTheSampleQuotaCounts(t *testing.T) {
	page, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "apiVersion: v1\nkind: ResourceQuota\n")
	text, _, closed := strings.Cut(text, "```")
	quota := &corev1.ResourceQuota{}
	if err := yaml.UnmarshalStrict([]byte(text), quota); err != nil || !found || !closed || len(quota.Spec.Hard) < 5 {
		t.Fatalf("the page has no quota: %v", err)
	}
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	admin, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	quota.Namespace = w.namespace
	if quota, err = admin.CoreV1().ResourceQuotas(w.namespace).Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	// What the controller of quotas writes, which does not run here: how much is used.
	quota.Status = corev1.ResourceQuotaStatus{Hard: quota.Spec.Hard, Used: corev1.ResourceList{}}
	for name, most := range quota.Spec.Hard {
		quota.Status.Used[name] = *resource.NewQuantity(most.Value()-1, resource.DecimalSI)
	}
	if _, err := admin.CoreV1().ResourceQuotas(w.namespace).UpdateStatus(t.Context(), quota, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(quota.Spec.Hard)) {
		counted, counts := strings.CutPrefix(string(name), "count/")
		manifest, known := ofKind[counted]
		if !counts || !known {
			t.Errorf("the test has no object for %s", name)
			continue
		}
		create := func(ctx context.Context, as string) error {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(manifest), &u.Object); err != nil {
				t.Fatal(err)
			}
			u.SetNamespace(w.namespace)
			u.SetName(as)
			return client.IgnoreAlreadyExists(w.Create(ctx, u))
		}
		within(t, patience, "the last "+counted+" to be created", func(ctx context.Context) error { return create(ctx, "last") })
		within(t, patience, "one more to be refused", func(ctx context.Context) error {
			switch err := create(ctx, "more"); {
			case err == nil:
				return eventually.Final(errors.New("it was created"))
			case !strings.Contains(err.Error(), fmt.Sprintf("exceeded quota: %s, requested: %s=1", quota.Name, name)):
				return err
			}
			return nil
		})
	}
}

// ofKind are objects of the kinds that the quota of the page counts.
var ofKind = map[string]string{
	"timeoutpolicies.attache.dev":          `{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: a}], default: {request: 1s}}}`,
	"retrypolicies.attache.dev":            `{apiVersion: attache.dev/v1alpha1, kind: RetryPolicy, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: a}], default: {maxRetries: 1}}}`,
	"ratelimitpolicies.attache.dev":        `{apiVersion: attache.dev/v1alpha1, kind: RateLimitPolicy, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: a}], default: {requestsPerSecond: 1}}}`,
	"httproutes.gateway.networking.k8s.io": `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, spec: {parentRefs: [{name: a}]}}`,
	"grpcroutes.gateway.networking.k8s.io": `{apiVersion: gateway.networking.k8s.io/v1, kind: GRPCRoute, spec: {parentRefs: [{name: a}]}}`,
	"gateways.gateway.networking.k8s.io":   `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, spec: {gatewayClassName: a, listeners: [{name: http, protocol: HTTP, port: 80}]}}`,
}
