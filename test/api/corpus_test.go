package api

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// A manifest is one object and what must become of it.
type manifest struct {
	name string
	kind string
	spec string
	// refused are parts of the message, which must all be in it; none means that
	// the object must be accepted.
	refused []string
}

const (
	route         = "targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: api-route}\n"
	timeout       = "TimeoutPolicy"
	retry         = "RetryPolicy"
	rate          = "RateLimitPolicy"
	guardrailKind = "PolicyGuardrail"
)

func (m manifest) object(t *testing.T, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	metadata := "{name: " + name + ", namespace: " + namespace + "}"
	if m.kind == guardrailKind {
		metadata = "{name: " + name + "}"
	}
	text := "apiVersion: attache.dev/v1alpha1\nkind: " + m.kind + "\nmetadata: " + metadata + "\nspec:\n"
	for line := range strings.Lines(m.spec) {
		text += "  " + line
	}
	json, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("the manifest is not YAML: %v", err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(json); err != nil {
		t.Fatal(err)
	}
	return u
}

func corpus() []manifest {
	var all []manifest
	for _, part := range [][]manifest{manifestsOfTheTask(), targets(), wholePolicies(), durations(), timeouts(), retries(), rates(), bounds(), selectors(), limits(), choices(), guardrails()} {
		all = append(all, part...)
	}
	return all
}

func manifestsOfTheTask() []manifest {
	return []manifest{
		{name: "rate limit of the task", kind: rate, spec: route + "default: {requestsPerSecond: 100}\noverride: {requestsPerSecond: 1000}"},
		{name: "timeouts of the task", kind: timeout, spec: route + "default: {request: 30s, backend: 10s}"},
		{name: "retries of the task", kind: retry, spec: route + `default: {maxRetries: 3, backoffPolicy: exponential, retryOn: ["5xx", "gateway-error"]}`},
	}
}

func targets() []manifest {
	one := func(name, ref string, refused ...string) manifest {
		return manifest{name: "target " + name, kind: timeout, spec: "targetRef: {" + ref + "}\ndefault: {request: 30s}", refused: refused}
	}
	many := func(name, refs string, refused ...string) manifest {
		return manifest{name: "targets " + name, kind: timeout, spec: "targetRefs: [" + refs + "]\ndefault: {request: 30s}", refused: refused}
	}
	const a = "{group: gateway.networking.k8s.io, kind: Gateway, name: a}"
	seventeen := ""
	for i := range 17 {
		seventeen += "{group: g.example, kind: Gateway, name: n" + string(rune('a'+i)) + "},"
	}
	return []manifest{
		one("GatewayClass", "group: gateway.networking.k8s.io, kind: GatewayClass, name: edge"),
		one("listener", "group: gateway.networking.k8s.io, kind: Gateway, name: public, sectionName: https"),
		one("of a ListenerSet in another namespace", "group: gateway.networking.k8s.io, kind: ListenerSet, name: l, namespace: infra, sectionName: a.b-c"),
		one("of a Route kind of one's own", "group: example.org, kind: FooRoute, name: foo, sectionName: rule"),
		one("in the core group", `group: "", kind: Service, name: s`),
		one("group with a version", "group: gateway.networking.k8s.io/v1, kind: HTTPRoute, name: a",
			`spec.targetRef.group`, `"gateway.networking.k8s.io/v1" carries a version: write group: gateway.networking.k8s.io`),
		one("group in upper case", "group: Gateway.Networking, kind: HTTPRoute, name: a",
			`"Gateway.Networking" is not an API group: write lower-case words with dots between them`),
		one("kind in plural", "group: gateway.networking.k8s.io, kind: http/routes, name: a",
			`"http/routes" is not a kind: write one word of letters and digits, such as HTTPRoute`),
		one("kind in lower case", "group: gateway.networking.k8s.io, kind: httproute, name: a",
			"spec.targetRef.kind", `"httproute" is not how the kind is spelled: write HTTPRoute`),
		one("kind of another group in lower case", "group: example.org, kind: httproute, name: a"),
		one("without a name", `group: gateway.networking.k8s.io, kind: HTTPRoute, name: ""`,
			"spec.targetRef.name", "name is empty: write the name of the target object"),
		one("with no name at all", "group: gateway.networking.k8s.io, kind: HTTPRoute", "spec.targetRef.name: Required value"),
		one("namespace in upper case", "group: gateway.networking.k8s.io, kind: HTTPRoute, name: a, namespace: Shop",
			`"Shop" is not the name of a namespace: write lower-case letters, digits and dashes, or remove the field`),
		one("unnamed rule", `group: gateway.networking.k8s.io, kind: HTTPRoute, name: a, sectionName: "rules[2]"`,
			`"rules[2]" is not the name of a listener or a rule`, "give a rule without a name its own name first"),
		one("section of a GatewayClass", "group: gateway.networking.k8s.io, kind: GatewayClass, name: a, sectionName: x",
			"spec.targetRef.sectionName", "a GatewayClass has no sections: remove sectionName"),
		one("namespace of a GatewayClass", "group: gateway.networking.k8s.io, kind: GatewayClass, name: a, namespace: x",
			"spec.targetRef.namespace", "a GatewayClass is in no namespace: remove namespace"),
		one("unknown field", "group: gateway.networking.k8s.io, kind: HTTPRoute, name: a, section: x", `unknown field`, `spec.targetRef.section`),
		many("two", a+", {group: gateway.networking.k8s.io, kind: Gateway, name: a, sectionName: s}, {group: gateway.networking.k8s.io, kind: Gateway, name: a, namespace: infra}"),
		many("none", "", "spec.targetRefs", "targetRefs is empty: list 1 to 16 targets, or write targetRef"),
		many("twice the same", a+","+a, "targetRefs names a target twice: keep one of the two"),
		many("seventeen", seventeen, "spec.targetRefs: Too many: 17: must have at most 16 items"),
		{name: "both targetRef and targetRefs", kind: rate, spec: route + "targetRefs: [" + a + "]\ndefault: {burst: 1}",
			refused: []string{"targetRef and targetRefs are both set: write one of them"}},
		{name: "no target", kind: retry, spec: "default: {maxRetries: 1}",
			refused: []string{"the policy names no target: write targetRef (one target), targetRefs (a list of 1 to 16 targets) or targetSelectors (targets by label)"}},
	}
}

func wholePolicies() []manifest {
	var out []manifest
	for kind, value := range map[string]string{timeout: "request: 1s", retry: "maxRetries: 1", rate: "requestsPerSecond: 1"} {
		out = append(out,
			manifest{name: kind + " that says nothing", kind: kind, spec: route,
				refused: []string{"the policy says nothing: write at least one of default, override and bounds"}},
			manifest{name: kind + " with an empty default", kind: kind, spec: route + "default: {}",
				refused: []string{"spec.default: ", "default is empty: set at least one of its fields (", "or remove default"}},
			manifest{name: kind + " with an empty override", kind: kind, spec: route + "override: {}",
				refused: []string{"spec.override: ", "override is empty: set at least one of its fields (", "or remove override"}},
			manifest{name: kind + " with empty bounds", kind: kind, spec: route + "bounds: {}",
				refused: []string{"spec.bounds: ", "bounds is empty: set at least one of its fields (", "or remove bounds"}},
			manifest{name: kind + " with strategy Atomic", kind: kind, spec: route + "strategy: Atomic\noverride: {" + value + "}"},
			manifest{name: kind + " with strategy Patch", kind: kind, spec: route + "strategy: Patch\noverride: {" + value + "}"},
			manifest{name: kind + " with an unknown strategy", kind: kind, spec: route + "strategy: Merge\noverride: {" + value + "}",
				refused: []string{`spec.strategy: Unsupported value: "Merge": supported values: "Patch", "Atomic"`}},
			manifest{name: kind + " with a misspelled block", kind: kind, spec: route + "defaults: {" + value + "}\noverride: {" + value + "}",
				refused: []string{"unknown field", "spec.defaults"}},
		)
	}
	return out
}

func durations() []manifest {
	is := func(value string, refused ...string) manifest {
		return manifest{name: "duration " + value, kind: timeout, spec: route + "default: {idle: " + value + "}", refused: refused}
	}
	const form = "write at most four whole numbers, each with its unit h, m, s or ms, such as 30s, 1m30s or 250ms"
	not := func(value, write string) manifest {
		return is(value, "spec.default.idle", " is not a GEP-2257 duration: write "+write)
	}
	return []manifest{
		is("0h"), is("0s"), is("0h0m0s"), is("150m"), is("7230s"), is("10s30m1h"), is("100ms200ms300ms"), is("1h2h20m10m"), is("00060m"), is("99999h59m59s999ms"),
		not(`"1.5h"`, "1h30m"), not(`"0.25s"`, "250ms"), not(`"1h0.5m"`, "1h30s"), not(`"0.0s"`, "0s"),
		not(`"30"`, "30s"), not(`"1d"`, "24h"),
		is(`"1h30m10s20ms50h"`, form[6:]), is(`"999999h"`, form[6:]), is(`"-15m"`, form[6:]), is(`""`, form[6:]), is(`"1m1"`, form[6:]),
		is(`"100us"`, form[6:]), is(`"0.5ms"`, form[6:]), is(`"5 min"`, form[6:]),
		is("30", "spec.default.idle", "must be of type string"),
	}
}

func timeouts() []manifest {
	is := func(name, value string, refused ...string) manifest {
		return manifest{name: "timeouts: " + name, kind: timeout, spec: route + "override: {" + value + "}", refused: refused}
	}
	return []manifest{
		is("all four", "request: 30s, backend: 10s, connect: 500ms, idle: 1h"),
		is("backend as long as request", "request: 1m, backend: 60s"),
		is("backend with request off", "request: 0s, backend: 10s"),
		is("backend off", "request: 5s, backend: 0s"),
		is("backend longer than request", "request: 5s, backend: 10s",
			"spec.override: ", "backend 10s is longer than request 5s: write backend: 5s or less, or request: 0s to switch the request timeout off"),
		is("backend longer than request in other units", "request: 1m, backend: 1m1ms", "backend 1m1ms is longer than request 1m"),
		is("of a wrong name", "request: 5s, response: 1s", "unknown field", "spec.override.response"),
	}
}

func retries() []manifest {
	is := func(name, value string, refused ...string) manifest {
		return manifest{name: "retries: " + name, kind: retry, spec: route + "default: {" + value + "}", refused: refused}
	}
	out := []manifest{
		is("everything", `maxRetries: 100, retryOn: ["5xx"], backoffPolicy: constant, backoffBase: 25ms, backoffMax: 1s, perTryTimeout: 2s`),
		is("off", "maxRetries: 0"),
		is("off, with reasons and a timeout", `maxRetries: 0, retryOn: ["5xx"], perTryTimeout: 1s`),
		is("off, with a backoff policy", "maxRetries: 0, backoffPolicy: exponential",
			"spec.default: ", "default sets maxRetries: 0", "remove backoffPolicy, backoffBase and backoffMax, or write maxRetries: 1 or more"),
		is("off, with a base", "maxRetries: 0, backoffBase: 1s", "remove backoffPolicy, backoffBase and backoffMax"),
		is("off, with a maximum", "maxRetries: 0, backoffMax: 1s", "remove backoffPolicy, backoffBase and backoffMax"),
		is("fewer than none", "maxRetries: -1", "spec.default.maxRetries", "greater than or equal to 0"),
		is("too many", "maxRetries: 101", "spec.default.maxRetries", "less than or equal to 100"),
		is("base as long as maximum", "backoffBase: 1000ms, backoffMax: 1s"),
		is("base longer than maximum", "backoffBase: 2s, backoffMax: 1s", "spec.default: ", "backoffBase 2s is longer than backoffMax 1s: write backoffMax: 2s or more"),
		is("unknown backoff policy", "backoffPolicy: linear", `spec.default.backoffPolicy: Unsupported value: "linear": supported values: "exponential", "constant"`),
		is("base that is no duration", `backoffBase: "0.5s", backoffMax: 1s`, `"0.5s" is not a GEP-2257 duration: write 500ms`),
		is("no reasons", "retryOn: []", "retryOn is empty: list at least one reason such as 5xx, or remove it; to switch retries off write maxRetries: 0"),
		is("a reason twice", `retryOn: ["5xx", reset, "5xx"]`, "spec.default.retryOn", "retryOn lists 5xx more than once: keep one"),
		is("success as a reason", `retryOn: ["200"]`, "spec.default.retryOn[0]", `"200" is not a reason to retry: write a status code from "400" to "599" or one of 5xx, gateway-error`),
		is("a reason in upper case", `retryOn: ["5XX"]`, `"5XX" is not a reason to retry: write 5xx`),
		is("a reason with underscores", `retryOn: [DEADLINE_EXCEEDED]`, `"DEADLINE_EXCEEDED" is not a reason to retry: write deadline-exceeded`),
		is("a status code without quotes", `retryOn: [503]`, "spec.default.retryOn[0]", "must be of type string"),
	}
	for _, reason := range []string{"5xx", "gateway-error", "connect-failure", "reset", "refused-stream", "retriable-4xx", "400", "599",
		"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"} {
		out = append(out, is("on "+reason, `retryOn: ["`+reason+`"]`))
	}
	return out
}

func rates() []manifest {
	is := func(name, value string, refused ...string) manifest {
		return manifest{name: "rates: " + name, kind: rate, spec: route + "default: {" + value + "}", refused: refused}
	}
	return []manifest{
		is("everything", `requestsPerSecond: 100, burst: 20, key: ClientIP, counter: Route, mode: Enforce`),
		is("one each two seconds", "requestsPerSecond: 500m"),
		is("as text", `requestsPerSecond: "100"`),
		is("with a suffix", "requestsPerSecond: 1k"),
		is("with a fraction", `requestsPerSecond: "1.5"`),
		is("off", "mode: Disabled"),
		is("counted by rule", "requestsPerSecond: 1, counter: Rule"), is("counted by Gateway", "requestsPerSecond: 1, counter: Gateway"),
		is("of nothing", "requestsPerSecond: 0", "spec.default.requestsPerSecond",
			"requestsPerSecond 0 is not above 0: write a rate such as 100 or 500m; to switch the limit off write mode: Disabled"),
		is("below nothing", "requestsPerSecond: -5", "requestsPerSecond -5 is not above 0"),
		is("nothing as text", `requestsPerSecond: "0m"`, "requestsPerSecond 0m is not above 0"),
		is("with a unit", "requestsPerSecond: 100/s", "spec.default.requestsPerSecond",
			`"100/s" is not a number: write a number such as 100, or a quantity such as 500m or 1k; the unit, requests per second, is fixed`),
		is("a fraction without quotes", "requestsPerSecond: 1.5", "spec.default.requestsPerSecond", "must be of type"),
		is("endless", "requestsPerSecond: 1"+"00000000000000000000000000000000", "spec.default.requestsPerSecond"),
		is("negative burst", "burst: -1", "spec.default.burst", "greater than or equal to 0"),
		is("no burst", "requestsPerSecond: 1, burst: 0"),
		is("key All", "requestsPerSecond: 1, key: All"), is("key ClientIP", "requestsPerSecond: 1, key: ClientIP"), is("key of a header", `requestsPerSecond: 1, key: "Header:x-tenant"`), is("key of an odd header", `requestsPerSecond: 1, key: "Header:!#$%&'*+.^_|~A-z9"`),
		is("key in lower case", "key: clientip", `"clientip" is not a key: write ClientIP`),
		is("key of a header in lower case", `key: "header: x-tenant"`, `"header: x-tenant" is not a key: write Header:x-tenant`),
		is("key without a header", `key: "Header:"`, "spec.default.key", `"Header:" is not a key: write All, ClientIP or Header:<name>`),
		is("key with a space", `key: "Header:x tenant"`, `"Header:x tenant" is not a key: write All, ClientIP or Header:<name>, where the name has no spaces or separators, such as Header:x-tenant`),
		is("unknown counter", "counter: Listener", `spec.default.counter: Unsupported value: "Listener": supported values: "Rule", "Route", "Gateway"`),
		is("unknown mode", `mode: "Off"`, `spec.default.mode: Unsupported value: "Off": supported values: "Enforce", "Disabled"`),
	}
}

func bounds() []manifest {
	is := func(name, kind, value string, refused ...string) manifest {
		return manifest{name: "bounds: " + name, kind: kind, spec: route + value, refused: refused}
	}
	out := []manifest{
		is("timeouts", timeout, "bounds: {request: {min: 1s, max: 60s}, backend: {max: 30s}, connect: {min: 100ms}, idle: {min: 1h, max: 60m}}"),
		is("retries", retry, "bounds: {maxRetries: {min: 0, max: 5}, perTryTimeout: {max: 10s}}"),
		is("rates", rate, "bounds: {requestsPerSecond: {min: 500m, max: 1k}, burst: {min: 1, max: 50}}"),
		is("empty timeout", timeout, "bounds: {request: {}}", "spec.bounds.request: ", "the bound is empty: set min, max or both, such as max: 60s"),
		is("empty retries", retry, "bounds: {maxRetries: {}}", "the bound is empty: set min, max or both, such as max: 5"),
		is("empty rate", rate, "bounds: {requestsPerSecond: {}}", "the bound is empty: set min, max or both, such as max: 500"),
		is("empty burst", rate, "bounds: {burst: {}}", "the bound is empty: set min, max or both, such as max: 50"),
		is("exchanged timeout", timeout, "bounds: {request: {min: 2m, max: 60s}}", "spec.bounds.request: ", "min 2m is above max 60s: exchange the two"),
		is("exchanged retries", retry, "bounds: {maxRetries: {min: 5, max: 3}}", "min 5 is above max 3: exchange the two"),
		is("exchanged rate", rate, "bounds: {requestsPerSecond: {min: 1, max: 999m}}", "min 1 is above max 999m: exchange the two"),
		is("exchanged burst", rate, "bounds: {burst: {min: 5, max: 3}}", "min 5 is above max 3: exchange the two"),
		is("max off", timeout, "bounds: {request: {max: 0s}}", "spec.bounds.request.max: ", "max 0s means no limit, for 0s switches a timeout off: remove max, or write a time above 0s"),
		is("min off", timeout, "bounds: {request: {min: 0s}}", "spec.bounds.request.min: ", "min 0s would demand that the timeout be off: remove min"),
		is("max of no rate", rate, "bounds: {requestsPerSecond: {max: 0}}", "spec.bounds.requestsPerSecond.max: ", "max must be above 0, such as 100 or 500m"),
		is("min of no rate", rate, "bounds: {requestsPerSecond: {min: 0}}", "spec.bounds.requestsPerSecond.min: ", "min must be above 0, such as 1 or 500m; for no lower end remove min"),
		is("max that is no duration", timeout, `bounds: {request: {max: "1.5m"}}`, "spec.bounds.request.max: ", `"1.5m" is not a GEP-2257 duration: write 1m30s`),
		is("max that is no number", rate, "bounds: {requestsPerSecond: {max: many}}", "spec.bounds.requestsPerSecond.max: ", `"many" is not a number`),
		is("of a field that has none", retry, "bounds: {retryOn: {max: 1}}", "unknown field", "spec.bounds.retryOn"),
		is("off is longer than max", timeout, "default: {request: 0s}\nbounds: {request: {max: 60s}}",
			"spec.default.request: ", "default.request 0s switches the timeout off, which is longer than bounds.request.max 60s of the same policy: write 60s or less, or raise the bound"),
		is("off is longer than min", timeout, "default: {request: 0s}\nbounds: {request: {min: 60s}}"),
		is("try off is longer than max", retry, "override: {perTryTimeout: 0s}\nbounds: {perTryTimeout: {max: 60s}}", "spec.override.perTryTimeout: "),
		is("wrong durations are named once", timeout, "default: {request: soon}\nbounds: {request: {max: later}}", `"soon" is not`, `"later" is not`),
	}
	for _, block := range []string{"default", "override"} {
		for _, field := range []string{"request", "backend", "connect", "idle"} {
			out = append(out, inside(timeout, block, field, "60s", "1m", "61s", "is longer than", "10s", "9999ms", "is shorter than")...)
		}
		out = append(out, inside(retry, block, "perTryTimeout", "60s", "1m", "61s", "is longer than", "10s", "9999ms", "is shorter than")...)
		out = append(out, inside(retry, block, "maxRetries", "5", "5", "6", "is above", "2", "1", "is below")...)
		out = append(out, inside(rate, block, "requestsPerSecond", "1k", "1000", "1001", "is above", "1", "999m", "is below")...)
		out = append(out, inside(rate, block, "burst", "5", "5", "6", "is above", "2", "1", "is below")...)
	}
	return out
}

// inside makes the four manifests about a value of a policy and its own bound:
// at the end and beyond it, above and below.
func inside(kind, block, field, maximum, at, above, saysAbove, minimum, below, saysBelow string) []manifest {
	spec := func(end, bound, value string) string {
		more := ""
		if field == "burst" {
			more = "requestsPerSecond: 1, " // a limit is one thing
		}
		return route + block + ": {" + more + field + ": " + value + "}\nbounds: {" + field + ": {" + end + ": " + bound + "}}"
	}
	name := "bounds: " + kind + " " + block + "." + field
	return []manifest{
		{name: name + " at max", kind: kind, spec: spec("max", maximum, at)},
		{name: name + " at min", kind: kind, spec: spec("min", minimum, minimum)},
		{name: name + " above max", kind: kind, spec: spec("max", maximum, above), refused: []string{
			"spec." + block + "." + field + ": ", block + "." + field + " " + above + " " + saysAbove + " bounds." + field + ".max " + maximum + " of the same policy: write " + maximum + " or less, or raise the bound"}},
		{name: name + " below min", kind: kind, spec: spec("min", minimum, below), refused: []string{
			"spec." + block + "." + field + ": ", block + "." + field + " " + below + " " + saysBelow + " bounds." + field + ".min " + minimum + " of the same policy: write " + minimum + " or more, or lower the bound"}},
	}
}
