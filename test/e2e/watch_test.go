package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
	"github.com/attache-dev/attache/test/controlplane"
)

// watching runs get --watch until the test ends it, and returns what it prints.
func watching(t *testing.T, kubeconfig string, arguments ...string) (out *log, end func() int) {
	t.Helper()
	out = &log{}
	errOut := &log{}
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	line := append([]string{"kubectl-effective_policy", "--kubeconfig", kubeconfig, "get", "--watch"}, arguments...)
	go func() {
		code <- command.Main(ctx, line, genericiooptions.IOStreams{In: strings.NewReader(""), Out: out, ErrOut: errOut}, "")
	}()
	return out, func() int {
		cancel()
		c := <-code
		if c != 0 {
			t.Logf("it says: %s", errOut)
		}
		return c
	}
}

// rowsOf are the printed rows of a target.
func rowsOf(out *log, target string) []string {
	var rows []string
	for _, line := range strings.Split(out.String(), "\n") {
		if fields := strings.Fields(line); len(fields) > 3 && fields[1] == target {
			rows = append(rows, strings.Join(fields[3:], " "))
		}
	}
	return rows
}

// eventsOf are the events of a target, each with the timeout that its row has.
func eventsOf(out *log, target string) []string {
	var events []string
	for _, line := range strings.Split(out.String(), "\n") {
		if fields := strings.Fields(line); len(fields) > 4 && fields[2] == target {
			events = append(events, fields[0]+" "+fields[4])
		}
	}
	return events
}

// TestGetWatchPrintsWhatChanges lets the command watch a cluster on which no manager runs: it
// computes the results itself.
func TestGetWatchPrintsWhatChanges(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	all, endAll := watching(t, plane.Kubeconfig, "-n", w.namespace)
	long, endLong := watching(t, plane.Kubeconfig, "-n", w.namespace, "--where", `duration(effective.TimeoutPolicy.request) > duration("70s")`)
	events, endEvents := watching(t, plane.Kubeconfig, "-n", w.namespace, "--output-watch-events", "httproute/checkout", "httproute/catalog")
	last := func(out *log, target, starts string) {
		t.Helper()
		within(t, patience, target+" to be "+starts, func(context.Context) error {
			rows := rowsOf(out, target)
			if len(rows) == 0 || !strings.HasPrefix(rows[len(rows)-1], starts) {
				return fmt.Errorf("it printed %q", rows)
			}
			return nil
		})
	}
	last(all, "HTTPRoute/catalog", "10s")
	within(t, patience, "the one that prints events to have begun", func(context.Context) error {
		if len(eventsOf(events, "HTTPRoute/checkout")) == 0 {
			return errors.New("it has printed nothing of checkout yet")
		}
		return nil
	})
	before := len(rowsOf(all, "HTTPRoute/catalog"))

	w.edit("TimeoutPolicy", "checkout", request("80s"))
	last(all, "HTTPRoute/checkout", "80s")
	last(long, "HTTPRoute/checkout", "80s")
	w.edit("TimeoutPolicy", "checkout", request("20s"))
	last(all, "HTTPRoute/checkout", "20s")
	w.remove("TimeoutPolicy", "checkout")
	last(all, "HTTPRoute/checkout", "10s")
	w.apply("{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: again, namespace: NS}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}, default: {request: 90s}}}")
	last(all, "HTTPRoute/checkout", "90s")
	last(long, "HTTPRoute/checkout", "90s")

	if after := len(rowsOf(all, "HTTPRoute/catalog")); after != before {
		t.Errorf("a row that did not change was printed %d times more", after-before)
	}
	// What does not fit any more, and what is deleted, is printed once more as it was.
	rows := len(rowsOf(long, "HTTPRoute/checkout"))
	w.edit("TimeoutPolicy", "again", request("30s"))
	last(all, "HTTPRoute/checkout", "30s")
	within(t, patience, "the row that does not fit to be printed again", func(context.Context) error {
		if got := rowsOf(long, "HTTPRoute/checkout"); len(got) != rows+1 || got[rows] != got[rows-1] {
			return fmt.Errorf("it printed %q", got)
		}
		return nil
	})
	w.remove("HTTPRoute", "checkout")
	within(t, patience, "the row of what is deleted to be DELETED", func(context.Context) error {
		got := eventsOf(events, "HTTPRoute/checkout")
		if len(got) < 2 || !strings.HasPrefix(got[0], "ADDED ") || got[len(got)-1] != "DELETED 30s" || got[len(got)-2] != "MODIFIED 30s" {
			return fmt.Errorf("they are %q", got)
		}
		return nil
	})
	for _, out := range []*log{all, long, events} {
		if text := out.String(); strings.Count(text, "NAMESPACE") != 1 {
			t.Errorf("the headings stand there %d times:\n%s", strings.Count(text, "NAMESPACE"), text)
		}
	}
	for _, end := range []func() int{endAll, endLong, endEvents} {
		if code := end(); code != 0 {
			t.Errorf("it ended with %d", code)
		}
	}
}
