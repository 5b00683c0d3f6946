package install

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/test/eventually"
)

// emergencyCommands are the command lines of the page's section about an emergency.
func emergencyCommands(t *testing.T) (kubectl, helm [][]string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## The webhook blocks me\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "kubectl "):
			kubectl = append(kubectl, words[1:])
		case strings.HasPrefix(line, "helm "):
			helm = append(helm, words[1:])
		}
	}
	if !found || len(kubectl) < 4 || len(helm) < 2 {
		t.Fatalf("the page has %d commands of kubectl and %d of helm", len(kubectl), len(helm))
	}
	return kubectl, helm
}

// TestAnEmergency runs the commands of the page while no pod of attache runs and every webhook
// refuses: each takes away what it says, everything can be written then, and each way back brings
// all of it back.
func TestAnEmergency(t *testing.T) {
	c := start(t)
	c.apply(shop)
	c.helms("install", release, chart, "--create-namespace",
		"--set", "admission.failurePolicies.annotation=Fail", "--set", "export.exporters={traefik}")
	installed := c.switches()
	if len(installed) != 5 || installed["Deployment attache-controller"] == "0" {
		t.Fatalf("installed are %v", installed)
	}
	kubectl, helm := emergencyCommands(t)
	for _, back := range helm {
		c.blocked()
		for _, command := range kubectl {
			if out, err := c.plane.Kubectl(t.Context(), command...).CombinedOutput(); err != nil {
				t.Fatalf("kubectl %s: %v\n%s", strings.Join(command, " "), err, out)
			}
		}
		if left := c.switches(); len(left) != 1 || left["Deployment attache-controller"] != "0" {
			t.Errorf("after the commands there are %v", left)
		}
		for name, manifest := range guardedObjects() {
			c.within(eventually.Limit, "write "+name, func(context.Context) error { return c.tried(manifest) })
		}
		for i := range back {
			back[i] = strings.ReplaceAll(back[i], "charts/attache", chart)
		}
		c.helms(back...)
		if now := c.switches(); !maps.Equal(now, installed) {
			t.Errorf("after helm %s there are %v, want %v", strings.Join(back, " "), now, installed)
		}
	}
	c.blocked()
}

// switches are the objects that the commands of an emergency are about, and how many replicas the
// controller is to have.
func (c *cluster) switches() map[string]string {
	c.Helper()
	all := map[string]string{}
	for _, kind := range []string{"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicyBinding"} {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion("admissionregistration.k8s.io/v1")
		list.SetKind(kind + "List")
		if err := c.List(c.Context(), list, client.MatchingLabels{"app.kubernetes.io/part-of": "attache"}); err != nil {
			c.Fatal(err)
		}
		for i := range list.Items {
			all[kind+" "+list.Items[i].GetName()] = "there"
		}
	}
	replicas, _, _ := unstructured.NestedFieldNoCopy(c.object("apps/v1", "Deployment", namespace, "attache-controller").Object, "spec", "replicas")
	all["Deployment attache-controller"] = fmt.Sprint(replicas)
	return all
}

// guardedObjects are objects that nobody can write while no pod of attache runs.
func guardedObjects() map[string]string {
	return map[string]string{
		"a policy":             policyOfShop("emergency", "7s"),
		"a route":              `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: emergency, namespace: shop}, spec: {parentRefs: [{name: public}], rules: [{backendRefs: [{name: checkout, port: 80}]}]}}`,
		"an effective policy":  `{apiVersion: attache.dev/v1alpha1, kind: EffectivePolicy, metadata: {name: httproute-emergency, namespace: shop}, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: emergency}}`,
		"a guardrail of yours": `{apiVersion: attache.dev/v1alpha1, kind: PolicyGuardrail, metadata: {name: emergency}, spec: {enforcement: Audit, cel: [{expression: "true", message: nothing}]}}`,
	}
}

// tried says whether an object could be created.
func (c *cluster) tried(manifest string) error {
	c.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &u.Object); err != nil {
		c.Fatal(err)
	}
	return c.Create(c.Context(), u, client.DryRunAll)
}

// blocked checks that nothing can be written. The API server learns of webhooks a moment after they
// are there.
func (c *cluster) blocked() {
	c.Helper()
	for name, manifest := range guardedObjects() {
		c.within(eventually.Limit, "see that "+name+" is refused", func(context.Context) error {
			switch err := c.tried(manifest); {
			case err == nil:
				return errors.New("it can be written")
			case !strings.Contains(err.Error(), "failed calling webhook") && !strings.Contains(err.Error(), "only attache writes it"):
				return err
			}
			return nil
		})
	}
}
