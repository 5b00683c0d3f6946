package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/test/controlplane"
)

// reconciling is what the status of a policy says of its writing out; ok is false when it says nothing.
func (w *world) reconciling(policy string) (done, all int, ok bool) {
	w.Helper()
	conditions, _, _ := unstructured.NestedSlice(w.object("TimeoutPolicy", policy).Object, "status", "conditions")
	for _, c := range conditions {
		c, _ := c.(map[string]any)
		if c["type"] != "Reconciling" {
			continue
		}
		if _, err := fmt.Sscanf(fmt.Sprint(c["message"]), "Reconciling %d/%d", &done, &all); err != nil || c["status"] != "True" {
			w.Errorf("the condition is %v", c)
		}
		return done, all, true
	}
	return 0, 0, false
}

// TestAWideEditTellsHowFarItIs: an edit of a policy above three hundred routes shows in its status
// how many of them are written, and in the metrics how many objects are left, until none is.
func TestAWideEditTellsHowFarItIs(t *testing.T) {
	const routes = 300
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.quiet()
	w.apply(shop)
	var running sync.WaitGroup
	for worker := range 8 {
		running.Go(func() {
			for i := worker; i < routes-2; i += 8 {
				route := named("HTTPRoute", w.namespace, fmt.Sprintf("many-%d", i))
				route.Object["spec"] = map[string]any{"parentRefs": []any{map[string]any{"name": "public"}}}
				if err := w.Create(t.Context(), route); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	first := startManager(t, plane.Kubeconfig)
	w.settled(2 * patience)
	first.idleWithin(t, 2*patience) // what other tests left behind, too
	first.terminate(t)
	second := startManager(t, plane.Kubeconfig, "--kube-api-qps", "25", "--kube-api-burst", "1", "--writers", "1")
	second.idleWithin(t, 2*patience)
	if _, _, told := w.reconciling("public"); told {
		t.Error("the policy is said to be written out after a restart, which wrote nothing")
	}

	w.edit("TimeoutPolicy", "public", request("20s"))
	seen := 0
	for _, when := range []string{"to say how far it is", "to say that it is further"} {
		within(t, 2*patience, "the policy "+when, func(context.Context) error {
			done, all, told := w.reconciling("public")
			if !told || done <= seen {
				return fmt.Errorf("it says %d of %d (%t)", done, all, told)
			}
			if all != routes+1 { // and the Gateway
				t.Errorf("it counts %d objects, want %d", all, routes+1)
			}
			seen = done
			return nil
		})
		if left, total := second.metric(t, "attache_reconcile_pending"), second.metric(t, "attache_reconcile_objects"); left == 0 || left >= total {
			t.Errorf("metrics say that %v of %v are left", left, total)
		}
	}
	within(t, 2*patience, "the policy to be written out", func(context.Context) error {
		if done, all, told := w.reconciling("public"); told {
			return fmt.Errorf("it says %d of %d", done, all)
		}
		return nil
	})
	second.idleWithin(t, 2*patience)
	w.settled(patience)
	if left, total := second.metric(t, "attache_reconcile_pending"), second.metric(t, "attache_reconcile_objects"); left != 0 || total != 0 {
		t.Errorf("in the end metrics say that %v of %v are left", left, total)
	}
}
