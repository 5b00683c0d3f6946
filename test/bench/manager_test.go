package bench

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"

	"github.com/attache-dev/attache/test/controlplane"
)

var (
	managerRoutes = flag.Int("manager.routes", 0, "routes of BenchmarkManager, which takes minutes and is left out at 0")
	managerChurn  = flag.Duration("manager.churn", 30*time.Second, "how long BenchmarkManager edits fifty policies a second")
	managerIdle   = flag.Duration("manager.idle", 20*time.Second, "how long BenchmarkManager asks for reviews while nothing happens")
	managerPhases = flag.String("manager.phases", strings.Join(phaseNames(), ","), "phases of BenchmarkManager after the first writes, in this order")
)

// phase is a part of BenchmarkManager that can be left out.
type phase struct {
	name string
	run  func(*site)
}

// phases are measured after the first writes. Those that need what another one measures have it measured.
func phases() []phase {
	return []phase{
		{"bare", (*site).bareWrites},
		{"rest", (*site).atRest},
		{"edit", (*site).fanOut},
		{"churn", (*site).churn},
		{"large", (*site).largeObjects},
		{"admission", (*site).admission},
		{"export", (*site).exporter},
	}
}

func phaseNames() []string {
	var names []string
	for _, p := range phases() {
		names = append(names, p.name)
	}
	return names
}

// chosen are the phases that a list names.
func chosen(list string) ([]phase, error) {
	wanted := strings.Split(list, ",")
	for _, name := range wanted {
		if !slices.Contains(phaseNames(), name) {
			return nil, fmt.Errorf("-manager.phases: there is no phase %q; there are %s", name, strings.Join(phaseNames(), ", "))
		}
	}
	return slices.DeleteFunc(phases(), func(p phase) bool { return !slices.Contains(wanted, p.name) }), nil
}

// BenchmarkManager runs the manager as a process on a real API server with the large cluster in it: how soon
// it is ready, how fast it writes beside a client that only writes, and what it needs when nothing happens.
// It runs once:
//
//	go test ./test/bench -run '^$' -bench Manager -benchtime 1x -timeout 2h -manager.routes 10000
func BenchmarkManager(b *testing.B) {
	if *managerRoutes == 0 {
		b.Skip("-manager.routes does not say how many")
	}
	phases, err := chosen(*managerPhases)
	if err != nil {
		b.Fatal(err)
	}
	gatewayAPI, err := controlplane.GatewayAPICRDs("experimental")
	if err != nil {
		b.Fatal(err)
	}
	plane, err := controlplane.Start(b.Context(), controlplane.Options{CRDs: []string{gatewayAPI, "../../crds"}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			b.Error(err)
		}
	})
	b.Run(fmt.Sprintf("routes=%d", *managerRoutes), func(b *testing.B) {
		controller, err := plane.AddUser(controllerUser, "system:masters")
		if err != nil {
			b.Fatal(err)
		}
		s := site{b: b, plane: plane, cluster: dial(b, plane.Config), own: dial(b, controller.Config), program: buildManager(b), kubeconfig: controller.Kubeconfig}
		began := time.Now()
		s.fill(world{routes: *managerRoutes, classes: 1}.objects())
		s.override("6s") // so that every edit that follows is written into as many objects
		say("%d routes are there after %v", *managerRoutes, time.Since(began))
		s.firstWrites()
		for _, p := range phases {
			began := time.Now()
			p.run(&s)
			say("phase %s: %v", p.name, time.Since(began).Round(time.Second))
		}
	})
}

// controllerUser is who writes where the chart is installed. Its own writes are not reviewed.
const controllerUser = "system:serviceaccount:attache-system:attache-controller"

// site is a cluster with a manager.
type site struct {
	b          *testing.B
	plane      *controlplane.ControlPlane
	cluster    client
	own        client // as the controller
	program    string
	kubeconfig string
	manager    *manager // nil while none runs
	webhooks   *webhooks
	first      float64 // how many objects the manager wrote in a second on a cluster that had none of them
	bareEdits  pass    // what the bare client writes of those that are there
	edits      int     // how often the class was edited
	plain      fanOut  // an edit of the class, without an exporter
}

