package command

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/ci"
)

const exampleGuardrails = "../../../examples/guardrails"

// folder writes files into a folder: name, text, name, text…
func folder(t *testing.T, pairs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, pairs[i]), []byte(pairs[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const suiteHead = `apiVersion: attache.dev/v1alpha1
kind: GuardrailSuite
metadata: {name: fifteen seconds}
guardrails: [fifteen.yaml]
cases:
`

func TestTheSuiteOfTheExamplesPasses(t *testing.T) {
	r := run(t, "", "test", exampleGuardrails+"/tests", "-o", "json")
	r.wantOutput(t)
	var report testReport
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatal(err)
	}
	own := 0
	for _, c := range report.Cases {
		if c.Suite == "guardrails on edits" {
			own++
		}
	}
	if own < 7 || report.Totals.Failed > 0 || report.Totals.Covered != report.Totals.Rules || report.Totals.Rules != 6 {
		t.Errorf("%d own cases, totals %+v", own, report.Totals)
	}
	run(t, "", "test", exampleGuardrails).wantOutput(t, "ok  change-few-namespaces ", "14 of 14 rules objected to something")
}

func TestCasesThatFail(t *testing.T) {
	suite := suiteHead + `- name: too long
  input: {effective: {TimeoutPolicy: {request: 20s}}}
  allowed: true
- name: short enough
  input: {effective: {TimeoutPolicy: {request: 10s}}}
  allowed: false
- name: other words
  input: {effective: {TimeoutPolicy: {request: 20s}}}
  allowed: false
  message: at most a minute
- name: no such variable
  input: {efective: {}}
  allowed: true
- name: no duration
  input: {effective: {TimeoutPolicy: {request: soon}}}
  allowed: false
- name: an edit
  edit: {apply: [edge.yaml]}
  allowed: false
- name: what passes
  input: {effective: {TimeoutPolicy: {request: 20s}}}
  allowed: false
  message: no request may take longer than 15s
`
	dir := folder(t, "suite.yaml", suite, "fifteen.yaml", fifteen, "edge.yaml", edgeTimeouts)
	r := run(t, "", "test", dir)
	r.wantFinding(t,
		"FAIL  fifteen seconds  7 cases  "+dir+"/suite.yaml\n",
		"      "+dir+"/suite.yaml:6: too long: should be allowed, and is denied: no request may take longer than 15s\n",
		"suite.yaml:9: short enough: should be denied, and nothing objects to it\n",
		`suite.yaml:12: other words: should say "at most a minute", and says: no request may take longer than 15s`,
		"suite.yaml:16: no such variable: cannot be decided: the input document has no efective; it has effective, origins",
		"suite.yaml:19: no duration: cannot be decided: guardrail fifteen: ",
		"suite.yaml:22: an edit: should be denied, and nothing objects to it\n",
		"\n7 cases: 6 failed; 1 of 1 rule objected to something\n")
	if strings.Contains(r.out, "what passes") {
		t.Errorf("a case that passes is listed:\n%s", r.out)
	}
	r = run(t, "", "test", dir, "-o", "junit")
	r.wantFinding(t)
	var suites ci.JUnitSuites
	if err := xml.Unmarshal([]byte(r.out), &suites); err != nil {
		t.Fatal(err)
	}
	if suites.Tests != 7 || suites.Failures != 6 || len(suites.Suites) != 1 || suites.Suites[0].Name != "fifteen seconds" {
		t.Fatalf("got %+v", suites)
	}
	if c := suites.Suites[0].Cases[0]; c.Name != "too long" || c.Line != 6 || c.Failure == nil || c.Failure.Type != "case" {
		t.Errorf("got %+v", c)
	}
}

func TestCasesOfEdits(t *testing.T) {
	suite := suiteHead + `- name: worse
  manifests: [world]
  edit: {apply: [edge.yaml]}
  allowed: false
  message: "effective.TimeoutPolicy.request is 20s, set by TimeoutPolicy platform/edge-timeouts"
- name: refused by the schema
  manifests: [world]
  edit:
    apply:
    - apiVersion: attache.dev/v1alpha1
      kind: TimeoutPolicy
      metadata: {name: edge-timeouts, namespace: platform}
      spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: edge}, default: {request: 1.5h}}
  allowed: false
  message: write 1h30m
- name: removed
  manifests: [world]
  edit:
    delete:
    - {apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: edge-timeouts, namespace: platform}}
  allowed: true # what violated it before does not keep anything from being deleted
`
	absolute, err := filepath.Abs(shop)
	if err != nil {
		t.Fatal(err)
	}
	suite = strings.ReplaceAll(suite, "[world]", "["+absolute+"]")
	dir := folder(t, "suite.yaml", suite, "fifteen.yaml", fifteen, "edge.yaml", edgeTimeouts)
	run(t, "", "test", dir+"/suite.yaml").wantOutput(t, "ok  fifteen seconds  3 cases ", "3 cases: all passed; 1 of 1 rule objected to something\n")
}

func TestUsersOfCases(t *testing.T) {
	suite := strings.Replace(suiteHead, "fifteen.yaml", "only.yaml", 1) + `- name: a team
  manifests: [` + "WORLD" + `]
  edit: {apply: [edge.yaml]}
  user: {username: jane, groups: [shop]}
  allowed: false
  message: only platform writes overrides
- name: platform
  manifests: [` + "WORLD" + `]
  edit: {apply: [edge.yaml]}
  user: {username: jo, groups: [platform]}
  allowed: true
`
	absolute, err := filepath.Abs(shop)
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, "suite.yaml", strings.ReplaceAll(suite, "WORLD", absolute), "only.yaml", onlyPlatform, "edge.yaml", edgeTimeouts)
	run(t, "", "test", dir).wantOutput(t, "2 cases: all passed")
}

