package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
)

const shop = "../../../examples/shop"

// result is what a person sees of one run.
type result struct {
	out, errOut string
	code        int
}

// run runs the command in this process.
func run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(stdin), Out: &out, ErrOut: &errOut}
	code := Main(context.Background(), append([]string{"kubectl-effective_policy"}, args...), streams, "v1.2.3")
	return result{out.String(), errOut.String(), code}
}

// wantFailure checks for exit code 2, nothing on standard output, and all the
// texts on standard error.
func (r result) wantFailure(t *testing.T, texts ...string) {
	t.Helper()
	if r.code != exitFailure || r.out != "" {
		t.Errorf("exit code %d and output %q, want %d and nothing", r.code, r.out, exitFailure)
	}
	for _, text := range texts {
		if !strings.Contains(r.errOut, text) {
			t.Errorf("the message lacks %q:\n%s", text, r.errOut)
		}
	}
}

func (r result) wantOutput(t *testing.T, texts ...string) {
	t.Helper()
	if r.code != exitFine {
		t.Errorf("exit code %d, want %d: %s", r.code, exitFine, r.errOut)
	}
	for _, text := range texts {
		if !strings.Contains(words(r.out), words(text)) {
			t.Errorf("the output lacks %q:\n%s", text, r.out)
		}
	}
}

const goodRoute = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout}
spec: {parentRefs: [{name: public}]}
---
`

func timeoutPolicy(spec string) string {
	return goodRoute + `apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: checkout}