func (s *site) fill(objects []*unstructured.Unstructured) {
	s.cluster.create(s.b, &unstructured.Unstructured{Object: object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": infra}}})
	for _, kind := range []string{"Namespace", ""} { // namespaces come first
		var some []*unstructured.Unstructured
		for _, u := range objects {
			if (u.GetKind() == "Namespace") == (kind == "Namespace") {
				some = append(some, u)
			}
		}
		s.cluster.inParallel(s.b, some, s.cluster.create)
	}
}

// override edits the policy on the class that all routes are below.
func (s *site) override(request string) {
	s.cluster.patch(s.b, above("GatewayClass", "class-0", 0)[0], object{"spec": object{"default": nil, "override": object{"request": request}}})
}

// firstWrites starts the manager on a cluster that has never had one.
func (s *site) firstWrites() {
	s.manager = s.start()
	began := time.Now()
	s.manager.settle(s.b)
	took, writes := time.Since(began), s.manager.metric(s.b, "attache_writes_total")
	s.first = writes / took.Seconds()
	measured(s.b, "first-writes", writes)
	measured(s.b, "first-writes/s", s.first)
	say("first writes: %.0f in %v", writes, took)
	s.stop()
}

// running starts a manager unless one runs.
func (s *site) running() {
	s.b.Helper()
	if s.manager == nil {
		s.manager = s.start()
		s.manager.settle(s.b)
	}
}

// stop ends the manager.
func (s *site) stop() {
	s.b.Helper()
	if s.manager != nil {
		s.manager.terminate(s.b)
		s.manager = nil
	}
}

// bareWrites writes what was written once more under other names, and then other words into the same
// objects, as an edit of the class does, with as many connections and nothing to think about.
func (s *site) bareWrites() {
	s.stop()
	results := s.cluster.list(s.b, "attache.dev/v1alpha1", "EffectivePolicy")
	results = results[:min(len(results), 1000)]
	for _, u := range results {
		u.Object["metadata"] = object{"name": "bare-" + u.GetName(), "namespace": u.GetNamespace()}
	}
	annotate := func(b *testing.B, u *unstructured.Unstructured, text string) {
		s.cluster.apply(b, &unstructured.Unstructured{Object: object{"apiVersion": gatewayAPI, "kind": targetKind(u), "metadata": object{
			"name": targetName(u), "namespace": u.GetNamespace(), "annotations": object{bareAnnotation: text}}}}, "")
	}
	first := s.pass(results, 3, func(b *testing.B, u *unstructured.Unstructured) {
		s.cluster.apply(b, &unstructured.Unstructured{Object: object{"apiVersion": u.GetAPIVersion(), "kind": u.GetKind(),
			"metadata": u.Object["metadata"], "targetRef": u.Object["targetRef"]}}, "")
		s.cluster.apply(b, u, "status")
		annotate(b, u, text(1500))
	})
	s.bareEdits = s.pass(results, 2, func(b *testing.B, u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, "another", "status", "digest")
		s.cluster.apply(b, u, "status")
		annotate(b, u, "another"+text(1500))
	})
	measured(s.b, "bare-writes/s", first.rate)
	measured(s.b, "bare-edits/s", s.bareEdits.rate)
	measured(s.b, "first-writes-ratio", s.first/first.rate)
	say("a bare client writes %.0f objects a second, the manager wrote %.0f; of an edit it writes %.0f", first.rate, s.first, s.bareEdits.rate)
	s.cluster.inParallel(s.b, results, func(b *testing.B, u *unstructured.Unstructured) {
		s.cluster.remove(b, u)
		s.cluster.patch(b, &unstructured.Unstructured{Object: object{"apiVersion": gatewayAPI, "kind": targetKind(u), "metadata": object{
			"name": targetName(u), "namespace": u.GetNamespace()}}}, object{"metadata": object{"annotations": object{bareAnnotation: nil}}})
	})
}

// bareAnnotation is what the bare client writes on routes.
const bareAnnotation = "example.com/bare"

// pass is how many writes were made in a second, and what one cost who wrote, and the API server, in
// seconds of processor time: where all share the processors, that says more than the rate.
type pass struct{ rate, writer, server float64 }

// whole is what a write costs altogether.
func (p pass) whole() float64 { return p.writer + p.server }

// pass has the bare client make several writes of each object.
func (s *site) pass(objects []*unstructured.Unstructured, writes int, do func(*testing.B, *unstructured.Unstructured)) pass {
	s.b.Helper()
	began, own, server := time.Now(), spent(s.b), s.serverSpent()
	s.cluster.inParallel(s.b, objects, do)
	n := float64(writes * len(objects))
	return pass{n / time.Since(began).Seconds(), float64(spent(s.b)-own) / 1e9 / n, (s.serverSpent() - server) / n}
}

// serverSpent is how many seconds of processor time the API server has had.
func (s *site) serverSpent() float64 {
	s.b.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(s.plane.Config)
	if err != nil {
		s.b.Fatal(err)
	}
	text, err := client.RESTClient().Get().AbsPath("/metrics").DoRaw(s.b.Context())
	if err != nil {
		s.b.Fatal(err)
	}
	return readMetrics(s.b, bytes.NewReader(text)).sum("process_cpu_seconds_total")
}

// atRest starts the manager again, when everything is written already.
func (s *site) atRest() {
	s.stop()
	began := time.Now()
	s.manager = s.launch()
	profiled := s.profile("start")
	s.manager.awaitReady(s.b)
	ready := time.Since(began)
	measured(s.b, "ready-ns", float64(ready))
	s.manager.settle(s.b)
	profiled()
	s.bareList(ready)
	s.manager.heap(s.b, "rest")
	measured(s.b, "writes-after-restart", s.manager.metric(s.b, "attache_writes_total"))
	rss := s.manager.calm(s)
	measured(s.b, "rss-MB", rss/1e6)
	say("resident memory at rest: %.0f MB", rss/1e6)
	before, spent := s.manager.metric(s.b, "attache_writes_total"), s.manager.metric(s.b, "process_cpu_seconds_total")
	s.cluster.create(s.b, &unstructured.Unstructured{Object: object{"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": object{"name": "unrelated", "namespace": infra}, "data": object{"a": "b"}}})
	s.cluster.patch(s.b, namespaceOf("team-0"), object{"metadata": object{"annotations": object{"example.com/unrelated": "x"}}})
	s.manager.settle(s.b)
	measured(s.b, "writes-unrelated", s.manager.metric(s.b, "attache_writes_total")-before)
	measured(s.b, "cpu-s-unrelated", s.manager.metric(s.b, "process_cpu_seconds_total")-spent)
}

// fanOut edits a policy that all routes are below. An override of the class changes all of them.
func (s *site) fanOut() {
	if s.bareEdits.rate == 0 {
		s.bareWrites()
	}
	s.running()
	out := s.editClass("edit")
	bare := s.bareEdits
	measured(s.b, "fan-out-writes", out.writes)
	measured(s.b, "fan-out-writes/s", out.rate)
	measured(s.b, "fan-out-ratio", out.rate/bare.rate)
	measured(s.b, "fan-out-cpu-ratio", bare.whole()/out.whole())
	say("an edit of the class: %.0f writes in %v, %.0f a second; processor time of a write: %.1f ms and %.1f ms of the API server (bare: %.1f and %.1f)",
		out.writes, out.took, out.rate, out.writer*1000, out.server*1000, bare.writer*1000, bare.server*1000)
}

// churn edits policies of single routes, fifty a second.
func (s *site) churn() {
	s.running()
	span := *managerChurn
	start := s.manager.calm(s)
	s.manager.heap(s.b, "churn-before")
	ctx, cancel := context.WithTimeout(s.b.Context(), span)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	edits := 0
	for w := (world{routes: *managerRoutes}); !errors.Is(ctx.Err(), context.DeadlineExceeded); edits++ {
		i := edits * 10 % *managerRoutes
		target := policies(w.namespace(i), place{kind: "HTTPRoute", name: fmt.Sprintf("route-%d", i)}, "default", i)[0]
		s.cluster.patch(s.b, target, object{"spec": object{"default": object{"backend": fmt.Sprintf("%ds", 1+edits%9)}}})
		<-tick.C
	}
	s.manager.settle(s.b)
	after := s.manager.calm(s)
	s.manager.heap(s.b, "churn-after")
	measured(s.b, "churn-edits/s", float64(edits)/span.Seconds())
	measured(s.b, "churn-rss-MB", after/1e6)
	measured(s.b, "churn-rss-ratio", after/start)
	say("%d edits: %.0f MB before, %.0f MB after", edits, start/1e6, after/1e6)
}
