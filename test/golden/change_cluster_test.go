package golden_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/controlplane"
)

// changes of the example, and how they are made.
var changes = map[string]struct {
	text string
	args []string
}{
	"a policy is edited": {text: `apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: edge-timeouts, namespace: platform}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: edge}
  default: {request: 12s, backend: 5s}
  bounds: {request: {max: 60s}}
  override: {connect: 2s}
`},
	"a policy is created that an older one keeps out": {text: `apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: a-second, namespace: platform}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: edge}
  override: {request: 20s}
`},
	"a policy is deleted": {args: []string{"--delete"}, text: `apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: edge-timeouts, namespace: platform}
`},
	"a policy that is not there is deleted": {args: []string{"--delete"}, text: `apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: gone, namespace: platform}
`},
	"a guardrail comes with what it forbids": {text: `apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: nine}
spec: {cel: [{expression: 'effective.?TimeoutPolicy.?request.orValue("1s") == "9s"', message: nine seconds or nothing, fieldPath: effective.TimeoutPolicy.request}]}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: checkout, namespace: shop}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}
  default: {request: 45s}
`},
}

// guard is in the cluster, or in the files.
const guard = `apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: fifteen}
spec: {cel: [{expression: 'duration(effective.?TimeoutPolicy.?request.orValue("1s")) <= duration("15s")', message: no longer than 15s, fieldPath: effective.TimeoutPolicy.request}]}
`

// TestChangesOfFilesAndOfAClusterAgree asks "diff" and "check" about changes of
// the example, once in files and once on a real API server.
func TestChangesOfFilesAndOfAClusterAgree(t *testing.T) {
	plane := controlplane.Shared(t)
	c, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "guard.yaml"), []byte(guard), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, files := range []*world{{args: []string{"-f", "../../examples/shop"}}, {args: []string{"-f", folder}}} {
		write(t, c, files)
	}
	files := []string{"--base", "../../examples/shop", "--base", folder, "--platform-namespaces", "platform"}
	cluster := []string{"--kubeconfig", plane.Kubeconfig, "--platform-namespaces", "platform"}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "change.yaml")
			if err := os.WriteFile(path, []byte(change.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range [][]string{{"diff"}, {"diff", "-o", "json"}, {"check"}, {"check", "-o", "json"}} {
				command = append(append(command, "-f", path), change.args...)
				inCluster := cluster
				if command[0] == "check" {
					inCluster = append(inCluster[:len(inCluster):len(inCluster)], "--cluster")
				}
				agreeOn(t, command, files, inCluster)
			}
		})
	}
	t.Run("labels that others have set stay", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "change.yaml")
		if err := os.WriteFile(path, []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, errOut, code := (&world{}).run(t, append([]string{"diff", "-f=" + path}, cluster...)...)
		if code != 0 || out != "" || !strings.Contains(errOut, "nothing changes") {
			t.Errorf("exit code %d, %s%s", code, out, errOut)
		}
	})
}

// staying is the note on what is in --base alone.
var staying = regexp.MustCompile(`(?m)^note: .* of --base .*\n`)

func agreeOn(t *testing.T, command, files, cluster []string) {
	t.Helper()
	for i, arg := range command { // the file is not below the folder of a golden file
		if arg == "-f" {
			command = append(append(command[:i:i], "-f="+command[i+1]), command[i+2:]...)
			break
		}
	}
	fromFiles, filesErr, filesCode := (&world{}).run(t, append(command[:len(command):len(command)], files...)...)
	fromCluster, clusterErr, clusterCode := (&world{}).run(t, append(command[:len(command):len(command)], cluster...)...)
	if filesCode == 2 || filesCode != clusterCode {
		t.Errorf("%v: exit codes %d and %d: %s%s", command, filesCode, clusterCode, filesErr, clusterErr)
	}
	filesErr = staying.ReplaceAllString(filesErr, "") // a cluster has no manifests that could be pruned
	if diff := gocmp.Diff(fromFiles+filesErr, fromCluster+clusterErr); diff != "" {
		t.Errorf("%v (-files +cluster):\n%s", command, diff)
	}
	if strings.Contains(fromFiles, "{") && !json.Valid([]byte(fromFiles)) {
		t.Errorf("%v: what is printed is not JSON:\n%s", command, fromFiles)
	}
}
