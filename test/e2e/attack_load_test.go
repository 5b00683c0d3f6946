package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/publish"
)

var (
	loadRoutes   = flag.Int("load.routes", 20, "routes of the attacking tenant, of 1024 paths each, in TestOneTenantDoesNotStarveTheOthers")
	loadDuration = flag.Duration("load.duration", 5*time.Second, "how long the tenant attacks in it")
)

// wideGateway is a Gateway with 64 listeners that everybody may use.
func wideGateway(namespace, name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: %s, namespace: %s}\nspec:\n  gatewayClassName: edge\n  listeners:\n", name, namespace)
	for i := range 64 {
		fmt.Fprintf(&b, "  - {name: l%d, port: %d, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}\n", i, 8000+i)
	}
	return b.String()
}

// wideRoute has 16 rules, each with a timeout of its own.
func wideRoute(namespace, name, gateway string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: %s, namespace: %s}\nspec:\n  parentRefs: [%s]\n  hostnames: [%s.example.com]\n  rules:\n", name, namespace, gateway, name)
	for i := range 16 {
		fmt.Fprintf(&b, "  - {name: r%d, timeouts: {request: %ds}, matches: [{path: {type: PathPrefix, value: /%d}}]}\n", i, 20+i, i)
	}
	return b.String()
}

// readsNames is a guardrail that has to be asked about each path.
const readsNames = `
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: perpath}
spec:
  cel:
  - expression: "rule.name != 'x' && route.name != 'x' && listener.name != 'x'"
    message: not x
`

