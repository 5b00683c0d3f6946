package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/test/controlplane"
)

func TestOnlyTheLeaderWritesAndAnotherTakesOver(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	flags := []string{"--leader-elect", "--leader-election-namespace", w.namespace, "--log-level", "debug"}
	first := startManager(t, plane.Kubeconfig, flags...)
	w.apply(shop)
	w.settled(20 * time.Second)
	second := startManager(t, plane.Kubeconfig, flags...)
	if first.writes(w.namespace) == 0 || second.writes(w.namespace) != 0 {
		t.Errorf("the first manager sent %d writes, the second %d", first.writes(w.namespace), second.writes(w.namespace))
	}
	first.terminate(t)
	w.edit("TimeoutPolicy", "public", func(u *unstructured.Unstructured) {
		u.Object["spec"].(map[string]any)["default"] = map[string]any{"request": "22s"}
	})
	t.Logf("the second manager had followed within %s", w.settled(20*time.Second))
}

func TestAnEndingManagerServesUntilItHasDrained(t *testing.T) {
	plane := controlplane.Shared(t)
	serving := plane.WebhookServing()
	address := freeAddress(t)
	host, port, _ := strings.Cut(address, ":")
	p := startManager(t, plane.Kubeconfig, "--disable-webhooks=false",
		"--webhook-host", host, "--webhook-port", port, "--cert-dir", serving.CertDir, "--drain-delay", "2s")
	dial := func() error {
		connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return err
		}
		return connection.Close()
	}
	if err := dial(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, time.Second, "the manager not to be ready", func(ctx context.Context) error {
		if p.ready(ctx) == nil {
			return errors.New("it is")
		}
		return nil
	})
	if err := dial(); err != nil {
		t.Errorf("while it drains, it does not serve: %v", err)
	}
	within(t, patience, "the manager to end", p.ended)
	if p.err != nil {
		t.Errorf("it ended with %v", p.err)
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	plane := controlplane.Shared(t)
	p := startManager(t, plane.Kubeconfig, "--drain-delay", "1h")
	for range 2 {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		within(t, time.Second, "the signal to be seen", func(ctx context.Context) error {
			if p.ready(ctx) == nil {
				return errors.New("it is ready")
			}
			return nil
		})
	}
	within(t, patience, "the manager to end", p.ended)
}

func TestAManagerThatMayNotReadSaysWhatItNeeds(t *testing.T) {
	plane := controlplane.Shared(t)
	nobody, err := plane.AddUser("nobody")
	if err != nil {
		t.Fatal(err)
	}
	p := launchManager(t, nobody.Kubeconfig)
	within(t, patience, "the manager to complain", func(context.Context) error {
		for _, want := range []string{"Not allowed to read a kind", "customresourcedefinitions", "namespaces"} {
			if !strings.Contains(p.log.String(), want) {
				return fmt.Errorf("it does not say %q", want)
			}
		}
		return nil
	})
	if p.ready(t.Context()) == nil {
		t.Error("it is ready")
	}
}

func TestMistakesAtTheStartAreExplained(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	nowhere := file("nowhere", `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a}}], clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]}`)
	for name, test := range map[string]struct {
		flags []string
		want  string
	}{
		"no kubeconfig":     {nil, "give --kubeconfig, set KUBECONFIG, or run in a pod"},
		"no such file":      {[]string{"--kubeconfig", filepath.Join(folder, "missing")}, "no such file"},
		"nobody answers":    {[]string{"--kubeconfig", nowhere}, "https://127.0.0.1:1 does not answer"},
		"unknown key":       {[]string{"--config", file("typo", "leader-elct: true\n")}, `unknown key "leader-elct": do you mean "leader-elect"?`},
		"key twice":         {[]string{"--config", file("twice", "writers: 1\nwriters: 2\n")}, `key "writers" already set`},
		"wrong value":       {[]string{"--config", file("value", "drain-delay: soon\n")}, "drain-delay"},
		"not a kind":        {[]string{"--policy-kinds", "Foo"}, "write Kind.group"},
		"no such log level": {[]string{"--log-level", "loud"}, "use error, info, debug or a number"},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := runToEnd(t, path, append([]string{"manager"}, test.flags...), "HOME="+folder)
			if code != 1 || !strings.Contains(out, test.want) {
				t.Errorf("exit code %d, without %q:\n%s", code, test.want, out)
			}
		})
	}
}

// writes counts what a manager that runs with debug logs wrote in a namespace.
func (p *process) writes(namespace string) int {
	n := 0
	for line := range strings.Lines(p.log.String()) {
		// Whether an event is told depends on what was told of before.
		if strings.Contains(line, "\tWrote\t") && strings.Contains(line, strconv.Quote(namespace)) && !strings.Contains(line, `"kind": "Event"`) {
			n++
		}
	}
	return n
}
