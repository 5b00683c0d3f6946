package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/test/controlplane"
)

// ofAbove are policies of the platform over a route of the team rights.
const ofAbove = `
apiVersion: attache.dev/v1alpha1
kind: RetryPolicy
metadata: {name: floor, namespace: infra}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}, override: {maxRetries: 1}}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ceiling, namespace: infra}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}
  default: {request: 10s, backend: 5s}
  bounds: {request: {max: 60s}}
`

// plugin runs the command as a user.
func plugin(ctx context.Context, user controlplane.User, arguments ...string) (out, errOut string, code int) {
	var stdout, stderr bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &stdout, ErrOut: &stderr}
	line := append([]string{"kubectl-effective_policy", "--kubeconfig", user.Kubeconfig}, arguments...)
	code = command.Main(ctx, line, streams, "")
	return stdout.String(), stderr.String(), code
}

// TestTheCommandWithTheRightsOfOneNamespace asks as a developer who has the chart's
// role attache-view in a namespace and nothing else, and as somebody with the
// chart's role attache-cli, and gets what an administrator gets.
func TestTheCommandWithTheRightsOfOneNamespace(t *testing.T) {
	s := startSite(t, nil, "rights", "neighbours")
	s.admin.apply(ofAbove)
	team := s.as(s.plane.Config, "rights")
	team.route("checkout", "90s")
	s.as(s.plane.Config, "neighbours").route("secret", "7s")
	within(t, time.Minute, "the result to be published", func(context.Context) error {
		u := team.find("EffectivePolicy", "httproute.checkout")
		if u == nil || !strings.Contains(fmt.Sprint(u.Object), "ceiling") {
			return errors.New("it is not")
		}
		return nil
	})
	admin := controlplane.User{Config: s.plane.Config, Kubeconfig: s.plane.Kubeconfig}
	developer, reader := s.reader("dana", "attache-view", "rights"), s.reader("rob", "attache-cli", "")

	same := [][]string{
		{"get", "-n", "rights"}, {"get", "httproute/checkout", "-n", "rights", "-o", "wide"},
		{"explain", "httproute/checkout", "-n", "rights"}, {"explain", "httproute/checkout", "-n", "rights", "--rule", "r1", "--policy", "TimeoutPolicy"},
	}
	for _, line := range same {
		want, _, _ := plugin(t.Context(), admin, line...)
		for name, user := range map[string]controlplane.User{"developer": developer, "reader": reader} {
			out, errOut, code := plugin(t.Context(), user, line...)
			if out != want || code != 0 {
				t.Errorf("%s, %v: exit code %d\n%s%s\nwant\n%s", name, line, code, errOut, out, want)
			}
			if told := strings.Contains(errOut, "from the published EffectivePolicy objects in namespace rights: you may not list"); told != (name == "developer") {
				t.Errorf("%s, %v: told %q", name, line, errOut)
			}
		}
	}
	for line, parts := range map[string][]string{
		"describe httproute/checkout -n rights":     {"TimeoutPolicy rights/checkout", "RetryPolicy infra/floor", "override of GatewayClass edge", "TimeoutPolicy infra/ceiling"},
		"describe timeoutpolicy/checkout -n rights": {"request 90s is limited to 60s"},
	} {
		out, errOut, code := plugin(t.Context(), developer, strings.Fields(line)...)
		for _, part := range parts {
			if code != 0 || !strings.Contains(out, part) {
				t.Errorf("%s: exit code %d, no %q in\n%s%s", line, code, part, out, errOut)
			}
		}
	}
	for _, line := range []string{"get -n neighbours", "get -A", "explain httproute/secret -n neighbours", "policies -n rights", "get -n rights --without RateLimitPolicy"} {
		out, errOut, code := plugin(t.Context(), developer, strings.Fields(line)...)
		if code != 2 || !strings.Contains(errOut, "attache-cli") || strings.Contains(out+errOut, "7s") || strings.Count(errOut, "\n") > 2 {
			t.Errorf("%s: exit code %d, want 2 and two lines that name the role:\n%s%s", line, code, out, errOut)
		}
	}
	file := t.TempDir() + "/page.html"
	out, errOut, code := plugin(t.Context(), developer, "ui", "-n", "rights", "--out", file)
	page, err := os.ReadFile(file)
	if err != nil || code != 0 || !strings.Contains(string(page), "httproute/rights/checkout") || strings.Contains(string(page), "secret") {
		t.Errorf("ui --out: exit code %d, %d bytes, %v: %s%s", code, len(page), err, out, errOut)
	}
	within(t, time.Minute, "to be told what attache may do", func(ctx context.Context) error {
		return errors.Join(attacheMay(ctx, admin, "TimeoutPolicy", "yes"), attacheMay(ctx, admin, "RateLimitPolicy", "yes"),
			attacheMay(ctx, reader, "TimeoutPolicy", "yes"), attacheMay(ctx, reader, "RateLimitPolicy", "unknown"))
	})
}

// attacheMay says whether a user is told by kinds that attache may read a kind and write
// its status. Who may not ask the API server sees it by the status of objects.
func attacheMay(ctx context.Context, user controlplane.User, kind, want string) error {
	out, errOut, _ := plugin(ctx, user, "kinds", "-o", "json")
	var said struct {
		Kinds []explain.Kind `json:"kinds"`
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		return fmt.Errorf("%w: %s", err, errOut)
	}
	for _, k := range said.Kinds {
		if k.Kind == kind && (k.Rights != explain.Rights{Read: want, WriteStatus: want}) {
			return fmt.Errorf("%s: %+v, want %s", kind, k.Rights, want)
		}
	}
	return nil
}

// TestSettingsOfTheManagerReachEverybody asks as a user without any rights but
// those of every user, and as one with the role of the command.
func TestSettingsOfTheManagerReachEverybody(t *testing.T) {
	s := startSite(t, nil, "rights")
	team := s.as(s.plane.Config, "rights")
	team.route("checkout", "30s")
	reader := s.reader("rob", "attache-cli", "")
	manifest := t.TempDir() + "/override.yaml"
	if err := os.WriteFile(manifest, []byte(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: grab, namespace: rights}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}, override: {request: 1s}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errOut, code := plugin(t.Context(), reader, "check", "--cluster", "-f", manifest)
	if code != 1 || !strings.Contains(strings.Join(strings.Fields(out), " "), "may not target a GatewayClass") || strings.Contains(errOut, "platform namespaces") {
		t.Errorf("check: exit code %d, want a denial:\n%s%s", code, errOut, out)
	}
	config := named("ConfigMap.v1.", releaseNamespace, "attache-settings")
	if err := s.admin.Delete(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	out, errOut, code = plugin(t.Context(), reader, "check", "--cluster", "-f", manifest)
	if code != 0 || !strings.Contains(errOut, "platform namespaces are unknown") || !strings.Contains(out, "warning") {
		t.Errorf("check without the settings: exit code %d, want a warning:\n%s%s", code, errOut, out)
	}
}

// reader is a user with a role of the chart, in a namespace or everywhere.
func (s *site) reader(name, role, namespace string) controlplane.User {
	s.Helper()
	user, err := s.plane.AddUser(name)
	if err != nil {
		s.Fatal(err)
	}
	kind, metadata := "ClusterRoleBinding", "name: "+name
	if namespace != "" {
		kind, metadata = "RoleBinding", "name: "+name+", namespace: "+namespace
	}
	s.admin.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ` + kind + `
metadata: {` + metadata + `}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ` + role + `}
subjects: [{kind: User, name: ` + name + `, apiGroup: rbac.authorization.k8s.io}]`)
	return user
}
