package traffic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
)

// field is what is said of one field of one policy.
type field struct {
	Policy, Field, Outcome, Reason string
}

// entry is an entry of status.enforcement.
type entry struct {
	Route struct{ Name string }
	Rules []struct {
		Index int
		Name  string
	}
	Parents []struct{ Listener string }
	State   string
	Fields  []field
}

// enforce applies manifests and has them enforced: by the running manager where
// there is one, else by what a team does that commits what the command prints.
func (b *bed) enforce(manifest string) {
	b.Helper()
	if b.installation != nil {
		b.apply(manifest)
		return
	}
	file := filepath.Join(b.TempDir(), "world.yaml")
	if err := os.WriteFile(file, []byte(b.filled(above+manifest)), 0o600); err != nil {
		b.Fatal(err)
	}
	var out, report bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &report}
	code := command.Main(b.Context(), []string{"kubectl-effective_policy", "export", "-f", file,
		"--routes", "-o", "json", "--report", "json", "--platform-namespaces", b.namespace}, streams, "")
	if code != 0 {
		b.Fatalf("export ends with %d: %s", code, report.String())
	}
	var list struct{ Items []map[string]any }
	if err := json.Unmarshal(out.Bytes(), &list); err != nil {
		b.Fatalf("%v: %s", err, out.String())
	}
	b.apply(manifest)
	for _, item := range list.Items {
		b.applyObject(&unstructured.Unstructured{Object: item})
	}
	var said struct{ Enforcement []entry }
	if err := json.Unmarshal(report.Bytes(), &said); err != nil {
		b.Fatalf("%v: %s", err, report.String())
	}
	b.exported = said.Enforcement
}

// entries are what is said now.
func (b *bed) entries() ([]entry, error) {
	if b.installation != nil {
		return b.published()
	}
	return b.exported, nil
}

// outcomes are what is said of the fields of a route's rule on a listener, such as
// "RetryPolicy maxRetries: Degraded IdempotentOnly".
func (b *bed) outcomes(entries []entry, route string, rule int, listener string) map[string]string {
	b.Helper()
	found := map[string]string{}
	for _, e := range entries {
		if e.Route.Name != route {
			continue
		}
		onRule := len(e.Rules) == 0
		for _, r := range e.Rules {
			onRule = onRule || r.Index == rule
		}
		onListener := false
		for _, p := range e.Parents {
			onListener = onListener || p.Listener == listener
		}
		if onRule && onListener {
			for _, f := range e.Fields {
				found[f.Policy+" "+f.Field] = strings.TrimSpace(f.Outcome + " " + f.Reason)
			}
		}
	}
	return found
}

// claims waits until the outcomes on the first rule and listener are what they have
// to be, and the running manager says that Traefik has them.
func (b *bed) claims(route string, want map[string]string) {
	b.Helper()
	b.within("the outcomes of "+route, func(context.Context) error {
		entries, err := b.entries()
		if err != nil {
			return err
		}
		got := b.outcomes(entries, route, 0, "one")
		for name, outcome := range want {
			if got[name] != outcome {
				return fmt.Errorf("%s is %q, want %q (of %v)", name, got[name], outcome, got)
			}
		}
		for _, e := range entries {
			if e.Route.Name == route && b.installation != nil && e.State != "Accepted" {
				return fmt.Errorf("the state is %s", e.State)
			}
		}
		return nil
	})
}

// asked is a route on the listener one, or on both, that asks to be written to.
func asked(name, rule string, listeners ...string) string {
	text := strings.Replace(route(name, rule), "namespace: NS}", "namespace: NS, labels: {attache.dev/inject: \"true\"}}", 1)
	if len(listeners) == 0 {
		return text
	}
	parents := ""
	for _, l := range listeners {
		parents += "{name: public, sectionName: " + l + "},"
	}
	return strings.Replace(text, "{name: public, sectionName: one}", parents, 1)
}

