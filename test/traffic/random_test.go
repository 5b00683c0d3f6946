package traffic

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	requests "github.com/attache-dev/attache/policy/request"
)

// How many worlds and requests there are, and the seed of both.
const (
	randomWorlds   = 50
	randomRequests = 20 // for each world
	randomSeed     = 20
)

// servedHeader is what each rule adds to a request, and the echo to its answer.
const servedHeader = "X-Served"

// known are the differences between Traefik and what "explain --request" says, each
// with its reason (docs/requests.md, "Where Traefik differs").
var known = map[string]string{
	"isolation":   "Q3: it asks listeners with less specific hostnames, too",
	"fallthrough": "Q4: it asks routes of less specific hostnames, too",
	"Hostname":    "Q4: it compares paths, methods, headers and parameters before hostnames",
	"PathRegex":   "Q5: where a regular expression stands among paths is its choice",
	"PathLength":  "Q5: a method counts as ten characters of a path, a header as one",
	"RuleOrder":   "Q5: a tie; it weighs the order of rules against the length of hostnames",
	"Age":         "Q5: a tie; it does not compare ages",
	"Name":        "Q5: a tie; it does not compare names",
	"path":        "Q5: it normalises the path first",
}

// TestRandomRequestsAreServedAsExplained: what explain --request says and what Traefik does are
// the same, except for known differences.
func TestRandomRequestsAreServedAsExplained(t *testing.T) {
	t.Parallel() // it waits for another Traefik than the test beside it
	b := newBed(t)
	service, port := b.echo()
	r := rand.New(rand.NewPCG(randomSeed, randomSeed))
	var manifests []string
	for w := range randomWorlds {
		manifests = append(manifests, drawWorld(r, w))
	}
	b.apply(service + strings.ReplaceAll(strings.Join(manifests, ""), "ECHO", port))
	b.canary()
	objects := b.served()
	index := requests.New(hierarchyOf(t, objects...))
	shown := map[int]bool{} // worlds of failures
	count, same, differ := 0, 0, map[string]int{}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for w := range randomWorlds {
		for range randomRequests {
			q := b.drawRequest(r, w)
			want := servedBy(index.Ask(q))
			got, err := b.ask(ctx, &q.Request)
			if err != nil {
				t.Fatal(err)
			}
			count++
			if got == want {
				same++
				continue
			}
			reason := difference(t, objects, q, want, got)
			if differ[reason]++; known[reason] == "" {
				t.Errorf("%s: explain says %q, Traefik served %q (%s)", written(&q.Request), want, got, reason)
				shown[w] = true
			}
		}
	}
	for w := range shown {
		t.Log(manifests[w])
	}
	t.Logf("%d requests, %d served as explained", count, same)
	for _, reason := range slices.Sorted(maps.Keys(differ)) {
		t.Logf("%4d differ: %s", differ[reason], known[reason])
	}
	if same < count/2 {
		t.Errorf("only %d of %d are the same", same, count)
	}
}

// echo starts a backend that says which rule served, and returns its Service and port.
func (b *bed) echo() (service, port string) {
	b.Helper()
	host := fmt.Sprintf("127.20.4.%d", b.upstream.Port%250+1)
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(servedHeader, r.Header.Get(servedHeader))
	})}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { _ = server.Close() })
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {name: echo, namespace: NS}, spec: {clusterIP: %s, ports: [{name: http, port: %s}]}}\n", host, port), port
}

