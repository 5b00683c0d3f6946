package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/charts"
)

// TestAnApplierDoesNotFight installs the chart as Argo CD and Flux do: rendered without a cluster,
// and applied by server-side apply again and again. Nothing changes by that, a webhook that is
// switched off goes, and policies can be waited for.
func TestAnApplierDoesNotFight(t *testing.T) {
	c := start(t)
	c.apply(shop)
	c.apply("{apiVersion: v1, kind: Namespace, metadata: {name: attache-system}}")
	labels := map[string]any{"admission": map[string]any{"namespaceLabels": true}}
	c.sync(labels)
	for _, p := range []*pod{c.launch("attache-controller"), c.launch("attache-webhook")} {
		p.awaitReady()
	}
	c.policiesServed()
	c.nobodyOwnsTheBundle()

	before := c.versions(labels)
	for range 2 {
		c.sync(labels)
	}
	for object, version := range c.versions(labels) {
		if before[object] != version {
			t.Errorf("%s was changed by applying it again", object)
		}
	}
	c.sync(nil) // without the webhook on Namespaces
	hooks, _, _ := unstructured.NestedSlice(c.object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", release).Object, "webhooks")
	if len(hooks) != 3 || strings.Count(fmt.Sprint(hooks), "caBundle") != 3 {
		t.Errorf("there are these webhooks: %v", hooks)
	}
	c.waitFor("timeoutpolicy/checkout")
	c.apply(policyOfShop("checkout", "8s"))
	c.inForce("8s")
}

// sync renders and applies the chart.
func (c *cluster) sync(values map[string]any) {
	c.Helper()
	objects, err := charts.Render(charts.Release{Values: values})
	if err != nil {
		c.Fatal(err)
	}
	for _, u := range objects {
		c.within(20*time.Second, "apply "+u.GetKind()+" "+u.GetName(), func(ctx context.Context) error {
			return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u.DeepCopy()), client.FieldOwner("argocd-controller"), client.ForceOwnership)
		})
	}
}

// versions are those of all rendered objects.
func (c *cluster) versions(values map[string]any) map[string]string {
	c.Helper()
	objects, err := charts.Render(charts.Release{Values: values})
	if err != nil {
		c.Fatal(err)
	}
	versions := map[string]string{}
	for _, u := range objects {
		live := c.object(u.GetAPIVersion(), u.GetKind(), u.GetNamespace(), u.GetName())
		if live == nil {
			c.Fatalf("%s %s is not there", u.GetKind(), u.GetName())
		}
		versions[u.GetKind()+" "+u.GetName()] = live.GetResourceVersion()
	}
	return versions
}

// waitFor waits for an object of the shop as people do.
func (c *cluster) waitFor(object string) {
	c.Helper()
	cmd := c.plane.Kubectl(c.Context(), "wait", "--for=condition=Ready", "--timeout=30s", "-n", "shop", object)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		c.Error(errors.Join(err, errors.New(said.String())))
	}
}
