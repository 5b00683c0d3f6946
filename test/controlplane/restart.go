package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// KillAPIServer ends kube-apiserver at once, as a node that fails does: nobody is told, and
// connections break. etcd and its data stay. It returns when the process is gone.
func (c *ControlPlane) KillAPIServer(ctx context.Context) error {
	process, err := noted(filepath.Join(c.watchdog.folder, pidsFolder, apiServerProgram))
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		return fmt.Errorf("killing kube-apiserver: %w", err)
	}
	err = wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, stopTimeout, true, func(context.Context) (bool, error) {
		return errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the killed kube-apiserver to be gone: %w", err)
	}
	return nil
}

// ReviveAPIServer starts a killed kube-apiserver with the same arguments, address, keys and data, and
// returns when it says that it is ready, as a load balancer would ask.
func (c *ControlPlane) ReviveAPIServer(ctx context.Context) error {
	log, err := os.OpenFile(c.logFile(apiServerProgram), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	server := c.environment.ControlPlane.GetAPIServer()
	server.Out, server.Err = log, log
	if err := server.Start(); err != nil {
		return fmt.Errorf("starting kube-apiserver again: %w%s", err, c.lastLogLines(apiServerProgram))
	}
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return err
	}
	last := errors.New("not asked")
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, c.options.StartTimeout, true, func(ctx context.Context) (bool, error) {
		last = client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for kube-apiserver to be ready again (%w): %w%s", last, err, c.lastLogLines(apiServerProgram))
	}
	return nil
}