// drawWorld makes a Gateway and routes that get in each other's way, under hostnames
// of this world alone: all Gateways of a Traefik share its ports.
func drawWorld(r *rand.Rand, w int) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	base := fmt.Sprintf("w%d.NS.example", w)
	listeners := fmt.Sprintf(`{name: wild, port: P0, protocol: HTTP, hostname: "*.%s"}`, base)
	listeners += pick("", "", fmt.Sprintf(`, {name: exact, port: P0, protocol: HTTP, hostname: a.%s}`, base), fmt.Sprintf(`, {name: deep, port: P0, protocol: HTTP, hostname: "*.a.%s"}`, base))
	text := fmt.Sprintf(`
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: w%d, namespace: NS}
spec: {gatewayClassName: edge-NS, listeners: [%s]}
`, w, listeners)
	for i := range 1 + r.IntN(4) {
		hostnames := pick("", "", fmt.Sprintf("hostnames: [a.%s],", base), fmt.Sprintf("hostnames: [a.%[1]s, b.%[1]s],", base),
			fmt.Sprintf(`hostnames: ["*.%s"],`, base), fmt.Sprintf(`hostnames: ["*.a.%s"],`, base))
		var rules []string
		for rule := range 1 + r.IntN(3) {
			rules = append(rules, drawRule(pick, r.IntN(3), fmt.Sprintf("w%d-%d rule %d", w, i, rule)))
		}
		text += fmt.Sprintf(`
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: w%d-%d, namespace: NS}
spec:
  parentRefs: [{name: w%d%s}]
  %s
  rules: [%s]
`, w, i, w, pick("", "", ", sectionName: wild"), strings.TrimSuffix(hostnames, ","), strings.Join(rules, ", "))
	}
	return text
}

func drawRule(pick func(...string) string, matches int, name string) string {
	var list []string
	for range matches {
		m := pick("path: {value: /}", "path: {value: /a}", "path: {value: /a/}", "path: {value: /a/b}", "path: {type: Exact, value: /a}",
			"path: {type: Exact, value: /a/b}", `path: {type: RegularExpression, value: "/a.*"}`, "path: {value: /a/b/c}")
		m += pick("", "", "", ", method: GET", ", method: POST")
		m += pick("", "", ", headers: [{name: X-Tier, value: gold}]", `, headers: [{name: x-tier, type: RegularExpression, value: "^g.*$"}, {name: x-b, value: "1"}]`)
		m += pick("", "", `, queryParams: [{name: q, value: "1"}]`)
		list = append(list, "{"+m+"}")
	}
	rule := fmt.Sprintf("{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: %s, value: %s}]}}], backendRefs: [{name: echo, port: ECHO}]", servedHeader, name)
	if len(list) > 0 {
		rule += ", matches: [" + strings.Join(list, ", ") + "]"
	}
	return rule + "}"
}

// drawRequest makes a request that has a chance to be served in a world.
func (b *bed) drawRequest(r *rand.Rand, w int) *requests.Question {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	port, _ := strconv.Atoi(b.proxy.Port(0))
	q := &requests.Question{
		Gateway: hierarchy.GatewayRef(b.namespace, fmt.Sprintf("w%d", w)),
		Request: requests.Request{
			Method: pick("GET", "GET", "POST"), Scheme: "http", Port: int32(port),
			Host:  pick("a", "a", "b", "b.a", "c.b.a", "c") + fmt.Sprintf(".w%d.%s.example", w, b.namespace),
			Path:  pick("/", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "/a/b/c/d", "/c", "/a//b", "/a/../c", "/A"),
			Query: pick("", "", "q=1", "q=2", "p=1&q=1"),
		},
	}
	for _, h := range []hierarchy.Header{{Name: "x-tier", Value: pick("gold", "silver")}, {Name: "x-b", Value: "1"}} {
		if r.IntN(2) == 0 {
			q.Request.Headers = append(q.Request.Headers, h)
		}
	}
	return q
}

// served are the Gateways and routes of the bed as the API server has them: with the
// times that break ties.
func (b *bed) served() []*unstructured.Unstructured {
	b.Helper()
	var objects []*unstructured.Unstructured
	for _, kind := range []string{"Gateway", "HTTPRoute"} {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion("gateway.networking.k8s.io/v1")
		list.SetKind(kind + "List")
		if err := b.List(b.Context(), list, client.InNamespace(b.namespace)); err != nil {
			b.Fatal(err)
		}
		for i := range list.Items {
			objects = append(objects, &list.Items[i])
		}
	}
	return objects
}

func hierarchyOf(t *testing.T, objects ...*unstructured.Unstructured) *hierarchy.Graph {
	t.Helper()
	var decoded []hierarchy.Object
	for _, u := range objects {
		o, problems := decode.Object(u, nil)
		if len(problems) > 0 || o == nil {
			t.Fatalf("%s %s: %v", u.GetKind(), u.GetName(), problems)
		}
		decoded = append(decoded, o)
	}
	return hierarchy.Build(decoded)
}

