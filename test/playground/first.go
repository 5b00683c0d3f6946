package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// preparation is the programs of the control plane being found or built while the
// tour goes on.
type preparation struct {
	done chan error
	log  string // what it says
}

// glance is how long finding programs takes when nothing has to be built.
const glance = 3 * time.Second

// prepare begins to get the programs, behind what else there is to do, and says
// whether they are there already.
func prepare(ctx context.Context, folder string) (p *preparation, there bool, err error) {
	root, err := repository(ctx)
	if err != nil {
		return nil, false, err
	}
	p = &preparation{done: make(chan error, 1), log: filepath.Join(folder, "prepare.log")}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, false, err
	}
	defer log.Close() // the process has its own
	cmd := exec.CommandContext(ctx, "nice", "-n", "5", filepath.Join(root, "test", "controlplane", "prepare.sh"))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return nil, false, fmt.Errorf("preparing the control plane: %w", err)
	}
	go func() { p.done <- cmd.Wait() }()
	select {
	case err := <-p.done:
		p.done <- err
		return p, err == nil, nil
	case <-time.After(glance):
		return p, false, nil
	}
}

// wait returns when the programs are there, and says every half minute that it waits.
func (p *preparation) wait(ctx context.Context, s *story) error {
	begin := time.Now()
	again := time.NewTicker(30 * time.Second)
	defer again.Stop()
	for {
		select {
		case err := <-p.done:
			if err != nil {
				said, _ := os.ReadFile(p.log) // without it the error has to do
				return fmt.Errorf("preparing the control plane: %w\n%s", errors.Join(err, ctx.Err()), said)
			}
			return nil
		case <-again.C:
			s.say("%s: %s", took(begin), p.last())
		}
	}
}

// last is what it said last of where it is.
func (p *preparation) last() string {
	said, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if text, ours := strings.CutPrefix(lines[i], "control plane: "); ours {
			return text
		}
	}
	return "working"
}

// plan says what the tour is and what it takes, before anything takes time.
func plan(out io.Writer, there bool) {
	const head = `A tour of attache, in two parts. It needs no root and no container, and stops
all that it starts; what is built stays in Go's cache and in ~/.cache/attache.

  1. On files alone: what applies to a route, why, and what an edit would do.
  2. On a real API server, with real webhooks and requests through a data plane.
`
	rest := `
The control plane is on this machine already, so that part 2 follows at once. All
of it takes one to three minutes.
`
	if !there {
		rest = `
Part 2 needs etcd, kube-apiserver and kubectl, which are built from source once,
in the background from now on: about 4 minutes on two quiet cores, and more than
one gigabyte of downloads and build cache. Part 1 runs meanwhile, as soon as the
command is compiled; part 2 then begins by itself. Ctrl-C ends everything.
`
	}
	fmt.Fprint(out, head+rest)
}

// files is the part of the tour that needs no cluster.
func (t *tour) files(ctx context.Context, folder string) error {
	t.story.title("Build the kubectl plugin")
	begin := time.Now()
	if err := build(ctx, folder, "./cmd/kubectl-effective_policy"); err != nil {
		return err
	}
	t.story.show("go build ./cmd/kubectl-effective_policy", "")
	t.story.check("built in %s", took(begin))
	root, err := repository(ctx)
	if err != nil {
		return err
	}
	t.command = func(ctx context.Context, arguments ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, filepath.Join(folder, "bin", arguments[0]), arguments[1:]...)
		cmd.Dir = root
		return cmd
	}
	for _, step := range []func(context.Context) error{t.would, t.why, t.whatIf} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

const pluginLine = "kubectl-effective_policy "

func (t *tour) would(ctx context.Context) error {
	t.story.title("Three teams share two Gateways. What would apply to their routes?")
	t.story.say("examples/shop has the manifests. Nothing is installed, and no cluster is asked:")
	out, err := t.types(ctx, pluginLine+"get -f "+shop)
	if err != nil {
		return err
	}
	t.story.say("\"mixed\": not all rules and listeners of the route have the same. \"bounds\": somebody above")
	t.story.say("limits what a team wrote, as for checkout:")
	return expect("get", out, "HTTPRoute/checkout", "bounds")
}

func (t *tour) why(ctx context.Context) error {
	t.story.title("Why 60 seconds?")
	out, err := t.types(ctx, pluginLine+"explain httproute/checkout -n shop --rule cart --policy TimeoutPolicy -f "+shop)
	if err != nil {
		return err
	}
	t.story.say("The team stated 90s, which is more than the platform's bounds allow, and beats its default of 10s.")
	return expect("explain", out, "stated 90s", "limited by bounds")
}

func (t *tour) whatIf(ctx context.Context) error {
	t.story.title("What would an edit do, and would it be refused?")
	t.story.say("The platform team means to override: 20 seconds for everybody. Exit code 1 says that something changes:")
	out, err := t.failsAt(ctx, pluginLine+"diff --summary -f "+classOverride+" --base "+shop)
	if err != nil {
		return err
	}
	t.story.say("A team tries to take the rate limit off the whole class:")
	refused, err := t.failsAt(ctx, pluginLine+"check -f "+refusedByWebhook+" --base "+shop+" --platform-namespaces platform")
	if err != nil {
		return err
	}
	return errors.Join(expect("diff", out, "→ 20s"), expect("check", refused, "denied", "may not target a GatewayClass"))
}
