package regorule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
)

// document is an input as reviews make it.
func document() guardrail.Input {
	return guardrail.Input{
		"effective": map[string]any{
			"TimeoutPolicy":   map[string]any{"request": "90s"},
			"RateLimitPolicy": map[string]any{"requestsPerSecond": int64(50), "burst": int64(5)},
		},
		"origins":      map[string]any{"TimeoutPolicy": map[string]any{"request": map[string]any{"namespace": "shop", "block": "override"}}},
		"before":       map[string]any{"RateLimitPolicy": map[string]any{"requestsPerSecond": "1k"}},
		"route":        map[string]any{"kind": "HTTPRoute", "namespace": "shop", "name": "checkout", "labels": map[string]any{}, "hostnames": []any{"a.example.com"}},
		"rule":         map[string]any{"name": "pay", "index": int64(0)},
		"gateway":      map[string]any{"namespace": "infra", "name": "public", "labels": map[string]any{"exposure": "internet"}},
		"gatewayClass": map[string]any{"name": "edge"},
		"namespace":    map[string]any{"name": "shop", "labels": map[string]any{"env": "prod"}},
	}
}

// denyIf is a module with one rule.
func denyIf(body string) string {
	return "package guardrail\n\ndeny contains \"m\" if {\n\t" + body + "\n}\n"
}

func compile(t testing.TB, module string) guardrail.Rule {
	t.Helper()
	rules, problems := regorule.Compile(module)
	if len(rules) != 1 {
		t.Fatalf("%s\ndoes not compile: %v", module, problems)
	}
	return rules[0]
}

func TestModulesOnADocument(t *testing.T) {
	for body, want := range map[string]any{
		`time.parse_duration_ns(input.effective.TimeoutPolicy.request) > time.parse_duration_ns("60s")`:                true,
		`input.effective.RetryPolicy.maxRetries > 0`:                                                                   false,
		`not input.effective.RetryPolicy`:                                                                              true,
		`not input.object; not input.user; not input.change`:                                                           true,
		`units.parse(sprintf("%v", [input.before.RateLimitPolicy.requestsPerSecond])) == 1000`:                         true,
		`input.effective.RateLimitPolicy.requestsPerSecond == 50`:                                                      true,
		`input.namespace.labels.env == "prod"; input.rule.index == 0`:                                                  true,
		`some h in input.route.hostnames; endswith(h, ".example.com")`:                                                 true,
		`every h in input.route.hostnames { regex.match("^[a-z.]+$", h) }`:                                             true,
		`some kind, fields in input.origins; some field in fields; field.block == "override"; kind == "TimeoutPolicy"`: true,
		`count({x | some x in [1, 2, 3]; x > 1}) == 2; sum([1, 2]) == 3; 7 / 2 == 3.5`:                                 true,
		`object.get(input, ["effective", "RetryPolicy", "maxRetries"], 3) == 3`:                                        true,
		`input["route"].name == concat("", ["check", "out"])`:                                                          true,
		`{"HTTPRoute", "GRPCRoute"} & {input.route.kind} != set()`:                                                     true,
		`walk(input.origins, [path, "override"]); path[0] == "TimeoutPolicy"`:                                          true,
		`array.concat([1], [2]) == [1, 2]; object.union({"a": 1}, {"b": 2}).b == 2`:                                    true,
		`time.parse_duration_ns(input.route.name) > 0`:                                                                 errors.New(`line 4: time.parse_duration_ns: time: invalid duration "checkout"`),
		`to_number(input.route.name) > 0`:                                                                              errors.New(`line 4: to_number: strconv.ParseFloat: parsing "checkout"`),
		`input.route.name / 2 > 0`:                                                                                     errors.New(`line 4: div: operand 1 must be number but got string`),
	} {
		findings, err := compile(t, denyIf(body)).Check(t.Context(), document())
		switch want := want.(type) {
		case bool:
			if err != nil || (len(findings) == 1) != want {
				t.Errorf("%s: %v, %v; want %v", body, findings, err, want)
			}
		case error:
			if err == nil || !strings.HasPrefix(err.Error(), want.Error()) {
				t.Errorf("%s: %v, %v; want error %v", body, findings, err, want)
			}
		}
	}
}

