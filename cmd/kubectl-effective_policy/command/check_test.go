package command

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/ci"
	"github.com/attache-dev/attache/policy/preview"
)

const fifteen = `apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: fifteen}
spec:
  cel:
  - expression: "!has(effective.TimeoutPolicy) || !has(effective.TimeoutPolicy.request) || duration(effective.TimeoutPolicy.request) <= duration('15s')"
    message: no request may take longer than 15s
    fieldPath: effective.TimeoutPolicy.request
`

// onShop checks a change of the example.
func onShop(t *testing.T, change string, args ...string) result {
	t.Helper()
	return run(t, change, append([]string{"check", "-f", "-", "--base", shop}, args...)...)
}

// report decodes what -o json prints.
func (r result) report(t *testing.T) preview.Report {
	t.Helper()
	var report preview.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v in %q, and on standard error: %s", err, r.out, r.errOut)
	}
	return report
}

func TestCheckSaysWhatGuardrailsSayAndWhere(t *testing.T) {
	r := onShop(t, edgeTimeouts+"---\n"+fifteen, "-o", "wide")
	r.wantFinding(t)
	want := "-:6  denied  guardrail fifteen: HTTPRoute payments/ledger rules[0] on platform/edge#https and 1 more route: " +
		"no request may take longer than 15s [effective.TimeoutPolicy.request is 20s, set by TimeoutPolicy platform/edge-timeouts " +
		"(override at Gateway platform/edge)]; to fix it, change spec.override.request of TimeoutPolicy platform/edge-timeouts\n" +
		"-:6  denied  guardrail fifteen: HTTPRoute shop/api-route rules[0] on platform/edge#https and 1 more route: " +
		"no request may take longer than 15s [effective.TimeoutPolicy.request is 20s, set by TimeoutPolicy platform/edge-timeouts " +
		"(override at Gateway platform/edge)]; the value that was there may stay, a new one must satisfy the guardrail; to fix it, change spec.override.request of TimeoutPolicy platform/edge-timeouts\n" +
		"-:8  note    PolicyGuardrail fifteen: 6 of 11 paths violate it now, first GRPCRoute payments/authorise rule authorise on platform/internal#http: " +
		"no request may take longer than 15s [effective.TimeoutPolicy.request is 45s, set by TimeoutPolicy platform/internal-timeouts (default at Gateway platform/internal)]\n" +
		"\n1 of 2 objects denied; 4 routes in 2 namespaces and 1 Gateway change\n"
	if diff := cmp.Diff(want, r.out); diff != "" || r.errOut != "" {
		t.Errorf("-want +got:\n%s%s", diff, r.errOut)
	}
}

