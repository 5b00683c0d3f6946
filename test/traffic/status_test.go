package traffic

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attache-dev/attache/policy/migrate/progress"
	"github.com/attache-dev/attache/test/eventually"
	"github.com/attache-dev/attache/test/zone"
)

// three are Ingresses of one team. The Service of broken is not there at first.
const three = `
{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: old-NS}, spec: {controller: k8s.io/ingress-nginx}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: first, namespace: NS}
spec:
  ingressClassName: old-NS
  rules: [{host: first.NS.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: backend, port: {number: PORT}}}}]}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: broken, namespace: NS}
spec:
  ingressClassName: old-NS
  rules: [{host: broken.NS.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: absent, port: {number: PORT}}}}]}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: later, namespace: NS}
spec:
  ingressClassName: old-NS
  rules: [{host: later.NS.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: backend, port: {number: PORT}}}}]}}]
`

// TestStatusSaysWhatTraefikServes: status follows what a real data plane writes about routes and
// Gateways, and calls an Ingress ready exactly when requests are answered as it wants; only DNS
// makes it moved (M84 to M86).
func TestStatusSaysWhatTraefikServes(t *testing.T) {
	b := newBed(t)
	names := zone.Serve(t)
	b.apply(three)
	b.states("nothing to be written", nil, "broken old only", "first old only", "later old only")

	written, code := b.onCluster("migrate", "first", "broken", "-n", b.namespace, "--ingress-class", "old-"+b.namespace,
		"--gateway", b.namespace+"/public", "--no-defaults")
	if code != 0 {
		t.Fatalf("migrate: exit %d\n%s", code, written)
	}
	for _, u := range b.parsed(written) {
		b.applyObject(u)
	}
	p := b.states("Traefik to report", nil, "broken not serving", "first ready", "later old only")
	if why := p.Ingresses[slices.IndexFunc(p.Ingresses, func(i progress.Ingress) bool { return strings.HasSuffix(i.Ingress, "/broken") })].Why; !strings.Contains(why, "ResolvedRefs: BackendNotFound") {
		t.Errorf("broken is not serving, for %q", why)
	}
	b.answers(map[string]bool{"first": true, "broken": false, "later": false})

	b.serviceThatWasAbsent()
	b.states("the Service to be there", nil, "broken ready", "first ready", "later old only")
	b.answers(map[string]bool{"first": true, "broken": true, "later": false})

	gateway := [4]byte{127, 0, 0, 1} // as Traefik says in the Gateway's status
	names.Leads(b.host("first"), gateway)
	names.Leads(b.host("broken"), [4]byte{203, 0, 113, 1})
	names.Leads(b.host("later"), [4]byte{203, 0, 113, 1})
	b.states("DNS of one host to lead to Traefik", []string{"--resolve"}, "broken ready", "first moved", "later old only")

	b.apply(strings.Replace(three, "metadata: {name: first, namespace: NS}", "metadata: {name: first, namespace: NS, annotations: {nginx.ingress.kubernetes.io/proxy-read-timeout: \"90\"}}", 1))
	b.states("an edit of what was migrated", []string{"--resolve"}, "broken ready", "first changed", "later old only")
}

// onCluster runs the command on the control plane of the bed.
func (b *bed) onCluster(args ...string) (string, int) {
	b.Helper()
	return b.command(append([]string{"--kubeconfig", b.server.Kubeconfig}, args...)...)
}

// states waits until status says these states, written "web ready".
func (b *bed) states(what string, flags []string, want ...string) *progress.Progress {
	b.Helper()
	p := &progress.Progress{}
	eventually.OK(b, 2*eventually.Limit, what, func(context.Context) error {
		out, _ := b.onCluster(append([]string{"migrate", "status", "-n", b.namespace, "--ingress-class", "old-" + b.namespace, "-o", "json"}, flags...)...)
		p = &progress.Progress{}
		if err := json.Unmarshal([]byte(out), p); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		var got, why []string
		for i := range p.Ingresses {
			_, name, _ := strings.Cut(p.Ingresses[i].Ingress, "/")
			got, why = append(got, name+" "+p.Ingresses[i].State), append(why, p.Ingresses[i].Why)
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			return fmt.Errorf("states are %q (%q), want %q", got, why, want)
		}
		return nil
	})
	return p
}

// answers sends a request to each host: it is answered, or it is not.
func (b *bed) answers(want map[string]bool) {
	b.Helper()
	for name, fine := range want {
		b.within(name+" to be served as status says", func(context.Context) error {
			code, err := b.exchange(request{to: name})
			if err != nil || (code == http.StatusOK) != fine {
				return fmt.Errorf("it answers %d (%w), served is wanted to be %v", code, err, fine)
			}
			return nil
		})
	}
}

// serviceThatWasAbsent makes it, with a server behind it.
func (b *bed) serviceThatWasAbsent() {
	b.Helper()
	const address = "127.20.5.1"
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", address, b.upstream.Port))
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { _ = server.Close() })
	b.apply("{apiVersion: v1, kind: Service, metadata: {name: absent, namespace: NS}, spec: {clusterIP: " + address + ", ports: [{name: http, port: PORT, protocol: TCP}]}}")
}
