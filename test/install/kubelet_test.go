package install

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/controlplane"
)

// pod is a running container.
type pod struct {
	c       *cluster
	name    string
	cmd     *exec.Cmd
	said    *transcript
	health  string
	metrics string
	port    int // of the webhooks
	slice   *unstructured.Unstructured
	exited  chan struct{}
	reason  error
}

// transcript is what a process said.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var pods struct {
	sync.Mutex
	n int
}

// launch runs one pod of a Deployment as it stands in the cluster.
func (c *cluster) launch(deployment string, more ...string) *pod {
	c.Helper()
	d := c.object("apps/v1", "Deployment", namespace, deployment)
	if d == nil {
		c.Fatalf("there is no Deployment %s", deployment)
	}
	spec, _, _ := unstructured.NestedMap(d.Object, "spec", "template", "spec")
	pods.Lock()
	pods.n++
	p := &pod{c: c, name: fmt.Sprintf("%s-%d", deployment, pods.n), port: freePort(c), said: &transcript{}, exited: make(chan struct{})}
	pods.Unlock()
	p.health, p.metrics = net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(c))), net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(c)))
	arguments := c.container(p.name, spec)
	// What differs: all pods share one machine.
	arguments = append(arguments, "--health-probe-bind-address="+p.health, "--metrics-bind-address="+p.metrics,
		"--webhook-host="+c.address, "--webhook-port="+strconv.Itoa(p.port))
	p.start(spec, append(arguments, more...))
	return p
}

// container returns the arguments of the one container, with what is mounted as files.
func (c *cluster) container(name string, spec map[string]any) []string {
	c.Helper()
	containers, _, _ := unstructured.NestedSlice(spec, "containers")
	container := containers[0].(map[string]any)
	arguments, _, _ := unstructured.NestedStringSlice(container, "args")
	mounts, _, _ := unstructured.NestedSlice(container, "volumeMounts")
	volumes, _, _ := unstructured.NestedSlice(spec, "volumes")
	for i := range mounts {
		at := c.projected(filepath.Join(c.folder, name), volumes[i].(map[string]any))
		path := mounts[i].(map[string]any)["mountPath"].(string)
		for j := range arguments {
			arguments[j] = strings.ReplaceAll(arguments[j], path, at)
		}
	}
	return arguments
}

// projected writes what a Secret or a ConfigMap has into a folder.
func (c *cluster) projected(below string, volume map[string]any) string {
	c.Helper()
	kind, data := "Secret", map[string][]byte{}
	name, _, _ := unstructured.NestedString(volume, "secret", "secretName")
	if name == "" {
		kind = "ConfigMap"
		name, _, _ = unstructured.NestedString(volume, "configMap", "name")
	}
	texts, _, _ := unstructured.NestedStringMap(c.object("v1", kind, namespace, name).Object, "data")
	for key, text := range texts {
		data[key] = []byte(text)
		if kind == "Secret" {
			var err error
			if data[key], err = base64.StdEncoding.DecodeString(text); err != nil {
				c.Fatal(err)
			}
		}
	}
	at := filepath.Join(below, name)
	if err := os.MkdirAll(at, 0o700); err != nil {
		c.Fatal(err)
	}
	for key, content := range data {
		if err := os.WriteFile(filepath.Join(at, key), content, 0o600); err != nil {
			c.Fatal(err)
		}
	}
	return at
}

// start runs the program with the token of the pod's service account.
func (p *pod) start(spec map[string]any, arguments []string) {
	p.c.Helper()
	program, err := attache()
	if err != nil {
		p.c.Fatal(err)
	}
	account, err := p.c.plane.ServiceAccount(p.c.Context(), namespace, spec["serviceAccountName"].(string))
	if err != nil {
		p.c.Fatal(err)
	}
	kubeconfig := account.Kubeconfig
	if p.c.wire != nil {
		kubeconfig = p.c.wire.through(p.c, kubeconfig, p.c.plane.Config.Host)
	}
	p.cmd = exec.Command(program, append(arguments, "--kubeconfig="+kubeconfig)...)
	p.cmd.Env = []string{"POD_NAMESPACE=" + namespace, "HOSTNAME=" + p.name, "HOME=" + p.c.folder}
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	if err := p.cmd.Start(); err != nil {
		p.c.Fatal(err)
	}
	go func() {
		p.reason = p.cmd.Wait()
		close(p.exited)
	}()
	p.c.Cleanup(func() {
		p.kill()
		if p.c.Failed() {
			p.c.Logf("%s said:\n%s", p.name, last(p.said.String(), 40))
		}
	})
}

