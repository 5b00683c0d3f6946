package e2e

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/webhook"
)

// guarded is shopAbove with two tenants, one of them in production.
const (
	guarded = `
{apiVersion: v1, kind: Namespace, metadata: {name: prod, labels: {env: prod}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: labs}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: prod}
spec: {parentRefs: [{name: public, namespace: infra}], rules: [{name: pay}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: legacy, namespace: prod}
spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: trial, namespace: labs}
spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}
---
apiVersion: attache.dev/v1alpha1
kind: RetryPolicy
metadata: {name: trial, namespace: labs}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: trial}, default: {maxRetries: 3}}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: legacy, namespace: prod}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: legacy}, default: {request: 90s}}
`
	inProd   = "timeout-at-most-60s-in-prod"
	retries  = "retries-need-a-timeout"
	examples = "../../examples/guardrails/"
)

// asked is what kubectl says once the replica knows what it must know.
func (a *admission) asked(what, manifest string, arguments []string, enough func(said string, err error) bool) string {
	a.Helper()
	var said string
	within(a, patience, what, func(context.Context) error {
		var err error
		if said, err = a.kubectl(manifest, arguments...); enough(said, err) {
			return nil
		}
		return errors.New(said)
	})
	return said
}

func dry(arguments ...string) []string { return append(arguments, "--dry-run=server") }

// says checks that a text has all parts, and shows it.
func says(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q:\n%s", part, text)
		}
	}
	t.Logf("a person reads: %s", text)
}

// TestConsequencesAndGuardrails is what a person reads who applies and deletes,
// with guardrails in both languages.
func TestConsequencesAndGuardrails(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}})
	_, address := a.replica()
	a.board.to(address)
	w := a.as(a.plane.Config, "infra")
	w.apply(shopAbove)
	w.apply(guarded)
	apply := []string{"apply", "-f", "-"}

	t.Run("a guardrail is checked when it is written", func(t *testing.T) { brokenGuardrails(t, a) })
	for _, file := range []string{inProd + ".cel.yaml", retries + ".rego.yaml"} {
		text, err := os.ReadFile(examples + file)
		if err != nil {
			t.Fatal(err)
		}
		w.apply(string(text))
	}
	// The whole installation is settled once the guardrail is known to the replica.
	long := policyOn("prod", "checkout", "kind: HTTPRoute, name: checkout", "default: {request: 90s}")
	said := a.asked("the guardrail to be in force", long, dry(apply...), func(_ string, err error) bool { return err != nil })
	says(t, said, `denied the request: TimeoutPolicy prod/checkout is refused by guardrail timeout-at-most-60s-in-prod:`,
		"- HTTPRoute prod/checkout rule pay on infra/public#http: in production a request takes at most 60s",
		"[effective.TimeoutPolicy.request is 90s, set by TimeoutPolicy prod/checkout (default at Route prod/checkout)]",
		"; to fix it, change spec.default.request of TimeoutPolicy prod/checkout")
	if forReal, err := a.kubectl(long, apply...); err == nil || forReal != said {
		t.Errorf("for real it says %s", forReal)
	}
	t.Run("programs read the causes", func(t *testing.T) { causesOf(t, w, long) })
	t.Run("what is wrong already may be relabelled, finalised, put right", func(t *testing.T) { notWorse(t, a) })

	ceiling := policyOn("infra", "ceiling", "kind: GatewayClass, name: edge", "override: {request: 30s}")
	said = a.asked("the ceiling to be told", ceiling, dry(apply...), func(said string, err error) bool { return err == nil && strings.Contains(said, "3 routes") })
	says(t, said, " changes 3 routes in 2 namespaces and 1 Gateway",
		"Warning: HTTPRoute labs/trial: TimeoutPolicy request 10s → 30s (override of TimeoutPolicy infra/ceiling); and 2 more routes: ")
	if forReal, err := a.kubectl(ceiling, apply...); err != nil || forReal != strings.ReplaceAll(said, " (server dry run)", "") {
		t.Errorf("for real it says %s", forReal)
	}
	// Under the ceiling the long timeout does no harm, and nothing.
	said = a.asked("the ceiling to be known", long, apply, func(_ string, err error) bool { return err == nil })
	says(t, said, "Warning: TimeoutPolicy prod/checkout has no effect on its only path: TimeoutPolicy infra/ceiling wins")

	uncover := []string{"delete", "timeoutpolicy", "ceiling", "-n", "infra"}
	said = a.asked("the deletion to be refused", "", dry(uncover...), func(_ string, err error) bool { return err != nil })
	says(t, said, "deleting TimeoutPolicy infra/ceiling is refused by guardrail timeout-at-most-60s-in-prod:", "HTTPRoute prod/checkout rule pay on infra/public#http",
		"; to fix it, first change request of TimeoutPolicy prod/checkout")
	if forReal, err := a.kubectl("", uncover...); err == nil || forReal != said {
		t.Errorf("for real it says %s", forReal)
	}
	if !w.exists("TimeoutPolicy", "ceiling") {
		t.Fatal("it is gone")
	}
	a.as(a.plane.Config, "prod").edit("TimeoutPolicy", "checkout", func(u *unstructured.Unstructured) { setRequest(u, "45s") })

	// What uncovers nothing bad any more goes, and kubectl says what that changes.
	said = a.asked("the deletion to be harmless", "", uncover, func(_ string, err error) bool { return err == nil })
	says(t, said, "; HTTPRoute labs/trial: TimeoutPolicy request 30s → 10s (default of TimeoutPolicy infra/public)")

	said = a.asked("the other language to object", "", dry("delete", "timeoutpolicy", "public", "-n", "infra"), func(_ string, err error) bool { return err != nil })
	says(t, said, "deleting TimeoutPolicy infra/public is refused by guardrail retries-need-a-timeout:", "HTTPRoute labs/trial", "set by RetryPolicy labs/trial")
	said, err := a.kubectl("", dry("delete", "gateway", "public", "-n", "infra")...)
	if err != nil {
		t.Errorf("the end of everything is refused: %s", said)
	}
	says(t, said, " changes 3 routes in 2 namespaces")
}

