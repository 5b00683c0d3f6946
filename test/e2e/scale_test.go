package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/test/controlplane"
)

// TestManyRoutes says what a large cluster costs. It takes minutes, and runs only when
// ATTACHE_E2E_ROUTES has the number of routes.
func TestManyRoutes(t *testing.T) {
	routes, _ := strconv.Atoi(os.Getenv("ATTACHE_E2E_ROUTES"))
	if routes == 0 {
		t.Skip("ATTACHE_E2E_ROUTES does not say how many")
	}
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	var running sync.WaitGroup
	for worker := range 8 {
		running.Go(func() {
			for i := worker; i < routes; i += 8 {
				route := named("HTTPRoute", w.namespace, fmt.Sprintf("many-%d", i))
				route.Object["spec"] = map[string]any{
					"parentRefs": []any{map[string]any{"name": "public"}},
					"hostnames":  []any{fmt.Sprintf("host-%d.example.com", i)},
					"rules": []any{
						rule("a", "/a", "service-a"), rule("b", "/b", "service-b"), rule("c", "/c", "service-c"),
					},
				}
				if err := w.Create(t.Context(), route); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	if t.Failed() {
		return
	}
	if _, err := binary(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	manager := startManager(t, plane.Kubeconfig)
	t.Logf("ready after %s, %s", time.Since(began), manager.memory(t))
	within(t, 20*time.Minute, "everything to be written", func(context.Context) error {
		looked, left := manager.metric(t, "controller_runtime_reconcile_total"), manager.metric(t, "workqueue_depth")
		if looked < float64(routes) || left > 0 {
			return fmt.Errorf("it looked at %v objects, and %v are left", looked, left)
		}
		return nil
	})
	manager.idle(t)
	t.Logf("processor time %.0fs", manager.metric(t, "process_cpu_seconds_total"))
	t.Logf("%v writes, all done after %s, %s", manager.metric(t, "attache_writes_total"), time.Since(began), manager.memory(t))
	manager.terminate(t)

	began = time.Now()
	manager = startManager(t, plane.Kubeconfig)
	ready := time.Since(began)
	manager.idle(t)
	t.Logf("started again: ready after %s, idle after %s, %v writes, %s", ready, time.Since(began), manager.metric(t, "attache_writes_total"), manager.memory(t))

	began = time.Now()
	w.edit("TimeoutPolicy", "checkout", func(u *unstructured.Unstructured) {
		u.Object["spec"].(map[string]any)["default"] = map[string]any{"request": "61s"}
	})
	within(t, patience, "a route to follow", func(context.Context) error {
		if got := mergedValue(w.object("HTTPRoute", "checkout"), "TimeoutPolicy"); !strings.Contains(got, "61s") {
			return errors.New(got)
		}
		return nil
	})
	t.Logf("one route followed after %s", time.Since(began))
}

func rule(name, path, service string) map[string]any {
	return map[string]any{
		"name":        name,
		"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": path}}},
		"backendRefs": []any{map[string]any{"name": service, "port": int64(80)}},
	}
}

// memory is what the process has, in words.
func (p *process) memory(t testing.TB) string {
	t.Helper()
	const mebi = 1 << 20
	return fmt.Sprintf("resident %.0f MiB, live heap %.0f MiB", p.metric(t, "process_resident_memory_bytes")/mebi, p.metric(t, "go_memstats_next_gc_bytes")/2/mebi)
}
