package install

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/eventually"
)

// load writes at a fixed rate, however long answers take, so that no stall is hidden.
type load struct {
	end      context.CancelFunc
	arrivals sync.WaitGroup

	// forbids is what the refusal of every third write has to say, which asks for more than the
	// guardrail ceiling lets through; empty is to write nothing of that kind.
	forbids string

	mu       sync.Mutex
	failures []failure
	wrong    []string // verdicts
	refused  int      // rightly
	writes   int
	slowest  time.Duration
}

// failure is a write that was not decided.
type failure struct {
	began time.Time
	says  string
}

// write begins to write some requests per second: policies, in dry runs, each of which asks the
// webhooks.
func (c *cluster) write(rate int) *load {
	c.Helper()
	return c.writeAnd(rate, "")
}

// writeAnd is write, where every third write is one that has to be refused with some words.
func (c *cluster) writeAnd(rate int, forbids string) *load {
	c.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{end: cancel, forbids: forbids}
	c.Cleanup(l.stop)
	l.arrivals.Go(func() {
		ticker := time.NewTicker(time.Second / time.Duration(rate))
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				l.arrivals.Go(func() { l.one(c, i) })
			}
		}
	})
	return l
}

func (l *load) one(c *cluster, i int) {
	kind, target, block, request := "HTTPRoute", "checkout", "default", "30s"
	forbidden := l.forbids != "" && i%3 == 2
	if forbidden { // from above, since a younger policy of the route does not win
		kind, target, block, request = "Gateway", "public", "override", "90s"
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "attache.dev/v1alpha1", "kind": "TimeoutPolicy",
		"metadata": map[string]any{"name": fmt.Sprintf("load-%d", i), "namespace": "shop"},
		"spec": map[string]any{
			"targetRefs": []any{map[string]any{"group": "gateway.networking.k8s.io", "kind": kind, "name": target}},
			block:        map[string]any{"request": request},
		},
	}}
	began := time.Now()
	err := c.Create(context.Background(), u, client.DryRunAll)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	l.slowest = max(l.slowest, took)
	denied := err != nil && strings.Contains(err.Error(), "denied the request")
	says := fmt.Sprintf("%s of %s at %s after %s: %v", u.GetName(), request, began.Format("05.000"), took.Round(time.Millisecond), err)
	switch {
	case forbidden && denied && strings.Contains(err.Error(), l.forbids):
		l.refused++
	case forbidden && err == nil, denied:
		l.wrong = append(l.wrong, says)
	case err != nil:
		l.failures = append(l.failures, failure{began, says})
	}
}

func (l *load) stop() {
	l.end()
	l.arrivals.Wait()
}

// soFar is how many writes were answered.
func (l *load) soFar() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

// reaches waits until so many writes were answered.
func (l *load) reaches(c *cluster, writes int) {
	c.Helper()
	c.within(eventually.Limit, fmt.Sprintf("see %d writes", writes), func(context.Context) error {
		if n := l.soFar(); n < writes {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
}

// stopsWithout ends the load, none of which may have failed, but for what an outage of the API
// server itself explains: writes that began before it was over.
func (l *load) stopsWithout(t testing.TB, during string, outages ...outage) {
	t.Helper()
	l.stop()
	t.Logf("%d writes during %s, %d failed, %d were rightly refused, the slowest took %s", l.writes, during, len(l.failures), l.refused, l.slowest.Round(time.Millisecond))
	if l.writes == 0 {
		t.Error("nothing was written")
	}
	for _, w := range l.wrong[:min(len(l.wrong), 5)] {
		t.Errorf("a wrong verdict: %s", w)
	}
	ours := slices.DeleteFunc(l.failures, func(f failure) bool {
		return slices.ContainsFunc(outages, func(o outage) bool { return o.explains(f.began) })
	})
	for _, f := range ours[:min(len(ours), 5)] {
		t.Error(f.says)
	}
}

// outage is a time in which there was no API server, or no replica where it called one.
type outage struct{ from, to time.Time }

// explains whether a write that began then fails by it. One that was on its way when it began counts.
func (o outage) explains(began time.Time) bool {
	return began.After(o.from.Add(-10*time.Second)) && began.Before(o.to)
}
