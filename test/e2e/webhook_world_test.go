package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/charts"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/webhook"
)

// cluster-wide names of the chart as these tests install it.
const (
	releaseNamespace  = "attache-system"
	webhookAccount    = "attache-webhook"
	controllerAccount = "attache-controller"
)

// admission is a control plane on which the chart is installed. There is no
// kubelet and no network of pods, so the pods' part is played by processes of
// this machine, with the service accounts, the certificate and the rights that
// the chart gives them, and the Service leads to a switchboard. The API server
// calls the webhooks by the Service, as it does in a real cluster.
type admission struct {
	testing.TB
	plane    *controlplane.ControlPlane
	board    *switchboard
	certDir  string
	webhooks controlplane.User
}

// startAdmission takes further flags of the API server.
func startAdmission(t testing.TB, values map[string]any, flags ...map[string][]string) *admission {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	gatewayAPI, err := controlplane.GatewayAPICRDs("experimental")
	if err != nil {
		t.Fatal(err)
	}
	options := controlplane.Options{CRDs: []string{gatewayAPI, attacheCRDs}, APIServerFlags: map[string][]string{}}
	for _, more := range flags {
		maps.Copy(options.APIServerFlags, more)
	}
	plane, err := controlplane.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	a := &admission{TB: t, plane: plane, board: newSwitchboard(t), certDir: t.TempDir()}
	a.install(values)
	if a.webhooks, err = plane.ServiceAccount(t.Context(), releaseNamespace, webhookAccount); err != nil {
		t.Fatal(err)
	}
	return a
}

// install applies what the chart renders, the CRDs excepted, which are there.
func (a *admission) install(values map[string]any) {
	a.Helper()
	whole := map[string]any{"certificates": map[string]any{"provider": "generated"}} // most tests need no controller
	maps.Copy(whole, values)
	objects, err := charts.Render(charts.Release{Values: whole})
	if err != nil {
		a.Fatal(err)
	}
	w := a.as(a.plane.Config, "")
	w.create(`{apiVersion: v1, kind: Namespace, metadata: {name: attache-system}}`)
	w.create(`{apiVersion: v1, kind: Service, metadata: {name: attache-webhook, namespace: attache-system}, spec: {type: ExternalName, externalName: localhost}}`)
	var later []*unstructured.Unstructured
	for _, u := range objects {
		switch kind := u.GetKind(); {
		case kind == "CustomResourceDefinition", kind == "Service":
			continue
		case kind == "Secret":
			a.mount(u)
		case strings.HasSuffix(kind, "WebhookConfiguration"):
			later = append(later, u)
			continue
		}
		if err := w.Create(a.Context(), u); err != nil {
			a.Fatalf("%s %s: %v", u.GetKind(), u.GetName(), err)
		}
	}
	hooks, err := charts.WebhooksOf(later)
	if err != nil {
		a.Fatal(err)
	}
	hooks.OnPort(a.board.port())
	for _, c := range hooks.Mutating {
		a.write(w, c)
	}
	for _, c := range hooks.Validating {
		a.write(w, c)
	}
}

func (a *admission) write(w *world, typed any) {
	a.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		a.Fatal(err)
	}
	if err := w.Create(a.Context(), &unstructured.Unstructured{Object: object}); err != nil {
		a.Fatal(err)
	}
}

// mount writes a Secret into files, as the kubelet would.
func (a *admission) mount(secret *unstructured.Unstructured) {
	a.Helper()
	data, _, err := unstructured.NestedStringMap(secret.Object, "data")
	if err != nil {
		a.Fatal(err)
	}
	for name, text := range data {
		if err := os.WriteFile(filepath.Join(a.certDir, name), decoded(a, text), 0o600); err != nil {
			a.Fatal(err)
		}
	}
}

// replica starts a webhook process and returns it when it is ready. It says
// nothing to the switchboard.
func (a *admission) replica(flags ...string) (p *process, address string) {
	a.Helper()
	address = freeAddress(a)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		a.Fatal(err)
	}
	return startManager(a, a.webhooks.Kubeconfig, append([]string{
		"--disable-controller", "--disable-webhooks=false", "--webhook-host", host, "--webhook-port", port, "--cert-dir", a.certDir,
		"--platform-namespaces", "attache-system,infra",
		"--effective-policy-writers", "system:serviceaccount:" + releaseNamespace + ":" + controllerAccount,
	}, flags...)...), address
}

// stub serves webhooks in this process with a snapshot that a test controls.
func (a *admission) stub(snapshot func() (*policy.Snapshot, bool)) (address string) {
	a.Helper()
	return a.serve(webhook.Options{Snapshot: snapshot})
}

