package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// repository writes a folder as Git repositories have them, with 100 applications:
// Kustomize with overlays, Helm values and templates, Flux and its placeholders,
// encrypted files, workflows. It returns the number of files.
func repository(t *testing.T) (folder string, files int) {
	t.Helper()
	folder = t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files++
	}
	write(".github/workflows/ci.yaml", "on: push\njobs: {test: {runs-on: ubuntu-latest, steps: [{run: \"echo ${{ github.ref }}\"}]}}\n")
	write("infra/gateway.yaml", `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: infra}, spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}`)
	write("infra/policy.yaml", `{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: public, namespace: infra}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}, default: {request: 5s}}}`)
	write("infra/flux.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\nspec: {path: ./apps}\n")
	for i := range 100 {
		app := fmt.Sprintf("apps/app-%02d/", i)
		write(app+"kustomization.yaml", fmt.Sprintf("namespace: team-%02d\nresources: [route.yaml, deployment.yaml]\n", i))
		write(app+"route.yaml", "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: app}\nspec: {parentRefs: [{name: public, namespace: infra}]}\n")
		write(app+"deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n")
		write(app+"values.yaml", "replicas: 2\nimage: {tag: x}\n")
		switch i % 4 {
		case 0:
			write(app+"templates/route.yaml", "{{- if .Values.on }}\nkind: HTTPRoute\n{{- end }}\n")
		case 1:
			write(app+"secret.enc.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nsops: {mac: x}\n")
		case 2:
			write(app+"release.yaml", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: app}\n")
		default:
			write(app+"domain.yaml", "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: other}\nspec: {parentRefs: [{name: public, namespace: infra}], hostnames: [\"a.${DOMAIN}\"]}\n")
		}
	}
	return folder, files
}

func TestARepositoryAsItIs(t *testing.T) {
	folder, files := repository(t)
	if files != 504 {
		t.Fatalf("%d files", files)
	}
	for _, command := range [][]string{{"get"}, {"bindings"}, {"check"}} {
		start := time.Now()
		r := run(t, "", append(command, "-R", "-f", folder)...)
		t.Logf("%v took %s", command, time.Since(start))
		if r.code != exitFine {
			t.Errorf("%v: exit code %d: %s", command, r.code, r.errOut)
		}
		if want := "202 documents read, 302 passed over: -v lists them\n"; r.errOut != want {
			t.Errorf("%v says %q, want %q", command, r.errOut, want)
		}
		if !strings.Contains(r.out, "team-42") && command[0] != "check" {
			t.Errorf("%v does not know the routes of team-42", command)
		}
	}
	r := run(t, "", "get", "-R", "--strict", "-f", folder)
	r.wantFailure(t, "apps/app-00/values.yaml:1", "looks like a template: render it first (helm template)", "holds the placeholder ${DOMAIN}", "is encrypted")
}
