package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/webhook"
)

// slowRail asks much of every route anew, for its answers depend on the route's name: some milliseconds
// for each of its expressions.
func slowRail() string {
	var rules strings.Builder
	for i := range 12 {
		fmt.Fprintf(&rules, "  - {expression: \"route.name == 'fast' || lists.range(%d).all(a, a >= 0)\", message: never}\n", 9000+i)
	}
	return "apiVersion: attache.dev/v1alpha1\nkind: PolicyGuardrail\nmetadata: {name: slow}\nspec:\n  cel:\n" + rules.String()
}

// audited is an API server's audit log of policies.
func audited(t *testing.T) (flags map[string][]string, find func(webhookKey string) string) {
	t.Helper()
	policy, file := filepath.Join(t.TempDir(), "policy.yaml"), filepath.Join(t.TempDir(), "audit.log")
	rules := `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, verbs: [update], resources: [{group: attache.dev}]}
- {level: None}
`
	if err := os.WriteFile(policy, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string][]string{"audit-policy-file": {policy}, "audit-log-path": {file}}, func(key string) string {
		log, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		found := ""
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var event auditv1.Event
			if json.Unmarshal(lines.Bytes(), &event) == nil && event.Annotations[key] != "" {
				found = event.Annotations[key]
			}
		}
		return found
	}
}

// timeout sets the timeout of all validating webhooks, in seconds.
func (a *admission) timeout(w *world, seconds int64) {
	a.Helper()
	w.edit("ValidatingWebhookConfiguration.v1.admissionregistration.k8s.io", "attache", func(u *obj) {
		for _, hook := range u.Object["webhooks"].([]any) {
			hook.(map[string]any)["timeoutSeconds"] = seconds
		}
	})
}

// A guardrail takes longer than there is time, whatever the timeout. Our answer comes before the API
// server gives up, and names the guardrail; the platform's edit is admitted, and the audit log says
// what was not judged.
func TestASlowGuardrailIsNamedWithinEveryTimeout(t *testing.T) {
	flags, inAudit := audited(t)
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}}, flags)
	replica, address := a.replica()
	a.board.to(address)
	w := a.as(a.plane.Config, "")
	w.apply(shopAbove)
	w.apply(`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: own, namespace: shop}, spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}}`)
	w.apply(policyOn("shop", "own", "kind: Gateway, name: own", fiveSeconds))
	const routes = 300
	for i := range routes {
		w.apply(fmt.Sprintf(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r%d, namespace: shop}, spec: {parentRefs: [{name: own}, {name: public, namespace: infra}], rules: [{}]}}`, i))
	}
	w.apply(slowRail())
	edit := func(ctx context.Context, namespace, name, value string) error {
		u := named("TimeoutPolicy", namespace, name)
		if err := w.Get(ctx, client.ObjectKeyFromObject(u), u); err != nil {
			return err
		}
		request(value)(u)
		return w.Update(ctx, u, client.DryRunAll)
	}
	within(t, patience, "the replica to know the guardrail", func(ctx context.Context) error {
		if err := edit(ctx, "shop", "own", "7s"); err == nil || !strings.Contains(err.Error(), "guardrail slow") {
			return fmt.Errorf("it says %w", errors.Join(errors.New("nothing of it"), err))
		}
		return nil
	})
	for seconds, limit := range map[int64]string{1: "750ms", 2: "1.75s", 3: "2s", 4: "2s", 5: "2s"} {
		t.Run(fmt.Sprintf("%ds", seconds), func(t *testing.T) {
			a.timeout(w, seconds)
			says := func(ctx context.Context) error {
				err := edit(ctx, "shop", "own", "7s")
				want := `failed calling webhook "policies.attache.dev": failed to call webhook: attache could not review TimeoutPolicy shop/own within ` + limit + `: guardrail slow was being asked after `
				if err == nil || !strings.Contains(err.Error(), want) {
					return fmt.Errorf("a person reads: %w", errors.Join(err))
				}
				return nil
			}
			within(t, patience, "the API server to know the timeout", says)
			for range 4 {
				if err := says(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if n := replica.metricWith(t, "attache_undecided_total", "gone"); n > 0 {
		t.Errorf("%v callers did not wait for the answer", n)
	}
	heard := &ears{}
	config := *a.plane.Config
	config.WarningHandler = heard
	platform := newWorld(t, &config, "infra")
	platform.edit("TimeoutPolicy", "public", func(u *unstructured.Unstructured) { request("8s")(u) })
	if said := strings.Join(heard.all(), "\n"); !strings.Contains(said, "guardrail slow was being asked after ") {
		t.Errorf("the platform reads: %s", said)
	}
	within(t, patience, "the audit log to tell", func(context.Context) error {
		if text := inAudit("policies.attache.dev/" + webhook.AuditUnjudged); !strings.HasPrefix(text, "guardrail slow was being asked after ") || !strings.Contains(text, "of 3") {
			return fmt.Errorf("it says %q", text)
		}
		return nil
	})
}
