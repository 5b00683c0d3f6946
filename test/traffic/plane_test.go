package traffic

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// What Traefik itself does with objects that people wrote: the facts on which the
// exporter for it stands.

// route is a route with what stands in its first rule.
func route(name, rule string) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: NS}
spec:
  parentRefs: [{name: public, sectionName: one}]
  hostnames: [%[1]s.NS.example]
  rules: [{backendRefs: [{name: backend, port: PORT}]%[2]s}]
`, name, rule)
}

func middleware(name, spec string) string {
	return fmt.Sprintf("---\n{apiVersion: traefik.io/v1alpha1, kind: Middleware, metadata: {name: %s, namespace: NS}, spec: {%s}}\n", name, spec)
}

func filters(names ...string) string {
	list := ""
	for _, name := range names {
		list += fmt.Sprintf("{type: ExtensionRef, extensionRef: {group: traefik.io, kind: Middleware, name: %s}},", name)
	}
	return ", filters: [" + list + "]"
}

func TestTraefikIgnoresStandardTimeoutsAndRetries(t *testing.T) {
	b := newBed(t)
	b.apply(route("plain", ", timeouts: {request: 100ms, backendRequest: 50ms}, retry: {attempts: 3, codes: [503]}"))
	b.routers("plain", 1, 0)
	began := time.Now()
	if code, _ := b.send(request{to: "plain", delay: "400ms"}); code != http.StatusOK || time.Since(began) < 400*time.Millisecond {
		t.Errorf("got %d after %s", code, time.Since(began))
	}
	if code, arrived := b.send(request{to: "plain", code: 503}); code != 503 || arrived != 1 {
		t.Errorf("got %d after %d calls", code, arrived)
	}
}

func TestTraefikAnswers404ForAMiddlewareThatIsMissing(t *testing.T) {
	b := newBed(t)
	b.apply(route("missing", filters("nobody")) + "---" + route("fine", ""))
	b.routers("fine", 1, 0)
	if code, arrived := b.send(request{to: "missing"}); code != http.StatusNotFound || arrived != 0 {
		t.Errorf("got %d after %d calls", code, arrived)
	}
	if code, _ := b.send(request{to: "fine"}); code != http.StatusOK {
		t.Errorf("its neighbour answers %d", code)
	}
}

// Which clients a limit counts separately: with a depth beyond every list of forwarders, none; by
// the client's address; by a header, with all requests without it together.
func TestTraefikCountsByWhatTheCriterionSays(t *testing.T) {
	b := newBed(t)
	const slow = "average: 1, period: 1h, burst: 2"
	b.apply(route("all", filters("all")) + "---" + route("address", filters("address")) + "---" + route("header", filters("header")) +
		middleware("all", "rateLimit: {"+slow+", sourceCriterion: {ipStrategy: {depth: 2147483647}}}") +
		middleware("address", "rateLimit: {"+slow+", sourceCriterion: {ipStrategy: {}}}") +
		middleware("header", "rateLimit: {"+slow+", sourceCriterion: {requestHeaderName: x-tenant}}"))
	for _, name := range []string{"all", "address", "header"} {
		b.routers(name, 1, 1)
	}
	same := func(what string, got, want []int) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	same("all", b.codes(3, request{to: "all"}), limited(3, 2))
	same("all, from elsewhere", b.codes(1, request{to: "all", from: "127.0.0.2"}), limited(1, 0))
	same("all, with a forwarder", b.codes(1, request{to: "all", header: [2]string{"X-Forwarded-For", "192.0.2.1, 192.0.2.2"}}), limited(1, 0))
	same("an address", b.codes(3, request{to: "address"}), limited(3, 2))
	same("another address", b.codes(3, request{to: "address", from: "127.0.0.2"}), limited(3, 2))
	same("a value", b.codes(3, request{to: "header", header: [2]string{"X-Tenant", "a"}}), limited(3, 2))
	same("another value", b.codes(3, request{to: "header", header: [2]string{"X-Tenant", "b"}}), limited(3, 2))
	same("no value", b.codes(3, request{to: "header"}), limited(3, 2))
	same("no value, from elsewhere", b.codes(1, request{to: "header", from: "127.0.0.2"}), limited(1, 0))
}

// A bucket belongs to a router, and each match of a rule is a router.
func TestTraefikCountsApartForEachMatch(t *testing.T) {
	b := newBed(t)
	b.apply(route("twice", ", matches: [{path: {value: /a}}, {path: {value: /b}}]"+filters("limit")) +
		middleware("limit", "rateLimit: {average: 1, period: 1h, burst: 2, sourceCriterion: {ipStrategy: {}}}"))
	b.routers("twice", 2, 1)
	for _, path := range []string{"/a", "/b"} {
		if got := b.codes(3, request{to: "twice", path: path}); !slices.Equal(got, limited(3, 2)) {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// attempts counts the first try. What is not listed, and POST, is not tried again;
// a refused connection is.
func TestTraefikTriesAgainAsOftenAsAttemptsSay(t *testing.T) {
	b := newBed(t)
	b.apply(route("again", filters("again")) + middleware("again", `retry: {attempts: 4, status: ["500", "503"]}`))
	b.routers("again", 1, 1)
	for _, c := range []struct {
		request
		answer, arrived int
	}{
		{request{code: 503, failures: 3}, 200, 4},
		{request{code: 503}, 503, 4},
		{request{code: 500}, 500, 4},
		{request{code: 502}, 502, 1},
		{request{code: 404}, 404, 1},
		{request{code: 503, method: http.MethodPost}, 503, 1},
	} {
		c.to = "again"
		if code, arrived := b.send(c.request); code != c.answer || arrived != c.arrived {
			t.Errorf("%s with %d: %d after %d calls, want %d after %d", c.method, c.code, code, arrived, c.answer, c.arrived)
		}
	}
}