// forbiddenBuiltins are calls of functions of Rego that reach out of the input, tell of the process, or
// give another answer each time.
var forbiddenBuiltins = map[string]string{
	"http.send":              `http.send({"method": "get", "url": "http://example.com"})`,
	"net.lookup_ip_addr":     `net.lookup_ip_addr("example.com")`,
	"opa.runtime":            `opa.runtime().env.HOME`,
	"io.jwt.decode_verify":   `io.jwt.decode_verify("a.b.c", {"secret": "s"})`,
	"rego.parse_module":      `rego.parse_module("a.rego", "package a")`,
	"rego.metadata.rule":     `rego.metadata.rule()`,
	"trace":                  `trace("here")`,
	"print":                  `print("here")`,
	"time.now_ns":            `time.now_ns() > 0`,
	"rand.intn":              `rand.intn("seed", 2) == 1`,
	"uuid.rfc4122":           `uuid.rfc4122("seed") != ""`,
	"providers.aws.sign_req": `providers.aws.sign_req({}, {}, 1)`,
}

func brokenGuardrails(t *testing.T, a *admission) {
	cel := func(expression, more string) string {
		return `{apiVersion: attache.dev/v1alpha1, kind: PolicyGuardrail, metadata: {name: broken}, spec: {cel: [{expression: '` + expression + `', message: never}]` + more + `}}`
	}
	a = &admission{TB: t, plane: a.plane}
	a.refused(cel("effective.?TimeoutPolicy.hasValue() &&", ""), `The PolicyGuardrail "broken" is invalid: spec.cel[0].expression: `, "line 1, column ")
	a.refused(cel("size(nobody) > 0", ""), "spec.cel[0].expression: ", "line 1, column 6", "nobody")
	for name, call := range forbiddenBuiltins {
		a.refused(`
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: broken}
spec:
  rego: |
    package guardrail
    deny contains "x" if {
      `+call+`
    }
`, `The PolicyGuardrail "broken" is invalid: spec.rego: `, "line 3, column ", name)
	}
	a.refused(cel("false", `, examples: [{name: fine, input: {effective: {}}, allowed: true}]`), `example "fine" should be allowed, and is denied: never`)
}

// notWorse edits an object that violated a guardrail before there was one.
func notWorse(t *testing.T, a *admission) {
	p := a.as(a.plane.Config, "prod")
	for _, value := range []string{"120s", "80s", "61s"} {
		changed := p.object("TimeoutPolicy", "legacy")
		setRequest(changed, value)
		if err := p.Update(t.Context(), changed); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "a new one must satisfy the guardrail") {
			t.Errorf("%s: %v", value, err)
		}
	}
	for what, change := range map[string]func(u *unstructured.Unstructured){
		"another label": func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{"team": "shop"}) },
		"a good value":  func(u *unstructured.Unstructured) { setRequest(u, "50s") },
		"a finalizer":   func(u *unstructured.Unstructured) { u.SetFinalizers([]string{"example.com/hold"}) },
	} {
		u := p.object("TimeoutPolicy", "legacy")
		change(u)
		if err := p.Update(t.Context(), u); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := p.Delete(t.Context(), p.object("TimeoutPolicy", "legacy")); err != nil {
		t.Errorf("its deletion: %v", err)
	}
	p.edit("TimeoutPolicy", "legacy", func(u *unstructured.Unstructured) { u.SetFinalizers(nil) })
}

func setRequest(u *unstructured.Unstructured, value string) {
	u.Object["spec"].(map[string]any)["default"] = map[string]any{"request": value}
}

// causesOf is what docs/guardrails.md says that programs read of a denial, as an API server passes it
// on.
func causesOf(t *testing.T, w *world, denied string) {
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(denied), &u.Object); err != nil {
		t.Fatal(err)
	}
	err := w.Create(t.Context(), u, client.DryRunAll)
	var refused apierrors.APIStatus
	if !errors.As(err, &refused) || refused.Status().Details == nil || len(refused.Status().Details.Causes) != 1 {
		t.Fatalf("the API server says %v", err)
	}
	status := refused.Status()
	if d := status.Details; status.Code != http.StatusForbidden || status.Reason != metav1.StatusReasonForbidden || d.Group != policy.Group || d.Kind != "TimeoutPolicy" || d.Name != "checkout" {
		t.Errorf("the status is %+v, about %+v", status, d)
	}
	if c := status.Details.Causes[0]; c.Type != webhook.GuardrailViolated || c.Field != "spec.default.request" ||
		!strings.HasPrefix(c.Message, "guardrail timeout-at-most-60s-in-prod: HTTPRoute prod/checkout rule pay on infra/public#http: in production a request takes at most 60s") {
		t.Errorf("the cause is %+v", c)
	}
}
