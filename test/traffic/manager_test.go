package traffic

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/charts"
	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/dataplane"
	"github.com/attache-dev/attache/test/eventually"
)

// The names that the chart gives.
const (
	releaseNamespace  = "attache-system"
	webhookService    = "attache-webhook"
	controllerAccount = "attache-controller"
	webhookAccount    = "attache-webhook"
)

// installation is a control plane on which the chart is installed with the
// exporter for Traefik, with a Traefik of its own. The pods' part is played by two
// processes that have the service accounts of the chart, and no other rights.
type installation struct {
	plane       *controlplane.ControlPlane
	traefik     *dataplane.Traefik
	folder      string // of the program, and of the webhooks' certificate
	webhookHost string
	webhookPort int32
	controller  *process
	webhooks    *process
}

// installed is the installation of all tests that need one.
var installed struct {
	sync.Mutex
	*installation
	failure error
	tests   int
}

// process is a running manager.
type process struct {
	cmd    *exec.Cmd
	health string
	log    *output
	exited chan struct{}
}

// output keeps what a process says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// newInstalledBed is a bed on the installation: what is written there is enforced
// by the running manager.
func newInstalledBed(t *testing.T) *bed {
	t.Helper()
	installed.Lock()
	if installed.installation == nil && installed.failure == nil {
		installed.installation, installed.failure = install(t)
	}
	installed.tests++
	number := 100 + installed.tests
	installed.Unlock()
	if installed.failure != nil {
		t.Fatal(installed.failure)
	}
	b := bedOn(t, installed.plane, installed.traefik, number)
	b.installation = installed.installation
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the controller said at last:\n%s\nthe webhooks:\n%s", lastLines(b.controller.log.String(), 30), lastLines(b.webhooks.log.String(), 10))
		}
	})
	return b
}

func install(t *testing.T) (*installation, error) {
	t.Helper()
	plane, traefik, err := startPlane(t)
	if err != nil {
		return nil, err
	}
	i := &installation{plane: plane, traefik: traefik}
	if i.folder, err = os.MkdirTemp("", "attache-traffic-"); err != nil { //nolint:usetesting // it outlives the test that makes it
		return nil, err
	}
	program := filepath.Join(i.folder, "attache")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/attache-dev/attache/cmd/attache").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the manager: %w\n%s", err, out)
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	i.webhookPort = int32(address.Port) //nolint:gosec // it is a port
	if err := i.apply(t.Context()); err != nil {
		return nil, fmt.Errorf("installing the chart: %w", err)
	}
	i.webhookHost = address.IP.String()
	return i, i.startBoth("--exporters", "traefik")
}

// startBoth starts the webhooks and the controller.
func (i *installation) startBoth(flags ...string) (err error) {
	i.webhooks, err = i.start(webhookAccount, append([]string{"--disable-controller", "--disable-webhooks=false",
		"--webhook-host", i.webhookHost, "--webhook-port", fmt.Sprint(i.webhookPort), "--cert-dir", i.folder,
		"--effective-policy-writers", "system:serviceaccount:" + releaseNamespace + ":" + controllerAccount}, flags...)...)
	if err != nil {
		return err
	}
	i.controller, err = i.start(controllerAccount, append([]string{"--disable-webhooks"}, flags...)...)
	return err
}

// apply writes what the chart renders: rights, accounts, admission. The CRDs are
// there, and nothing would run the Deployments.
func (i *installation) apply(ctx context.Context) error {
	writer, err := client.New(i.plane.Config, client.Options{})
	if err != nil {
		return err
	}
	objects, err := charts.Render(charts.Release{Values: map[string]any{
		"export": map[string]any{"exporters": []any{"traefik"}}, "certificates": map[string]any{"provider": "generated"},
	}})
	if err != nil {
		return err
	}
	hooks, err := charts.WebhooksOf(objects)
	if err != nil {
		return err
	}
	hooks.OnPort(i.webhookPort)
	write := []*unstructured.Unstructured{
		{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": releaseNamespace}}},
		{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": webhookService, "namespace": releaseNamespace},
			"spec": map[string]any{"type": "ExternalName", "externalName": "localhost"}}},
	}
	for _, u := range objects {
		switch kind := u.GetKind(); {
		case kind == "CustomResourceDefinition", kind == "Service", strings.HasSuffix(kind, "WebhookConfiguration"):
		case kind == "Secret":
			if err := i.mount(u); err != nil {
				return err
			}
			write = append(write, u)
		default:
			write = append(write, u)
		}
	}
	var configurations []any
	for _, c := range hooks.Mutating {
		configurations = append(configurations, c)
	}
	for _, c := range hooks.Validating {
		configurations = append(configurations, c)
	}
	for _, c := range configurations {
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c)
		if err != nil {
			return err
		}
		write = append(write, &unstructured.Unstructured{Object: object})
	}
	for _, u := range write {
		if err := writer.Create(ctx, u); err != nil {
			return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
	return nil
}

// mount writes a Secret into files, as the kubelet would.
func (i *installation) mount(secret *unstructured.Unstructured) error {
	data, _, err := unstructured.NestedStringMap(secret.Object, "data")
	if err != nil {
		return err
	}
	for name, text := range data {
		content, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(i.folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// start runs the manager as a service account, and returns when it is ready.
func (i *installation) start(account string, flags ...string) (*process, error) {
	user, err := i.plane.ServiceAccount(context.Background(), releaseNamespace, account)
	if err != nil {
		return nil, err
	}
	health, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &process{health: health.String(), log: &output{}, exited: make(chan struct{})}
	p.cmd = exec.Command(filepath.Join(i.folder, "attache"), append([]string{"manager",
		"--kubeconfig", user.Kubeconfig, "--drain-delay", "0s", "--log-format", "console",
		"--health-probe-bind-address", p.health, "--metrics-bind-address", "0"}, flags...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	if err := i.plane.Adopt(fmt.Sprintf("%s-%d", account, p.cmd.Process.Pid), p.cmd.Process); err != nil {
		return nil, err
	}
	return p, p.awaitReady()
}

func (p *process) awaitReady() error {
	err := eventually.Try(context.Background(), eventually.Limit, func(ctx context.Context) error {
		select {
		case <-p.exited:
			return eventually.Final(errors.New("it ended"))
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.health+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return errors.New(answer.Status)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the manager to be ready: %w\n%s", err, p.log)
	}
	return nil
}

// stop ends the process and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

func freeAddress() (*net.TCPAddr, error) {
	port, err := controlplane.FreePort()
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, err
}

// published is what the EffectivePolicies of the namespace say is enforced, with
// the routes' names.
func (b *bed) published() ([]entry, error) {
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("attache.dev/v1alpha1")
	list.SetKind("EffectivePolicyList")
	if err := b.List(b.Context(), list, client.InNamespace(b.namespace)); err != nil {
		return nil, err
	}
	var all []entry
	for _, u := range list.Items {
		enforcement, _, _ := unstructured.NestedSlice(u.Object, "status", "enforcement")
		text, err := json.Marshal(enforcement)
		if err != nil {
			return nil, err
		}
		var entries []entry
		if err := json.Unmarshal(text, &entries); err != nil {
			return nil, err
		}
		_, name, _ := strings.Cut(u.GetName(), ".")
		for i := range entries {
			entries[i].Route.Name = name
		}
		all = append(all, entries...)
	}
	return all, nil
}
