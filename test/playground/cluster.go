package main

import (
	"context"
	"errors"
	"fmt"
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

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/test/controlplane"
)

const (
	startLimit = time.Minute
	stopLimit  = time.Minute
)

// cluster is a control plane with attache in it.
type cluster struct {
	root   string // of the repository
	folder string // for programs, certificates and logs
	plane  *controlplane.ControlPlane
	client dynamic.Interface

	processes []*process
}

// repository is the root of the module that the current folder is in.
func repository(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// start runs the control plane and prepares everything below folder. Whatever it
// returns has to be stopped, with an error or without.
func start(ctx context.Context, folder string, controllers bool) (*cluster, error) {
	c := &cluster{folder: folder}
	var err error
	if c.root, err = repository(ctx); err != nil {
		return c, err
	}
	c.plane, err = controlplane.Start(ctx, controlplane.Options{ControllerManager: controllers, LogFolder: c.logs()})
	if err != nil {
		return c, err
	}
	if c.client, err = dynamic.NewForConfig(c.plane.Config); err != nil {
		return c, fmt.Errorf("connecting to the control plane: %w", err)
	}
	return c, os.Symlink(filepath.Join(c.plane.Assets, "kubectl"), filepath.Join(c.programs(), "kubectl"))
}

// logs is the folder of all logs.
func (c *cluster) logs() string { return filepath.Join(c.folder, "logs") }

// programs is the folder with attache, the plugin and kubectl.
func (c *cluster) programs() string { return filepath.Join(c.folder, "bin") }

// build compiles programs.
func build(ctx context.Context, folder, packages string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(folder, "bin")+"/", packages)
	root, err := repository(ctx)
	if err != nil {
		return err
	}
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the programs: %w\n%s", err, out)
	}
	return nil
}

// command is kubectl, with the plugin, on this cluster.
func (c *cluster) command(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := c.plane.Kubectl(ctx, arguments[1:]...)
	cmd.Dir = c.root
	cmd.Env = append(cmd.Env, "PATH="+c.programs()+string(os.PathListSeparator)+os.Getenv("PATH"))
	return cmd
}

// process is one of attache's two: the one that answers admission reviews, and
// the one that writes.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    string        // its path
	exited chan struct{} // closed when it has
	reason error         // why it did
}

// run starts a process of attache and returns when it is ready.
func (c *cluster) run(ctx context.Context, name string, arguments ...string) (*process, error) {
	port, err := controlplane.FreePort()
	if err != nil {
		return nil, err
	}
	health := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	p := &process{name: name, log: filepath.Join(c.logs(), name+".log"), exited: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own
	p.cmd = exec.Command(filepath.Join(c.programs(), "attache"), append(arguments, "--health-probe-bind-address="+health)...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Env = append(os.Environ(), "POD_NAMESPACE="+releaseNamespace)
	// What a terminal sends to all is for the tour to act on, in its own order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the %s: %w", name, err)
	}
	go func() {
		p.reason = p.cmd.Wait()
		close(p.exited)
	}()
	c.processes = append(c.processes, p)
	if err := c.plane.Adopt(name, p.cmd.Process); err != nil {
		return nil, err
	}
	return p, p.awaitReady(ctx, "http://"+health+"/readyz")
}

// awaitReady returns when the process says that it is ready.
func (p *process) awaitReady(ctx context.Context, address string) error {
	said := "nothing"
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, startLimit, true, func(ctx context.Context) (bool, error) {
		select {
		case <-p.exited:
			return false, fmt.Errorf("it ended: %w", p.reason)
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return false, err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			said = err.Error()
			return false, nil //nolint:nilerr // it does not listen yet
		}
		said = answer.Status
		return answer.StatusCode == http.StatusOK, answer.Body.Close()
	})
	if err != nil {
		return fmt.Errorf("waiting for the %s to be ready (at last it said %q): %w%s", p.name, said, err, p.lastLogLines())
	}
	return nil
}

// lastLogLines is what to show of the log when something failed.
func (p *process) lastLogLines() string {
	content, err := os.ReadFile(p.log)
	if err != nil || len(content) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return "\nthe log of the " + p.name + " ends with:\n\t" + strings.Join(lines[max(0, len(lines)-10):], "\n\t")
}

// stop asks the process to end, and waits until it has.
func (p *process) stop() error {
	select {
	case <-p.exited:
		return fmt.Errorf("the %s ended by itself: %w%s", p.name, p.reason, p.lastLogLines())
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the %s: %w", p.name, err)
	}
	select {
	case <-p.exited:
	case <-time.After(stopLimit):
		return errors.Join(fmt.Errorf("the %s did not end in time%s", p.name, p.lastLogLines()), p.cmd.Process.Kill())
	}
	if p.reason != nil {
		return fmt.Errorf("the %s ended with: %w%s", p.name, p.reason, p.lastLogLines())
	}
	return nil
}

// stop ends everything that was started. It may be called twice.
func (c *cluster) stop() error {
	var failures []error
	for _, p := range c.processes {
		failures = append(failures, p.stop())
	}
	c.processes = nil
	if c.plane != nil {
		failures = append(failures, c.plane.Stop())
	}
	return errors.Join(failures...)
}

// anyExited is closed when one of the processes has ended.
func (c *cluster) anyExited() <-chan struct{} {
	ended := make(chan struct{})
	var once sync.Once
	for _, p := range c.processes {
		go func() {
			<-p.exited
			once.Do(func() { close(ended) })
		}()
	}
	return ended
}

// lastLogLines is what the processes said at last.
func (c *cluster) lastLogLines() string {
	var text strings.Builder
	for _, p := range c.processes {
		text.WriteString(p.lastLogLines())
	}
	return text.String()
}
