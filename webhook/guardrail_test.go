package webhook

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
)

var languages = guardrail.Compilers{CEL: celrule.Compile, Rego: regorule.Compile}

// rail is a guardrail: no request over five seconds.
func rail(t testing.TB, name, more string) *unstructured.Unstructured {
	t.Helper()
	return object(t, `
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: `+name+`}
spec:
  `+more+`
  cel:
  - expression: '!effective.?TimeoutPolicy.?request.hasValue() || duration(effective.TimeoutPolicy.request) <= duration("5s")'
    messageExpression: '"at most 5s, and not " + string(effective.TimeoutPolicy.request)'
    fieldPath: effective.TimeoutPolicy.request
`)
}

// with has the handlers judge with guardrails.
func with(t testing.TB, guardrails ...*unstructured.Unstructured) func(*Options) {
	t.Helper()
	var compiled []*guardrail.Guardrail
	for _, u := range guardrails {
		g, problems := guardrail.Parse(u, languages)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		compiled = append(compiled, g)
	}
	return func(o *Options) {
		o.Guardrails = func() []*guardrail.Guardrail { return compiled }
		o.Compilers, o.Version = languages, "v1.2.3"
	}
}

func TestADenialListsAllViolationsOfAllGuardrails(t *testing.T) {
	h := handlersOf(t, world(t), with(t, rail(t, "first", ""), rail(t, "second", ""), rail(t, "warns", "enforcement: Warn"), rail(t, "audits", "enforcement: Audit"))).Validate()
	response := answerTo(t, h, create(t, timeout("shop", onCart, "default: {request: 9s}")))
	const old = "; the value that was there may stay, a new one must satisfy the guardrail" // the Gateway's 10s
	const one = `HTTPRoute shop/cart rule pay on infra/public#https: at most 5s, and not 9s [effective.TimeoutPolicy.request is 9s, set by TimeoutPolicy shop/p (default at Route shop/cart)]` + old + `; to fix it, change spec.default.request of TimeoutPolicy shop/p`
	if response.Allowed {
		t.Fatal("it is allowed")
	}
	if want := "TimeoutPolicy shop/p is refused by guardrails first, second:\n- guardrail first: " + one + "\n- guardrail second: " + one; response.Result.Message != want {
		t.Errorf("got  %s\nwant %s", response.Result.Message, want)
	}
	causes := response.Result.Details.Causes
	if response.Result.Code != http.StatusForbidden || len(causes) != 2 || causes[0].Type != GuardrailViolated || causes[0].Field != "spec.default.request" {
		t.Errorf("got %+v", response.Result)
	}
	if !has(response.Warnings, "guardrail warns: HTTPRoute shop/cart") || has(response.Warnings, "audits") {
		t.Errorf("warnings are %q", response.Warnings)
	}
	audit := response.AuditAnnotations
	if audit[AuditEngine] != "v1.2.3" || !strings.HasPrefix(audit[AuditGuardrails], "sha256:") || !strings.HasSuffix(audit[AuditGuardrails], " (4)") ||
		!strings.HasPrefix(audit[AuditViolations], "guardrail audits: HTTPRoute shop/cart") || audit[AuditChanges] != "routes=1 namespaces=1 gateways=0" {
		t.Errorf("audit annotations are %q", audit)
	}
}

func TestViolationsWhereTheAuthorMayNotReadAreCounted(t *testing.T) {
	const others = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: confidential, namespace: secret}
spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}
`
	asked := ""
	h := handlersOf(t, world(t, others), with(t, rail(t, "first", "")), func(o *Options) {
		o.MayRead = func(_ context.Context, user authenticationv1.UserInfo) func(string) bool {
			asked = user.Username
			return func(namespace string) bool { return namespace == "shop" }
		}
	}).Validate()
	a := create(t, timeout("infra", onClass, "override: {request: 30s}"))
	a.user = "alice"
	response := answerTo(t, h, a)
	if response.Allowed || asked != "alice" {
		t.Fatalf("got %+v, asked about %q", response, asked)
	}
	said := response.Result.Message + strings.Join(response.Warnings, "\n") + fmt.Sprint(response.Result.Details.Causes)
	if strings.Contains(said, "confidential") || strings.Contains(said, "secret") ||
		!strings.Contains(response.Result.Message, "- 1 route in namespaces that you may not read [effective.TimeoutPolicy.request]") ||
		!strings.Contains(response.Result.Message, "HTTPRoute shop/cart") {
		t.Errorf("got %s", said)
	}
}

func TestDeletionsAndLabelsOfNamespacesAreJudged(t *testing.T) {
	ceiling := strings.Replace(timeout("infra", onClass, "override: {request: 5s, backend: 5s}"), "name: p,", "name: ceiling,", 1)
	prod := rail(t, "prod", "match: {namespaceSelector: {matchLabels: {env: prod}}}")
	h := handlersOf(t, world(t, ceiling), with(t, rail(t, "all", ""))).Validate()
	if r := answerTo(t, h, remove(t, ceiling)); r.Allowed || !strings.Contains(r.Result.Message, "deleting TimeoutPolicy infra/ceiling is refused by guardrail all:") {
		t.Errorf("got %+v", r)
	}
	byCleaner := remove(t, ceiling)
	byCleaner.user = cleaners[0]
	if r := answerTo(t, h, byCleaner); !r.Allowed {
		t.Errorf("got %+v", r)
	}

	h = handlersOf(t, world(t), with(t, prod)).Validate()
	plain := "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"
	labelled := "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod}}}"
	if r := answerTo(t, h, update(t, plain, labelled)); r.Allowed || !strings.Contains(r.Result.Message, "Namespace shop is refused by guardrail prod:") {
		t.Errorf("got %+v", r)
	}
	if r := answerTo(t, h, update(t, labelled, plain)); !r.Allowed {
		t.Errorf("got %+v", r)
	}
}

func TestAGuardrailIsCheckedWhenItIsWritten(t *testing.T) {
	h := handlersOf(t, world(t), with(t)).Validate()
	good := rail(t, "g", "enforcement: Deny")
	broken := good.DeepCopy()
	cel := []any{map[string]any{"expression": "true &&\n nobody", "message": "m"}}
	if err := unstructured.SetNestedSlice(broken.Object, cel, "spec", "cel"); err != nil {
		t.Fatal(err)
	}
	if r := answerTo(t, h, ask{operation: "CREATE", object: good}); !r.Allowed {
		t.Errorf("got %+v", r.Result)
	}
	r := answerTo(t, h, ask{operation: "UPDATE", old: good, object: broken})
	if r.Allowed || r.Result.Code != http.StatusUnprocessableEntity || r.Result.Details.Causes[0].Field != "spec.cel[0].expression" || !strings.Contains(r.Result.Message, "line 2, column ") {
		t.Errorf("got %+v", r.Result)
	}
	// One that an older version let in can still be relabelled, switched off, mended.
	silent := broken.DeepCopy()
	if err := unstructured.SetNestedField(silent.Object, "Audit", "spec", "enforcement"); err != nil {
		t.Fatal(err)
	}
	if r := answerTo(t, h, ask{operation: "UPDATE", old: broken, object: silent}); !r.Allowed || !has(r.Warnings, "nobody") {
		t.Errorf("got %+v", r)
	}
	if r := answerTo(t, h, ask{operation: "UPDATE", old: broken, object: good}); !r.Allowed {
		t.Errorf("got %+v", r.Result)
	}
}

// slow is a rule that waits for the end of the context.
type slow struct{}

func (slow) Uses() guardrail.Variables { return guardrail.All }

func (slow) Check(ctx context.Context, _ guardrail.Input) ([]guardrail.Finding, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// slowFor is a rule that is slow about the routes of a namespace.
type slowFor string

func (slowFor) Uses() guardrail.Variables { return guardrail.All }

func (n slowFor) Check(ctx context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	if in["route"].(map[string]any)["namespace"] == string(n) {
		return slow{}.Check(ctx, in)
	}
	return nil, nil
}

func TestWhenTimeRunsOutTheAnswerSaysHowFarItGot(t *testing.T) {
	h := handlersOf(t, world(t), func(o *Options) {
		o.Deadline = 20 * time.Millisecond
		o.Guardrails = func() []*guardrail.Guardrail {
			return []*guardrail.Guardrail{{Name: "patient", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{slow{}}}}
		}
	})
	answer := post(h.Validate(), create(t, timeout("shop", onCart, tenS)).body(t))
	message := statusOf(t, answer).Message
	if answer.StatusCode != http.StatusServiceUnavailable || !strings.HasPrefix(message, "attache could not review TimeoutPolicy shop/p within 20ms: guardrail patient was being asked after 0 of 1 effective policy") {
		t.Errorf("HTTP %d: %s", answer.StatusCode, message)
	}
}

// blind is a slow rule that says what it reads.
type blind struct {
	slow
	uses guardrail.Variables
}

func (b blind) Uses() guardrail.Variables { return b.uses }

// The number of routes below the platform's policies does not keep it from writing them: what is
// not computed in time is evaluated before it is published, if it can be evaluated completely
// then.
func TestThePlatformIsNotHeldUpByWhatIsBelow(t *testing.T) {
	platform := world(t)
	for name, c := range map[string]struct {
		uses      guardrail.Variables
		namespace string
		admitted  bool
	}{
		"the platform": {guardrail.Effective, "infra", true},
		"the platform, and a rule that reads the user": {guardrail.Effective | guardrail.User, "infra", false},
		"a tenant": {guardrail.Effective, "shop", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := handlersOf(t, platform, func(o *Options) {
				o.Deadline, o.Version = 200*time.Millisecond, "v1.2.3"
				o.Guardrails = func() []*guardrail.Guardrail {
					return []*guardrail.Guardrail{{Name: "patient", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{blind{uses: c.uses}}}}
				}
			})
			target := map[string]string{"infra": "kind: Gateway, name: public, sectionName: https", "shop": onCart}[c.namespace]
			a := create(t, timeout(c.namespace, target, "default: {idle: 7s}"))
			if !c.admitted {
				if answer := post(h.Validate(), a.body(t)); answer.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("HTTP %d", answer.StatusCode)
				}
				return
			}
			if r := answerTo(t, h.Validate(), a); !r.Allowed || !has(r.Warnings, "the controller asks the guardrails before it publishes") {
				t.Errorf("got %+v", r)
			} else if audit := r.AuditAnnotations; !strings.HasPrefix(audit[AuditUnjudged], "guardrail patient was being asked after 1 of 2 effective policies, after ") || audit[AuditEngine] != "v1.2.3" || audit[AuditGuardrails] == "" {
				t.Errorf("the audit log says %q", audit)
			}
		})
	}
}
