package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// serveCommand is how up calls the process that stays.
const serveCommand = "serve"

// Files in the folder of a playground that runs.
const (
	lockFile       = "lock"       // held as long as it runs
	processFile    = "pid"        // the number of the process that stays
	storyFile      = "log"        // what it tells
	readyFile      = "ready"      // there when it is
	kubeconfigFile = "kubeconfig" // of the administrator
)

// lock takes the lock of a playground. It fails with errRuns while one runs, and
// with wait, it waits for its end instead.
func lock(folder string, wait bool) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	if err := syscall.Flock(int(file.Fd()), how); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errRuns
		}
		return nil, fmt.Errorf("locking %s: %w", file.Name(), err)
	}
	return file, nil
}

var errRuns = errors.New("a playground is running")

// up starts a playground in the background, and returns when it is ready.
func up(ctx context.Context, folder string, out io.Writer) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	held, err := lock(folder, false)
	switch {
	case errors.Is(err, errRuns):
		fmt.Fprintln(out, "A playground is running already.")
		return tellUse(folder, out)
	case err != nil:
		return err
	}
	// The process that stays inherits the lock, so that nobody gets in between.
	defer held.Close()
	if err := clear(folder); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(folder, storyFile))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(self, "-state", folder, serveCommand)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{held}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the playground: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := follow(ctx, folder, out, ended); err != nil {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		return err
	}
	return tellUse(folder, out)
}

// follow prints what the process tells until it is ready or has ended.
func follow(ctx context.Context, folder string, out io.Writer, ended <-chan error) error {
	story, err := os.Open(filepath.Join(folder, storyFile))
	if err != nil {
		return err
	}
	defer story.Close()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		_, ready := os.Stat(filepath.Join(folder, readyFile))
		if _, err := io.Copy(out, story); err != nil {
			return err
		}
		if ready == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			if _, copied := io.Copy(out, story); copied != nil {
				return copied
			}
			return fmt.Errorf("the playground did not start: %w", err)
		case <-tick.C:
		}
	}
}

// tellUse says how to use a playground that runs, and how to end it.
func tellUse(folder string, out io.Writer) error {
	var metrics strings.Builder
	for _, process := range []string{controller, webhooks} {
		address, err := os.ReadFile(metricsFile(folder, process))
		if err != nil {
			return fmt.Errorf("looking for the metrics of the %s: %w", process, err)
		}
		fmt.Fprintf(&metrics, "    curl -s http://%s/metrics | grep ^attache_    # %s\n", address, process)
	}
	_, err := fmt.Fprintf(out, `
Use it from a shell:

    export KUBECONFIG=%[1]s
    export PATH=%[2]s:$PATH    # kubectl, and the plugin

    kubectl get effective-policy -A
    kubectl effective-policy explain httproute/checkout -n shop
    kubectl apply -f examples/shop-changes/01-class-override.yaml

Metrics are served on this machine alone:

%[4]s
Stop it:

    make playground-down

The logs of all processes are in %[3]s.
`, filepath.Join(folder, kubeconfigFile), filepath.Join(folder, "bin"), filepath.Join(folder, "logs"), &metrics)
	return err
}

// serve is the process that stays: it starts everything, and stops it when it is
// told to end.
func serve(ctx context.Context, folder string, out io.Writer) (err error) {
	if err := os.WriteFile(filepath.Join(folder, processFile), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return err
	}
	story := newStory(out)
	tour, err := open(ctx, folder, story, true)
	defer func() { err = errors.Join(err, tour.close()) }()
	if err != nil {
		return err
	}
	kubeconfig, err := os.ReadFile(tour.cluster.plane.Kubeconfig)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, kubeconfigFile), kubeconfig, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, readyFile), nil, 0o600); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case <-tour.cluster.anyExited():
		return errors.New("a process ended by itself")
	}
}

// down ends the playground that runs, and waits until all of it has ended.
func down(ctx context.Context, folder string, out io.Writer) error {
	if _, err := os.Stat(filepath.Join(folder, lockFile)); errors.Is(err, os.ErrNotExist) {
		_, err := fmt.Fprintln(out, "No playground is running.")
		return err
	}
	held, err := lock(folder, false)
	switch {
	case errors.Is(err, errRuns):
		if err := end(folder); err != nil {
			return err
		}
		if held, err = lock(folder, true); err != nil {
			return err
		}
		fmt.Fprintln(out, "The playground is stopped.")
	case err != nil:
		return err
	default:
		fmt.Fprintln(out, "No playground is running.")
	}
	defer held.Close()
	if err := ctx.Err(); err != nil {
		return err
	}
	return os.RemoveAll(folder)
}

// end tells the process that stays to end.
func end(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, processFile))
	if err != nil {
		return fmt.Errorf("a playground is just starting; try again: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the playground: %w", err)
	}
	return nil
}

// clear removes what a playground that has ended left behind, but for the lock.
func clear(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() != lockFile {
			if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
