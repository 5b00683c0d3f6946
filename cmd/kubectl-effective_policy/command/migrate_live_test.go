package command

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// liveSides are an Ingress of one host, and a Gateway with the listeners of LISTENERS. MORE is
// what else the Ingress has, PATHS are its paths, and RULES those of the route.
const liveSides = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, annotations: {nginx.ingress.kubernetes.io/preserve-trailing-slash: "true"}}
spec:
  ingressClassName: nginx
MORE
  rules: [{host: shop.example.com, http: {paths: [PATHS]}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: any, listeners: [LISTENERS]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: edge, sectionName: SECTION}]
  hostnames: [shop.example.com]
  rules:
RULES
`

// liveWorld is a host by http.
var liveWorld = strings.NewReplacer(
	"MORE\n", "", "LISTENERS", "{name: http, port: 80, protocol: HTTP}", "SECTION", "http",
	"PATHS", `{path: /a, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}, {path: /b/, pathType: Exact, backend: {service: {name: b, port: {number: 80}}}}`,
	"RULES", `  - matches: [{path: {value: /a}}]
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: Exact, value: /b/}}]
    backendRefs: [{name: b, port: 80}]
  - matches: [{path: {type: Exact, value: /b}}]
    filters: [{type: RequestRedirect, requestRedirect: {statusCode: 301, path: {type: ReplaceFullPath, replaceFullPath: /b/}}}]`,
).Replace(liveSides)

// compareLive runs verify on a world and two sides, and returns what it prints.
func compareLive(t *testing.T, world string, flags ...string) (string, int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(file, []byte(world), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	args := append([]string{"kubectl-effective_policy", "migrate", "verify", "-f", file, "--rate", "2000"}, flags...)
	code := Main(t.Context(), args, genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errs}, "")
	return out.String() + errs.String(), code
}

// side answers as a side of the world does, but for what change does with a path.
func side(t *testing.T, name string, change func(path string, n int) int) *httptest.Server {
	t.Helper()
	var mu sync.Mutex
	asked := map[string]int{}
	var underWay atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if underWay.Add(1) > 1 { // M83
			t.Errorf("%s was sent two requests at a time", name)
		}
		defer underWay.Add(-1)
		mu.Lock()
		asked[r.URL.Path]++
		n := asked[r.URL.Path]
		mu.Unlock()
		if r.Host != "shop.example.com" || r.Method != http.MethodGet || r.Header.Get("Authorization") != "" {
			t.Errorf("%s was sent %s %s with host %s", name, r.Method, r.URL, r.Host)
		}
		if code := change(r.URL.Path, n); code != 0 {
			w.WriteHeader(code)
			return
		}
		switch path := r.URL.Path; {
		case path == "/a" || strings.HasPrefix(path, "/a/"), path == "/b/":
			w.Header().Set("X-Backend", path[1:2])
		case path == "/b":
			w.Header().Set("Location", "http://shop.example.com/b/")
			w.WriteHeader(http.StatusMovedPermanently)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// TestLive: equal sides are equal; a status of one side alone is different; one that changes is
// unstable; and one that no model expects is reported as such. One request is under way at a time
// (M79 to M83).
func TestLive(t *testing.T) {
	same := func(string, int) int { return 0 }
	run := func(before, after *httptest.Server, flags ...string) (string, int) {
		return compareLive(t, liveWorld, append([]string{"--old", before.URL, "--new", after.URL, "--backend-header", "X-Backend"}, flags...)...)
	}
	for _, c := range []struct {
		name     string
		old, new func(string, int) int
		code     int
		want     string
	}{
		{"equal", same, same, 0, "0 different, 0 announced, 0 unstable, 0 not what the model says, 0 without an answer"},
		{"different", same, func(path string, _ int) int {
			if path == "/a/" {
				return 500
			}
			return 0
		}, 1, "live different  shop.example.com  curl -H 'Host: shop.example.com' http://GATEWAY/a/"},
		{"unstable", same, func(path string, n int) int {
			if path == "/a" && n%2 == 1 {
				return 503
			}
			return 0
		}, 0, "1 unstable"},
		{"model", func(path string, _ int) int {
			if path == "/b" {
				return 404
			}
			return 0
		}, func(path string, _ int) int {
			if path == "/b" {
				return 404
			}
			return 0
		}, 0, "why  old side: the model expects 301 to http://shop.example.com/b/, the answer is 404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, code := run(side(t, "old", c.old), side(t, "new", c.new))
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("exit %d, want %d and %q:\n%s", code, c.code, c.want, out)
			}
		})
	}
	t.Run("at most", func(t *testing.T) {
		out, _ := run(side(t, "old", same), side(t, "new", same), "--max-requests", "3")
		if !strings.Contains(out, "live: 3 requests to each side, 3 equal") {
			t.Error(out)
		}
	})
	t.Run("one URL", func(t *testing.T) {
		out, code := compareLive(t, liveWorld, "--old", "http://127.0.0.1:1")
		if want := "--old and --new: write both URLs"; code != 2 || !strings.Contains(out, want) {
			t.Errorf("exit %d: %s", code, out)
		}
	})
}