// servedBy is what an answer comes to: the rule that serves, or "404".
func servedBy(answers []requests.Answer) string {
	if len(answers) == 1 && answers[0].Hit.Route != nil {
		return fmt.Sprintf("%s rule %d", answers[0].Hit.Route.Meta().Ref.Name, answers[0].Hit.Rule)
	}
	return "404"
}

// ask sends a request to Traefik and returns which rule served it, or the code.
func (b *bed) ask(ctx context.Context, q *requests.Request) (string, error) {
	out, err := http.NewRequestWithContext(ctx, q.Method, "http://"+b.proxy.EntryPoints[0], nil)
	if err != nil {
		return "", err
	}
	out.Host, out.URL.Opaque, out.URL.RawQuery = q.Host, q.Path, q.Query
	for _, h := range q.Headers {
		out.Header.Set(h.Name, h.Value)
	}
	answer, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if served := answer.Header.Get(servedHeader); served != "" {
		return served, nil
	}
	return strconv.Itoa(answer.StatusCode), nil
}

func written(q *requests.Request) string {
	return fmt.Sprintf("%s http://%s%s?%s %v", q.Method, q.Host, q.Path, q.Query, q.Headers)
}

// difference says why Traefik serves a request otherwise than explain says: a key of
// known where it is one of these.
func difference(t *testing.T, objects []*unstructured.Unstructured, q *requests.Question, want, got string) string {
	t.Helper()
	if clean := path.Clean(q.Request.Path); strings.Contains(q.Request.Path, "//") || strings.Contains(q.Request.Path, "..") {
		normal := *q
		normal.Request.Path = clean
		if want = servedBy(requests.New(hierarchyOf(t, objects...)).Ask(&normal)); want == got || known[difference(t, objects, &normal, want, got)] != "" {
			return "path"
		}
	}
	if got != "404" && want != "404" {
		if lost := lostBy(t, objects, q, want, got); lost != "" {
			return lost
		}
	}
	other := *q
	for _, c := range []struct {
		reason    string
		isolation bool
	}{{"fallthrough", false}, {"isolation", true}} {
		other.Fallthrough, other.NoIsolation = true, c.isolation
		answers := requests.New(hierarchyOf(t, objects...)).Ask(&other)
		if by := servedBy(answers); want == "404" && by != "404" {
			if by == got || lostBy(t, objects, &other, by, got) != "" {
				return c.reason
			}
		}
	}
	if onOther(t, objects, q, got) {
		return "isolation"
	}
	return "unexplained"
}

// lostBy is the criterion by which one rule loses against another where nothing else
// is there; empty when it does not serve the request on the same listener at all.
func lostBy(t *testing.T, objects []*unstructured.Unstructured, q *requests.Question, winner, loser string) string {
	t.Helper()
	other := *q
	other.Fallthrough, other.NoIsolation = true, true
	answers := requests.New(hierarchyOf(t, only(objects, winner, loser)...)).Ask(&other)
	for _, a := range answers {
		for _, up := range a.RunnersUp {
			return string(up.LostBy)
		}
	}
	return ""
}

// onOther says whether a rule alone would serve the request, on whatever listener.
func onOther(t *testing.T, objects []*unstructured.Unstructured, q *requests.Question, rule string) bool {
	t.Helper()
	other := *q
	other.Fallthrough, other.NoIsolation = true, true
	return servedBy(requests.New(hierarchyOf(t, only(objects, rule)...)).Ask(&other)) != "404"
}

// only are the Gateways, and of the routes the named rules.
func only(objects []*unstructured.Unstructured, rules ...string) []*unstructured.Unstructured {
	var kept []*unstructured.Unstructured
	for _, u := range objects {
		if u.GetKind() != "HTTPRoute" {
			kept = append(kept, u)
			continue
		}
		all, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
		var some []any
		for i, rule := range all {
			if slices.Contains(rules, fmt.Sprintf("%s rule %d", u.GetName(), i)) {
				some = append(some, rule)
			}
		}
		if len(some) > 0 {
			u = u.DeepCopy()
			_ = unstructured.SetNestedSlice(u.Object, some, "spec", "rules")
			kept = append(kept, u)
		}
	}
	return kept
}
