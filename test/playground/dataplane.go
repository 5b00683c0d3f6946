package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/attache-dev/attache/test/conformance"
)

const dataplane = "dataplane"

// startDataplane runs the reference data plane on the cluster.
func (c *cluster) startDataplane(ctx context.Context) error {
	program := filepath.Join(c.programs(), dataplane)
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./examples/dataplane")
	build.Dir = c.root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the data plane: %w\n%s", err, out)
	}
	p := &process{name: dataplane, log: filepath.Join(c.logs(), dataplane+".log"), exited: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	p.cmd = exec.Command(program, "--kubeconfig="+c.plane.Kubeconfig)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("starting the data plane: %w", err)
	}
	go func() {
		p.reason = p.cmd.Wait()
		close(p.exited)
	}()
	c.processes = append(c.processes, p)
	return c.plane.Adopt(dataplane, p.cmd.Process)
}

// traffic sends requests through the reference data plane.
func (t *tour) traffic(ctx context.Context) error {
	t.story.title("And it is enforced: requests through a small data plane that reads the annotation")
	upstream, err := conformance.StartUpstream("127.0.0.1:0")
	if err != nil {
		return err
	}
	defer upstream.Stop()
	begin := time.Now()
	if _, err := t.types(ctx, "kubectl apply -f test/playground/traffic.yaml"); err != nil {
		return err
	}
	t.story.say("Where a Service leads says an annotation here, because there are no pods:")
	if _, err := t.types(ctx, "kubectl create service clusterip api -n orders --tcp=8080"); err != nil {
		return err
	}
	if _, err := t.types(ctx, "kubectl annotate service api -n orders example.attache.dev/addresses="+upstream.Address); err != nil {
		return err
	}
	if err := t.cluster.startDataplane(ctx); err != nil {
		return err
	}
	if _, err := t.reads(ctx, "kubectl wait -n orders gateway/public --for=condition=Programmed --timeout=60s"); err != nil {
		return err
	}
	address, err := t.reads(ctx, "kubectl get gateway public -n orders -o jsonpath={.status.addresses[0].value}")
	if err != nil {
		return err
	}
	c := &curl{story: t.story, address: address + ":8080"}
	if err := c.await(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, t.cluster.lastLogLines())
	}
	t.story.check("served after %s", took(begin))
	for _, step := range []func(context.Context, *curl) error{t.effectiveTimeout, t.countedRetries, t.namedLimit, t.quickOverride} {
		if err := step(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (t *tour) effectiveTimeout(ctx context.Context, c *curl) error {
	t.story.say("The route says that a request may take 5s, the Gateway's bounds say 1s. The backend takes 10s:")
	r, err := c.get(ctx, "/?delay=10s", "")
	if err != nil {
		return err
	}
	if r.code != http.StatusGatewayTimeout || r.took >= 5*time.Second {
		return fmt.Errorf("answered with %d after %s", r.code, r.took)
	}
	t.story.check("504 after %s, the effective timeout and not the route's own", r.took.Round(10*time.Millisecond))
	return nil
}

func (t *tour) countedRetries(ctx context.Context, c *curl) error {
	t.story.say("The backend fails twice. RetryPolicy twice tries again:")
	r, err := c.get(ctx, "/?key=retries&fail=2", "")
	if err != nil {
		return err
	}
	if r.code != http.StatusOK || r.header.Get("Example-Retries") != "2" {
		return fmt.Errorf("answered with %d after %q retries", r.code, r.header.Get("Example-Retries"))
	}
	t.story.check("200, after 2 retries")
	return nil
}

func (t *tour) namedLimit(ctx context.Context, c *curl) error {
	t.story.say("One tenant sends four requests at once; its bucket holds three:")
	for i := range 4 {
		r, err := c.get(ctx, "/", "blue")
		if err != nil {
			return err
		}
		if want := map[bool]int{true: http.StatusOK, false: http.StatusTooManyRequests}[i < 3]; r.code != want {
			return fmt.Errorf("request %d is answered with %d instead of %d", i+1, r.code, want)
		}
		if i == 3 {
			t.story.check("429 by %s of RateLimitPolicy orders/per-tenant", r.header.Get("Example-Limited-By"))
		}
	}
	if r, err := c.get(ctx, "/", "green"); err != nil || r.code != http.StatusOK {
		return errors.Join(fmt.Errorf("another tenant is answered with %d", r.code), err)
	}
	t.story.check("200 for another tenant")
	return nil
}

// quickOverride adds an override while requests come, and looks how soon one
// ends by it.
func (t *tour) quickOverride(ctx context.Context, c *curl) error {
	t.story.say("The platform team overrides: 200ms.")
	if _, err := t.types(ctx, "kubectl apply -f test/playground/traffic-override.yaml"); err != nil {
		return err
	}
	begin := time.Now()
	for i := 0; ; i++ {
		r, err := c.quiet(ctx, "/?delay=600ms", fmt.Sprint("override", i))
		if err != nil {
			return err
		}
		if r.code == http.StatusGatewayTimeout && r.took < 600*time.Millisecond {
			t.story.check("%s after it was applied a request ended by it, with 504 after %s", took(begin), r.took.Round(10*time.Millisecond))
			break
		}
		if time.Since(begin) > settleLimit {
			return errors.New("the override does not act")
		}
	}
	if _, err := t.types(ctx, "kubectl effective-policy explain --request http://orders.example.com/"); err != nil {
		return err
	}
	// The rest of the tour is about examples/shop alone.
	for _, line := range []string{
		"kubectl delete -f test/playground/traffic-override.yaml",
		"kubectl delete httproute,gateway,timeoutpolicy,retrypolicy,ratelimitpolicy --all -n orders",
		"kubectl delete gatewayclass reference",
	} {
		if _, err := t.reads(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// curl sends requests to the data plane.
type curl struct {
	story   *story
	address string
	tenants int
}

type reply struct {
	code   int
	header http.Header
	took   time.Duration
}

// get sends a request and shows it. Without a tenant it has one of its own.
func (c *curl) get(ctx context.Context, path, tenant string) (reply, error) {
	if tenant == "" {
		c.tenants++
		tenant = fmt.Sprint("tenant", c.tenants)
	}
	r, err := c.quiet(ctx, path, tenant)
	if err == nil {
		c.story.show(fmt.Sprintf("curl -H 'host: orders.example.com' -H 'x-tenant: %s' 'http://%s%s'", tenant, c.address, path),
			fmt.Sprintf("%d %s  (%s)", r.code, http.StatusText(r.code), r.took.Round(time.Millisecond)))
	}
	return r, err
}

func (c *curl) quiet(ctx context.Context, path, tenant string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address+path, nil)
	if err != nil {
		return reply{}, err
	}
	request.Host = "orders.example.com"
	request.Header.Set("x-tenant", tenant)
	begin := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}, err
	}
	response.Body.Close()
	return reply{response.StatusCode, response.Header, time.Since(begin)}, nil
}

// await waits until the data plane serves the route, with what applies to it:
// then a tenant's fourth request is refused.
func (c *curl) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		last, err := c.quiet(ctx, "/", "await")
		if err == nil && last.code == http.StatusTooManyRequests {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the data plane does not serve the route: %d %w", last.code, err)
		case <-tick.C:
		}
	}
}
