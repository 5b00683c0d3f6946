package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/controlplane"
)

const guardrailKind = "PolicyGuardrail.v1alpha1.attache.dev"

// untilReports waits until a guardrail's status says what is wanted, and returns
// it.
func (w *world) untilReports(name, reason string, violations int64) map[string]any {
	w.Helper()
	var report map[string]any
	within(w, patience, fmt.Sprintf("%s to be %s with %d violations", name, reason, violations), func(ctx context.Context) error {
		u := named(guardrailKind, "", name)
		if err := w.Get(ctx, client.ObjectKeyFromObject(u), u); err != nil {
			return err
		}
		report, _, _ = unstructured.NestedMap(u.Object, "status")
		conditions, _, _ := unstructured.NestedSlice(report, "conditions")
		if len(conditions) != 1 || conditions[0].(map[string]any)["reason"] != reason || report["violations"] != violations || report["observedGeneration"] != u.GetGeneration() {
			return fmt.Errorf("it says %v", report)
		}
		return nil
	})
	return report
}

func TestTheStatusOfAGuardrailFollowsWhatViolatesIt(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	for i := range 25 {
		w.apply(fmt.Sprintf(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: more-%02d, namespace: NS}, spec: {parentRefs: [{name: public}]}}`, i))
	}
	manager := startManager(t, plane.Kubeconfig)
	w.settled(30 * time.Second)
	at := func(most string) string {
		return strings.NewReplacer("at-most-60s", "audited", "Deny", "Audit", "60s", most).Replace(atMost60s)
	}
	name := "audited-" + w.namespace
	w.apply(at("9s"))
	// checkout has two rules, catalog and the others one path each.
	report := w.untilReports(name, "Compiled", 28)
	first, _, _ := unstructured.NestedSlice(report, "firstViolations")
	if len(first) != 20 || report["language"] != "CEL" {
		t.Fatalf("it lists %d in %v", len(first), report["language"])
	}
	if v := first[0].(map[string]any); !strings.HasPrefix(v["path"].(string), "HTTPRoute "+w.namespace+"/catalog") || v["message"] != "no request may take longer than 9s" || v["since"] == nil || v["field"] != "effective.TimeoutPolicy.request" {
		t.Errorf("the first is %v", v)
	}
	w.edit("TimeoutPolicy", "public", request("5s"))
	w.untilReports(name, "Compiled", 2)
	if n := manager.metric(t, "attache_violations"); n != 2 {
		t.Errorf("the metric says %v", n)
	}
	w.edit("TimeoutPolicy", "checkout", request("6s"))
	w.untilReports(name, "Compiled", 0)
	w.apply(at("4s"))
	w.untilReports(name, "Compiled", 28)

	manager.terminate(t)
	before := w.versions()["PolicyGuardrail /"+name]
	manager = startManager(t, plane.Kubeconfig)
	manager.idle(t)
	w.untilReports(name, "Compiled", 28)
	if after := w.versions()["PolicyGuardrail /"+name]; after != before {
		t.Error("a restart writes the status again")
	}

	w.apply(strings.Replace(at("4s"), "effective.TimeoutPolicy.request) <=", "effective.TimeoutPolicy.request) <=<", 1))
	w.untilReports(name, "DoesNotCompile", 0)
	if n := manager.metricWith(t, "attache_guardrails", "does_not_compile"); n < 1 {
		t.Errorf("a guardrail does not compile, and the metric counts %v", n)
	}
	w.apply(at("4s") + `
  examples:
  - {name: ten seconds, input: {effective: {TimeoutPolicy: {request: 10s}}}, allowed: true}
`)
	w.untilReports(name, "ExampleFails", 28)
}
