package traffic

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What the running manager does while requests come in: no request may see a
// moment in which a filter names what is not there (404), or anything else than
// the upstream's answer.

// load sends requests to a route, one after the other, until it is told to stop,
// and returns what was answered.
func (b *bed) load(to string) (stop func() map[string]int) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	counts := map[string]int{}
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			code, err := b.exchange(request{to: to, key: "load-" + b.namespace})
			if err != nil {
				counts[err.Error()]++
				continue
			}
			counts[fmt.Sprint(code)]++
		}
	})
	return func() map[string]int {
		cancel()
		running.Wait()
		return counts
	}
}

// fine fails unless all requests of a load were answered with 200.
func (b *bed) fine(counts map[string]int) {
	b.Helper()
	if len(counts) != 1 || counts["200"] == 0 {
		b.Errorf("under load: %v", counts)
		return
	}
	b.Logf("%d requests under load, each of them answered with 200", counts["200"])
}

// middlewares waits until so many objects of ours are in the namespace.
func (b *bed) middlewares(count int) []unstructured.Unstructured {
	b.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("traefik.io/v1alpha1")
	list.SetKind("MiddlewareList")
	b.within(fmt.Sprintf("%d Middlewares", count), func(ctx context.Context) error {
		if err := b.List(ctx, list, client.InNamespace(b.namespace), client.MatchingLabels{"app.kubernetes.io/managed-by": "attache"}); err != nil {
			return err
		}
		if len(list.Items) != count {
			return fmt.Errorf("there are %d", len(list.Items))
		}
		return nil
	})
	return list.Items
}

// burst waits until Traefik has a limit of ours with a burst.
func (b *bed) burst(want int64) {
	b.Helper()
	b.within(fmt.Sprintf("a burst of %d", want), func(ctx context.Context) error {
		got, err := b.proxy.Burst(ctx, b.namespace, "attache-")
		if err == nil && got != want {
			err = fmt.Errorf("it is %d", got)
		}
		return err
	})
}

// edit changes a route, as its team does.
func (b *bed) edit(name string, change func(*unstructured.Unstructured)) {
	b.Helper()
	b.within("the route to be edited", func(ctx context.Context) error {
		u := &unstructured.Unstructured{}
		u.SetAPIVersion("gateway.networking.k8s.io/v1")
		u.SetKind("HTTPRoute")
		if err := b.Get(ctx, client.ObjectKey{Namespace: b.namespace, Name: name}, u); err != nil {
			return err
		}
		change(u)
		return b.Update(ctx, u)
	})
}

func (b *bed) remove(kind, name string) {
	b.Helper()
	u := &unstructured.Unstructured{}
	u.SetAPIVersion("attache.dev/v1alpha1")
	u.SetKind(kind)
	u.SetNamespace(b.namespace)
	u.SetName(name)
	if err := b.Delete(b.Context(), u); err != nil {
		b.Fatal(err)
	}
}

func ceiling(burst string) string {
	return policyOn("RateLimitPolicy", "ceiling", onListener("one"), "override: {requestsPerSecond: 5k, burst: "+burst+"}")
}

func TestAnOverrideIsEditedAndRemovedUnderLoad(t *testing.T) {
	b := newInstalledBed(t)
	b.enforce("---" + asked("busy", "") + ceiling("7000"))
	b.routers("busy", 1, 1)
	stop := b.load("busy")
	b.burst(12000)
	b.enforce(ceiling("9000"))
	b.burst(14000)
	b.remove("RateLimitPolicy", "ceiling")
	b.routers("busy", 1, 0)
	b.middlewares(0)
	b.canary()
	b.fine(stop())
}

