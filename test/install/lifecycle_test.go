package install

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// chart is the chart of this checkout.
var chart = filepath.Join("..", "..", "charts", "attache")

// previousChart is the chart as it was before this one in what upgrades trip over: certificates made
// by Helm, an aggregated ClusterRole that states rules, and no value and template for a FlowSchema.
func previousChart(t testing.TB) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), "attache")
	if err := os.CopyFS(at, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ file, from, to string }{
		{"Chart.yaml", "\nversion: ", "\nversion: 0.0.1-"},
		{"values.yaml", "  provider: self\n", "  provider: generated\n"},
		{"values.yaml", "\nflowSchema:\n", "\nglobal:\n"},
		{"templates/flowschema.yaml", "{{- if .Values.flowSchema.enabled }}", "{{- if false }}"},
		{"templates/rbac.yaml", "aggregationRule:\n", "rules: []\naggregationRule:\n"},
	} {
		path := filepath.Join(at, change.file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(text), change.from) != 1 {
			t.Fatalf("%s does not have %q once", change.file, change.from)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), change.from, change.to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

// TestALifeWithHelm installs the chart before this one, upgrades to this one while people write,
// rolls back and upgrades again, uninstalls, and installs again.
func TestALifeWithHelm(t *testing.T) {
	c := start(t)
	c.apply(shop)
	c.helms("install", release, previousChart(t), "--create-namespace", "--set", "webhook.drainDelay=1s")
	old := []*pod{c.launch("attache-webhook"), c.launch("attache-controller")}
	for _, p := range old {
		p.awaitReady()
	}
	c.apply(policyOfShop("checkout", "7s"))
	c.inForce("7s")
	c.apply(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: somebodys, labels: {attache.dev/aggregate-to-reader: "true"}}, rules: [{apiGroups: [example.com], resources: [corspolicies], verbs: [get, list, watch]}]}`)
	c.aggregated()

	// What install.md says about the values of a release.
	if said, err := c.helm("upgrade", release, chart, "--reuse-values", "--dry-run=server"); err == nil || !strings.Contains(said, "nil pointer evaluating") {
		t.Errorf("--reuse-values: %v, %s", err, said)
	}

	// To this chart, with further values, while somebody writes.
	writer := c.write(20)
	c.helms("upgrade", release, chart, "--reset-then-reuse-values", "--set", "platformNamespaces={infra}", "--set", "metrics.dashboard.enabled=true",
		"--set", "controller.leaseDuration=15s") // its controller is killed, and another waits for that long
	fresh := []*pod{c.launch("attache-controller"), c.launch("attache-webhook")}
	old[1].terminate(0) // its successor waits for the Lease
	for _, p := range fresh {
		p.awaitReady()
	}
	old[0].terminate(500 * time.Millisecond)
	writer.stopsWithout(t, "an upgrade")
	c.aggregated()
	c.apply(policyOfShop("checkout", "8s"))
	c.inForce("8s")
	c.tested()
	c.deployed(9)
	c.sound()
	c.exercise()
	fresh[0].shows("attache_build_info{", `attache_routes{covered="true"}`, `attache_policies{kind="TimeoutPolicy",reason="Accepted"}`,
		`attache_graph_objects{kind="HTTPRoute.gateway.networking.k8s.io"}`, `attache_certificate_not_after_seconds{certificate="authority"}`)
	fresh[1].shows("attache_ca_bundle_match 1", `attache_certificate_not_after_seconds{certificate="serving"}`, "attache_admission_requests_total{")
	c.rightsFit("attache-webhook", nil)
	c.rightsFit("attache-controller", notHere)

	// Back to the values before, and on again, while all answer.
	c.helms("upgrade", release, chart, "--set", "platformNamespaces={infra}", "--set", "webhook.drainDelay=1s", "--set", "admission.namespaceLabels=true")
	c.helms("rollback", release, "2")
	c.apply(policyOfShop("checkout", "7s"))
	c.inForce("7s")
	c.apply(policyOfShop("checkout", "8s"))
	c.inForce("8s")

	c.livesOnDead(fresh)
	again := []*pod{c.launch("attache-controller"), c.launch("attache-webhook")}
	for _, p := range again {
		p.awaitReady()
	}
	c.inForce("9s")
	c.tested()
	c.leave(again)
}

// livesOnDead goes through the life of a release with every process dead, beginning with the chart
// before this one, and leaves this one installed. The rules of somebody else's ClusterRole stay in the
// aggregated role all the time, and policies stay.
func (c *cluster) livesOnDead(running []*pod) {
	c.Helper()
	for _, p := range running {
		p.kill()
	}
	c.deployed(0)
	c.ailing("attache-webhook: none of", "attache-controller: none of")
	c.untested()
	c.helms("upgrade", release, chart, "--set", "webhook.replicas=2", "--set", "admission.namespaceLabels=true")
	c.helms("rollback", release, "2")
	c.helms("uninstall", release)
	c.survived()

	c.helms("install", release, previousChart(c), "--set", "webhook.drainDelay=1s")
	c.aggregated()
	c.helms("upgrade", release, chart, "--set", "platformNamespaces={infra}", "--set", "webhook.replicas=2", "--set", "admission.namespaceLabels=true")
	c.aggregated()
	c.untested()
	c.helms("rollback", release, "1", "--force-conflicts") // of the role that others add to, whose rules it states
	c.aggregated()
	c.helms("upgrade", release, chart, "--set", "webhook.replicas=2")
	c.helms("uninstall", release)
	c.survived()
	c.apply(policyOfShop("checkout", "9s")) // nobody is asked any more
	c.helms("install", release, chart, "--set", "webhook.drainDelay=1s")
}

// survived checks that a policy has not gone with the release.
func (c *cluster) survived() {
	c.Helper()
	if c.object("attache.dev/v1alpha1", "TimeoutPolicy", "shop", "checkout") == nil {
		c.Error("a policy went with the release")
	}
}

// aggregated waits until the role that others add to has what they added.
func (c *cluster) aggregated() {
	c.Helper()
	c.within(30*time.Second, "see somebody else's rule in the aggregated role", func(context.Context) error {
		u := c.object("rbac.authorization.k8s.io/v1", "ClusterRole", "", "attache-reader-of-more")
		if text := fmt.Sprint(u.Object["rules"]); !strings.Contains(text, "corspolicies") {
			return fmt.Errorf("its rules are %s", text)
		}
		return nil
	})
}

// tested runs "helm test".
func (c *cluster) tested() {
	c.Helper()
	if said := c.testing(); !strings.Contains(said, "Succeeded") {
		c.Errorf("helm test said %s", said)
	}
}

// untested runs "helm test" while no replica answers: it fails.
func (c *cluster) untested() {
	c.Helper()
	if said := c.testing("--timeout=2s"); !strings.Contains(said, "failed") {
		c.Errorf("helm test said %s", said)
	}
}

// testing is what "helm test" says. Its Pod may have further arguments.
func (c *cluster) testing(more ...string) string {
	c.Helper()
	done := make(chan string, 1)
	go func() {
		out, err := c.helm("test", release, "--timeout", "90s")
		done <- fmt.Sprint(out, err)
	}()
	c.runPod("attache-test", more...)
	return <-done
}

// leave uninstalls in the order of the page, and looks at what stays.
func (c *cluster) leave(running []*pod) {
	c.Helper()
	c.uninstalled(running)
	c.helms("uninstall", release)
	for kind, name := range map[string]string{"HTTPRoute": "checkout", "Gateway": "public"} {
		if a := c.object("gateway.networking.k8s.io/v1", kind, "shop", name).GetAnnotations(); len(a) > 0 {
			c.Errorf("%s %s has the annotations %v", kind, name, a)
		}
	}
	results := &unstructured.UnstructuredList{}
	results.SetAPIVersion("attache.dev/v1alpha1")
	results.SetKind("EffectivePolicyList")
	if err := c.List(c.Context(), results); err != nil || len(results.Items) > 0 {
		c.Errorf("%d EffectivePolicies are left, %v", len(results.Items), err)
	}
	left := &unstructured.UnstructuredList{}
	left.SetAPIVersion("v1")
	left.SetKind("SecretList")
	if err := c.List(c.Context(), left, client.InNamespace(namespace)); err != nil || len(left.Items) > 0 {
		c.Errorf("%d Secrets are left, %v", len(left.Items), err)
	}
	if c.object("coordination.k8s.io/v1", "Lease", namespace, "controller.attache.dev") != nil {
		c.Error("the Lease is left")
	}
	if c.object("attache.dev/v1alpha1", "TimeoutPolicy", "shop", "checkout") == nil {
		c.Error("a policy went away")
	}
	c.ailing("no ConfigMap attache-settings", "no ValidatingWebhookConfiguration of attache")
}
