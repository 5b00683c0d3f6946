package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/test/controlplane"
)

// Many edits at once, all of them by people and none of them to fields of the controller: what the
// controller writes afterwards is not a repair.
func TestPlainEditsAreNoDrift(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.quiet()
	w.apply(shop)
	manager := startManager(t, plane.Kubeconfig)
	for i := range 8 {
		w.apply(fmt.Sprintf(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: busy-%d, namespace: NS}, spec: {parentRefs: [{name: public}], rules: [{}]}}`, i))
	}
	w.settled(20 * time.Second)
	var people sync.WaitGroup
	for i := range 8 {
		people.Go(func() {
			name := fmt.Sprintf("busy-%d", i)
			for n := range 12 {
				w.edit("HTTPRoute", name, func(u *unstructured.Unstructured) {
					_ = unstructured.SetNestedStringSlice(u.Object, []string{fmt.Sprintf("h%d.example.com", n)}, "spec", "hostnames")
				})
				if i == 0 {
					w.edit("TimeoutPolicy", "public", request(fmt.Sprintf("%ds", 10+n)))
				}
			}
		})
	}
	people.Wait()
	manager.idle(t)
	if n := manager.metric(t, "attache_drift_repairs_total"); n != 0 {
		t.Errorf("%v repairs were counted", n)
	}
}
