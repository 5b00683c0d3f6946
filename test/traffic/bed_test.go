package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/dataplane"
	"github.com/attache-dev/attache/test/eventually"
)

// bed is a namespace with a Gateway of two listeners, a Service, and what the
// Service leads to.
//
// On an installation the running manager enforces what is applied. Without one,
// the test applies what the command exports.
type bed struct {
	*testing.T
	client.Client
	*installation
	exported  []entry
	server    *controlplane.ControlPlane
	proxy     *dataplane.Traefik
	upstream  *dataplane.Upstream
	namespace string
	requests  int
	canaries  int
}

// above is what each test has. NS is its namespace, P0 and P1 are the ports of the
// listeners.
const above = `
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge-NS}, spec: {controllerName: traefik.io/gateway-controller}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: NS}
spec:
  gatewayClassName: edge-NS
  listeners:
  - {name: one, port: P0, protocol: HTTP}
  - {name: two, port: P1, protocol: HTTP}
---
apiVersion: v1
kind: Service
metadata: {name: backend, namespace: NS}
spec: {clusterIP: HOST, ports: [{name: http, port: PORT, protocol: TCP}]}
`

func newBed(t *testing.T) *bed {
	t.Helper()
	plane, traefik, number := acquire(t)
	return bedOn(t, plane, traefik, number)
}

// eachWay runs a test by the exports that are committed, and by the running
// manager.
func eachWay(t *testing.T, test func(b *bed)) {
	t.Run("exported", func(t *testing.T) { test(newBed(t)) })
	t.Run("running", func(t *testing.T) { test(newInstalledBed(t)) })
}

func bedOn(t *testing.T, plane *controlplane.ControlPlane, traefik *dataplane.Traefik, number int) *bed {
	t.Helper()
	c, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	upstream, err := dataplane.StartUpstream(fmt.Sprintf("127.20.1.%d", number))
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{T: t, Client: c, server: plane, proxy: traefik, upstream: upstream, namespace: plane.NewNamespace(t)}
	t.Cleanup(func() {
		_ = upstream.Stop() // some tests stop it
		if t.Failed() {
			t.Logf("Traefik said at last:\n%s", lastLines(traefik.Log(), 20))
		}
	})
	b.apply(above)
	return b
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// filled replaces the words that stand for the bed's own.
func (b *bed) filled(manifest string) string {
	return strings.NewReplacer("NS", b.namespace, "P0", b.proxy.Port(0), "P1", b.proxy.Port(1),
		"HOST", b.upstream.Host, "PORT", strconv.Itoa(b.upstream.Port)).Replace(manifest)
}

// apply writes objects as a person would.
func (b *bed) apply(manifest string) {
	b.Helper()
	for _, u := range b.parsed(manifest) {
		b.applyObject(u)
	}
}

func (b *bed) parsed(manifest string) []*unstructured.Unstructured {
	b.Helper()
	var objects []*unstructured.Unstructured
	reader := yaml.NewYAMLOrJSONDecoder(strings.NewReader(b.filled(manifest)), 4096)
	for {
		u := &unstructured.Unstructured{}
		err := reader.Decode(&u.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			b.Fatal(err)
		}
		if len(u.Object) > 0 {
			objects = append(objects, u)
		}
	}
}

func (b *bed) applyObject(u *unstructured.Unstructured) {
	b.Helper()
	b.within("an object to be applied", func(ctx context.Context) error {
		err := b.Apply(ctx, client.ApplyConfigurationFromUnstructured(u.DeepCopy()), client.FieldOwner("team"), client.ForceOwnership)
		if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
			b.Fatalf("%s %s: %v", u.GetKind(), u.GetName(), err)
		}
		return err
	})
	if u.GetNamespace() == "" {
		b.Cleanup(func() {
			if err := b.Delete(context.Background(), u); client.IgnoreNotFound(err) != nil {
				b.Error(err)
			}
		})
	}
}

// host is the hostname of a route of this test.
func (b *bed) host(name string) string { return name + "." + b.namespace + ".example" }