func TestCheckAsJSON(t *testing.T) {
	r := onShop(t, edgeTimeouts+"---\n"+fifteen, "-o", "json")
	r.wantFinding(t)
	got := r.report(t)
	if len(got.Findings) != 3 {
		t.Fatalf("got %+v", got.Findings)
	}
	want := preview.Finding{
		Level: "denied", Rule: "guardrail/fifteen", Object: "TimeoutPolicy platform/edge-timeouts", Field: "spec.override.request",
		Message: "no request may take longer than 15s", File: "-", Document: 1, Line: 6,
		Guardrail: "fifteen", Path: "HTTPRoute payments/ledger rules[0] on platform/edge#https", Paths: 4, Routes: 2,
		FieldPath: "effective.TimeoutPolicy.request", Value: "20s", SetBy: "TimeoutPolicy platform/edge-timeouts (override at Gateway platform/edge)",
	}
	if diff := cmp.Diff(want, got.Findings[0], cmp.AllowUnexported(preview.Finding{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !got.Denied || got.Totals != (preview.Totals{Objects: 2, Denials: 2, Notes: 1}) || got.Changes.Routes != 4 {
		t.Errorf("got %+v", got)
	}
	if !strings.HasPrefix(got.Denial, "TimeoutPolicy platform/edge-timeouts is refused by guardrail fifteen:\n- HTTPRoute payments/ledger") {
		t.Errorf("the message of the refusal is %q", got.Denial)
	}
	if len(got.Warnings) != 0 {
		t.Errorf("what is refused changes nothing, and the warnings are %q", got.Warnings)
	}
}

func TestCheckOfAWholeWorld(t *testing.T) {
	r := run(t, fifteen, "check", "-f", "-", "-f", shop)
	r.wantFinding(t, "30-policies-platform.yaml:40  denied  guardrail fifteen", "31-policies-shop.yaml:25      denied", "31-policies-shop.yaml:56 ", "3 of 26 objects denied")
	r = run(t, strings.Replace(fifteen, "spec:", "spec:\n  enforcement: Warn", 1), "check", "-f", "-", "-f", shop)
	r.wantOutput(t, "warning  guardrail fifteen", "26 objects: allowed, 4 warnings")
	r = run(t, strings.Replace(fifteen, "spec:", "spec:\n  enforcement: Audit", 1), "check", "-f", "-", "-f", shop)
	r.wantOutput(t, "note  guardrail fifteen", "26 objects: allowed, 1 warning; 6 routes")
	run(t, "", "check", "-f", shop).wantOutput(t, "90s is limited to 60s by TimeoutPolicy platform/edge-timeouts", "25 objects: allowed, 1 warning; 6 routes in 2 namespaces and 2 Gateways change\n")
}

func TestCheckJudgesOnlyWhatIsNewOrWorse(t *testing.T) {
	base := write(t, fifteen)
	args := []string{"check", "-f", "-", "--base", shop, "--base", base}
	run(t, "", "check", "-f", shop, "--base", shop, "--base", base).wantOutput(t, "25 objects: allowed\n")
	run(t, edgeTimeouts, args...).wantFinding(t, "-:6  denied")
	run(t, strings.Replace(edgeTimeouts, "20s", "12s", 1), args...).wantOutput(t, "1 object: allowed; ")
	// What an edit's own guardrail of the same name says counts before.
	run(t, edgeTimeouts+"---\n"+strings.ReplaceAll(fifteen, "'15s'", "'20s'"), args...).wantOutput(t, "2 objects: allowed; ")
}

func TestCheckSaysNothingOfWhatIsThereAlready(t *testing.T) {
	second := strings.Replace(edgeTimeouts, "name: edge-timeouts", "name: second", 1)
	base := write(t, second)
	run(t, second, "check", "-f", "-", "--base", shop).wantOutput(t, "warning  TimeoutPolicy platform/second: spec.targetRef: TimeoutPolicy platform/edge-timeouts is older", "1 object: allowed, 1 warning")
	run(t, second, "check", "-f", "-", "--base", shop, "--base", base).wantOutput(t, "1 object: allowed\n")
	labelled := strings.Replace(second, "metadata: {", "metadata: {labels: {a: b}, ", 1)
	run(t, labelled, "check", "-f", "-", "--base", shop, "--base", base).wantOutput(t, "1 object: allowed, 1 warning")
}

func TestCheckOfADeletion(t *testing.T) {
	base := write(t, fifteen)
	named := "apiVersion: attache.dev/v1alpha1\nkind: TimeoutPolicy\nmetadata: {name: edge-timeouts, namespace: platform}\n"
	// What violated it before does not keep anything from being deleted.
	run(t, named, "check", "--delete", "-f", "-", "--base", shop, "--base", base).wantOutput(t, "allowed")
	sixty := write(t, strings.ReplaceAll(fifteen, "15s", "60s"))
	r := run(t, named, "check", "--delete", "-f", "-", "--base", shop, "--base", sixty)
	r.wantFinding(t, "-:1  denied  guardrail fifteen: HTTPRoute shop/checkout", "is 90s, set by TimeoutPolicy shop/checkout")
	guardrail := "apiVersion: attache.dev/v1alpha1\nkind: PolicyGuardrail\nmetadata: {name: fifteen}\n"
	run(t, named+"---\n"+guardrail, "check", "--delete", "-f", "-", "--base", shop, "--base", base).wantOutput(t, "allowed")
}

func TestCheckReportsWhatTheSchemaRefuses(t *testing.T) {
	bad := strings.Replace(edgeTimeouts, "20s", "1.5h", 1)
	foreign := "---\n" + strings.NewReplacer("name: edge-timeouts", "name: foreign", "name: edge}", "name: edge, namespace: payments}").Replace(edgeTimeouts)
	for _, format := range []string{"table", "json", "sarif", "junit"} {
		r := onShop(t, bad+foreign, "-o", format)
		r.wantFinding(t, "spec.override.request", "write 1h30m", "spec.targetRef", "no ReferenceGrant in namespace")
	}
	r := onShop(t, bad+foreign)
	r.wantFinding(t, "-:6   denied   TimeoutPolicy platform/edge-timeouts: ", "-:12  warning  TimeoutPolicy platform/foreign: ", "1 of 2 objects denied, 1 warning")
	onShop(t, bad+"---\nkind: [").wantFailure(t, "document 2", "is not YAML")
	onShop(t, strings.Replace(edgeTimeouts, "TimeoutPolicy", "TimoutPolicy", 1)).wantFailure(t, "did you mean TimeoutPolicy?")
}

func TestCheckOfGuardrails(t *testing.T) {
	bad := strings.Replace(fifteen, "!has", "hass", 1) + `---
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: rego}
spec:
  rego: |
    package guardrail
    deny contains "x" if inptu.route
---
` + strings.Replace(fifteen, "name: fifteen", "name: examples", 1) + `  examples:
  - name: half a minute
    input: {effective: {TimeoutPolicy: {request: 30s}}}
    allowed: true
`
	r := onShop(t, bad)
	r.wantFinding(t, "-:6   denied  PolicyGuardrail fifteen: spec.cel[0].expression: line 1, column 5: there is no function hass",
		"-:16  denied  PolicyGuardrail rego: spec.rego: line 2, ", `denied  PolicyGuardrail examples: spec.examples[0].allowed: example "half a minute" should be allowed, and is denied`)
	broken := strings.Replace(fifteen, "!has", "hass", 1)
	run(t, broken, "check", "-f", "-", "--base", write(t, broken)).wantOutput(t, "-:6  warning  PolicyGuardrail fifteen", "allowed")
	r = run(t, edgeTimeouts, "check", "-f", "-", "--base", shop, "--base", write(t, strings.Replace(fifteen, "!has", "hass", 1)))
	r.wantOutput(t, "note  PolicyGuardrail fifteen: checks nothing, because it does not compile: spec.cel[0].expression")
}

const onlyPlatform = `apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: only-platform}
spec:
  rego: |
    package guardrail
    deny contains "only platform writes overrides" if {
      input.object.spec.override
      not "platform" in input.user.groups
    }
    deny contains "nobody deletes" if input.operation == "DELETE"
`

func TestRulesThatReadTheObjectAreAskedAboutEach(t *testing.T) {
	other := "---\n" + strings.NewReplacer("name: edge-timeouts", "name: internal-timeouts", "name: edge}", "name: internal}", "override", "default").Replace(edgeTimeouts)
	base := write(t, onlyPlatform)
	args := []string{"check", "-f", "-", "--base", shop, "--base", base}
	run(t, edgeTimeouts+other, args...).wantOutput(t, "note  PolicyGuardrail only-platform: not checked, because it depends on who makes the change")
	run(t, edgeTimeouts+other, append(args, "--as", "jane", "--as-group", "shop")...).wantFinding(t, "guardrail only-platform: ", "only platform writes overrides", "1 of 2 objects denied")
	run(t, edgeTimeouts+other, append(args, "--as", "jane", "--as-group", "platform")...).wantOutput(t, "2 objects: allowed; ")
	run(t, other, append(args, "--as", "jane", "--as-group", "shop")...).wantOutput(t, "1 object: allowed; ")
	run(t, edgeTimeouts+other, append(args, "--delete", "--as", "jane")...).wantFinding(t, "nobody deletes")
}

func TestAViolationStandsWhereItsReasonIs(t *testing.T) {
	limited := `apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: limited}
spec:
  match: {namespaceSelector: {matchLabels: {exposed: "true"}}}
  cel: [{expression: "has(effective.RateLimitPolicy)", message: a rate limit is needed}]
`
	world := write(t, limited+`---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}
`)
	route := `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop}
spec:
  parentRefs: [{name: public, namespace: infra}]
  rules:
  - name: cart
  - name: pay
`
	exposed := "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {exposed: \"true\"}\n"
	run(t, exposed+"---\n"+route, "check", "-f", "-", "--base", world).wantFinding(t, "-:13  denied  guardrail limited: HTTPRoute shop/checkout rule cart on infra/public#http")
	run(t, exposed, "check", "-f", "-", "--base", world, "--base", write(t, route)).wantFinding(t, "-:1  denied  guardrail limited: HTTPRoute shop/checkout rule cart")
}

func TestWarningsStandAtTheirFields(t *testing.T) {
	gone := strings.Replace(edgeTimeouts, "name: edge}", "name: gone}", 1)
	r := onShop(t, gone)
	r.wantOutput(t, "-:5  warning  TimeoutPolicy platform/edge-timeouts: spec.targetRef: Gateway platform/gone does not exist\n", "allowed, 1 warning")
}

func TestJUnit(t *testing.T) {
	change := edgeTimeouts + "---\n" + strings.NewReplacer("name: edge-timeouts", "name: gone", "name: edge}", "name: gone}").Replace(edgeTimeouts) + "---\n" + fifteen
	r := onShop(t, change, "-o", "junit")
	r.wantFinding(t)
	var suites ci.JUnitSuites
	if err := xml.Unmarshal([]byte(r.out), &suites); err != nil {
		t.Fatal(err)
	}
	if suites.Tests != 3 || suites.Failures != 1 || len(suites.Suites) != 1 || suites.Suites[0].Tests != 3 || suites.Suites[0].Failures != 1 || suites.Suites[0].Name != "-" {
		t.Fatalf("got %+v", suites)
	}
	cases := suites.Suites[0].Cases
	if f := cases[0].Failure; f == nil || f.Type != "guardrail/fifteen" || !strings.Contains(f.Message, "no request may take longer than 15s") || !strings.HasPrefix(f.Text, "-:6: denied: ") {
		t.Errorf("the failure is %+v", f)
	}
	if cases[1].Failure != nil || !strings.Contains(cases[1].Out, "-:12: warning: TimeoutPolicy platform/gone: spec.targetRef: Gateway platform/gone does not exist") {
		t.Errorf("the case with a warning is %+v", cases[1])
	}
	if cases[2].Name != "PolicyGuardrail fifteen" || cases[2].Line != 15 {
		t.Errorf("the last case is %+v", cases[2])
	}
	if !strings.HasPrefix(r.out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites ") {
		t.Errorf("it begins with %q", r.out[:80])
	}
}

func TestCheckThatCanNotBeMade(t *testing.T) {
	run(t, "", "check").wantFailure(t, "no manifests given: use -f FILE")
	run(t, edgeTimeouts, "check", "-f", "-", "-o", "dot").wantFailure(t, "write one of table, wide, json, sarif, junit")
	run(t, edgeTimeouts, "check", "-f", "-", "--base", shop, "--cluster").wantFailure(t, "base", "cluster")
	run(t, edgeTimeouts, "check", "-f", "-", "--cluster", "--server", "https://127.0.0.1:1").wantFailure(t, "127.0.0.1:1")
}