func last(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// awaitReady waits until the readiness probe succeeds, and then gives the Service the endpoint.
func (p *pod) awaitReady() {
	p.c.Helper()
	p.c.within(60*time.Second, "see "+p.name+" ready", p.ready)
	if strings.Contains(p.name, "webhook") {
		p.expose()
	}
}

func (p *pod) ready(ctx context.Context) error {
	select {
	case <-p.exited:
		p.c.Fatalf("%s ended: %v", p.name, p.reason)
	default:
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.health+"/readyz?verbose", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}

// expose makes the pod an endpoint of the Service.
func (p *pod) expose() {
	p.c.Helper()
	p.slice = &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
		"metadata":    map[string]any{"name": p.name, "namespace": namespace, "labels": map[string]any{"kubernetes.io/service-name": "attache-webhook"}},
		"addressType": "IPv4",
		"ports":       []any{map[string]any{"name": "https", "protocol": "TCP", "port": int64(p.port)}},
		"endpoints":   []any{map[string]any{"addresses": []any{p.c.address}, "conditions": map[string]any{"ready": true}}},
	}}
	if err := p.c.Create(p.c.Context(), p.slice); err != nil {
		p.c.Fatal(err)
	}
}

// hide takes the endpoint away.
func (p *pod) hide() {
	if p.slice != nil {
		_ = p.c.Delete(context.Background(), p.slice) // a second time is no harm
		p.slice = nil
	}
}

// terminate is what happens to a pod that is deleted: it is told to end, and its endpoint goes some
// time later.
func (p *pod) terminate(lag time.Duration) {
	p.c.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.c.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(lag):
		p.hide()
	}
	select {
	case <-p.exited:
	case <-time.After(45 * time.Second):
		p.c.Fatalf("%s did not end within its grace period", p.name)
	}
	p.hide()
	if p.reason != nil {
		p.c.Errorf("%s ended with %v", p.name, p.reason)
	}
}

// shows looks for metrics that are not zero.
func (p *pod) shows(metrics ...string) {
	p.c.Helper()
	text, err := p.exposition()
	if err != nil {
		p.c.Fatal(err)
	}
	for _, m := range metrics {
		_, value, found := strings.Cut("\n"+text, "\n"+m)
		if line, _, _ := strings.Cut(value, "\n"); !found || strings.HasSuffix(line, " 0") {
			p.c.Errorf("%s does not show %s, but%s", p.name, m, line)
		}
	}
}

// exposition is what the process shows to Prometheus.
func (p *pod) exposition() (string, error) {
	answer, err := http.Get("http://" + p.metrics + "/metrics")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

// scrape reads the values of metrics without labels.
func (p *pod) scrape(metrics ...string) ([]float64, error) {
	text, err := p.exposition()
	if err != nil {
		return nil, err
	}
	values := make([]float64, len(metrics))
	for i, m := range metrics {
		_, rest, _ := strings.Cut("\n"+text, "\n"+m+" ")
		line, _, _ := strings.Cut(rest, "\n")
		if values[i], err = strconv.ParseFloat(line, 64); err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
	}
	return values, nil
}

// kill ends the process at once.
func (p *pod) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
	p.hide()
}

// runPod runs a Pod of the cluster to its end, once somebody creates it, and says in its status how
// that went.
func (c *cluster) runPod(name string, more ...string) {
	c.Helper()
	var spec map[string]any
	c.within(60*time.Second, "see the Pod "+name, func(context.Context) error {
		u := c.object("v1", "Pod", namespace, name)
		if u == nil {
			return errors.New("it is not there")
		}
		if phase, _, _ := unstructured.NestedString(u.Object, "status", "phase"); phase == "Succeeded" || phase == "Failed" {
			return errors.New("it is the one of an earlier test")
		}
		spec, _, _ = unstructured.NestedMap(u.Object, "spec")
		return nil
	})
	p := &pod{c: c, name: name, said: &transcript{}, exited: make(chan struct{})}
	p.start(spec, append(c.container(name, spec), more...))
	<-p.exited
	phase := "Succeeded"
	if p.reason != nil {
		phase = "Failed"
		c.Logf("%s said: %s", name, p.said)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name, "namespace": namespace}}}
	if err := c.Status().Patch(c.Context(), u, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"phase":"`+phase+`"}}`))); err != nil {
		c.Error(err)
	}
}

func freePort(c *cluster) int {
	c.Helper()
	port, err := controlplane.FreePort()
	if err != nil {
		c.Fatal(err)
	}
	return port
}
