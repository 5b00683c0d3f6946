package api

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/test/controlplane"
)

func guardrails() []manifest {
	is := func(name, spec string, refused ...string) manifest {
		return manifest{name: "guardrails: " + name, kind: guardrailKind, spec: spec, refused: refused}
	}
	const (
		one    = `{expression: has(effective.RateLimitPolicy), message: set a rate limit}`
		module = "rego: |\n  package guardrail\n  deny contains \"no\" if { false }\n"
	)
	match := func(name, value string, refused ...string) manifest {
		return is("match "+name, "match: {"+value+"}\ncel: ["+one+"]", refused...)
	}
	expression := func(name, value string, refused ...string) manifest {
		return is("expression "+name, "cel: [{"+value+"}]", refused...)
	}
	return []manifest{
		is("in CEL", "cel: ["+one+"]"),
		is("in Rego", module),
		is("in both languages", "cel: ["+one+"]\n"+module, "spec: ", "cel and rego are both set: keep one, and move the other into a guardrail of its own"),
		is("in no language", "enforcement: Warn", "spec: ", "the guardrail checks nothing: write cel (a list of expressions) or rego (a module)"),
		is("in CEL without expressions", "cel: []", "spec.cel: ", "cel is empty: list at least one expression with its message, or write rego"),
		is("in Rego without text", `rego: "  \n"`, "spec.rego: ", "rego is empty: write a module that defines deny or warn"),
		is("that warns", "enforcement: Warn\ncel: ["+one+"]"), is("that counts", "enforcement: Audit\n"+module),
		is("that does something else", "enforcement: Enforce\n"+module, `spec.enforcement: Unsupported value: "Enforce": supported values: "Deny", "Warn", "Audit"`),
		is("with an unknown field", "selector: {}\n"+module, "unknown field", "spec.selector"),
		is("with examples", "examples: [{name: empty, input: {}, allowed: false}, {name: full, input: {effective: {RateLimitPolicy: {requestsPerSecond: 5, more: [1, {a: null}]}}}, allowed: true}]\ncel: ["+one+"]"),
		is("with two examples of one name", "examples: [{name: a, input: {}, allowed: false}, {name: a, input: {}, allowed: true}]\n"+module,
			"spec.examples: ", "two examples have one name: give each its own"),
		is("with an example without a name", `examples: [{name: " ", input: {}, allowed: false}]`+"\n"+module, "spec.examples[0].name: ", "the name is empty: say what the example shows"),
		is("with an example without an answer", "examples: [{name: a, input: {}}]\n"+module, "spec.examples[0].allowed: Required value"),
		is("with an example whose input is text", "examples: [{name: a, input: x, allowed: true}]\n"+module, "spec.examples[0].input", "must be of type object"),

		match("everything", "policyKinds: [TimeoutPolicy, BackendTrafficPolicy.gateway.envoyproxy.io], routeKinds: [HTTPRoute, FooRoute.example.org], namespaceSelector: {matchLabels: {env: prod}}, routeSelector: {matchExpressions: [{key: a, operator: Exists}]}, gatewaySelector: {}, gatewayClassNames: [edge]"),
		match("no policy kinds", "policyKinds: []", "spec.match.policyKinds: ", "policyKinds is empty: list at least one kind such as TimeoutPolicy, or remove it to select all"),
		match("no route kinds", "routeKinds: []", "spec.match.routeKinds: ", "routeKinds is empty: list at least one kind such as HTTPRoute, or remove it to select all"),
		match("no classes", "gatewayClassNames: []", "gatewayClassNames is empty: list at least one name, or remove it to select all"),
		match("policy kind in lower case", "policyKinds: [timeoutpolicy]", "spec.match.policyKinds[0]", `"timeoutpolicy" is not how the kind is spelled: write TimeoutPolicy`),
		match("policy kind with our group", "policyKinds: [TimeoutPolicy.attache.dev]", `"TimeoutPolicy.attache.dev" names our own group: write TimeoutPolicy`),
		match("policy kind in plural", "policyKinds: [timeoutpolicies]", `"timeoutpolicies" is not a kind: write TimeoutPolicy for a kind of attache, and Kind.group`),
		match("route kind in lower case", "routeKinds: [HttpRoute]", "spec.match.routeKinds[0]", `"HttpRoute" is not how the kind is spelled: write HTTPRoute`),
		match("route kind with its group", "routeKinds: [HTTPRoute.gateway.networking.k8s.io]", `"HTTPRoute.gateway.networking.k8s.io" names the group of Gateway API: write HTTPRoute`),
		match("route kind in plural", "routeKinds: [httproutes]", `"httproutes" is not a kind of Route: write HTTPRoute for a kind of Gateway API`),

		expression("with a field", "expression: 'true', message: m, fieldPath: effective.TimeoutPolicy.request"),
		expression("with a field of another group", `expression: 'true', message: m, fieldPath: 'effective["ColourPolicy.example.com"].hue'`),
		expression("with a message of its own", "expression: 'true', messageExpression: string(route.name)"),
		expression("without a message", "expression: 'true'", "spec.cel[0]: ", "the expression has no message: write message and say what to do instead"),
		expression("with two messages", "expression: 'true', message: m, messageExpression: string(route.name)", "message and messageExpression are both set: keep one of them"),
		expression("of nothing", "expression: '', message: m", "spec.cel[0].expression: ", "the expression is empty: write one that is true when all is fine, such as has(effective.RateLimitPolicy)"),
		expression("with an empty message", "expression: 'true', message: ' '", "spec.cel[0].message: ", "message is empty: say what to do instead"),
		expression("with an empty message expression", "expression: 'true', messageExpression: ' '", "spec.cel[0].messageExpression: ", "messageExpression is empty"),
		expression("with a field elsewhere", "expression: 'true', message: m, fieldPath: .request",
			"spec.cel[0].fieldPath: ", `".request" is not a path in the input document: begin with one of its variables, such as effective.TimeoutPolicy.request`),
		expression("with a field of spec", "expression: 'true', message: m, fieldPath: spec.default.request", `"spec.default.request" is not a path in the input document`),
		expression("of ten thousand characters", "expression: '"+strings.Repeat("a", 10_000)+"', message: m", "spec.cel[0].expression: Too long: may not be more than 4096"),
	}
}