func TestEntriesOfTheSets(t *testing.T) {
	module := `package any.name.at_all
import rego.v1

slow := "slow"

deny contains slow
deny contains {"msg": "long", "fieldPath": "effective.TimeoutPolicy.request", "code": "x"}
warn contains {"msg": "hm", "code": "x"}
warn contains concat("", ["a", "b"])
`
	findings, err := compile(t, module).Check(t.Context(), nil)
	want := []guardrail.Finding{
		{Code: "deny", Message: "slow"},
		{Code: "deny/x", Message: "long", FieldPath: "effective.TimeoutPolicy.request"},
		{Code: "warn", Message: "ab", WarnOnly: true},
		{Code: "warn/x", Message: "hm", WarnOnly: true},
	}
	if err != nil || !slices.Equal(findings, want) {
		t.Errorf("got %+v, %v", findings, err)
	}
	for entry, want := range map[string]string{
		`42`:                            `deny holds a number: write a message, or an object {"msg": …, "fieldPath": …, "code": …}`,
		`["a"]`:                         `deny holds an array: `,
		`{"message": "a"}`:              `deny holds an object without msg: `,
		`{"msg": 1}`:                    `deny holds an object whose msg is a number, and must be a string`,
		`{"msg": "a", "severity": "b"}`: `deny holds an object with "severity": only msg, fieldPath and code are known`,
	} {
		_, err := compile(t, "package guardrail\ndeny contains "+entry).Check(t.Context(), nil)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", entry, err)
		}
	}
}

func TestProblemsSayWhereAndWhatToWrite(t *testing.T) {
	for module, want := range map[string]string{
		"":                                  "empty module",
		"package g\nallow := true":          "line 1 column 1: the module defines neither deny nor warn: write deny contains message if { … }",
		"package g\ndeny := true":           "line 2 column 1: deny must be a set: write deny contains message if { … }",
		"package g\ndefault deny := false":  "deny must be a set",
		"package g\ndeny[x] := 1 if x := 3": "deny must be a set",
		"package g\ndeny(_) := 1":           "deny must be a set",
		"package g\nwarn if input.route":    "warn must be a set",
		"package g\nimport data.other\ndeny contains other.x":                "line 2 column 1: import data.other is not available: a guardrail sees input and its own package",
		"package g\nimport rego.v1\nconcat(x) := x\ndeny contains concat(1)": "line 3 column 1: concat is a function of Rego: give the rule another name",
		denyIf("y := "):                        "line 5 column 1: unexpected } token",
		denyIf("input.efective.x"):             "line 4 column 2: there is no input.efective: the input document has effective, origins, before, route,",
		denyIf("data.other.x"):                 "line 4 column 2: data.other.x is not available: a guardrail sees input and the rules of its own package",
		denyIf("data.guardrail.other"):         "there is no rule other in this package",
		denyIf("some x; data[x]"):              "line 3 column 1: rule data.guardrail.deny is recursive",
		denyIf("other"):                        "var other is unsafe",
		denyIf("x := input.route"):             "assigned var x unused",
		denyIf("input.route with input as {}"): "line 4 column 2: with is not available in a guardrail",
		denyIf("print(input)"):                 "line 4 column 2: print is not available: nobody would see it",
		denyIf("trace(\"a\")"):                 "trace is not available: a guardrail sees its input and nothing else",
		denyIf("frob(1)"):                      "there is no function frob",
		denyIf("concat(1, 2) == \"\""):         "line 4 column 2: concat: invalid argument(s) (at \"concat(1, 2)\")",
		denyIf("1e9999 == input.rule.index"):   "a number is too long: at most 64 digits, and three in the exponent",
		denyIf(strings.Repeat("[", 60) + strings.Repeat("]", 60) + " == 1"):     "line 4 column 49: brackets are nested deeper than 48",
		denyIf("[a | a := [b | b := [c | c := [d | d := [e | e := 1]]]]] == 1"): "comprehensions are nested deeper than 4",
		"package g\n# " + strings.Repeat("a", 40_000):                           "a module of 40012 bytes is too long: at most 32768",
	} {
		rules, problems := regorule.Compile(module)
		if text := fmt.Sprint(problems); len(rules) > 0 || !strings.Contains(text, want) {
			t.Errorf("%.200s\n%s\nwant %s", module, text, want)
		}
	}
}

// What a module may call is a list of what is allowed; these are not on it.
func TestWhatReachesOutOfTheDocumentIsNotThere(t *testing.T) {
	for _, call := range []string{
		`http.send({"method": "get", "url": "http://169.254.169.254"})`, `net.lookup_ip_addr("example.com")`, `net.cidr_expand("10.0.0.0/8")`,
		`opa.runtime()`, `time.now_ns()`, `time.clock(1)`, `rand.intn("a", 9)`, `uuid.rfc4122("a")`, `rego.parse_module("a", "package a")`, `rego.metadata.rule()`,
		`io.jwt.decode_verify("a", {"jwks_url": "b"})`, `crypto.x509.parse_certificates("a")`, `providers.aws.sign_req({}, {}, 1)`,
		`json.match_schema({}, {"$ref": "http://a"})`, `yaml.unmarshal("a: &a [*a]")`, `graphql.parse("a", "b")`, `glob.match("*", [], "a")`, `regex.globs_match("a", "b")`,
	} {
		name, _, _ := strings.Cut(call, "(")
		_, problems := regorule.Compile(denyIf(call))
		if want := name + " is not available: a guardrail sees its input and nothing else"; !strings.Contains(fmt.Sprint(problems), want) {
			t.Errorf("%s: %v", call, problems)
		}
	}
}

