package controlplane

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// controllerManager is a running kube-controller-manager.
type controllerManager struct {
	exited chan struct{} // closed when it has
	reason error         // why it did
}

// controllers are what kube-controller-manager runs here: those without which
// objects behave differently, and which need no nodes.
const controllers = "garbage-collector-controller,namespace-controller,clusterrole-aggregation-controller"

// startControllerManager runs the controllers, each with the service account and
// the rights that it has in a real cluster, and returns when they serve their
// health.
func (c *ControlPlane) startControllerManager(ctx context.Context) (*controllerManager, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(c.logFile(controllerManagerProgram))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own
	cmd := exec.Command(filepath.Join(c.Assets, controllerManagerProgram),
		"--controllers="+controllers,
		"--kubeconfig="+c.Kubeconfig,
		"--use-service-account-credentials",
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--leader-elect=false",
		"--bind-address=127.0.0.1",
		"--secure-port="+strconv.Itoa(port),
		"--cert-dir="+filepath.Join(c.folder, controllerManagerProgram),
	)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", controllerManagerProgram, err)
	}
	manager := &controllerManager{exited: make(chan struct{})}
	go func() {
		manager.reason = cmd.Wait()
		close(manager.exited)
	}()
	if err := c.watchdog.remember(controllerManagerProgram, cmd.Process); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill())
	}
	return manager, manager.awaitHealth(ctx, port, c.options.StartTimeout)
}

// awaitHealth returns when the process says that it is well, or that it never
// will be.
func (m *controllerManager) awaitHealth(ctx context.Context, port int, limit time.Duration) error {
	probe := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // it signs its own certificate
	}}
	defer probe.CloseIdleConnections()
	address := "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) + "/healthz"
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, limit, true, func(ctx context.Context) (bool, error) {
		select {
		case <-m.exited:
			return false, fmt.Errorf("it ended: %w", m.reason)
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return false, err
		}
		answer, err := probe.Do(request)
		if err != nil {
			return false, nil //nolint:nilerr // it does not listen yet
		}
		return answer.StatusCode == http.StatusOK, answer.Body.Close()
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", controllerManagerProgram, err)
	}
	return nil
}