spec:
  ` + spec + "\n"
}

const target = "targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}"

func TestBadInputIsRefusedWithItsPlace(t *testing.T) {
	tests := map[string]struct {
		input string
		want  []string
	}{
		"not YAML":            {goodRoute + "apiVersion: v1\nkind: [", []string{"bad.yaml:", "document 2", "is not YAML"}},
		"not YAML at the top": {"{{{", []string{"bad.yaml:", "document 1", "looks like a template"}},
		"no kind":             {goodRoute + "metadata: {name: x}\n", []string{"bad.yaml:6", "document 2", "kind"}},
		"unknown kind": {goodRoute + "apiVersion: attache.dev/v1alpha1\nkind: TimeoutPolicies\nmetadata: {name: x}\n",
			[]string{"bad.yaml:6", "document 2", "TimeoutPolicies", "did you mean TimeoutPolicy?"}},
		"unknown field": {timeoutPolicy(target + "\n  defaults: {request: 1s}"),
			[]string{"bad.yaml:11", "document 2", "spec.defaults", "did you mean default?"}},
		"duration with a fraction": {timeoutPolicy(target + "\n  default: {request: 1.5h}"),
			[]string{"bad.yaml:11", "document 2", "TimeoutPolicy default/checkout", "spec.default.request", "write 1h30m"}},
		"backend above request": {timeoutPolicy(target + "\n  default:\n    backend: 10s\n    request: 5s"),
			[]string{"bad.yaml:11", "document 2", "spec.default", "backend 10s is longer than request 5s"}},
		"both targetRef and targetRefs": {timeoutPolicy(target + "\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}]\n  default: {request: 1s}"),
			[]string{"bad.yaml:9", "document 2", "spec", "targetRef and targetRefs are both set"}},
		"group with a version": {timeoutPolicy("targetRef:\n    group: gateway.networking.k8s.io/v1\n    kind: HTTPRoute\n    name: checkout\n  default: {request: 1s}"),
			[]string{"bad.yaml:11", "document 2", "spec.targetRef.group", "write group: gateway.networking.k8s.io"}},
		"empty policy": {timeoutPolicy(target),
			[]string{"bad.yaml:9", "document 2", "spec", "the policy says nothing"}},
		"the same object twice": {goodRoute + strings.Replace(goodRoute, "public", "other", 1), []string{"bad.yaml:6", "document 2", "HTTPRoute default/checkout", "document 1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "bad.yaml"), []byte(test.input), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range [][]string{{"get"}, {"explain", "checkout"}, {"bindings"}} {
				run(t, "", append(command, "-f", folder)...).wantFailure(t, test.want...)
			}
		})
	}
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	r := run(t, timeoutPolicy(target+"\n  default: {request: 1.5h}")+"---\nkind: [", "get", "-f", "-")
	r.wantFailure(t, "-:11: document 2", "document 3")
}

func TestADocumentOfThreeMebibytesIsRefused(t *testing.T) {
	big := goodRoute + "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: big\n  annotations:\n    text: " + strings.Repeat("x", 3<<20) + "\n"
	start := time.Now()
	run(t, big, "get", "-f", "-").wantFailure(t, "-:6", "document 2", "3.0 MiB")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestAFolderOfFiveThousandFilesIsRead(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("gateway.yaml", `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public}, spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}}`)
	write("policy.yaml", `{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: public}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}, default: {request: 5s}}}`)
	for i := range 5000 {
		write(fmt.Sprintf("route-%04d.yaml", i), strings.Replace(goodRoute, "checkout", fmt.Sprintf("route-%04d", i), 1))
	}
	start := time.Now()
	r := run(t, "", "get", "-f", folder)
	took := time.Since(start)
	r.wantOutput(t, "HTTPRoute/route-4999")
	if lines := strings.Count(r.out, "\n"); lines != 5002 {
		t.Errorf("%d lines, want 5002", lines)
	}
	t.Logf("5,000 files took %s", took)
	if took > 30*time.Second {
		t.Errorf("5,000 files took %s", took)
	}
}

func TestNames(t *testing.T) {
	for _, args := range [][]string{
		{"checkout"}, {"httproute/checkout"}, {"httproutes/checkout"}, {"HTTPRoute/checkout"}, {"httproute", "checkout"},
		{"HTTPRoute.gateway.networking.k8s.io/checkout"}, {"httproutes.v1.gateway.networking.k8s.io/checkout"},
		{"httproute/shop/checkout"}, {"httproute/checkout", "-n", "shop"}, {"checkout", "-A"},
	} {
		run(t, "", append(append([]string{"explain"}, args...), "-f", shop)...).wantOutput(t, "HTTPRoute shop/checkout\n")
	}
	run(t, "", "get", "httproute.checkout", "gtw/edge", "-f", shop).wantOutput(t, "HTTPRoute/checkout", "Gateway/edge")
	if r := run(t, "", "get", "gateways", "-f", shop); strings.Count(r.out, "\n") != 3 {
		t.Errorf("a kind alone is all of its objects, got\n%s", r.out)
	}
}

func TestNamesThatCannotBeFound(t *testing.T) {
	twice := strings.ReplaceAll(goodRoute, "name: checkout", "name: checkout, namespace: a") +
		strings.ReplaceAll(goodRoute, "name: checkout", "name: checkout, namespace: b")
	run(t, twice, "explain", "httproute/checkout", "-f", "-").wantFailure(t, "ambiguous", "HTTPRoute a/checkout, HTTPRoute b/checkout")
	run(t, twice, "explain", "httproute/checkout", "-n", "b", "-f", "-").wantOutput(t, "HTTPRoute b/checkout")
	for text, args := range map[string][]string{
		`HTTPRoute "chekout" not found; did you mean "checkout"?`: {"explain", "httproute/chekout"},
		"did you mean httproute/checkout?":                        {"explain", "htproute/checkout"},
		"there is HTTPRoute shop/checkout: add -n shop":           {"get", "httproute/checkout", "-n", "payments"},
		"no name":         {"get", "httproute/"},
		"write KIND/NAME": {"get", "a/b/c/d"},
		"name a route or a Gateway, such as httproute/checkout": {"explain"},
		"the rules cart, pay":            {"explain", "checkout", "--rule", "buy"},
		"platform/edge/https":            {"explain", "checkout", "--listener", "http"},
		"write one of table, wide, json": {"explain", "checkout", "-o", "sarif"},
		"explain --help":                 {"explain", "checkout", "--nope"},
		`there is no command "explian": did you mean "explain"?`:           {"explian", "checkout"},
		`there is no command "frobnicate"`:                                 {"frobnicate"},
		"did you mean --listener?":                                         {"explain", "checkout", "--listner", "http"},
		"kubectl effective-policy describe timeoutpolicy/checkout -n shop": {"explain", "timeoutpolicy/checkout"},
		"-l a==":                       {"get", "-l", "a==,,"},
		"no such file or directory":    {"get", "-f", "nothing-here"},
		`has no *.yaml, *.yml or *.js`: {"get", "-f", t.TempDir()},
	} {
		run(t, "", append(args, "-f", shop)...).wantFailure(t, text)
	}
}

func TestNamespaceAndLabelsChoose(t *testing.T) {
	r := run(t, "", "get", "-f", shop, "-n", "payments")
	r.wantOutput(t, "HTTPRoute/ledger", "GRPCRoute/authorise")
	if strings.Contains(r.out, "checkout") {
		t.Errorf("-n payments shows other namespaces:\n%s", r.out)
	}
	r = run(t, "", "get", "-f", shop, "-l", "app in (api, ledger)", "-o", "json")
	var list struct {
		Kind, APIVersion string
		Items            []struct {
			Metadata struct{ Name, Namespace string }
		}
	}
	if err := json.Unmarshal([]byte(r.out), &list); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.Metadata.Namespace+"/"+item.Metadata.Name)
	}
	if want := []string{"payments/httproute.ledger", "shop/httproute.api-route"}; list.Kind != "List" || list.APIVersion != "v1" || !slices.Equal(names, want) {
		t.Errorf("got %s %s %v, want v1 List %v", list.APIVersion, list.Kind, names, want)
	}
}

func TestObjectsWithoutNamespaceTakeTheFlags(t *testing.T) {
	run(t, goodRoute, "bindings", "-n", "here", "-f", "-", "-o", "json").wantOutput(t, `"namespace": "here"`)
	run(t, goodRoute, "bindings", "-f", "-", "-o", "json").wantOutput(t, `"namespace": "default"`)
}

func TestNothingToShow(t *testing.T) {
	r := run(t, goodRoute, "get", "-f", "-")
	if r.code != exitFine || r.out != "" || !strings.Contains(r.errOut, "no policy reaches any route or Gateway") {
		t.Errorf("got %+v", r)
	}
	r = run(t, goodRoute, "get", "checkout", "-f", "-", "-o", "json")
	if want := "{\n  \"apiVersion\": \"v1\",\n  \"items\": [],\n  \"kind\": \"List\"\n}\n"; r.code != exitFine || r.out != want {
		t.Errorf("got %+v, want output %q", r, want)
	}
	if !strings.Contains(r.errOut, "no policy reaches HTTPRoute default/checkout") {
		t.Errorf("got %q on standard error", r.errOut)
	}
}

func TestColoursAreForTerminals(t *testing.T) {
	if r := run(t, "", "explain", "checkout", "-f", shop); strings.Contains(r.out, "\x1b") {
		t.Error("there are colours in what is not a terminal")
	}
}

func TestHelpSaysHowThePluginIsCalled(t *testing.T) {
	run(t, "", "--help").wantOutput(t, "kubectl effective-policy get -A", "explain     Explain what applies")
	run(t, "", "explain", "--help").wantOutput(t, "kubectl effective-policy explain KIND/NAME")
	run(t, "").wantOutput(t, "Which policies apply, and why:")
	run(t, "", "completion", "bash").wantOutput(t, "__complete")
}

// TestHelpFitsAScreen also checks that the help of a command has what people need there, and that
// kubectl's connection flags are only in "options".
func TestHelpFitsAScreen(t *testing.T) {
	root := New(genericiooptions.IOStreams{}, "")
	lines := [][]string{{"--help"}, {"options"}}
	for _, cmd := range root.Commands() {
		lines = append(lines, []string{cmd.Name(), "--help"})
	}
	for _, line := range lines {
		if line[0] == "completion" || line[0] == "help" {
			continue // cobra's own
		}
		r := run(t, "", line...)
		for text := range strings.Lines(r.out) {
			isExample := strings.HasPrefix(text, "  "+workspace.DisplayName) // to be copied whole
			if terminal.Width(strings.TrimSuffix(text, "\n")) > terminal.Screen && !isExample {
				t.Errorf("%v is wider than %d columns: %s", line, terminal.Screen, text)
			}
		}
		if has := strings.Contains(r.out, "--client-certificate"); has != (line[0] == "options") {
			t.Errorf("%v: are the flags for a connection there? %v", line, has)
		}
		if !strings.Contains(r.out, "--filename") {
			t.Errorf("%v does not tell of -f:\n%s", line, r.out)
		}
	}
}

func TestCompletion(t *testing.T) {
	run(t, "", "__complete", "-f", shop, "explain", "httproute/c").wantOutput(t, "httproute/checkout\n", ":4")
	run(t, "", "__complete", "-f", shop, "get", "-n", "pay").wantOutput(t, "payments\n")
	run(t, "", "__complete", "-f", shop, "explain", "httproute/checkout", "--rule", "").wantOutput(t, "cart\npay\n:4")
	run(t, "", "__complete", "-f", shop, "explain", "checkout", "--rule", "p").wantOutput(t, "pay\n:4")
	run(t, "", "__complete", "-f", shop, "explain", "httproute/api-route", "--listener", "").wantOutput(t, "https\npartners\n:4")
	run(t, "", "__complete", "-f", shop, "explain", "checkout", "--policy", "T").wantOutput(t, "TimeoutPolicy\n:4")
	run(t, "", "__complete", "-f", shop, "explain", "checkout", "--field", "re").wantOutput(t, "request\nrequestsPerSecond\nretryOn\n:4")
	run(t, "", "__complete", "-f", shop, "explain", "checkout", "--policy", "TimeoutPolicy", "--field", "").wantOutput(t, "backend\n", "idle\n", "request\n:4")
	run(t, "", "__complete", "-f", shop, "get", "--without", "R").wantOutput(t, "RateLimitPolicy\nRetryPolicy\n:6")
	run(t, "", "__complete", "-f", shop, "get", "--without", "TimeoutPolicy.i").wantOutput(t, "TimeoutPolicy.idle\n:4")
	run(t, "", "__complete", "-f", shop, "explain", "check").wantOutput(t, "checkout\n:4")
	run(t, "", "__complete", "-f", shop, "get", "-o", "").wantOutput(t, "wide\n", "yaml\n")
	if r := run(t, "", "__complete", "-f", "nothing-here", "explain", ""); strings.Contains(r.errOut, "no such file") {
		t.Errorf("a completion talks: %s", r.errOut)
	}
	var out bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &bytes.Buffer{}}
	code := Main(t.Context(), []string{"/usr/bin/kubectl_complete-effective_policy", "-f", shop, "explain", "grpc"}, streams, "")
	if code != exitFine || !strings.Contains(out.String(), "grpcroute/authorise\n") {
		t.Errorf("kubectl's completion: exit code %d, %q", code, out.String())
	}
}

func TestVersion(t *testing.T) {
	run(t, "", "version", "--client").wantOutput(t, "v1.2.3", "Gateway API v1.")
	r := run(t, "", "version", "--server", "https://127.0.0.1:1", "-o", "json")
	r.wantOutput(t, `"version": "v1.2.3"`, `"error": `)
}

func TestAClusterThatIsNotThere(t *testing.T) {
	run(t, "", "get", "--server", "https://127.0.0.1:1").wantFailure(t, "127.0.0.1:1", "give them with -f")
	t.Setenv("KUBECONFIG", "/there/is/none")
	run(t, "", "get").wantFailure(t, "no cluster is configured in /there/is/none", "give them with -f")
	run(t, "", "diff", "-f", shop).wantFailure(t, "no cluster is configured in /there/is/none", "give them with --base")
	run(t, "", "get", "--context", "no-such-context").wantFailure(t, "no-such-context", "give them with -f")
}

func TestAnInterruptedCommandSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &bytes.Buffer{}, ErrOut: &errOut}
	if code := Main(ctx, []string{"x", "get", "-f", shop}, streams, ""); code != exitFailure || errOut.String() != "error: interrupted\n" {
		t.Errorf("exit code %d, %q", code, errOut.String())
	}
}
