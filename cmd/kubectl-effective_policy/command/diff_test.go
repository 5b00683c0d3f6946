package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wantFinding checks for exit code 1 and for texts on standard output.
func (r result) wantFinding(t *testing.T, texts ...string) {
	t.Helper()
	if r.code != exitFinding {
		t.Errorf("exit code %d, want %d: %s", r.code, exitFinding, r.errOut)
	}
	for _, text := range texts {
		if !strings.Contains(words(r.out), words(text)) {
			t.Errorf("the output lacks %q:\n%s", text, r.out)
		}
	}
}

// words are those of a text, however it is laid out.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// write puts a text into a file of its own.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "change.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const edgeTimeouts = `apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: edge-timeouts, namespace: platform}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: edge}
  override: {request: 20s}
`

func TestDiffShowsWhatChanges(t *testing.T) {
	r := run(t, edgeTimeouts, "diff", "-f", "-", "--base", shop)
	r.wantFinding(t)
	want := `Gateway platform/edge
  Gateway platform/edge, listeners https, partners
    TimeoutPolicy backend
      - 5s   default of Gateway platform/edge, platform/edge-timeouts
    TimeoutPolicy request
      - 10s  default of Gateway platform/edge, platform/edge-timeouts
      + 20s  override of Gateway platform/edge, platform/edge-timeouts

HTTPRoute payments/ledger
  Gateway platform/edge, listener https, all rules
    TimeoutPolicy request
      - 10s  default of Gateway platform/edge, platform/edge-timeouts
      + 20s  override of Gateway platform/edge, platform/edge-timeouts

HTTPRoute shop/api-route
  Gateway platform/edge, listeners https, partners, all rules
    TimeoutPolicy request
      - 30s  default of the route, shop/api-timeout
      + 20s  override of Gateway platform/edge, platform/edge-timeouts

HTTPRoute shop/checkout
  Gateway platform/edge, listener https, all rules
    TimeoutPolicy request
      - 60s  default of the route, shop/checkout, limited by bounds of
             platform/edge-timeouts
      + 20s  override of Gateway platform/edge, platform/edge-timeouts
  Gateway platform/edge, listener https, rule cart
    TimeoutPolicy backend
      - 5s  default of Gateway platform/edge, platform/edge-timeouts

HTTPRoute shop/storefront
  Gateway platform/edge, listener https, all rules
    TimeoutPolicy backend
      - 5s   default of Gateway platform/edge, platform/edge-timeouts
    TimeoutPolicy request
      - 10s  default of Gateway platform/edge, platform/edge-timeouts
      + 20s  override of Gateway platform/edge, platform/edge-timeouts

