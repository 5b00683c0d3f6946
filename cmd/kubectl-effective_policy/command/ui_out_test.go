package command

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// TestOnePageIsOneFile: --out writes a page that loads nothing, with the hash of its only script
// in its policy. More than 5 MiB are refused with a hint what to leave out, and what is left out
// is not in the file.
func TestOnePageIsOneFile(t *testing.T) {
	folder := t.TempDir()
	world := filepath.Join(folder, "world.yaml")
	var text strings.Builder
	text.WriteString("{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: edge, namespace: infra}, spec: {gatewayClassName: any, " +
		"listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}\n")
	const routes, much = 40, 160 << 10
	for i := range routes {
		namespace, note := "large", strings.Repeat("x", much)
		if i == 0 {
			namespace, note = "small", "little"
		}
		fmt.Fprintf(&text, "---\n{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r%d, namespace: %s, annotations: {note: %s}}, "+
			"spec: {parentRefs: [{name: edge, namespace: infra}], hostnames: [r%d.example.com], rules: [{backendRefs: [{name: web, port: 80}]}]}}\n", i, namespace, note, i)
	}
	if err := os.WriteFile(world, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(flags ...string) (string, string, int) {
		out := filepath.Join(folder, "page.html")
		var errs bytes.Buffer
		code := Main(t.Context(), append([]string{"kubectl-effective_policy", "ui", "-f", world, "--out", out}, flags...),
			genericiooptions.IOStreams{In: strings.NewReader(""), Out: &errs, ErrOut: &errs}, "")
		page, _ := os.ReadFile(out)
		return string(page), errs.String(), code
	}
	page, said, code := run()
	if code != 2 || page != "" || !strings.Contains(said, "at most 5 go into one file: show less, with -n NAMESPACE or --open '#/map?ns=NAMESPACE'") {
		t.Errorf("exit %d, %d bytes: %s", code, len(page), said)
	}
	page, said, code = run("--open", "#/map?ns=small")
	if code != 0 || len(page) > 5<<20 || strings.Contains(page, "r1.example.com") || !strings.Contains(page, "r0.example.com") {
		t.Fatalf("exit %d, %d bytes: %s", code, len(page), said)
	}
	scripts := regexp.MustCompile(`(?s)<script([^>]*)>(.*?)</script>`).FindAllStringSubmatch(page, -1)
	for _, s := range scripts {
		sum := sha256.Sum256([]byte(s[2]))
		if data := strings.Contains(s[1], "application/json"); !data && !strings.Contains(html.UnescapeString(page), "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("the policy has no hash of the script <script%s>", s[1])
		}
	}
	if len(scripts) == 0 || !strings.Contains(page, "http-equiv=\"Content-Security-Policy\"") || regexp.MustCompile(`(src|href)="?https?:`).MatchString(page) {
		t.Error("the page has no script or no policy of its own, or asks elsewhere")
	}
}