// policyOn is a policy of one block on a route or, with a listener's name, on the
// Gateway's listener.
func policyOn(kind, name, target, block string) string {
	return fmt.Sprintf("---\n{apiVersion: attache.dev/v1alpha1, kind: %s, metadata: {name: %s, namespace: NS}, spec: {targetRef: {group: gateway.networking.k8s.io, %s}, %s}}\n",
		kind, name, target, block)
}

func onRoute(name string) string { return "kind: HTTPRoute, name: " + name }

func onListener(name string) string { return "kind: Gateway, name: public, sectionName: " + name }

// TestLimitsAreEnforcedExactly: as many 200s as the bucket holds, and 429 from there on,
// separately for the clients that the key tells apart, on each match.
func TestLimitsAreEnforcedExactly(t *testing.T) { eachWay(t, limitsAreEnforcedExactly) }

func limitsAreEnforcedExactly(b *bed) {
	manifest := ""
	const two = ", matches: [{path: {value: /a}}, {path: {value: /b}}]"
	for _, key := range []string{"All", "ClientIP", "Header:x-tenant"} {
		for _, matches := range []string{"", two} {
			name := limitName(key, matches != "")
			manifest += "---" + asked(name, matches)
			// One in 50 seconds, and five more at once: a bucket of six.
			manifest += policyOn("RateLimitPolicy", name, onRoute(name), "default: {requestsPerSecond: 20m, burst: 5, key: \""+key+"\", counter: Rule}")
		}
	}
	b.enforce(manifest)
	for _, key := range []string{"All", "ClientIP", "Header:x-tenant"} {
		for _, both := range []bool{false, true} {
			name := limitName(key, both)
			paths, counter := []string{"/a"}, "Projected"
			if both {
				paths, counter = []string{"/a", "/b"}, "Degraded CounterFiner"
			}
			b.claims(name, map[string]string{
				"RateLimitPolicy requestsPerSecond": "Projected", "RateLimitPolicy burst": "Projected",
				"RateLimitPolicy key": "Projected", "RateLimitPolicy counter": counter,
			})
			b.routers(name, len(paths), 1)
			for _, path := range paths {
				b.drain(name, path, key)
			}
		}
	}
}

func limitName(key string, two bool) string {
	name := strings.ToLower(strings.NewReplacer(":", "-").Replace(key))
	if two {
		name += "-two"
	}
	return name
}

// drain empties a bucket of six, and looks whom else it was for.
func (b *bed) drain(name, path, key string) {
	b.Helper()
	same := func(what string, r request, n, ok int) {
		b.Helper()
		r.to, r.path = name, path
		if got := b.codes(n, r); !slices.Equal(got, limited(n, ok)) {
			b.Errorf("%s %s, %s: %v, want %v", name, path, what, got, limited(n, ok))
		}
	}
	tenant := func(name string) [2]string { return [2]string{"X-Tenant", name} }
	switch key {
	case "All":
		same("everybody", request{}, 8, 6)
		same("from elsewhere", request{from: "127.0.0.2", header: tenant("a")}, 2, 0)
	case "ClientIP":
		same("one address", request{}, 8, 6)
		same("another address", request{from: "127.0.0.2"}, 8, 6)
	default:
		same("one value", request{header: tenant("a")}, 8, 6)
		same("another value", request{header: tenant("b")}, 8, 6)
		same("without the header", request{}, 8, 6)
		same("without it from elsewhere", request{from: "127.0.0.2"}, 2, 0)
	}
}

// TestRetriesAreEnforcedExactly: the upstream sees maxRetries + 1 calls for requests that are to
// be retried, and one for all others.
func TestRetriesAreEnforcedExactly(t *testing.T) { eachWay(t, retriesAreEnforcedExactly) }

