package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/test/eventually"
)

// writers is how many objects the manager writes at a time, and the client beside it.
const writers = 8

// client writes to the API server as fast as it can.
type client struct{ dynamic.Interface }

func dial(b *testing.B, config *rest.Config) client {
	b.Helper()
	made, err := dynamic.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	return client{made}
}

func (c client) on(u *unstructured.Unstructured) dynamic.ResourceInterface {
	gvk := u.GroupVersionKind()
	plural := strings.ToLower(gvk.Kind) + "s"
	switch {
	case strings.HasSuffix(gvk.Kind, "Policy"):
		plural = strings.ToLower(strings.TrimSuffix(gvk.Kind, "y")) + "ies"
	case strings.HasSuffix(gvk.Kind, "Class"):
		plural = strings.ToLower(gvk.Kind) + "es"
	}
	return c.Resource(schema.GroupVersionResource{Group: gvk.Group, Version: gvk.Version, Resource: plural}).Namespace(u.GetNamespace())
}

func (c client) create(b *testing.B, u *unstructured.Unstructured) {
	b.Helper()
	if _, err := c.on(u).Create(b.Context(), u, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		b.Error(err)
	}
}

func (c client) apply(b *testing.B, u *unstructured.Unstructured, part string) {
	b.Helper()
	options := metav1.ApplyOptions{FieldManager: "bare", Force: true}
	var err error
	if part == "status" {
		_, err = c.on(u).ApplyStatus(b.Context(), u.GetName(), u, options)
	} else {
		_, err = c.on(u).Apply(b.Context(), u.GetName(), u, options)
	}
	if err != nil {
		b.Error(err)
	}
}

func (c client) patch(b *testing.B, u *unstructured.Unstructured, change object) {
	b.Helper()
	data, err := json.Marshal(change)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := c.on(u).Patch(b.Context(), u.GetName(), types.MergePatchType, data, metav1.PatchOptions{}); err != nil {
		b.Error(err)
	}
}

// touch has an admission of a route happen, as the controller does.
func (c client) touch(b *testing.B, u *unstructured.Unstructured) *unstructured.Unstructured {
	b.Helper()
	answer, err := c.on(u).Patch(b.Context(), u.GetName(), types.MergePatchType, []byte("{}"), metav1.PatchOptions{FieldManager: "attache-inject"})
	if err != nil {
		b.Error(err)
		return u
	}
	return answer
}

func (c client) remove(b *testing.B, u *unstructured.Unstructured) {
	b.Helper()
	if err := c.on(u).Delete(b.Context(), u.GetName(), metav1.DeleteOptions{}); err != nil {
		b.Error(err)
	}
}

func (c client) list(b *testing.B, apiVersion, kind string) []*unstructured.Unstructured {
	b.Helper()
	of := &unstructured.Unstructured{Object: object{"apiVersion": apiVersion, "kind": kind}}
	list, err := c.on(of).List(b.Context(), metav1.ListOptions{})
	if err != nil {
		b.Fatal(err)
	}
	all := make([]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		all[i] = &list.Items[i]
	}
	return all
}

func (c client) inParallel(b *testing.B, objects []*unstructured.Unstructured, do func(*testing.B, *unstructured.Unstructured)) {
	b.Helper()
	var running sync.WaitGroup
	for worker := range writers {
		running.Go(func() {
			for i := worker; i < len(objects) && !b.Failed(); i += writers {
				do(b, objects[i])
			}
		})
	}
	running.Wait()
	if b.Failed() {
		b.FailNow()
	}
}

func namespaceOf(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name}}}
}

func targetKind(result *unstructured.Unstructured) string {
	kind, _, _ := unstructured.NestedString(result.Object, "targetRef", "kind")
	return kind
}

func targetName(result *unstructured.Unstructured) string {
	name, _, _ := unstructured.NestedString(result.Object, "targetRef", "name")
	return name
}

func text(length int) string { return strings.Repeat("x", length) }

// manager is a running manager without webhooks.
type manager struct {
	cmd                    *exec.Cmd
	health, metrics, debug string
}

func buildManager(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "attache")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, "../../cmd/attache").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

// start returns when a new manager is ready.
func (s *site) start(flags ...string) *manager {
	s.b.Helper()
	m := s.launch(flags...)
	m.awaitReady(s.b)
	return m
}

