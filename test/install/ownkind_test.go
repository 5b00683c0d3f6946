package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	examples = "../../examples"
	ownKind  = "CircuitBreakerPolicy.example.com"
	ownCRD   = "circuitbreakerpolicies.example.com"
	bounds   = "attache.dev/bounds"
)

var plugin = sync.OnceValues(func() (string, error) {
	return build("kubectl-effective_policy", "./cmd/kubectl-effective_policy")
})

// TestAPolicyKindOfOnesOwn follows examples/policy-kind on a cluster on which attache has the
// rights of the chart and no more: the role that comes with the kind is aggregated, and nothing is
// restarted. Then the author of the CRD makes mistakes.
func TestAPolicyKindOfOnesOwn(t *testing.T) {
	c := start(t)
	c.helms("install", release, chart, "--create-namespace", "--set", "webhook.drainDelay=1s", "--set", "platformNamespaces={platform}",
		"--set", "policyKinds[0].group=example.com,policyKinds[0].resource=circuitbreakerpolicies,policyKinds[0].kind=CircuitBreakerPolicy")
	webhook, controller := c.launch("attache-webhook"), c.launch("attache-controller")
	webhook.awaitReady()
	controller.awaitReady()

	c.applyFolder("shop")
	c.applyFolder("policy-kind")
	c.storefront(map[string]any{"ejectionTime": "30s", "maxConnections": 2000.0, "maxPending": 100.0})
	c.within(20*time.Second, "see the status of the team's policy", func(context.Context) error {
		u := c.object("example.com/v1alpha1", "CircuitBreakerPolicy", "shop", "storefront")
		if text := fmt.Sprint(u.Object["status"]); !strings.Contains(text, "maxConnections 5000 is limited to 2000 by bounds of CircuitBreakerPolicy platform/edge") {
			return fmt.Errorf("it is %s", text)
		}
		return nil
	})
	if said := c.plugin("kinds"); strings.Contains(said, "left out") || !strings.Contains(said, ownKind+" ") {
		t.Errorf("kinds says:\n%s", said)
	}
	t.Run("a wrong name takes out that name", func(t *testing.T) { c.wrongName(controller) })
	t.Run("what is no JSON takes out that annotation", func(t *testing.T) { c.noJSON() })
	c.declares(`{"ejectionTime":"duration","maxConnections":"integer","maxPending":"integer"}`)
	c.storefront(map[string]any{"ejectionTime": "30s", "maxConnections": 2000.0, "maxPending": 100.0})
	if said := c.plugin("kinds"); strings.Contains(said, "left out") {
		t.Errorf("kinds still says:\n%s", said)
	}
}

// wrongName has a word in the annotation that is no type: what the other names say stays in force.
func (c *cluster) wrongName(controller *pod) {
	c.Helper()
	c.declares(`{"ejectionTime":"duration","maxConnections":"int","maxPending":"integer"}`)
	c.storefront(map[string]any{"ejectionTime": "30s", "maxConnections": 5000.0, "maxPending": 100.0})
	const fault = `metadata.annotations[attache.dev/bounds]: maxConnections: type "int" is not known: write duration, integer, quantity or text`
	c.event(fault)
	controller.shows(`attache_policy_kind_faults{kind="` + ownKind + `"} 1`)
	c.leftOut("maxConnections: type \"int\" is not known")
}

// noJSON has a text in the annotation that nobody can read.
func (c *cluster) noJSON() {
	c.Helper()
	c.declares(`{"ejectionTime":`)
	c.event("metadata.annotations[attache.dev/bounds]: ")
	c.storefront(map[string]any{"ejectionTime": "30s", "maxConnections": 5000.0, "maxPending": 100.0})
	c.leftOut("attache.dev/bounds")
}

// applyFolder applies the manifests of an example, in the order of their names.
func (c *cluster) applyFolder(name string) {
	c.Helper()
	files, err := filepath.Glob(filepath.Join(examples, name, "*.yaml"))
	if err != nil || len(files) == 0 {
		c.Fatalf("no manifests in %s: %v", name, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			c.Fatal(err)
		}
		c.apply(string(text))
	}
}

// declares sets the annotation about bounds of the CRD.
func (c *cluster) declares(text string) {
	c.Helper()
	u := c.object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", ownCRD)
	before := u.DeepCopy()
	annotations := u.GetAnnotations()
	annotations[bounds] = text
	u.SetAnnotations(annotations)
	if err := c.Patch(c.Context(), u, client.MergeFrom(before)); err != nil {
		c.Fatal(err)
	}
}

// storefront waits until the annotation of the storefront has these values of the kind.
func (c *cluster) storefront(want map[string]any) {
	c.Helper()
	c.within(30*time.Second, fmt.Sprint("see ", want, " on the storefront"), func(context.Context) error {
		var said struct {
			Scopes []struct{ Effective map[string]map[string]any }
		}
		text := c.object("gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "storefront").GetAnnotations()["attache.dev/effective-policies"]
		if err := json.Unmarshal([]byte(text), &said); err != nil || len(said.Scopes) == 0 {
			return fmt.Errorf("the annotation is %q", text)
		}
		if got := said.Scopes[0].Effective[ownKind]; fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("they are %v", got)
		}
		return nil
	})
}

// event waits until there is one on the CRD that says this.
func (c *cluster) event(note string) {
	c.Helper()
	uid := c.object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", ownCRD).GetUID()
	c.within(20*time.Second, "see an event about "+note, func(ctx context.Context) error {
		events := &unstructured.UnstructuredList{}
		events.SetAPIVersion("events.k8s.io/v1")
		events.SetKind("EventList")
		if err := c.List(ctx, events, client.InNamespace("default")); err != nil {
			return err
		}
		for _, e := range events.Items {
			about, _, _ := unstructured.NestedString(e.Object, "regarding", "uid")
			if said, _ := e.Object["note"].(string); e.Object["reason"] == "InvalidPolicyKind" && about == string(uid) && strings.Contains(said, note) {
				return nil
			}
		}
		return errors.New("there is none")
	})
}

// leftOut looks for a row of kinds.
func (c *cluster) leftOut(fault string) {
	c.Helper()
	said := strings.Join(strings.Fields(c.plugin("kinds")), " ")
	if !strings.Contains(said, "left out "+ownKind+": ") || !strings.Contains(said, fault) {
		c.Errorf("kinds says %s", said)
	}
}

// plugin runs the command on the cluster, as its administrator.
func (c *cluster) plugin(arguments ...string) string {
	c.Helper()
	program, err := plugin()
	if err != nil {
		c.Fatal(err)
	}
	cmd := exec.CommandContext(c.Context(), program, arguments...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.plane.Kubeconfig)
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.Fatalf("%v: %v\n%s", arguments, err, out)
	}
	return string(out)
}