func TestServerShowsWhetherAGuardrailWorks(t *testing.T) {
	plane := controlplane.Shared(t)
	client := dynamic.NewForConfigOrDie(plane.Config).Resource(resources[guardrailKind])
	u := guardrails()[0].object(t, "", "sixty")
	stored, err := client.Create(t.Context(), u, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Delete(context.Background(), "sixty", metav1.DeleteOptions{}) })
	stored.Object["status"] = map[string]any{
		"observedGeneration": int64(1), "language": "CEL", "violations": int64(3), "conditions": []any{condition("Ready", "True")},
		"firstViolations": []any{map[string]any{"path": "HTTPRoute shop/checkout", "message": "m", "field": "effective.RateLimitPolicy", "since": "2026-01-01T00:00:00Z"}},
	}
	if _, err := client.UpdateStatus(t.Context(), stored, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationStrict}); err != nil {
		t.Fatal(err)
	}
	out, err := plane.Kubectl(t.Context(), "get", "policyguardrail", "sixty").CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != 2 {
		t.Fatalf("kubectl get: %v\n%s", err, out)
	}
	if got := fmt.Sprint(strings.Fields(lines[0])); got != "[NAME ENFORCEMENT LANGUAGE READY VIOLATIONS AGE]" {
		t.Errorf("columns are %s", got)
	}
	if got := fmt.Sprint(strings.Fields(lines[1])[:5]); got != "[sixty Deny CEL True 3]" {
		t.Errorf("row is %s", got)
	}
}
