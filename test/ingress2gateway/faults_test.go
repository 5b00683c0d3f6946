package ingress2gateway

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// fault is something that ingress2gateway v1.2.0 gets wrong, and the case that shows
// it. The test fails when it does so no more, and when migrate does so.
type fault struct {
	name, world string
	// fails is what the message says when the whole run fails, refused what the API
	// server says of an object, differs a request that is answered otherwise.
	fails, refused, differs string
	// shows tells the fault by the objects, where requests do not.
	shows func([]*unstructured.Unstructured) bool
	// notice is what it prints besides, exit code 0.
	notice string
}

const host = "shop.example.com"

// with are annotations, by pairs of name and value.
func with(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// faults stop the run, make objects that the API server refuses, or answer otherwise.
func faults() []fault {
	many := make([]string, 20)
	for i := range many {
		many[i] = "Prefix /p" + string(rune('a'+i)) + " s" + string(rune('a'+i)) + ":80"
	}
	return []fault{
		{
			name: "one path in two Ingresses stops everything", fails: "canary",
			world: ingress("a", "one", host, nil, "Prefix / one:80") + ingress("a", "two", host, nil, "Prefix / two:80"),
		},
		{
			name: "a port by name stops everything", fails: "port",
			world: ingress("a", "web", host, nil, "Prefix / web:http") +
				"{apiVersion: v1, kind: Service, metadata: {name: web, namespace: a}, spec: {ports: [{name: http, port: 80}]}}\n---\n",
		},
		{
			name: "a rewrite with groups is not written", differs: "new a/web:80 as shop.example.com/SOMETHING",
			world: ingress("a", "web", host, with("rewrite-target", "/$2", "use-regex", "true"), "ImplementationSpecific /something(/|$)(.*) web:80"),
		},
		{name: "20 paths are 20 rules", world: ingress("a", "web", host, nil, many...), refused: "16"},
		{
			name: "a regex without host is a prefix", refused: "PathPrefix",
			world: ingress("a", "web", "", with("use-regex", "true"), "ImplementationSpecific /v[0-9]+ web:80"),
		},
		{
			name: "one host in two namespaces is two Gateways", differs: "https://shop.example.com/b old b/two:80",
			world: withTLS(ingress("a", "one", host, nil, "Prefix / one:80"), "shop="+host) + ingress("b", "two", host, nil, "Prefix /b two:80"),
		},
		{name: "a slash is not redirected beside /", world: ingress("a", "web", host, nil, "Prefix /docs/ docs:80", "Prefix / web:80"), differs: "old 301"},
		{
			name: "a variable becomes part of a hostname", refused: "hostname",
			world: ingress("a", "web", host, with("permanent-redirect", "https://new.example.com$request_uri"), "Prefix / web:80"),
		},
		{
			name: "a canary of 5 in 10 is half", differs: "weight",
			world: ingress("a", "web", host, nil, "Prefix / web:80") + ingress("a", "new", host, with("canary", "true", "canary-weight", "5", "canary-weight-total", "10"), "Prefix / new:80"),
		},
		{name: "from-to-www redirects with another code", world: ingress("a", "web", host, with("from-to-www-redirect", "true"), "Prefix / web:80"), differs: "old 308"},
	}
}

// objectFaults show in the objects: a protection that is gone, a certificate too many.
func objectFaults() []fault {
	const twoHosts = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: a}
spec:
  ingressClassName: nginx
  rules:
  - {host: one.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}
  - {host: two.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}
`
	return []fault{
		{
			name: "authentication is gone, and the route is open", shows: open, notice: "Unsupported annotation nginx.ingress.kubernetes.io/auth-url",
			world: ingress("a", "web", host, with("auth-url", "https://auth.example.com/check"), "Prefix / web:80"),
		},
		{
			name: "a range of addresses is gone, and the route is open", shows: open, notice: "IP-based authorization is not supported",
			world: ingress("a", "web", host, with("whitelist-source-range", "10.0.0.0/8"), "Prefix / web:80"),
		},
		{
			name: "the name of that annotation is not known, its alias is", shows: open, notice: "Unsupported annotation nginx.ingress.kubernetes.io/allowlist-source-range",
			world: ingress("a", "web", host, with("allowlist-source-range", "10.0.0.0/8"), "Prefix / web:80"),
		},
		{
			name: "two hosts, two certificates, both on both", shows: bothCertificates,
			world: withTLS(twoHosts, "one=one.example.com", "two=two.example.com"),
		},
	}
}

// open says whether some route leads to a backend.
func open(objects []*unstructured.Unstructured) bool {
	return slices.ContainsFunc(objects, func(u *unstructured.Unstructured) bool {
		text, _ := json.Marshal(u.Object)
		return u.GetKind() == "HTTPRoute" && strings.Contains(string(text), `"backendRefs"`)
	})
}

// bothCertificates says whether a listener has more than the one of its host.
func bothCertificates(objects []*unstructured.Unstructured) bool {
	for _, u := range objects {
		listeners, _, _ := unstructured.NestedSlice(u.Object, "spec", "listeners")
		for _, each := range listeners {
			refs, _, _ := unstructured.NestedSlice(each.(map[string]any), "tls", "certificateRefs")
			if len(refs) > 1 {
				return true
			}
		}
	}
	return false
}

// TestKnownFaults: each fault is still there, and migrate does not have it: what it writes is
// accepted, and answers as the Ingresses do except for what its report announces.
func TestKnownFaults(t *testing.T) {
	j := newJudge(t)
	for _, f := range slices.Concat(faults(), objectFaults()) {
		t.Run(f.name, func(t *testing.T) {
			written, err := j.theirs(f.world)
			switch {
			case f.fails != "" && (err == nil || !strings.Contains(err.Error(), f.fails)):
				t.Errorf("it does not fail any more: take the fault out (%v)", err)
			case f.fails == "" && err != nil:
				t.Fatal(err)
			}
			c, refused := j.compare(f.world, written.objects)
			list := different(c)
			switch {
			case !strings.Contains(refused, f.refused) || f.refused != "" && refused == "":
				t.Errorf("refused: %q, want %q", refused, f.refused)
			case f.differs != "" && !slices.ContainsFunc(list, func(text string) bool { return strings.Contains(text, f.differs) }):
				t.Errorf("no request shows %q: %q", f.differs, list)
			case f.shows != nil && !f.shows(written.objects):
				t.Errorf("the objects do not show it any more: %s", written.text)
			case !strings.Contains(written.notices, f.notice):
				t.Errorf("%q is not said: %s", f.notice, written.notices)
			}
			j.withoutFault(t, f)
		})
	}
}

// withoutFault checks what migrate makes of the case.
func (j *judge) withoutFault(t *testing.T, f fault) {
	t.Helper()
	result := j.ours(f.world)
	c, refused := j.compare(f.world, result.Objects, result.Findings...)
	if list := different(c); len(list) > 0 || refused != "" {
		t.Errorf("migrate: %q %s", list, refused)
	}
	if f.shows != nil && f.shows(result.Objects) {
		t.Error("migrate does the same")
	}
	if f.notice != "" && !result.Fails(false) {
		t.Error("migrate ends with exit code 0")
	}
}

// TestOutputKeepsItsOrder: ingress2gateway prints the same input in another order each
// time, migrate the same bytes, in whatever order the Ingresses come (M3).
func TestOutputKeepsItsOrder(t *testing.T) {
	j := newJudge(t)
	var parts []string
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		parts = append(parts, withTLS(ingress("ns-"+name, name, name+".example.com", nil, "Prefix / web:80", "Exact /x web:80"), name+"="+name+".example.com"))
	}
	theirs, ours := map[string]bool{}, map[string]bool{}
	world := strings.Join(parts, "")
	for range 12 {
		parts = append(parts[1:], parts[0])
		written, err := j.theirs(world)
		if err != nil {
			t.Fatal(err)
		}
		theirs[written.text] = true
		text, err := json.Marshal(j.ours(strings.Join(parts, "")).Objects)
		if err != nil {
			t.Fatal(err)
		}
		ours[string(text)] = true
	}
	if len(theirs) < 2 {
		t.Error("its output keeps its order: take the fault out")
	}
	if len(ours) != 1 {
		t.Errorf("migrate has %d outputs", len(ours))
	}
	t.Logf("12 runs: %d outputs of ingress2gateway, %d of migrate", len(theirs), len(ours))
}
