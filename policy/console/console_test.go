package console_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/console"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/test/worldtest"
)

const (
	token = "the-token"
	host  = "127.0.0.1:8080"
)

// fake is a source whose worlds a test makes.
type fake struct {
	mu          sync.Mutex
	world       *view.World
	subscribers map[int]func(*view.World, []hierarchy.Ref)
	last        int
	change      func(ctx context.Context, w *view.World, e console.Edit) (*preview.Change, []string, error)
}

func (f *fake) World() *view.World {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.world
}

func (f *fake) Subscribe(tell func(*view.World, []hierarchy.Ref)) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	id := f.last
	f.subscribers[id] = tell
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.subscribers, id)
	}
}

// next publishes a newer world.
func (f *fake) next(version string, s *policy.Snapshot, changed ...hierarchy.Ref) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world = &view.World{Snapshot: s, Version: version, Context: "test"}
	for _, tell := range f.subscribers {
		tell(f.world, changed)
	}
}

func (f *fake) Object(_ context.Context, _ *view.World, ref hierarchy.Ref) (*unstructured.Unstructured, error) {
	return nil, errors.New("may not read " + ref.String())
}

func (f *fake) Change(ctx context.Context, w *view.World, e console.Edit) (*preview.Change, []string, error) {
	return f.change(ctx, w, e)
}

// page is a page as small as there can be.
var page = fstest.MapFS{
	"index.html": {Data: []byte("<!doctype html><html><head></head><body><div id=app></div></body></html>")},
	"page.js":    {Data: []byte("'use strict'")},
	"page.css":   {Data: []byte("body{}")},
}

func whereOf(expression string) (guardrail.Rule, error) {
	rules, problems := celrule.Compile([]guardrail.Expression{{Expression: expression, Message: "no"}})
	if len(problems) > 0 {
		return nil, errors.New(problems[0].Message)
	}
	return rules[0], nil
}

func handlerOf(s *policy.Snapshot) (*console.Handler, *fake) {
	source := &fake{world: &view.World{Snapshot: s, Version: "v1", Context: "test"}, subscribers: map[int]func(*view.World, []hierarchy.Ref){}}
	return console.New(console.Options{Source: source, Workshop: source, Token: token, Hosts: []string{host}, Page: page, Where: whereOf}), source
}

// reader is who has the session.
type reader struct {
	t       testing.TB
	handler http.Handler
	cookie  *http.Cookie
}

func enter(t testing.TB, h http.Handler) *reader {
	t.Helper()
	r := request(http.MethodPost, "/session", strings.NewReader(`{"token":"`+token+`"}`))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusNoContent {
		t.Fatalf("no session: %d %s", w.Code, w.Body)
	}
	return &reader{t, h, w.Result().Cookies()[0]}
}

func request(method, path string, body io.Reader) *http.Request {
	r := httptest.NewRequest(method, path, body)
	r.Host = host
	return r
}

func (c *reader) send(r *http.Request) *httptest.ResponseRecorder {
	r.AddCookie(c.cookie)
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w
}

// get returns the answer to a question of the API, decoded.
func (c *reader) get(path string, into any) {
	c.t.Helper()
	w := c.send(request(http.MethodGet, "/api/v1/"+path, nil))
	if w.Code != http.StatusOK {
		c.t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		c.t.Fatalf("%s: %v in %s", path, err, w.Body)
	}
}

const shop = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec: {controllerName: example.com/gateway}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: https, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop}
spec:
  hostnames: [www.example.com]
  parentRefs: [{name: public, namespace: infra, sectionName: https}]
  rules:
  - {name: pay, timeouts: {backendRequest: 2s}}
  - {name: list}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: lost, namespace: shop}
spec:
  parentRefs: [{name: nowhere, namespace: infra}]
  rules: [{}]
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ceiling, namespace: infra}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}
  override: {request: 30s}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: checkout, namespace: shop}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}
  default: {request: 60s}
