package install

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// wireCut is how long our processes do not reach the API server.
const wireCut = time.Minute

// compactions are made so often that a watch which was cut cannot go on where it was.
var compactions = map[string][]string{"etcd-compaction-interval": {"10s"}}

// TestTheClusterUnderneathGoesAndComes takes CRDs away and brings them back while people write,
// and cuts our processes off from the API server for a minute, in which etcd is compacted. No
// write fails while only CRDs go; afterwards every verdict is right, and none of our processes was
// restarted.
func TestTheClusterUnderneathGoesAndComes(t *testing.T) {
	if soak(t) == 0 {
		t.Skip(`takes minutes: run it by "make soak"`)
	}
	c := start(t, compactions)
	c.wire = newWire(t, c.plane.Config.Host)
	c.apply(shop)
	c.helms("install", release, chart, "--create-namespace")
	// A leader that cannot renew its lease must end, so that another one can write: the wire is cut for
	// longer than it may be here.
	running := []*pod{c.launch("attache-controller", "--leader-election-lease=3m"), c.launch("attache-webhook"), c.launch("attache-webhook")}
	for _, p := range running {
		p.awaitReady()
	}
	c.policiesServed()
	c.apply(policyOfShop("checkout", "7s"))
	c.inForce("7s")

	writer := c.write(rateOf(t, 50))
	for _, name := range comers {
		c.gone(name)
	}
	writer.stopsWithout(t, "CRDs going and coming back")
	c.apply(strings.NewReplacer("TimeoutPolicy", "RateLimitPolicy", "request: 9s", "requestsPerSecond: 77").Replace(policyOfShop("limit", "9s")))
	c.within(time.Minute, "see a kind that came back in force", func(context.Context) error {
		if text := c.annotation(); !strings.Contains(text, `"requestsPerSecond":77`) {
			return errors.New(text)
		}
		return nil
	})

	c.wire.cutIt()
	cutAt := time.Now()
	// Replicas answer from what they know, and must not learn by a restart.
	c.within(wireCut, "see a write in the dark", func(ctx context.Context) error {
		return c.Patch(ctx, policyObject("checkout"), client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"default":{"request":"8s"}}}`)))
	})
	if text := c.annotation(); strings.Contains(text, `"request":"8s"`) {
		t.Error("the wire is not cut: the controller has written")
	}
	<-time.After(time.Until(cutAt.Add(wireCut))) // how long it is cut is the test
	c.wire.mend()
	c.inForce("8s")
	c.apply(ceiling)
	c.refuses("checkout", "90s")
	after := c.write(rateOf(t, 50))
	after.reaches(c, 100)
	after.stopsWithout(t, "the time after")
	c.alive(running)
}

// ceiling is a guardrail of a minute.
const ceiling = `
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: ceiling}
spec:
  cel:
  - expression: "!has(effective.TimeoutPolicy) || !has(effective.TimeoutPolicy.request) || duration(effective.TimeoutPolicy.request) <= duration('60s')"
    message: at most a minute
    fieldPath: effective.TimeoutPolicy.request
`

func policyObject(name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion("attache.dev/v1alpha1")
	u.SetKind("TimeoutPolicy")
	u.SetNamespace("shop")
	u.SetName(name)
	return u
}

// annotation is that of the route.
func (c *cluster) annotation() string {
	c.Helper()
	return c.object("gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "checkout").GetAnnotations()["attache.dev/effective-policies"]
}

// gone takes a CRD away and brings it back.
func (c *cluster) gone(name string) {
	c.Helper()
	crd := c.object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name)
	if crd == nil {
		c.Fatalf("there is no CRD %s", name)
	}
	if err := c.Delete(c.Context(), crd); err != nil {
		c.Fatal(err)
	}
	c.within(time.Minute, "see "+name+" gone", func(context.Context) error {
		if c.object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name) != nil {
			return errors.New("it is there")
		}
		return nil
	})
	crd.SetResourceVersion("")
	crd.SetUID("")
	crd.SetDeletionTimestamp(nil)
	crd.SetFinalizers(nil)
	crd.SetManagedFields(nil)
	delete(crd.Object, "status")
	if err := c.Create(c.Context(), crd); err != nil {
		c.Fatal(err)
	}
	c.established(name)
}

// established waits until a CRD is served.
func (c *cluster) established(name string) {
	c.Helper()
	c.within(time.Minute, "see "+name+" served", func(ctx context.Context) error {
		now := c.object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name)
		conditions, _, _ := unstructured.NestedSlice(now.Object, "status", "conditions")
		for _, condition := range conditions {
			if m, _ := condition.(map[string]any); m["type"] == "Established" && m["status"] == "True" {
				return nil
			}
		}
		return errors.New("it is not established")
	})
}
