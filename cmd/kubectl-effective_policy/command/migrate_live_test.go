package command

import (
	"bytes"
	"fmt"
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

const liveWorld = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /a, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}
      - {path: /b/, pathType: Exact, backend: {service: {name: b, port: {number: 80}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: infra}
spec:
  gatewayClassName: any
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: edge, namespace: infra}]
  hostnames: [shop.example.com]
  rules:
  - matches: [{path: {value: /a}}]
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: Exact, value: /b/}}]
    backendRefs: [{name: b, port: 80}]
  - matches: [{path: {type: Exact, value: /b}}]
    filters: [{type: RequestRedirect, requestRedirect: {statusCode: 301, path: {type: ReplaceFullPath, replaceFullPath: /b/}}}]
`

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

// TestLive: equal sides are equal; a status of one side alone is different; one that
// changes is unstable; and one that no model expects is said to be so. One request is under way at a time (M79 to M83).
func TestLive(t *testing.T) {
	file := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(file, []byte(liveWorld), 0o600); err != nil {
		t.Fatal(err)
	}
	same := func(string, int) int { return 0 }
	run := func(before, after *httptest.Server, flags ...string) (string, int) {
		var out, errs bytes.Buffer
		args := append([]string{"kubectl-effective_policy", "migrate", "verify", "-f", file, "--old", before.URL, "--new", after.URL, "--rate", "2000", "--backend-header", "X-Backend"}, flags...)
		code := Main(t.Context(), args, genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errs}, "")
		return out.String() + errs.String(), code
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
		var errs bytes.Buffer
		args := []string{"kubectl-effective_policy", "migrate", "verify", "-f", file, "--old", "http://127.0.0.1:1"}
		code := Main(t.Context(), args, genericiooptions.IOStreams{In: strings.NewReader(""), Out: &errs, ErrOut: &errs}, "")
		if want := "--old and --new: write both URLs"; code != 2 || !strings.Contains(errs.String(), want) {
			t.Errorf("exit %d: %s", code, fmt.Sprint(errs.String()))
		}
	})
}