// launch starts a manager, which does not outlive the API server.
func (s *site) launch(flags ...string) *manager {
	s.b.Helper()
	m := &manager{health: freeAddress(s.b), metrics: freeAddress(s.b), debug: freeAddress(s.b)}
	m.cmd = exec.Command(s.program, append([]string{"manager", "--kubeconfig", s.kubeconfig, "--disable-webhooks", "--drain-delay", "0s",
		"--health-probe-bind-address", m.health, "--metrics-bind-address", m.metrics, "--debug-bind-address", m.debug, "--platform-namespaces", infra,
		"--writers", fmt.Sprint(writers), "--log-level", "error"}, flags...)...)
	m.cmd.Stderr = os.Stderr
	if err := m.cmd.Start(); err != nil {
		s.b.Fatal(err)
	}
	if err := s.plane.Adopt(fmt.Sprint("manager-", m.cmd.Process.Pid), m.cmd.Process); err != nil {
		s.b.Fatal(err)
	}
	s.b.Cleanup(func() {
		_ = m.cmd.Process.Kill() // it may have ended
		_ = m.cmd.Wait()
	})
	return m
}

func (m *manager) awaitReady(b *testing.B) {
	b.Helper()
	await(b, 10*time.Minute, func(context.Context) error {
		answer, err := http.Get("http://" + m.health + "/readyz")
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("not ready: %s", answer.Status)
		}
		return nil
	})
}

func (m *manager) terminate(b *testing.B) {
	b.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	_ = m.cmd.Wait() // how it ends is what other tests look at
}

// metric is the sum of a metric over all its labels.
func (m *manager) metric(b *testing.B, name string) float64 {
	b.Helper()
	return m.figures(b).sum(name)
}

// scraped are all metrics of one moment.
type scraped map[string]*dto.MetricFamily

func (s scraped) sum(name string) float64 {
	sum := 0.0
	for _, metric := range s[name].GetMetric() {
		sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
	}
	return sum
}

// busy is how many objects wait to be looked at, or are.
func (s scraped) busy() float64 {
	return s.sum("workqueue_depth") + s.sum("controller_runtime_active_workers")
}

// patient is a client for a manager that may be busy.
var patient = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableCompression: true}}

func (m *manager) figures(b *testing.B) scraped {
	b.Helper()
	answer, err := patient.Get("http://" + m.metrics + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	return readMetrics(b, answer.Body)
}

// readMetrics reads what a process says of itself.
func readMetrics(b *testing.B, text io.Reader) scraped {
	b.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		b.Fatal(err)
	}
	return families
}

// askedEvery is how often the manager is asked how far it is. It counts its objects for an answer, so who
// asks all the time measures that.
const askedEvery = 500 * time.Millisecond

// settle waits until the manager has nothing left to do.
func (m *manager) settle(b *testing.B) {
	b.Helper()
	tick := time.NewTicker(askedEvery)
	defer tick.Stop()
	for seen := (watchdog{}); ; <-tick.C {
		figures := m.figures(b)
		if figures.busy() == 0 && figures.sum("controller_runtime_reconcile_total") > 0 {
			return
		}
		seen.look(b, figures)
	}
}

const (
	// stalled is how long a manager with something left to do may do nothing. How long all of it takes
	// depends on the machine, and is not limited.
	stalled = 3 * time.Minute
	// tellEvery is how often who waits is told how far the manager is.
	tellEvery = 30 * time.Second
)

// watchdog ends a benchmark whose manager does nothing although something is left to do, and tells who
// waits how far it is.
type watchdog struct {
	done         float64
	moved, began time.Time
	told         time.Time
}

func (w *watchdog) look(b *testing.B, figures scraped) {
	b.Helper()
	now := time.Now()
	if w.began.IsZero() {
		w.began, w.moved, w.told = now, now, now
	}
	writes, touches := figures.sum("attache_writes_total"), figures.sum("attache_export_writes_total")
	if done := writes + touches + figures.sum("controller_runtime_reconcile_total"); done != w.done {
		w.done, w.moved = done, now
	}
	if now.Sub(w.moved) > stalled {
		b.Fatalf("the manager has done nothing for %v; %.0f objects wait", stalled, figures.busy())
	}
	if now.Sub(w.told) >= tellEvery {
		w.told = now
		say("  %v: %.0f writes and %.0f touches since the manager started; %.0f objects wait", now.Sub(w.began).Round(time.Second), writes, touches, figures.busy())
	}
}

// say tells who waits for a long benchmark what it has measured.
func say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, values...))
}

func await(b *testing.B, limit time.Duration, check func(context.Context) error) {
	b.Helper()
	if err := eventually.Try(b.Context(), limit, check); err != nil {
		b.Fatal(err)
	}
}

func freeAddress(b *testing.B) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