func TestUsesAreTheVariablesThatAreRead(t *testing.T) {
	for body, want := range map[string]guardrail.Variables{
		`1 == 1`:                              0,
		`input.effective.a; not input.before`: guardrail.Effective | guardrail.Before,
		`input["namespace"].name == input.gateway.name`:     guardrail.Namespace | guardrail.Gateway,
		`input.user.username == "a"; input.change.routes>1`: guardrail.User | guardrail.Edited,
		`count(input) == 3`:            guardrail.All,
		`some k; input[k].name == "a"`: guardrail.All,
		`x := input; x.route`:          guardrail.All,
	} {
		if got := compile(t, denyIf(body)).Uses(); got != want {
			t.Errorf("%s uses %b, want %b", body, got, want)
		}
	}
	if got := compile(t, "package g\nimport input.route as r\ndeny contains r.name").Uses(); got != guardrail.Route {
		t.Errorf("an import uses %b", got)
	}
}

func TestAnEndedContextIsAnErrorOfTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := compile(t, denyIf("some x in numbers.range(1, 1000); x > 10000")).Check(ctx, document())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestARuleCanBeUsedByManyAtOnce(t *testing.T) {
	r, in := compile(t, denyIf(`some h in input.route.hostnames; regex.match("^x", sprintf("%s", [h]))`)), document()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if findings, err := r.Check(context.Background(), in); err != nil || len(findings) > 0 {
					t.Errorf("%v, %v", findings, err)
				}
			}
		})
	}
	all.Wait()
}

const benchmarkModule = `package guardrail

deny contains {"msg": "use at most 60s", "fieldPath": "effective.TimeoutPolicy.request"} if {
	time.parse_duration_ns(input.effective.TimeoutPolicy.request) > time.parse_duration_ns("60s")
}

deny contains "internet-facing routes need a rate limit" if {
	input.gateway.labels.exposure == "internet"
	not input.effective.RateLimitPolicy
}

deny contains sprintf("%s.%s overrides", [kind, field]) if {
	some kind, fields in input.origins
	some field, origin in fields
	origin.block == "override"
	origin.namespace != "shop"
}

warn contains "unusual host" if {
	some h in input.route.hostnames
	not endswith(h, ".example.com")
}

rate(value) := units.parse(sprintf("%v", [value]))

warn contains "much less than before" if {
	rate(input.effective.RateLimitPolicy.requestsPerSecond) * 2 < rate(input.before.RateLimitPolicy.requestsPerSecond)
}
`

func BenchmarkCheck(b *testing.B) {
	r := compile(b, benchmarkModule)
	in, ctx := document(), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Check(ctx, in); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzRego(f *testing.F) {
	f.Add(benchmarkModule)
	for _, seed := range []string{
		denyIf(`x := [y | some y in input.route.hostnames]; count(x) > 1e3`), denyIf(`every k, v in input.effective { is_object(v); k != "" }`),
		"package a.b\nimport rego.v1\nimport input.route as r\nwarn contains {\"msg\": r.name, \"code\": \"c\"}", "package g\nf(x) := y if { y := x * 2 } else := 3\ndeny contains f(input.rule.index)",
		denyIf(`regex.replace(input.route.name, "(a|b)*", "$0$0") == sprintf("%v %d", [{1, 2}, 3])`), denyIf(`object.union({"a": 1}, input.before)[_] == numbers.range(1, 3)[1]`),
		"package g\ndefault x := 1\nx := 2 if input.route\ndeny contains x", denyIf(`walk(input, [p, v]); v in {1, "a", null}; not p[0] in ["a"]`),
	} {
		f.Add(seed)
	}
	in := document()
	f.Fuzz(func(t *testing.T, module string) {
		rules, problems := regorule.Compile(module)
		if len(rules) == 0 && len(problems) == 0 {
			t.Error("neither a rule nor a problem")
		}
		for _, r := range rules {
			_, _ = r.Check(context.Background(), in)
		}
	})
}