`

func TestTheDoor(t *testing.T) {
	h, _ := handlerOf(worldtest.Snapshot(t, shop))
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"without a session":         {func(*http.Request) {}, http.StatusUnauthorized},
		"with a made-up session":    {func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "attache-8080", Value: "x"}) }, http.StatusUnauthorized},
		"with an empty session":     {func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "attache-8080"}) }, http.StatusUnauthorized},
		"under another name":        {func(r *http.Request) { r.Host = "attacker.example:8080" }, http.StatusMisdirectedRequest},
		"on another port":           {func(r *http.Request) { r.Host = "127.0.0.1:80" }, http.StatusMisdirectedRequest},
		"from another origin":       {func(r *http.Request) { r.Header.Set("Origin", "http://attacker.example") }, http.StatusForbidden},
		"from a sandbox":            {func(r *http.Request) { r.Header.Set("Origin", "null") }, http.StatusForbidden},
		"from another port of ours": {func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:9") }, http.StatusForbidden},
		"from another site":         {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"from a sibling":            {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(http.MethodGet, "/api/v1/summary", nil)
			test.change(r)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != test.want || strings.Contains(w.Body.String(), "checkout") {
				t.Errorf("%d %s, want %d", w.Code, w.Body, test.want)
			}
			if w.Header().Get("Content-Security-Policy") != console.Policy || w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

func TestTheTokenOpensOnce(t *testing.T) {
	h, _ := handlerOf(worldtest.Snapshot(t, shop))
	send := func(body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(http.MethodPost, "/session", strings.NewReader(body)))
		return w
	}
	for _, wrong := range []string{`{"token":"other"}`, `{"token":""}`, `{}`} {
		if w := send(wrong); w.Code != http.StatusForbidden || len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: %d %v", wrong, w.Code, w.Result().Cookies())
		}
	}
	if w := send("token"); w.Code != http.StatusBadRequest {
		t.Errorf("no JSON: %d", w.Code)
	}
	w := send(`{"token":"` + token + `"}`)
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("the cookie is %v", cookie)
	}
	if w := send(`{"token":"` + token + `"}`); w.Code != http.StatusForbidden {
		t.Errorf("the token opens twice: %d", w.Code)
	}
}

func TestThePageItselfNeedsNoSession(t *testing.T) {
	h, _ := handlerOf(worldtest.Snapshot(t, shop))
	r := request(http.MethodGet, "/", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site") // a link in a mail
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "id=app") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for header, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Content-Security-Policy": console.Policy,
	} {
		if got := w.Header().Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if strings.Contains(console.Policy, "unsafe") || strings.Contains(console.Policy, "http:") {
		t.Errorf("the policy lets something in: %s", console.Policy)
	}
}

func TestAnswersNameTheirVersion(t *testing.T) {
	h, source := handlerOf(worldtest.Snapshot(t, shop))
	c := enter(t, h)
	ask := func(tag string) *httptest.ResponseRecorder {
		r := request(http.MethodGet, "/api/v1/summary", nil)
		r.Header.Set("If-None-Match", tag)
		return c.send(r)
	}
	w := ask("")
	if w.Header().Get("ETag") != `"v1"` || w.Code != http.StatusOK {
		t.Fatalf("%d, ETag %s", w.Code, w.Header().Get("ETag"))
	}
	if w := ask(`"v1"`); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("unchanged: %d with %d bytes", w.Code, w.Body.Len())
	}
	source.next("v2", worldtest.Snapshot(t, shop))
	if w := ask(`"v1"`); w.Code != http.StatusOK || w.Header().Get("ETag") != `"v2"` {
		t.Errorf("a newer world: %d, ETag %s", w.Code, w.Header().Get("ETag"))
	}
}

func TestAnswersAreCompressed(t *testing.T) {
	h, _ := handlerOf(worldtest.Snapshot(t, shop))
	c := enter(t, h)
	r := request(http.MethodGet, "/api/v1/effective?target=httproute/shop/checkout", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := c.send(r)
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("headers %v", w.Header())
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.NewDecoder(unzipped).Decode(&answer); err != nil || answer["scopes"] == nil {
		t.Errorf("%v %v", err, answer)
	}
}

func TestQuestionsThatMeanNothing(t *testing.T) {
	h, _ := handlerOf(worldtest.Snapshot(t, shop))
	c := enter(t, h)
	for path, want := range map[string]int{
		"effective?target=httproute/shop/none":                 http.StatusNotFound,
		"effective?target=checkout":                            http.StatusBadRequest,
		"effective?target=widget/shop/checkout":                http.StatusNotFound,
		"effective?target=httproute/shop/checkout&rule=none":   http.StatusBadRequest,
		"effective?target=timeoutpolicy/shop/checkout":         http.StatusNotFound,
		"tree?parent=httproute/shop/checkout":                  http.StatusNotFound,
		"routes?level=Cloud":                                   http.StatusBadRequest,
		"routes?kind=None":                                     http.StatusBadRequest,
		"routes?where=1%2B":                                    http.StatusBadRequest,
		"routes?offset=-1":                                     http.StatusBadRequest,
		"routes?limit=100000":                                  http.StatusBadRequest,
		"request?u=":                                           http.StatusBadRequest,
		"request?u=/pay":                                       http.StatusBadRequest,
		"routes?whatif=try-9":                                  http.StatusGone,
		"object?target=httproute/shop/checkout":                http.StatusNotFound,
		"reverse?policy=timeoutpolicy/shop/none":               http.StatusNotFound,
		"describe?target=gateway/infra/public%23none":          http.StatusNotFound,
		"bindings?target=httproute/shop/none":                  http.StatusNotFound,
		"effective?target=gateway/infra/public&listener=other": http.StatusBadRequest,
	} {
		w := c.send(request(http.MethodGet, "/api/v1/"+path, nil))
		var answer struct{ Error string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); w.Code != want || err != nil || answer.Error == "" {
			t.Errorf("%s: %d %s, want %d with an error", path, w.Code, w.Body, want)
		}
	}
	if w := c.send(request(http.MethodPost, "/api/v1/summary", nil)); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}
