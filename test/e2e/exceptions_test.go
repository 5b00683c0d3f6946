package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/test/controlplane"
)

// excepted is the guardrail of a minute with an exception for one policy until a time.
func excepted(until time.Time) string {
	return atMost60s + fmt.Sprintf(`
  exceptionsEnd: Withhold
  exceptions:
  - name: importer
    reason: it is rewritten
    until: %q
    match: {policies: [{kind: TimeoutPolicy, namespace: NS, name: checkout}]}
`, until.UTC().Format(time.RFC3339))
}

// status is that of the guardrail of a minute.
func (w *world) guardrailStatus() map[string]any {
	w.Helper()
	u := named(guardrailKind, "", "at-most-60s-"+w.namespace)
	if err := w.Get(w.Context(), client.ObjectKeyFromObject(u), u); err != nil {
		w.Fatal(err)
	}
	report, _, _ := unstructured.NestedMap(u.Object, "status")
	return report
}

// TestAnExceptionEndsOnACluster lets an exception cover a value, and then end.
func TestAnExceptionEndsOnACluster(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(strings.ReplaceAll(strings.ReplaceAll(shop, ", timeouts: {backendRequest: 2s}", ""), ", backend: 5s", ""))
	w.apply(excepted(time.Now().Add(10 * 24 * time.Hour)))
	w.edit("TimeoutPolicy", "checkout", request("90s"))
	manager := startManager(t, plane.Kubeconfig)
	within(t, patience, "what the exception covers to be published", func(context.Context) error { return w.published("checkout", "90s") })
	within(t, patience, "the exception to stand in the status", func(context.Context) error {
		list, _, _ := unstructured.NestedSlice(w.guardrailStatus(), "exceptions")
		if len(list) != 1 {
			return fmt.Errorf("it says %v", w.guardrailStatus())
		}
		if use := list[0].(map[string]any); use["name"] != "importer" || use["covers"] != int64(2) || use["endsSoon"] != true {
			return fmt.Errorf("it says %v", use)
		}
		return nil
	})
	w.untilReports("at-most-60s-"+w.namespace, "Compiled", 0)

	w.apply(excepted(time.Now().Add(3 * time.Second)))
	message := w.untilProgrammed("checkout", "GuardrailViolated")
	if !strings.Contains(message, "no request may take longer than 60s") {
		t.Errorf("the condition says %s", message)
	}
	withheld := func(context.Context) error {
		if err := w.published("checkout", "10s"); err != nil { // what the Gateway's policy gives
			return err
		}
		says := fmt.Sprint(w.object(publish.Kind, "httproute.checkout").Object["status"])
		if !strings.Contains(says, "reason:GuardrailViolated") || !strings.Contains(says, "its exception importer ended") {
			return errors.New(says)
		}
		return nil
	}
	within(t, patience, "what it covered to be taken back", withheld)
	within(t, patience, "the exception to be gone from the status", func(context.Context) error {
		if list, _, _ := unstructured.NestedSlice(w.guardrailStatus(), "exceptions"); len(list) > 0 {
			return fmt.Errorf("it says %v", list)
		}
		return nil
	})
	manager.kill()
	startManager(t, plane.Kubeconfig).idle(t)
	within(t, patience, "a restart to leave it so", withheld)

	w.apply(excepted(time.Now().Add(time.Hour)))
	within(t, patience, "a longer exception to bring it back", func(context.Context) error { return w.published("checkout", "90s") })
}
