package install

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// load writes at a fixed rate, however long answers take, so that no stall is hidden.
type load struct {
	end      context.CancelFunc
	arrivals sync.WaitGroup

	mu       sync.Mutex
	failures []string
	writes   int
	slowest  time.Duration
}

// write begins to write some requests per second: policies, in dry runs, each of which asks the
// webhooks.
func (c *cluster) write(rate int) *load {
	c.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{end: cancel}
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
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "attache.dev/v1alpha1", "kind": "TimeoutPolicy",
		"metadata": map[string]any{"name": fmt.Sprintf("load-%d", i), "namespace": "shop"},
		"spec": map[string]any{
			"targetRefs": []any{map[string]any{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "checkout"}},
			"default":    map[string]any{"request": "30s"},
		},
	}}
	began := time.Now()
	err := c.Create(context.Background(), u, client.DryRunAll)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	l.slowest = max(l.slowest, took)
	if err != nil {
		l.failures = append(l.failures, fmt.Sprintf("%s after %s: %v", began.Format("05.000"), took.Round(time.Millisecond), err))
	}
}

func (l *load) stop() {
	l.end()
	l.arrivals.Wait()
}

// stopsWithout ends the load, none of which may have failed.
func (l *load) stopsWithout(t testing.TB, during string) {
	t.Helper()
	l.stop()
	t.Logf("%d writes during %s, %d failed, the slowest took %s", l.writes, during, len(l.failures), l.slowest.Round(time.Millisecond))
	if l.writes == 0 {
		t.Error("nothing was written")
	}
	for _, f := range l.failures[:min(len(l.failures), 5)] {
		t.Error(f)
	}
}
