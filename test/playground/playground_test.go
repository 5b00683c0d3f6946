package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/test/conformance"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// The demo itself checks that what it says is true; this test checks that it says it.
func TestDemoTellsItsStory(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	t.Chdir("../..")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"demo"}, &out); err != nil {
		t.Fatalf("the demo failed: %v\n%s", err, &out)
	}
	for _, line := range []string{
		`^A tour of attache, in two parts\.`,
		`^1\. Build the kubectl plugin$`,
		`^     by  TimeoutPolicy platform/edge-ceiling$`,
		`^   1 object: denied$`,
		`^[0-9]+\. Build the manager and the kubectl plugin$`,
		`^   Server Version: v1\.`,
		`mutatingwebhookconfiguration.* serverside-applied$`,
		`^   httproute\.gateway\.networking\.k8s\.io/checkout created$`,
		`^   ✓ settled in `,
		`^   NAMESPACE +NAME +TARGET +SCOPES +TIMEOUT +RETRIES +RATE +CONSTRAINED +ENFORCED +AGE$`,
		`^   shop +httproute\.checkout +HTTPRoute/checkout +2 +60s +mixed +500 +bounds `,
		`^ +stated 90s +limited by bounds of platform/edge-timeouts$`,
		`^   ✓ from the files alone, without a cluster, the command says the same$`,
		`^       TimeoutPolicy request +Unsupported NoField: Traefik has no such setting$`,
		`^   ✓ the annotation is in the answer to the request that made the route`,
		`^       HTTPRoute/checkout +timeout +60s -> 20s$`,
		`^   \{"digest":"sha256:[0-9a-f]{64}",.*"scopes":.*"request":"20s"`,
		`not a GEP-2257 duration: write 1h30m$`,
		`admission webhook .* denied the request: .* may not target a GatewayClass`,
		`^   ✓ neither exists$`,
		`^All of it was so\.`,
	} {
		if !regexp.MustCompile(`(?m)` + line).Match(out.Bytes()) {
			t.Errorf("the demo did not tell %q; it told:\n%s", line, &out)
			break
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("there are colours although this is no terminal")
	}
}

// The reference data plane does what the status of policies claims, feature by feature: a
// contradiction is an error.
func TestTheReferenceDataPlaneConforms(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	t.Chdir("../..")
	file := filepath.Join(t.TempDir(), "report.yaml")
	if err := run(t.Context(), []string{"conformance", "-report", file}, &bytes.Buffer{}); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report conformance.Report
	if err := yaml.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if s := report.Summary; s.Passed < 35 || s.Failed > 0 {
		t.Errorf("the report says:\n%s", text)
	}
}

func TestPlaygroundStaysUntilItIsStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	program := filepath.Join(t.TempDir(), "playground")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	state := filepath.Join(t.TempDir(), "state")
	playground := func(command string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, program, "-state", state, command).CombinedOutput()
		if err != nil {
			t.Fatalf("playground %s: %v\n%s", command, err, out)
		}
		return string(out)
	}
	t.Cleanup(func() { playground("down") }) // whatever happens; twice does no harm

	told := playground("up")
	kubeconfig := filepath.Join(state, kubeconfigFile)
	if !strings.Contains(told, "export KUBECONFIG="+kubeconfig+"\n") {
		t.Errorf("up should say how to use it, and said:\n%s", told)
	}
	addresses := regexp.MustCompile(`curl -s (http://127\.0\.0\.1:[0-9]+/metrics) `).FindAllStringSubmatch(told, -1)
	if len(addresses) != 2 {
		t.Errorf("up should say where both processes serve metrics, and said:\n%s", told)
	}
	for _, address := range addresses {
		answer, err := http.Get(address[1])
		if err != nil {
			t.Errorf("asking for metrics: %v", err)
			continue
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.Contains(string(text), "\nattache_build_info{") {
			t.Errorf("%s answered %s (%v):\n%.2000s", address[1], answer.Status, err, text)
		}
	}
	kubectl := func() (string, error) {
		cmd := exec.Command(filepath.Join(state, "bin", "kubectl"), "get", "effective-policy", "-A")
		cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "KUBECACHEDIR="+t.TempDir())
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := kubectl(); err != nil || !strings.Contains(out, "HTTPRoute/checkout") {
		t.Errorf("after up, kubectl should show effective policies: %v\n%s", err, out)
	}
	if told := playground("up"); !strings.Contains(told, "running already") {
		t.Errorf("a second up should find the first one, and said:\n%s", told)
	}
	if told := playground("down"); !strings.Contains(told, "is stopped") {
		t.Errorf("down said:\n%s", told)
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("down should leave nothing behind, and left %s: %v", state, err)
	}
}

func TestWordsOfACommandLine(t *testing.T) {
	for line, want := range map[string]string{
		"kubectl get pods":               "kubectl|get|pods",
		"a  b":                           "a|b",
		"x -o jsonpath='{.a b}' --y='' ": "x|-o|jsonpath={.a b}|--y=",
		"x ''":                           "x|",
	} {
		if got := strings.Join(words(line), "|"); got != want {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
	}
}