func TestARouteIsRelabelledAndItsRuleRenamedUnderLoad(t *testing.T) {
	b := newInstalledBed(t)
	b.enforce(ceiling("7000") + "---" + asked("busy", ", name: first"))
	b.within("the route to be served", func(context.Context) error {
		if code, err := b.exchange(request{to: "busy", key: "first"}); err != nil || code != 200 {
			return fmt.Errorf("%d (%w)", code, err)
		}
		return nil
	})
	stop := b.load("busy")
	b.routers("busy", 1, 1)
	first := b.middlewares(1)[0].GetName()

	label := func(value string) func(u *unstructured.Unstructured) {
		return func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{"attache.dev/inject": value}) }
	}
	b.edit("busy", label("false"))
	b.routers("busy", 1, 0)
	b.middlewares(0)
	b.edit("busy", label("true"))
	b.routers("busy", 1, 1)

	b.edit("busy", func(u *unstructured.Unstructured) {
		rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
		rules[0].(map[string]any)["name"] = "second"
		if err := unstructured.SetNestedSlice(u.Object, rules, "spec", "rules"); err != nil {
			t.Fatal(err)
		}
	})
	b.within("the Middleware of the new name alone", func(context.Context) error {
		left := b.middlewares(1)
		if left[0].GetName() == first || !strings.HasSuffix(left[0].GetAnnotations()["attache.dev/for"], "#second") {
			return fmt.Errorf("it is %s for %s", left[0].GetName(), left[0].GetAnnotations()["attache.dev/for"])
		}
		return nil
	})
	b.routers("busy", 1, 1)
	b.fine(stop())
}

// A class may say that all its routes are written to, with or without consent: an override that
// its subject could switch off would not be one.
func TestAClassMaySayThatAllItsRoutesAreWrittenTo(t *testing.T) {
	b := newInstalledBed(t)
	b.apply(`
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge-NS, annotations: {attache.dev/export: '{"exporter":"traefik","inject":"All"}'}}
spec: {controllerName: traefik.io/gateway-controller}
`)
	b.enforce("---" + route("plain", "") + policyOn("RateLimitPolicy", "plain", onListener("one"), "override: {requestsPerSecond: 20m, burst: 1}"))
	b.routers("plain", 1, 1)
	if got := b.codes(4, request{to: "plain"}); !slices.Equal(got, limited(4, 2)) {
		t.Errorf("%v", got)
	}
}

// Switching the exporter off first restores the owners' values in routes, and then deletes the
// objects.
func TestSwitchingTheExporterOffUnderLoad(t *testing.T) {
	b := newInstalledBed(t)
	b.apply(route("busy", "") + "---" + route("other", ""))
	before := spec(b.stored("busy"))
	b.enforce("---" + asked("busy", "") + ceiling("7000"))
	b.routers("busy", 1, 1)
	stop := b.load("busy")
	b.restart("--export-cleanup", "traefik")
	t.Cleanup(func() { b.restart("--exporters", "traefik") })
	b.routers("busy", 1, 0)
	b.middlewares(0)
	b.canary()
	b.fine(stop())
	if after := spec(b.stored("busy")); after != before {
		t.Errorf("the route was\n%s\nand is\n%s", before, after)
	}
}

// spec is what is stored, without the generation.
func spec(stored string) string { return stored[:strings.LastIndex(stored, ",")] }

// restart starts both processes anew with other flags about exporters.
func (b *bed) restart(flags ...string) {
	b.Helper()
	b.controller.stop()
	b.webhooks.stop()
	if err := b.startBoth(flags...); err != nil {
		b.Fatal(err)
	}
}

// TestEveryPathOfAMixedWorldIsAsItIsSaid: routes that ask and do not, limits above and below, and
// retries, all at once; each request is treated as reported.
func TestEveryPathOfAMixedWorldIsAsItIsSaid(t *testing.T) {
	b := newInstalledBed(t)
	manifest := policyOn("RateLimitPolicy", "above", onListener("one"), "default: {requestsPerSecond: 20m, burst: 3}")
	want := map[string]int{"asks": 4, "quiet": 9, "own": 2}
	manifest += "---" + asked("asks", "") + "---" + route("quiet", "") + "---" + asked("own", "") +
		policyOn("RateLimitPolicy", "own", onRoute("own"), "default: {requestsPerSecond: 20m, burst: 1}") +
		policyOn("RateLimitPolicy", "switched-off", onRoute("asks-off"), "override: {mode: Disabled}") + "---" + asked("asks-off", "")
	want["asks-off"] = 9
	b.enforce(manifest)
	b.claims("quiet", map[string]string{"RateLimitPolicy requestsPerSecond": "Unsupported NotConsented"})
	b.claims("own", map[string]string{"RateLimitPolicy burst": "Projected"})
	b.claims("asks-off", map[string]string{"RateLimitPolicy mode": "Projected"})
	for name, middlewares := range map[string]int{"asks": 1, "quiet": 0, "own": 1, "asks-off": 0} {
		b.routers(name, 1, middlewares)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got := b.codes(9, request{to: name}); !slices.Equal(got, limited(9, want[name])) {
			t.Errorf("%s: %v, want %d of 200", name, got, want[name])
		}
	}
}