func TestGuardrailsThatFailTheirTests(t *testing.T) {
	dir := folder(t, "broken.yaml", strings.Replace(fifteen, "!has", "hass", 1), "example.yaml", strings.Replace(fifteen, "name: fifteen", "name: sixteen", 1)+`  examples:
  - {name: half a minute, input: {effective: {TimeoutPolicy: {request: 30s}}}, allowed: true}
  - {name: nothing, input: {effective: {}}, allowed: true}
`, "mistyped.yaml", strings.NewReplacer("name: fifteen", "name: seventeen", "fieldPath", "fieldpath").Replace(fifteen))
	run(t, "", "test", dir).wantFinding(t,
		"broken.yaml:6: compiles: spec.cel[0].expression", "there is no function hass",
		`example.yaml:10: half a minute: example "half a minute" should be allowed, and is denied`,
		"FAIL  sixteen    2 cases",
		"mistyped.yaml:8: compiles: spec.cel[0].fieldpath",
		"4 cases: 3 failed; 1 of 3 rules")
}

func TestRulesThatNothingMadeObjectAreListed(t *testing.T) {
	suite := strings.Replace(suiteHead, "[fifteen.yaml]", `
- fifteen.yaml
- apiVersion: attache.dev/v1alpha1
  kind: PolicyGuardrail
  metadata: {name: never}
  spec: {cel: [{expression: "true", message: never}, {expression: "effective != null", message: always}]}`, 1) + `- name: fine
  input: {effective: {}}
  allowed: true
- name: nothing
  input: {route: {name: x}}
  allowed: false
`
	dir := folder(t, "suite.yaml", strings.Replace(suite, "[fifteen.yaml]", "", 1), "fifteen.yaml", strings.Replace(fifteen, "!has(effective.TimeoutPolicy)", "effective == null || !has(effective.TimeoutPolicy)", 1))
	r := run(t, "", "test", dir+"/suite.yaml")
	r.wantOutput(t, "no case made these rules object:\n", "fifteen.yaml:6  fifteen, cel[0]\n", "suite.yaml:6    never, cel[0]\n", "1 of 3 rules objected to something")
	if strings.Contains(r.out, "never, cel[1]") {
		t.Errorf("a rule that objected is listed:\n%s", r.out)
	}
}

func TestSuitesThatCanNotBeRun(t *testing.T) {
	fine := "- {name: a, input: {}, allowed: true}\n"
	for want, suite := range map[string]string{
		`:6: document 1: GuardrailSuite: unknown field "cases[0].alowed"`: suiteHead + "- {name: a, input: {}, alowed: true, allowed: true}\n",
		`cases[0] "a": the case expects nothing`:                          suiteHead + "- {name: a, input: {}}\n",
		`cases[0] "": the case has no name`:                               suiteHead + "- {input: {}, allowed: true}\n",
		`cases[0] "a": write exactly one of input`:                        suiteHead + "- {name: a, allowed: true}\n",
		`cases[0] "a": an input is all that its rules see`:                suiteHead + "- {name: a, input: {}, manifests: [x.yaml], allowed: true}\n",
		`cases[0] "a": write exactly one of edit.apply and edit.delete`:   suiteHead + "- {name: a, edit: {}, allowed: true}\n",
		`:4: document 1: GuardrailSuite: guardrails is empty`:             strings.Replace(suiteHead, "[fifteen.yaml]", "[]", 1) + fine,
		`gone.yaml: no such file`:                                         strings.Replace(suiteHead, "fifteen.yaml", "gone.yaml", 1) + fine,
		`:6: document 1: GuardrailSuite: cases[0] "a": `:                  suiteHead + "- {name: a, edit: {apply: [gone.yaml]}, allowed: true}\n",
		`TimeoutPolicy platform/edge-timeouts is no PolicyGuardrail`:      strings.Replace(suiteHead, "fifteen.yaml", "edge.yaml", 1) + fine,
		`there are two guardrails called fifteen`:                         strings.Replace(suiteHead, "fifteen.yaml", "fifteen.yaml, other.yaml", 1) + fine,
		`write a path as text, or an object`:                              strings.Replace(suiteHead, "fifteen.yaml", "3", 1) + fine,
	} {
		dir := folder(t, "suite.yaml", suite, "fifteen.yaml", fifteen, "other.yaml", fifteen, "edge.yaml", edgeTimeouts)
		run(t, "", "test", dir).wantFailure(t, want)
	}
	run(t, "", "test").wantFailure(t, "say which files to test")
	run(t, "", "test", shop).wantFailure(t, "there is nothing to test")
	run(t, "", "test", "nothing-here").wantFailure(t, "no such file")
	run(t, "", "test", exampleGuardrails, "-o", "sarif").wantFailure(t, "write one of table, json, junit")
	run(t, fifteen, "test", "-").wantOutput(t, "0 of 1 rule objected")
}