func retriesAreEnforcedExactly(b *bed) {
	manifest := ""
	for _, retries := range []int{0, 1, 3} {
		name := fmt.Sprintf("retries-%d", retries)
		manifest += "---" + asked(name, "") + policyOn("RetryPolicy", name, onRoute(name),
			fmt.Sprintf("default: {maxRetries: %d, retryOn: [\"500\", \"503\", connect-failure]}", retries))
	}
	b.enforce(manifest)
	for _, retries := range []int{0, 1, 3} {
		name := fmt.Sprintf("retries-%d", retries)
		claim, middlewares := "Degraded IdempotentOnly", 1
		if retries == 0 {
			claim, middlewares = "Projected", 0
		}
		b.claims(name, map[string]string{"RetryPolicy maxRetries": claim, "RetryPolicy retryOn": "Projected"})
		b.routers(name, 1, middlewares)
		for _, code := range []int{500, 503, 404} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				want := retries + 1
				if code == 404 || method == http.MethodPost {
					want = 1
				}
				if got, arrived := b.send(request{to: name, code: code, method: method}); got != code || arrived != want {
					b.Errorf("%s: %s with %d: %d after %d calls, want %d", name, method, code, got, arrived, want)
				}
			}
		}
		if retries > 0 {
			if got, arrived := b.send(request{to: name, code: 503, failures: retries}); got != http.StatusOK || arrived != retries+1 {
				b.Errorf("%s: %d after %d calls, of which the last was to succeed", name, got, arrived)
			}
		}
	}
}

// TestRetriesDoNotSpendTheLimit: the limit comes before the retries, so that a request costs one
// token, however often it is tried.
func TestRetriesDoNotSpendTheLimit(t *testing.T) { eachWay(t, retriesDoNotSpendTheLimit) }

func retriesDoNotSpendTheLimit(b *bed) {
	b.enforce("---" + asked("both", "") +
		policyOn("RetryPolicy", "both", onRoute("both"), `default: {maxRetries: 2, retryOn: ["503"]}`) +
		policyOn("RateLimitPolicy", "both", onRoute("both"), "default: {requestsPerSecond: 20m, burst: 2}"))
	b.routers("both", 1, 2)
	for i, want := range []int{503, 503, 503, 429} {
		code, arrived := b.send(request{to: "both", code: 503})
		if code != want || code == 503 && arrived != 3 || code == 429 && arrived != 0 {
			b.Errorf("request %d: %d after %d calls, want %d", i, code, arrived, want)
		}
	}
}

// TestWhatIsSaidNotToBeEnforcedIsNot: for a field without a counterpart, Traefik
// answers as if it were not there, and the report does not claim it.
func TestWhatIsSaidNotToBeEnforcedIsNot(t *testing.T) { eachWay(t, whatIsSaidNotToBeEnforcedIsNot) }

func whatIsSaidNotToBeEnforcedIsNot(b *bed) {
	b.enforce("---" + asked("slow", ", timeouts: {request: 150ms}") + policyOn("TimeoutPolicy", "slow", onRoute("slow"), "default: {request: 200ms, backend: 100ms, connect: 1s, idle: 5s}") +
		policyOn("RetryPolicy", "slow", onRoute("slow"), `default: {maxRetries: 1, retryOn: ["503"], perTryTimeout: 100ms}`))
	b.claims("slow", map[string]string{
		"TimeoutPolicy request": "Unsupported NoField", "TimeoutPolicy backend": "Unsupported BackendNotRewritten",
		"TimeoutPolicy connect": "Unsupported BackendNotRewritten", "RetryPolicy perTryTimeout": "Unsupported BackendNotRewritten",
	})
	b.routers("slow", 1, 1)
	began := time.Now()
	code, arrived := b.send(request{to: "slow", delay: "600ms"})
	if took := time.Since(began); code != http.StatusOK || arrived != 1 || took < 600*time.Millisecond {
		b.Errorf("%d after %d calls and %s: a timeout that is said not to be enforced acted", code, arrived, took)
	}
}

// TestListenersThatDifferGetNothingAndThoseThatAgreeDo: one rule has one value.
func TestListenersThatDifferGetNothingAndThoseThatAgreeDo(t *testing.T) {
	eachWay(t, listenersThatDifferGetNothingAndThoseThatAgreeDo)
}

