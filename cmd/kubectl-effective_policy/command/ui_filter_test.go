package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// edgeOfTwo is what the platform says of both.
const edgeOfTwo = `
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: edge, namespace: infra}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: edge}, default: {request: 10s, backend: 5s}}
`

// twoTeams is a platform that two teams use, and what the team "shown" has.
// Everything else, and nothing else, has "secret" in its name.
const twoTeams = edgeOfTwo + `---
{apiVersion: v1, kind: Namespace, metadata: {name: infra}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shown}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: secret}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/gateway}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: secret-class}, spec: {controllerName: example.com/gateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: other, port: 81, protocol: HTTP, hostname: www.secret.example.com, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: secret-gateway, namespace: infra}
spec:
  gatewayClassName: secret-class
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, namespace: shown}
spec: {parentRefs: [{name: edge, namespace: infra, sectionName: http}], hostnames: [cart.example.com], rules: [{name: all}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: secret-route, namespace: secret}
spec: {parentRefs: [{name: edge, namespace: infra}, {name: secret-gateway, namespace: infra}], hostnames: [secret.example.com, www.secret.example.com], rules: [{name: secret-rule}]}
---
apiVersion: attache.dev/v1alpha1
kind: RetryPolicy
metadata: {name: both, namespace: infra}
spec:
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: Gateway, name: edge}
  - {group: gateway.networking.k8s.io, kind: Gateway, name: secret-gateway}
  default: {maxRetries: 2}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: cart, namespace: shown}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: cart}, default: {request: 20s}}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: secret-timeout, namespace: secret}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: secret-route}, override: {request: 7s, backend: 6s}}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: secret-reach, namespace: secret}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: secret-nothing}, default: {request: 7s}}
---
apiVersion: attache.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: secret-limit, namespace: infra}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: edge, sectionName: other}, default: {requestsPerSecond: 5}}
---
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: secret-guardrail}
spec: {cel: [{expression: 'true', message: never}]}
`

// outFile is what is in a page that --out wrote: its answers by their questions, and all
// its data.
func outFile(t *testing.T, args ...string) (answers map[string]json.RawMessage, trial json.RawMessage) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "page.html")
	var errs bytes.Buffer
	code := Main(t.Context(), append([]string{"kubectl-effective_policy", "ui", "--out", out}, args...),
		genericiooptions.IOStreams{In: strings.NewReader(""), Out: &errs, ErrOut: &errs}, "")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, &errs)
	}
	page, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindSubmatch(page)
	if found == nil {
		t.Fatal("the page has no data")
	}
	var stored struct {
		Answers map[string]json.RawMessage
		Trial   json.RawMessage
	}
	if err := json.Unmarshal(found[1], &stored); err != nil {
		t.Fatal(err)
	}
	return stored.Answers, stored.Trial
}

// holdsNo looks for a word in a page that --out wrote.
func holdsNo(t *testing.T, word string, answers map[string]json.RawMessage, trial json.RawMessage) {
	t.Helper()
	texts := map[string]string{"the edit": string(trial)}
	for key, answer := range answers {
		texts[key] = key + string(answer)
	}
	for key, text := range texts {
		if at := strings.Index(text, word); at >= 0 {
			t.Errorf("%s has …%s…", key, text[max(0, at-200):min(len(text), at+100)])
		}
	}
}

// within reads a value out of an answer.
func within(t *testing.T, answer json.RawMessage, path ...string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(answer, &value); err != nil {
		t.Fatalf("%v: %v", path, err)
	}
	for _, key := range path {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	return value
}

// TestAFilteredFileHasNothingElse: a file with a filter is for somebody who may see only what
// passes it. What governs these routes is in it, and nothing about anybody else.
func TestAFilteredFileHasNothingElse(t *testing.T) {
	world := write(t, twoTeams)
	for _, filter := range []string{"ns=shown", "text=cart", "gateway=infra%2Fedge&ns=shown", "where=route.namespace%20%3D%3D%20%22shown%22"} {
		t.Run(filter, func(t *testing.T) {
			answers, trial := outFile(t, "-f", world, "--open", "#/table?"+filter)
			holdsNo(t, "secret", answers, trial)
			for question, want := range map[string]map[string]any{
				"summary?": {"counts.routes": 1.0, "counts.policies": 3.0, "counts.gateways": 1.0, "counts.listeners": 1.0},
				"reverse?policy=timeoutpolicy/infra/edge":  {"paths": 1.0, "total": 1.0, "beaten": 0.0},
				"bindings?target=gateway/infra/edge":       {},
				"effective?target=httproute/shown/cart":    {},
				"describe?target=retrypolicy/infra/both":   {},
				"object?target=timeoutpolicy/shown/cart":   {"object.spec.default.request": "20s"},
				"object?target=timeoutpolicy/infra/edge":   {"object.spec.default.request": "10s"},
				"reverse?policy=timeoutpolicy/shown/cart":  {"inForce": 1.0},
				"describe?target=gateway/infra/edge":       {},
				"enforcement?target=httproute/shown/cart":  {},
				"describe?target=timeoutpolicy/infra/edge": {},
			} {
				if answers[question] == nil {
					t.Errorf("%s is not in the file", question)
					continue
				}
				for path, value := range want {
					if got := within(t, answers[question], strings.Split(path, ".")...); got != value {
						t.Errorf("%s: %s is %v, want %v", question, path, got, value)
					}
				}
			}
		})
	}
	t.Run("an edit", func(t *testing.T) {
		edit := write(t, strings.ReplaceAll(strings.ReplaceAll(edgeOfTwo, "10s", "11s"), "5s", "6s"))
		answers, trial := outFile(t, "-f", edit, "--base", world, "--open", "#/table?changed=1&ns=shown")
		holdsNo(t, "secret", answers, trial)
		if routes := within(t, trial, "diff", "totals", "routes"); routes != 1.0 {
			t.Errorf("%v routes change, want the one that is shown", routes)
		}
		for _, question := range []string{"summary?", "object?target=httproute/shown/cart", "effective?target=httproute/shown/cart&whatif=try-1", "reverse?policy=timeoutpolicy/infra/edge&whatif=try-1"} {
			if answers[question] == nil {
				t.Errorf("%s is not in the file", question)
			}
		}
	})
	t.Run("an edit without a filter", func(t *testing.T) {
		answers, trial := outFile(t, "-f", write(t, strings.ReplaceAll(edgeOfTwo, "5s", "4s")), "--base", world)
		if routes := within(t, trial, "diff", "totals", "routes"); routes != 1.0 {
			t.Errorf("%v routes change, want the one whose value it is", routes)
		}
		for _, question := range []string{"summary?", "guardrails?", "map?whatif=try-1", "object?target=httproute/secret/secret-route"} {
			if answers[question] == nil {
				t.Errorf("%s is not in the file", question)
			}
		}
	})
	t.Run("no filter", func(t *testing.T) {
		answers, _ := outFile(t, "-f", world)
		if answers["guardrails?"] == nil || !strings.Contains(string(answers["summary?"]), "secret") || answers["object?target=retrypolicy/infra/both"] == nil {
			t.Error("the file of everything lacks something")
		}
	})
}
