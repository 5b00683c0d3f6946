package dataplane

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/attache-dev/attache/test/controlplane"
)

// ServiceNetwork are flags for the API server of a control plane whose Services
// have loopback addresses: a process of this machine that listens on one of them
// is what the Service leads to, without pods and without a proxy. Traefik sends to
// Services' addresses when it is told to.
var ServiceNetwork = map[string][]string{
	"service-cluster-ip-range": {"127.20.0.0/16"},
	"endpoint-reconciler-type": {"none"},
}

// Traefik is a running Traefik that reads the Gateway API objects of a control
// plane.
type Traefik struct {
	// EntryPoints are its addresses. A listener of a Gateway is served on the one
	// with its port.
	EntryPoints []string

	api    string
	cmd    *exec.Cmd
	log    *logBuffer
	exited chan struct{}
	reason error
}

// StartTraefik runs Traefik with a number of entry points, on free ports of the
// loopback interface, and returns when it answers. It ends when its control plane
// does, or by Stop.
func StartTraefik(ctx context.Context, plane *controlplane.ControlPlane, entryPoints int) (*Traefik, error) {
	program, err := Program(ctx, "traefik")
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(entryPoints + 1)
	if err != nil {
		return nil, err
	}
	t := &Traefik{api: addresses[0], EntryPoints: addresses[1:], log: &logBuffer{}, exited: make(chan struct{})}
	t.cmd = exec.Command(program, t.flags()...)
	t.cmd.Env = append(os.Environ(), "KUBECONFIG="+plane.Kubeconfig)
	t.cmd.Stdout, t.cmd.Stderr = t.log, t.log
	if err := t.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting Traefik: %w", err)
	}
	go func() {
		t.reason = t.cmd.Wait()
		close(t.exited)
	}()
	if err := plane.Adopt("traefik", t.cmd.Process); err != nil {
		return nil, errors.Join(err, t.cmd.Process.Kill())
	}
	if err := t.awaitAnswer(ctx); err != nil {
		t.Stop()
		return nil, fmt.Errorf("waiting for Traefik: %w\n%s", err, t.log)
	}
	return t, nil
}

func (t *Traefik) flags() []string {
	flags := []string{
		"--global.checknewversion=false",
		"--global.sendanonymoususage=false",
		"--api.insecure=true",
		"--api.dashboard=false",
		"--entrypoints.traefik.address=" + t.api,
		"--log.level=INFO",
		"--providers.providersthrottleduration=100ms",
		"--providers.kubernetescrd=true",
		"--providers.kubernetescrd.safenaming=true",
		"--providers.kubernetesgateway=true",
		"--providers.kubernetesgateway.experimentalchannel=true",
		"--providers.kubernetesgateway.nativelbbydefault=true",
		"--providers.kubernetesgateway.statusaddress.ip=127.0.0.1",
	}
	for i, address := range t.EntryPoints {
		flags = append(flags, fmt.Sprintf("--entrypoints.e%d.address=%s", i, address))
	}
	return flags
}

// Port is the port of an entry point, for a listener.
func (t *Traefik) Port(entryPoint int) string {
	_, port, _ := strings.Cut(t.EntryPoints[entryPoint], ":")
	return port
}

// Stop ends the process.
func (t *Traefik) Stop() {
	_ = t.cmd.Process.Kill() // it may have ended
	<-t.exited
}

// Log is what the process has said.
func (t *Traefik) Log() string { return t.log.String() }

// Router is a router as Traefik has it: one for each listener, rule and match.
type Router struct {
	Name        string   `json:"name"`
	Rule        string   `json:"rule"`
	EntryPoints []string `json:"entryPoints"`
	Middlewares []string `json:"middlewares"`
	Status      string   `json:"status"`
	Provider    string   `json:"provider"`
	Error       []string `json:"error"`
}

// Routers are the routers that come from Gateway API objects.
func (t *Traefik) Routers(ctx context.Context) ([]Router, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.api+"/api/http/routers?per_page=1000", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New(answer.Status)
	}
	var all, ours []Router
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.Provider == "kubernetesgateway" {
			ours = append(ours, r)
		}
	}
	return ours, nil
}

func (t *Traefik) awaitAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		if _, err := t.Routers(ctx); err == nil {
			return nil
		}
		select {
		case <-t.exited:
			return fmt.Errorf("it ended: %w", t.reason)
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// freeAddresses are addresses of the loopback interface on which nobody listened
// a moment ago.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		address, err := controlplane.FreeAddress()
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}

// logBuffer keeps what a process says.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write is of io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all of it.
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Burst is the burst of a rate limit that Traefik has, by the Middleware's
// namespace and name; -1 if it has none.
func (t *Traefik) Burst(ctx context.Context, namespace, name string) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.api+"/api/http/middlewares?per_page=1000", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var all []struct {
		Name      string `json:"name"`
		RateLimit *struct {
			Burst int64 `json:"burst"`
		} `json:"rateLimit"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		return 0, err
	}
	for _, m := range all {
		if m.RateLimit != nil && strings.Contains(m.Name, namespace) && strings.Contains(m.Name, name) {
			return m.RateLimit.Burst, nil
		}
	}
	return -1, nil
}
