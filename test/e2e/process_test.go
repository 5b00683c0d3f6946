package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/charts"
	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/eventually"
)

// binary builds the manager once and returns its path.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programs, "attache")
	out, err := exec.Command("go", "build", "-o", path, "github.com/attache-dev/attache/cmd/attache").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the manager: %w\n%s", err, out)
	}
	return path, nil
})

// chartLimit is the memory limit of the containers that the chart renders, the
// smallest if they differ.
var chartLimit = sync.OnceValues(func() (int64, error) {
	objects, err := charts.Render(charts.Release{})
	if err != nil {
		return 0, err
	}
	least := int64(0)
	for _, u := range objects {
		containers, _, err := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
		if err != nil {
			return 0, err
		}
		for _, c := range containers {
			c, _ := c.(map[string]any)
			text, _, _ := unstructured.NestedString(c, "resources", "limits", "memory")
			limit, err := resource.ParseQuantity(text)
			if err != nil {
				return 0, fmt.Errorf("%s %s: memory limit %q: %w", u.GetKind(), u.GetName(), text, err)
			}
			if least == 0 || limit.Value() < least {
				least = limit.Value()
			}
		}
	}
	if least == 0 {
		return 0, errors.New("the chart sets no memory limit")
	}
	return least, nil
})

// containerLimit is how much memory a process of ours has in a cluster.
func containerLimit(t testing.TB) int64 {
	t.Helper()
	limit, err := chartLimit()
	if err != nil {
		t.Fatal(err)
	}
	return limit
}

// process is a running manager.
type process struct {
	cmd     *exec.Cmd
	health  string
	metrics string
	log     *log
	exited  chan struct{}
	err     error
}

// log collects what a process says, to be shown when its test fails.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startManager runs a manager without webhooks and returns when it is ready. It
// ends with the test.
func startManager(t testing.TB, kubeconfig string, flags ...string) *process {
	t.Helper()
	p := launchManager(t, kubeconfig, flags...)
	within(t, patience, "the manager to be ready", p.ready)
	return p
}

// launchManager is startManager without waiting.
func launchManager(t testing.TB, kubeconfig string, flags ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{health: freeAddress(t), metrics: freeAddress(t), log: &log{}, exited: make(chan struct{})}
	p.cmd = exec.Command(path, append([]string{"manager",
		"--kubeconfig", kubeconfig,
		"--disable-webhooks",
		"--drain-delay", "0s",
		"--health-probe-bind-address", p.health,
		"--metrics-bind-address", p.metrics,
		"--log-format", "console",
	}, flags...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.Env = append(os.Environ(), "GOMEMLIMIT="+strconv.FormatInt(containerLimit(t)/10*9, 10)) // as in a container
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the manager said:\n%s", p.log)
		}
	})
	return p
}

// ready says why the manager is not ready.
func (p *process) ready(ctx context.Context) error {
	select {
	case <-p.exited:
		return eventually.Final(fmt.Errorf("it ended: %w", p.err))
	default:
	}
	return p.get(ctx, p.health, "/readyz")
}

func (p *process) get(ctx context.Context, address, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return errors.Join(errors.New(answer.Status), answer.Body.Close())
	}
	return answer.Body.Close()
}

// kill ends the process at once, as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// terminate asks the process to end, and waits.
func (p *process) terminate(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		t.Fatal("the manager did not end within 30s of SIGTERM")
	}
	if p.err != nil {
		t.Errorf("the manager ended with %v", p.err)
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := controlplane.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// patience is how long a test waits for what has to come. Nobody waits so long unless the test fails.
const patience = eventually.Limit

// within waits until check returns no error.
func within(t testing.TB, limit time.Duration, what string, check func(context.Context) error) time.Duration {
	t.Helper()
	return eventually.OK(t, limit, what, check)
}

// metric is the sum of a counter over all its labels.
func (p *process) metric(t testing.TB, name string) float64 {
	t.Helper()
	return p.metricWith(t, name, "")
}

// metricWith is the sum of a counter over all its labels, or over those with a value.
func (p *process) metricWith(t testing.TB, name, value string) float64 {
	t.Helper()
	answer, err := http.Get("http://" + p.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, m := range families[name].GetMetric() {
		if value != "" && !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == value }) {
			continue
		}
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return sum
}

// idle waits until the manager has looked at everything and has nothing left to
// do.
func (p *process) idle(t testing.TB) {
	t.Helper()
	p.idleWithin(t, 30*time.Second)
}

func (p *process) idleWithin(t testing.TB, limit time.Duration) {
	t.Helper()
	within(t, limit, "the manager to have nothing to do", func(context.Context) error {
		looked := p.metric(t, "controller_runtime_reconcile_total")
		left := p.metric(t, "workqueue_depth") + p.metric(t, "controller_runtime_active_workers") + p.metricWith(t, "attache_held_targets", "waiting")
		if looked == 0 || left > 0 {
			return fmt.Errorf("it looked at %v objects and has %v left", looked, left)
		}
		return nil
	})
}

// ended says that the process has not ended.
func (p *process) ended(context.Context) error {
	select {
	case <-p.exited:
		return nil
	default:
		return errors.New("it runs")
	}
}

// runToEnd runs a program with nothing but the given variables in its
// environment.
func runToEnd(t testing.TB, path string, arguments []string, environment ...string) (output string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, arguments...)
	cmd.Env = environment
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