4 routes in 2 namespaces and 1 Gateway change
`
	const stay = "note: 24 objects of --base are not in -f and stay; --prune removes them\n"
	if diff := cmp.Diff(want, r.out); diff != "" || r.errOut != stay {
		t.Errorf("-want +got:\n%s%s", diff, r.errOut)
	}
}

func TestDiffAsJSON(t *testing.T) {
	r := run(t, edgeTimeouts, "diff", "-f", "-", "--base", shop, "-l", "app=ledger", "-o", "json")
	r.wantFinding(t)
	var got map[string]any
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	side := func(value, block string) map[string]any {
		return map[string]any{
			"value": value, "from": "TimeoutPolicy platform/edge-timeouts", "target": "Gateway platform/edge", "level": "Gateway", "block": block,
			"fromRef":   map[string]any{"group": "attache.dev", "kind": "TimeoutPolicy", "namespace": "platform", "name": "edge-timeouts"},
			"targetRef": map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "platform", "name": "edge"},
		}
	}
	want := map[string]any{
		"changes": []any{map[string]any{
			"target":  map[string]any{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "payments", "name": "ledger"},
			"parents": []any{map[string]any{"gateway": "platform/edge", "listenerSet": "", "listener": "https"}},
			"rules":   []any{"*"}, "policy": "TimeoutPolicy", "field": "request",
			"before": side("10s", "default"), "after": side("20s", "override"),
		}},
		"totals": map[string]any{"routes": 1.0, "gateways": 0.0, "namespaces": 1.0, "fields": 1.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDiffOfNothing(t *testing.T) {
	r := run(t, "", "diff", "-f", shop, "--base", shop)
	if r.code != exitFine || r.out != "" || r.errOut != "nothing changes\n" {
		t.Errorf("what is there already changes nothing, got %+v", r)
	}
	r = run(t, "", "diff", "-f", shop, "--base", shop, "-o", "json")
	if r.code != exitFine || strings.Join(strings.Fields(r.out), "") != `{"changes":[],"totals":{"routes":0,"gateways":0,"namespaces":0,"fields":0}}` {
		t.Errorf("got %+v", r)
	}
}

func TestDiffOfADeletionNeedsNoMoreThanNames(t *testing.T) {
	named := "apiVersion: attache.dev/v1alpha1\nkind: TimeoutPolicy\nmetadata: {name: api-timeout, namespace: shop}\n"
	r := run(t, named, "diff", "--delete", "-f", "-", "--base", shop)
	r.wantFinding(t, "HTTPRoute shop/api-route\n", "- 30s  default of the route, shop/api-timeout\n", "+ 10s  default of Gateway platform/edge", "1 route in 1 namespace changes\n")
	r = run(t, strings.Replace(named, "api-timeout", "gone", 1), "diff", "--delete", "-f", "-", "--base", shop)
	if r.code != exitFine || !strings.Contains(r.errOut, "-, document 1, line 1: there is no TimeoutPolicy shop/gone to delete") {
		t.Errorf("got %+v", r)
	}
	r = run(t, "", "diff", "--delete", "-f", shop+"/30-policies-platform.yaml", "--base", shop)
	r.wantFinding(t, "6 routes in 2 namespaces and 2 Gateways change\n")
}

func TestDiffOfAFolderIsOneChange(t *testing.T) {
	r := run(t, "", "diff", "-f", shop, "--base", shop+"/00-namespaces.yaml")
	r.wantFinding(t, "6 routes in 2 namespaces and 2 Gateways change\n")
	if strings.Contains(r.errOut, "does not exist") {
		t.Errorf("objects of one folder do not know each other: %s", r.errOut)
	}
}

func TestDiffSaysWhyNothingChangesAndWhatWouldBeRefused(t *testing.T) {
	second := strings.Replace(edgeTimeouts, "name: edge-timeouts", "name: a-second", 1)
	r := run(t, second, "diff", "-f", "-", "--base", shop)
	if want := "warning: TimeoutPolicy platform/a-second: spec.targetRef: TimeoutPolicy platform/edge-timeouts is older and holds Gateway platform/edge"; r.code != exitFine || !strings.Contains(r.errOut, want) {
		t.Errorf("got %+v", r)
	}
	foreign := strings.Replace(second, "name: edge}", "name: edge, namespace: payments}", 1)
	r = run(t, foreign, "diff", "-f", "-", "--base", shop)
	if !strings.Contains(r.errOut, "warning: TimeoutPolicy platform/a-second: spec.targetRef: no ReferenceGrant") {
		t.Errorf("got %+v", r)
	}
	never := strings.Replace(second, "kind: Gateway, name: edge}", "kind: GatewayClass, name: edge}", 1)
	r = run(t, never, "diff", "-f", "-", "--base", shop, "--platform-namespaces", "other")
	if !strings.Contains(r.errOut, "warning: it would be refused: TimeoutPolicy platform/a-second: spec.targetRef") {
		t.Errorf("got %+v", r)
	}
}

func TestDiffThatCanNotBeMade(t *testing.T) {
	run(t, "", "diff", "--base", shop).wantFailure(t, "no manifests given: use -f FILE")
	run(t, "", "diff", "-f", "-", "--base", "-").wantFailure(t, "both standard input")
	run(t, strings.Replace(edgeTimeouts, "20s", "1.5h", 1), "diff", "-f", "-", "--base", shop).wantFailure(t, "-:6: document 1", "write 1h30m")
	run(t, "kind: [", "diff", "-f", "-", "--base", shop).wantFailure(t, "document 1", "is not YAML")
	run(t, edgeTimeouts, "diff", "-f", "-", "--base", "nothing-here").wantFailure(t, "nothing-here", "no such file")
	run(t, edgeTimeouts, "diff", "-f", "-", "--base", shop, "-o", "yaml").wantFailure(t, "write one of table, json")
	run(t, edgeTimeouts, "diff", "-f", "-", "--base", shop, "-l", "a==,,").wantFailure(t, "-l a==")
	run(t, edgeTimeouts, "diff", "-f", "-", "--server", "https://127.0.0.1:1").wantFailure(t, "127.0.0.1:1", "--base")
}

func TestKindsOfTheBaseAreKnownInTheChange(t *testing.T) {
	crd := `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shades.example.org, labels: {gateway.networking.k8s.io/policy: Inherited}}
spec:
  group: example.org
  names: {kind: Shade, plural: shades}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              targetRef: {type: object, x-kubernetes-preserve-unknown-fields: true}
              default: {type: object, properties: {colour: {type: string, enum: [red, blue]}}}
---
` + goodRoute + `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}
`
	shade := "apiVersion: example.org/v1\nkind: Shade\nmetadata: {name: s}\nspec:\n  " + target + "\n  default: {colour: red}\n"
	base := write(t, crd)
	run(t, shade, "diff", "-f", "-", "--base", base).wantFinding(t, "Shade.example.org colour\n      + red")
	run(t, strings.Replace(shade, "red", "green", 1), "diff", "-f", "-", "--base", base).wantFailure(t, "-:6", "spec.default.colour", "red")
}

func TestDiffLooksAtOneNamespace(t *testing.T) {
	change := filepath.Join(shop, "../shop-changes/01-class-override.yaml")
	r := run(t, "", "diff", "-f", change, "--base", shop, "-n", "payments")
	if r.code != exitFinding || strings.Contains(r.out, "shop/") || !strings.Contains(r.out, "HTTPRoute payments/ledger") {
		t.Errorf("exit code %d, want the routes of payments alone:\n%s", r.code, r.out)
	}
	if want := "note: 6 objects in other namespaces would change too"; !strings.Contains(r.errOut, want) {
		t.Errorf("it does not say %q: %s", want, r.errOut)
	}
	for word, line := range map[string]string{
		"did you mean TimeoutPolicy?": "get --without TimeoutPolcy", "kind: did you mean TimeoutPolicy?": "explain httproute/checkout -n shop --policy TimeoutPolcy",
	} {
		if r := run(t, "", append(strings.Fields(line), "-f", shop)...); r.code != exitFailure || !strings.Contains(r.errOut, word) {
			t.Errorf("%s: exit code %d, want %q: %s", line, r.code, word, r.errOut)
		}
	}
}