// serve serves webhooks in this process.
func (a *admission) serve(options webhook.Options) (address string) {
	a.Helper()
	options.Metrics = prometheus.NewRegistry()
	handlers, err := webhook.New(options)
	if err != nil {
		a.Fatal(err)
	}
	server := webhook.NewServer(handlers, webhook.ServerOptions{Address: "127.0.0.1:0", CertDir: a.certDir})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Start(ctx) }()
	a.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			a.Error(err)
		}
	})
	within(a, patience, "the server to listen", func(context.Context) error {
		if server.Address() == "" {
			return errors.New("it does not")
		}
		return nil
	})
	return server.Address()
}

// kubectl runs kubectl with a manifest on standard input and returns what it
// says, in one text.
func (a *admission) kubectl(manifest string, arguments ...string) (string, error) {
	a.Helper()
	cmd := a.plane.Kubectl(a.Context(), arguments...)
	cmd.Stdin = strings.NewReader(manifest)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	return said.String(), err
}

// warned applies a manifest, without storing it, that is accepted with a warning.
func (a *admission) warned(manifest, part string) {
	a.Helper()
	if said, err := a.kubectl(manifest, dry("apply", "-f", "-")...); err != nil || !strings.Contains(said, part) {
		a.Errorf("it does not say %q: %v: %s", part, err, said)
	}
}

// refused applies a manifest that must be refused, and returns what a person
// reads.
func (a *admission) refused(manifest string, parts ...string) {
	a.Helper()
	said, err := a.kubectl(manifest, "apply", "-f", "-")
	if err == nil {
		a.Errorf("accepted: %s", said)
		return
	}
	for _, part := range parts {
		if !strings.Contains(said, part) {
			a.Errorf("it does not say %q: %s", part, said)
		}
	}
	a.Logf("a person reads: %s", said)
}

// switchboard passes connections on to whichever replica is the current one, as
// a Service does. Connections end when the replica changes.
type switchboard struct {
	testing.TB
	address string

	mu       sync.Mutex
	listener net.Listener
	backend  string
	open     map[net.Conn]bool
}

func newSwitchboard(t testing.TB) *switchboard {
	t.Helper()
	b := &switchboard{TB: t, address: "127.0.0.1:0", open: map[net.Conn]bool{}}
	b.up()
	t.Cleanup(b.down)
	return b
}

func (b *switchboard) port() int32 {
	address, err := net.ResolveTCPAddr("tcp", b.address)
	if err != nil {
		b.Fatal(err)
	}
	return int32(address.Port) //nolint:gosec // it is a port
}

// up listens, always on the same port.
func (b *switchboard) up() {
	b.Helper()
	listener, err := net.Listen("tcp", b.address)
	if err != nil {
		b.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listener, b.address = listener, listener.Addr().String()
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go b.connect(in)
		}
	}()
}

// down refuses connections, and ends those there are.
func (b *switchboard) down() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.listener.Close() // a second time is no harm
	b.hangUp()
}

// to leads new connections to a replica, and ends the others.
func (b *switchboard) to(backend string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backend = backend
	b.hangUp()
}

// toNew leads new connections to a replica, and leaves the others alone.
func (b *switchboard) toNew(backend string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backend = backend
}

func (b *switchboard) hangUp() {
	for c := range b.open {
		_ = c.Close()
	}
	b.open = map[net.Conn]bool{}
}

func (b *switchboard) connect(in net.Conn) {
	b.mu.Lock()
	out, err := net.Dial("tcp", b.backend)
	if err != nil {
		b.mu.Unlock()
		_ = in.Close()
		return
	}
	b.open[in], b.open[out] = true, true
	b.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].Close()
		})
	}
	both.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, in)
	delete(b.open, out)
}

// as is a world of somebody.
func (a *admission) as(config *restConfig, namespace string) *world {
	a.Helper()
	return newWorld(a.TB, config, namespace)
}

// create creates one object and returns it as the API server answered.
func (w *world) create(manifest string, options ...client.CreateOption) *unstructured.Unstructured {
	w.Helper()
	u, err := w.tryCreate(manifest, options...)
	if err != nil {
		w.Fatal(err)
	}
	return u
}

func (w *world) tryCreate(manifest string, options ...client.CreateOption) (*unstructured.Unstructured, error) {
	w.Helper()
	u := parsed(w, strings.ReplaceAll(manifest, "NS", w.namespace))
	return u, w.Create(w.Context(), u, options...)
}
