package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ownKind = "../../../examples/policy-kind"

// TestScaffoldPrintsTheExample compares the example with what the command prints, and runs "check"
// on that.
func TestScaffoldPrintsTheExample(t *testing.T) {
	want, err := os.ReadFile(filepath.Join(ownKind, "kind.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, "", "kinds", "scaffold", "CircuitBreakerPolicy.example.com", "--field", "maxConnections=integer", "--field", "maxPending=integer", "--field", "ejectionTime=duration")
	if r.code != exitFine || r.out != string(want) {
		t.Errorf("exit code %d; examples/policy-kind/kind.yaml is not what is printed:\n%s%s", r.code, r.out, r.errOut)
	}
	run(t, "", "check", "-f", shop, "-f", ownKind).wantOutput(t, "29 objects: allowed, 2 warnings; ")
	run(t, "", "check", "-f", filepath.Join(ownKind, "policies.yaml"), "--base", shop, "--base", filepath.Join(ownKind, "kind.yaml")).
		wantOutput(t, "spec.default.maxConnections: 5000 is limited to 2000 by CircuitBreakerPolicy platform/edge", "2 objects: allowed, 1 warning")
}

// TestAScaffoldOfEveryTypeIsAPolicyKind uses every type, with and without bounds.
func TestAScaffoldOfEveryTypeIsAPolicyKind(t *testing.T) {
	kind := run(t, "", "kinds", "scaffold", "WidgetPolicy.example.com", "--plural", "widgets",
		"--field", "active=boolean", "--field", "wait=duration", "--field", "count=integer", "--field", "rate=quantity", "--field", "colour=text").out
	policies := `---
apiVersion: example.com/v1alpha1
kind: WidgetPolicy
metadata: {name: above, namespace: platform}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: edge}
  default: {active: true, wait: 5s, count: 3, rate: 1k, colour: red}
  bounds: {wait: {max: 3s}, count: {max: 2}, rate: {max: 500}, colour: {oneOf: [red, blue]}}
`
	run(t, kind+policies, "explain", "httproute/storefront", "-n", "shop", "--policy", "WidgetPolicy", "-f", "-", "-f", shop).
		wantOutput(t, "active: true default", "stated 5s limited by bounds of platform/above", "count: 2", "rate: 500", "colour: red", "default of Gateway platform/edge, platform/above")
	refused := strings.NewReplacer("wait: 5s", "wait: five", "count: 3", "count: -1").Replace(policies)
	run(t, kind+refused, "check", "-f", "-", "-f", shop).wantFinding(t, "spec.default.wait", "spec.default.count", "1 of 28 objects denied")
	run(t, kind+strings.Replace(policies, "  default: {active: true, wait: 5s, count: 3, rate: 1k, colour: red}\n  bounds", "  strategy: Patch\n#", 1), "check", "-f", "-", "-f", shop).
		wantFinding(t, "the policy states nothing")
}

func TestScaffoldsThatCannotBe(t *testing.T) {
	for text, args := range map[string][]string{
		"write Kind.group":           {"Widget", "--field", "a=text"},
		"is not a kind of a group":   {"widget.example.com", "--field", "a=text"},
		"group attache.dev is not":   {"WidgetPolicy.attache.dev", "--field", "a=text"},
		"group policy.k8s.io is":     {"WidgetPolicy.policy.k8s.io", "--field", "a=text"},
		"a policy kind has fields":   {"WidgetPolicy.example.com"},
		"write one of the types":     {"WidgetPolicy.example.com", "--field", "a=float"},
		"YAML reads on as a boolean": {"WidgetPolicy.example.com", "--field", "on=boolean"},
		"is there twice":             {"WidgetPolicy.example.com", "--field", "a=text", "--field", "a=text"},
		"is not a field":             {"WidgetPolicy.example.com", "--field", "A b=text"},
		"name the kind, such as":     {},
		`did you mean "scaffold"?`:   {},
	} {
		line := append([]string{"kinds", "scaffold"}, args...)
		if strings.HasPrefix(text, "did") {
			line = []string{"kinds", "scafold"}
		}
		run(t, "", line...).wantFailure(t, text)
	}
}