func listenersThatDifferGetNothingAndThoseThatAgreeDo(b *bed) {
	limit := func(name, block string) string {
		return policyOn("RateLimitPolicy", "limit-"+name, onListener(name), "default: {"+block+"}")
	}
	b.enforce("---" + asked("both", "", "one", "two") + "---" + asked("alone", "", "two") +
		limit("one", "requestsPerSecond: 20m, burst: 1") + limit("two", "requestsPerSecond: 10m, burst: 3"))
	b.claims("both", map[string]string{
		"RateLimitPolicy requestsPerSecond": "Unsupported ListenersDiffer", "RateLimitPolicy burst": "Unsupported ListenersDiffer",
	})
	b.routers("alone", 1, 1)
	b.routers("both", 2, 0)
	for entryPoint := range entryPoints {
		if got := b.codes(6, request{to: "both", entryPoint: entryPoint}); !slices.Equal(got, limited(6, 6)) {
			b.Errorf("differing listeners: %v", got)
		}
	}
	if got := b.codes(6, request{to: "alone", entryPoint: 1}); !slices.Equal(got, limited(6, 4)) {
		b.Errorf("a route on one of them: %v", got)
	}
	b.enforce("---" + asked("equal", "", "one", "two") +
		limit("one", "requestsPerSecond: 20m, burst: 2") + limit("two", "requestsPerSecond: 20m, burst: 2"))
	b.claims("equal", map[string]string{"RateLimitPolicy burst": "Projected"})
	b.routers("equal", 2, 1)
	for entryPoint := range entryPoints {
		if got := b.codes(5, request{to: "equal", entryPoint: entryPoint}); !slices.Equal(got, limited(5, 3)) {
			b.Errorf("agreeing listeners, each with a bucket: %v", got)
		}
	}
}

// TestAnOverrideBeatsTheRoutesOwn sets a lower limit than the route's team wanted.
func TestAnOverrideBeatsTheRoutesOwn(t *testing.T) { eachWay(t, anOverrideBeatsTheRoutesOwn) }

func anOverrideBeatsTheRoutesOwn(b *bed) {
	b.enforce("---" + asked("greedy", "") +
		policyOn("RateLimitPolicy", "greedy", onRoute("greedy"), "default: {requestsPerSecond: 20m, burst: 50}") +
		policyOn("RateLimitPolicy", "ceiling", onListener("one"), "override: {requestsPerSecond: 20m, burst: 1}"))
	b.burst(2)
	b.routers("greedy", 1, 1)
	if got := b.codes(4, request{to: "greedy"}); !slices.Equal(got, limited(4, 2)) {
		b.Errorf("%v", got)
	}
}

// TestARouteThatWasNotAskedForStaysAsItIs, byte for byte, and the report says why.
func TestARouteThatWasNotAskedForStaysAsItIs(t *testing.T) {
	eachWay(t, aRouteThatWasNotAskedForStaysAsItIs)
}

func aRouteThatWasNotAskedForStaysAsItIs(b *bed) {
	b.apply(route("plain", ", timeouts: {request: 10s}"))
	before := b.stored("plain")
	b.enforce("---" + route("plain", ", timeouts: {request: 10s}") + policyOn("RateLimitPolicy", "plain", onRoute("plain"), "override: {requestsPerSecond: 20m}"))
	b.claims("plain", map[string]string{"RateLimitPolicy requestsPerSecond": "Unsupported NotConsented"})
	if after := b.stored("plain"); after != before {
		b.Errorf("before %s\nafter %s", before, after)
	}
	b.routers("plain", 1, 0)
	if got := b.codes(4, request{to: "plain"}); !slices.Equal(got, limited(4, 4)) {
		b.Errorf("%v", got)
	}
}

// stored is a route's spec and generation, as the API server has them.
func (b *bed) stored(name string) string {
	b.Helper()
	u := &unstructured.Unstructured{}
	u.SetAPIVersion("gateway.networking.k8s.io/v1")
	u.SetKind("HTTPRoute")
	u.SetNamespace(b.namespace)
	u.SetName(name)
	b.read(u)
	text, err := json.Marshal([]any{u.Object["spec"], u.GetGeneration()})
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}
