package install

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/eventually"
)

// lived is what stands in a namespace beside the crowd: a grant, and a Gateway with a finalizer of
// somebody else's.
const lived = `{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: grant, namespace: shop}, spec: {from: [{group: attache.dev, kind: TimeoutPolicy, namespace: other}], to: [{group: gateway.networking.k8s.io, kind: Gateway}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: held, namespace: shop, finalizers: [example.com/held]}, spec: {gatewayClassName: public, listeners: [{name: http, protocol: HTTP, port: 80}]}}`

// TestANamespaceGoes deletes a namespace with everything that attache reviews in it: while replicas
// answer, and while none does and every validating webhook says Fail. It never hangs for us, whether
// its controllers have accounts of their own or not.
func TestANamespaceGoes(t *testing.T) {
	c := start(t)
	c.helms("install", release, chart, "--create-namespace", "--set", "webhook.drainDelay=1s", "--set", "controller.leaseDuration="+shortLease.String())
	running := []*pod{c.launch("attache-controller"), c.launch("attache-webhook")}
	for _, p := range running {
		p.awaitReady()
	}
	c.populated()
	c.goes("shop", "other")
	c.alive(running)

	c.populated()
	for _, p := range running {
		p.kill()
	}
	refused := c.Delete(c.Context(), c.object("gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "checkout"), client.DryRunAll)
	if refused == nil || !strings.Contains(refused.Error(), "failed calling webhook") {
		t.Fatalf("somebody else's deletion is reviewed by nobody: %v", refused)
	}
	// Where its controllers share one account, as without --use-service-account-credentials.
	shared := rest.CopyConfig(c.plane.Config)
	shared.Impersonate = rest.ImpersonationConfig{UserName: "system:kube-controller-manager", Groups: []string{"system:masters"}}
	manager, err := client.New(shared, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range reviewed {
		u := &unstructured.Unstructured{}
		u.SetAPIVersion(kind[0])
		u.SetKind(kind[1])
		if err := manager.DeleteAllOf(c.Context(), u, client.InNamespace("shop"), client.DryRunAll); err != nil {
			t.Errorf("kube-controller-manager deletes each %s: %v", kind[1], err)
		}
	}
	c.goes("shop", "other")
}

// reviewed are the kinds in namespaces that attache reviews.
var reviewed = [][2]string{
	{"gateway.networking.k8s.io/v1", "Gateway"}, {"gateway.networking.k8s.io/v1", "ListenerSet"},
	{"gateway.networking.k8s.io/v1", "HTTPRoute"}, {"gateway.networking.k8s.io/v1", "GRPCRoute"}, {"gateway.networking.k8s.io/v1", "TLSRoute"},
	{"gateway.networking.k8s.io/v1alpha2", "TCPRoute"}, {"gateway.networking.k8s.io/v1alpha2", "UDPRoute"},
	{"gateway.networking.k8s.io/v1beta1", "ReferenceGrant"},
	{"attache.dev/v1alpha1", "TimeoutPolicy"}, {"attache.dev/v1alpha1", "RetryPolicy"}, {"attache.dev/v1alpha1", "RateLimitPolicy"},
	{"attache.dev/v1alpha1", "EffectivePolicy"},
}

// populated fills the namespaces with every kind that attache reviews there, and waits for results.
func (c *cluster) populated() {
	c.Helper()
	c.apply(shop)
	c.apply(crowd)
	c.apply(lived)
	c.policiesServed()
	c.within(eventually.Limit, "see results", func(context.Context) error {
		for _, kind := range reviewed {
			n := 0
			for _, u := range c.list(kind).Items {
				if u.GetNamespace() == "shop" {
					n++
				}
			}
			if n == 0 {
				return fmt.Errorf("there is no %s", kind[1])
			}
		}
		return nil
	})
}

// goes deletes namespaces, and takes the finalizer from what is left in them.
func (c *cluster) goes(namespaces ...string) {
	c.Helper()
	began := time.Now()
	for _, name := range namespaces {
		if err := c.Delete(c.Context(), c.object("v1", "Namespace", "", name)); err != nil {
			c.Fatal(err)
		}
	}
	c.within(eventually.Limit, "see nothing left but what its owner holds", func(context.Context) error {
		for _, kind := range reviewed {
			for _, u := range c.list(kind).Items {
				if u.GetNamespace() == "shop" && u.GetName() != "held" {
					return fmt.Errorf("%s %s is there", u.GetKind(), u.GetName())
				}
			}
		}
		return nil
	})
	c.within(eventually.Limit, "see the finalizer gone", func(ctx context.Context) error {
		held := c.object("gateway.networking.k8s.io/v1", "Gateway", "shop", "held")
		if held == nil {
			return nil
		}
		return c.Patch(ctx, held, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))
	})
	for _, name := range namespaces {
		c.within(eventually.Limit, "see namespace "+name+" gone", func(context.Context) error {
			if u := c.object("v1", "Namespace", "", name); u != nil {
				return fmt.Errorf("it is there: %v", u.Object["status"])
			}
			return nil
		})
	}
	c.Logf("the namespaces were gone after %s", time.Since(began).Round(time.Millisecond))
}
