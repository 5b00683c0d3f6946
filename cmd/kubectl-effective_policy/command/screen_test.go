package command

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
)

// TestOrdinaryNamesFitAScreen checks that output for people fits 80 columns: every command on
// every object of the example, with a policy that is not in force and a route that is bound to
// nothing among them.
func TestOrdinaryNamesFitAScreen(t *testing.T) {
	more := write(t, `apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: checkout-as-well, namespace: shop}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}
  default: {request: 5s}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: returns, namespace: shop}
spec:
  parentRefs: [{name: edge, namespace: platform, sectionName: https}]
  hostnames: [returns.example.org]
`)
	world := []string{"-f", shop, "-f", more}
	var lines []string
	for _, route := range []string{"storefront", "checkout", "api-route", "orders-feed", "returns"} {
		for _, verb := range []string{"explain", "bindings", "describe"} {
			lines = append(lines, verb+" httproute/"+route+" -n shop")
		}
	}
	for _, object := range []string{"httproute/ledger -n payments", "grpcroute/authorise -n payments", "gateway/edge -n platform", "gateway/internal -n platform"} {
		lines = append(lines, "explain "+object, "describe "+object)
	}
	lines = append(lines, "get", "get --all", "bindings", "graph", "kinds", "policies", "check", "describe gatewayclass/edge", "describe ns/shop",
		"describe timeoutpolicy/checkout -n shop", "describe timeoutpolicy/checkout-as-well -n shop", "describe ratelimitpolicy/edge-fairness -n platform",
		"explain --request https://www.shop.example.com/pay")
	for _, line := range lines {
		fits(t, run(t, "", append(strings.Fields(line), world...)...), line)
	}
	for _, line := range []string{
		"diff -f " + filepath.Join(shop, "../shop-changes/01-class-override.yaml"), "diff --summary -f " + filepath.Join(shop, "../shop-changes/01-class-override.yaml"),
		"diff --delete -f " + filepath.Join(shop, "30-policies-platform.yaml"), "diff --delete -f " + filepath.Join(shop, "10-gatewayclass.yaml"),
		"check -f " + filepath.Join(shop, "../shop-changes/03-refused-by-webhook.yaml") + " --platform-namespaces platform",
	} {
		fits(t, run(t, "", append(strings.Fields(line), "--base", shop)...), line)
	}
}

// TestWideAnswersFitAWideScreen checks that -o wide fits 100 columns where it is meant for
// reading. "get", "policies", "check", "bindings" and "kinds" have one line for each object then,
// as kubectl's own tables have.
func TestWideAnswersFitAWideScreen(t *testing.T) {
	var lines []string
	for _, route := range []string{"storefront", "checkout", "api-route", "orders-feed"} {
		lines = append(lines, "explain httproute/"+route+" -n shop", "describe httproute/"+route+" -n shop")
	}
	lines = append(lines, "explain grpcroute/authorise -n payments", "explain gateway/edge -n platform", "describe gateway/edge -n platform")
	for _, line := range lines {
		arguments := append(strings.Fields(line), "-f", shop)
		if strings.HasPrefix(line, "explain") {
			arguments = append(arguments, "-o", "wide")
		}
		fitsIn(t, run(t, "", arguments...), line, terminal.WideScreen)
	}
}

func fits(t *testing.T, r result, line string) {
	t.Helper()
	fitsIn(t, r, line, terminal.Screen)
}

func fitsIn(t *testing.T, r result, line string, columns int) {
	t.Helper()
	if r.code == exitFailure || r.out == "" {
		t.Errorf("%s: exit code %d, %q, %s", line, r.code, r.out, r.errOut)
	}
	for text := range strings.Lines(r.out) {
		if text = strings.TrimSuffix(text, "\n"); terminal.Width(text) > columns {
			t.Errorf("%s: wider than a screen: %s", line, text)
		}
	}
}