// routers waits until Traefik serves a host by a number of routers, each with a
// number of middlewares.
func (b *bed) routers(name string, count, middlewares int) {
	b.Helper()
	b.within(fmt.Sprintf("Traefik to have %d routers with %d middlewares for %s", count, middlewares, name), func(ctx context.Context) error {
		all, err := b.proxy.Routers(ctx)
		if err != nil {
			return err
		}
		var mine []dataplane.Router
		for _, r := range all {
			if strings.Contains(r.Rule, b.host(name)) {
				mine = append(mine, r)
			}
		}
		if len(mine) != count {
			return fmt.Errorf("it has %d of %v", len(mine), all)
		}
		for _, r := range mine {
			if r.Status != "enabled" || len(r.Middlewares) != middlewares {
				return fmt.Errorf("router %s is %s with %v %v", r.Name, r.Status, r.Middlewares, r.Error)
			}
		}
		return nil
	})
	b.canary()
}

// canary returns when Traefik answers by what it says that it has. It says so a
// moment before, and asking the routes themselves would spend their limits; so
// another route is added, and when that one answers, all that was there before it
// does.
func (b *bed) canary() {
	b.Helper()
	b.canaries++
	name := fmt.Sprintf("canary-%d", b.canaries)
	b.apply(strings.ReplaceAll(route(name, ""), "{name: public, sectionName: one}", "{name: public}"))
	for entryPoint := range entryPoints {
		b.within("a new route to be served", func(context.Context) error {
			if code, err := b.exchange(request{to: name, entryPoint: entryPoint}); err != nil || code != http.StatusOK {
				return fmt.Errorf("it answers %d (%w)", code, err)
			}
			return nil
		})
	}
}

func (b *bed) within(what string, check func(context.Context) error) {
	b.Helper()
	eventually.OK(b, eventually.Limit, what, check)
}

// request is one request through Traefik.
type request struct {
	to         string // name of a route
	path       string
	entryPoint int
	method     string // GET if empty
	from       string // the client's address, 127.0.0.1 if empty
	header     [2]string
	// What the upstream is to do.
	code, failures int
	delay          string
	key            string
}

// send returns the code of the answer and how many requests arrived.
func (b *bed) send(r request) (code, arrived int) {
	b.Helper()
	if r.key == "" {
		b.requests++
		r.key = fmt.Sprintf("%s-%d", b.namespace, b.requests)
	}
	code, err := b.exchange(r)
	if err != nil {
		b.Fatal(err)
	}
	return code, b.upstream.Calls(r.key)
}

func (b *bed) exchange(r request) (int, error) {
	query := "?key=" + r.key
	if r.code != 0 {
		query += fmt.Sprintf("&code=%d", r.code)
	}
	if r.failures != 0 {
		query += fmt.Sprintf("&failures=%d", r.failures)
	}
	if r.delay != "" {
		query += "&delay=" + r.delay
	}
	path := r.path
	if path == "" {
		path = "/"
	}
	out, err := http.NewRequestWithContext(b.Context(), r.method, "http://"+b.proxy.EntryPoints[r.entryPoint]+path+query, nil)
	if err != nil {
		return 0, err
	}
	out.Host = b.host(r.to)
	if r.header[0] != "" {
		out.Header.Set(r.header[0], r.header[1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	if r.from != "" {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(r.from)}}
		transport.DialContext = dialer.DialContext
	}
	answer, err := (&http.Client{Transport: transport}).Do(out)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// codes sends a request several times and returns what was answered.
func (b *bed) codes(n int, r request) []int {
	b.Helper()
	var codes []int
	for range n {
		code, _ := b.send(r)
		codes = append(codes, code)
	}
	return codes
}

// limited is so many 200s, and 429 for the rest.
func limited(n, ok int) []int {
	codes := make([]int, n)
	for i := range codes {
		codes[i] = http.StatusOK
		if i >= ok {
			codes[i] = http.StatusTooManyRequests
		}
	}
	return codes
}

// read reads an object anew.
func (b *bed) read(u *unstructured.Unstructured) {
	b.Helper()
	if err := b.Get(b.Context(), client.ObjectKeyFromObject(u), u); err != nil {
		b.Fatal(err)
	}
}