// create creates a plain route and says how long it took, and whether the answer
// has its annotation.
func (w *world) plainRoute(name string) (took time.Duration, annotated bool, err error) {
	began := time.Now()
	u, err := w.tryCreate(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: ` + name + `, namespace: NS}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{name: a}]}}`)
	return time.Since(began), annotation(u) != "", err
}

// pace creates plain routes for a while and returns how long each took.
func (w *world) pace(prefix string, until time.Time) (times []time.Duration, failures []error) {
	pace := time.NewTicker(20 * time.Millisecond) // a person's pace, not a second attack
	defer pace.Stop()
	for i := 0; time.Now().Before(until); i++ {
		took, annotated, err := w.plainRoute(fmt.Sprintf("%s-%d", prefix, i))
		if err == nil && !annotated {
			err = errors.New("the answer has no annotation")
		}
		if err != nil {
			failures = append(failures, err)
		}
		times = append(times, took)
		<-pace.C
	}
	slices.Sort(times)
	return times, failures
}

// peak is the largest resident set that a process has had, in MiB; 0 where the
// system does not tell.
func (p *process) peak(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Logf("peak: %v", err)
		return 0
	}
	var kib int
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// One tenant has very many paths and dry-runs edits of them as fast as it can. Others
// create routes meanwhile, none without its annotation; the platform edits and
// deletes what stands above. Figures are logged: run it with -load.routes 250 or 800.
func TestOneTenantDoesNotStarveTheOthers(t *testing.T) {
	s := startSite(t, nil, "team-a", "team-b")
	user := s.user("alice", "team-a")
	alice := newWorld(t, user.Config, "team-a")
	bob := s.owner("bob", "team-b")
	s.admin.apply(policyOn("infra", "all", "kind: Gateway, name: public", "default: {request: 10s}"))
	s.admin.apply(wideGateway("infra", "wide"))
	alice.apply(wideGateway("team-a", "own"))
	alice.apply(policyOn("team-a", "own", "kind: Gateway, name: own", "default: {idle: 3s}"))
	for i := range *loadRoutes {
		alice.apply(wideRoute("team-a", fmt.Sprintf("big%d", i), "{name: own}, {name: wide, namespace: infra}"))
	}
	within(t, 2*time.Minute+time.Duration(*loadRoutes)*time.Second, "all routes to have results", func(context.Context) error {
		s.controller.idleWithin(t, 30*time.Second+time.Duration(*loadRoutes)*time.Second) // reading them all is work
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(listOf(publish.Kind).GroupVersionKind())
		if err := s.admin.List(t.Context(), list, client.InNamespace("team-a")); err != nil || len(list.Items) < *loadRoutes {
			return errors.Join(fmt.Errorf("%d have", len(list.Items)), err)
		}
		return nil
	})
	s.controller.idleWithin(t, 30*time.Second+time.Duration(*loadRoutes)*time.Second)
	within(t, patience, "the replica to annotate", func(context.Context) error {
		if _, annotated, err := bob.plainRoute(fmt.Sprintf("warm-%d", time.Now().UnixNano())); err != nil || !annotated {
			return errors.Join(errors.New("not yet"), err)
		}
		return nil
	})
	idle, failures := bob.pace("idle", time.Now().Add(*loadDuration))
	attacking, stop := context.WithCancel(t.Context())
	var attack sync.WaitGroup
	var mu sync.Mutex
	dryRuns, refused := 0, 0
	for range 4 {
		attack.Go(func() {
			for attacking.Err() == nil {
				err := alice.Patch(t.Context(), named("TimeoutPolicy", "team-a", "own"), client.RawPatch(types.MergePatchType, []byte(`{"spec":{"default":{"idle":"4s"}}}`)), client.DryRunAll)
				mu.Lock()
				if dryRuns++; err != nil {
					refused++
				}
				mu.Unlock()
			}
		})
	}
	busy, more := bob.pace("busy", time.Now().Add(*loadDuration))
	stop()
	attack.Wait()
	for _, err := range append(failures, more...) {
		t.Errorf("bob: %v", err)
	}
	t.Logf("%d routes of 2048 paths; bob's p50 is %s alone (%d) and %s meanwhile (%d, longest %s); alice made %d dry runs, %d came to nothing",
		*loadRoutes, idle[len(idle)/2].Round(time.Millisecond), len(idle), busy[len(busy)/2].Round(time.Millisecond), len(busy), busy[len(busy)-1].Round(time.Millisecond), dryRuns, refused)
	s.admin.apply(readsNames)
	s.platformEdits()
	s.controller.idleWithin(t, 30*time.Second+time.Duration(*loadRoutes)*time.Second)
	first := s.controller.peak(t)
	s.controller.kill() // who starts reads everything at once
	s.startController()
	s.controller.idleWithin(t, 30*time.Second+time.Duration(*loadRoutes)*time.Second)
	limit := int(containerLimit(t) >> 20)
	t.Logf("peak RSS: webhook %d MiB, controller %d MiB, started anew %d MiB; the chart's limit is %d MiB", s.replica.peak(t), first, s.controller.peak(t), limit)
	if most := max(s.replica.peak(t), first, s.controller.peak(t)); most >= limit {
		t.Errorf("a process had %d MiB: a container would have been ended", most)
	}
}

// platformEdits creates, edits and deletes policies above everything.
func (s *site) platformEdits() {
	s.Helper()
	for what, target := range map[string]string{"the Gateway": "kind: Gateway, name: wide", "the class": "kind: GatewayClass, name: edge"} {
		timed := func(verb string, do func() error) {
			began := time.Now()
			if err := do(); err != nil {
				s.Errorf("%s of the policy of %s: %v", verb, what, err)
			}
			s.Logf("%s of the policy of %s took %s", verb, what, time.Since(began).Round(time.Millisecond))
		}
		timed("creation", func() error {
			_, err := s.admin.tryCreate(policyOn("infra", "wide", target, "default: {idle: 9s}"))
			return err
		})
		timed("edit", func() error {
			// A patch: the controller writes the policy's status meanwhile.
			return s.admin.Patch(s.Context(), named("TimeoutPolicy", "infra", "wide"), client.RawPatch(types.MergePatchType, []byte(`{"spec":{"default":{"idle":"8s"}}}`)))
		})
		timed("deletion", func() error { return s.admin.Delete(s.Context(), named("TimeoutPolicy", "infra", "wide")) })
	}
}
