package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/test/controlplane"
)

var (
	managerRoutes = flag.Int("manager.routes", 0, "routes of BenchmarkManager, which takes minutes and is left out at 0")
	managerChurn  = flag.Duration("manager.churn", 30*time.Second, "how long BenchmarkManager edits fifty policies a second")
	managerIdle   = flag.Duration("manager.idle", 20*time.Second, "how long BenchmarkManager asks for reviews while nothing happens")
)

// BenchmarkManager runs the manager as a process on a real API server with the large cluster in it: how soon
// it is ready, how fast it writes beside a client that only writes, and what it needs when nothing happens.
// It runs once:
//
//	go test ./test/bench -run '^$' -bench Manager -benchtime 1x -timeout 2h -manager.routes 10000
func BenchmarkManager(b *testing.B) {
	if *managerRoutes == 0 {
		b.Skip("-manager.routes does not say how many")
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
		s := site{b: b, cluster: dial(b, plane.Config), program: buildManager(b), kubeconfig: plane.Kubeconfig}
		began := time.Now()
		s.fill(world{routes: *managerRoutes, classes: 1}.objects())
		s.say("%d routes are there after %v", *managerRoutes, time.Since(began))
		s.firstWrites()
		s.bareWrites()
		s.atRest()
		s.fanOut()
		s.churn(*managerChurn)
		s.largeObjects()
		s.admission()
		s.exporter()
	})
}

// site is a cluster with a manager.
type site struct {
	b          *testing.B
	cluster    client
	program    string
	kubeconfig string
	manager    *manager
	rate       float64 // of the first writes, in a second
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

// firstWrites starts the manager on a cluster that has never had one.
func (s *site) firstWrites() {
	s.manager = startManager(s.b, s.program, s.kubeconfig)
	began := time.Now()
	s.manager.settle(s.b)
	took, writes := time.Since(began), s.manager.metric(s.b, "attache_writes_total")
	s.rate = writes / took.Seconds()
	measured(s.b, "first-writes", writes)
	measured(s.b, "first-writes/s", s.rate)
	s.say("first writes: %.0f in %v", writes, took)
	s.manager.terminate(s.b)
}

// bareWrites writes what was written once more under other names, with as many connections and
// nothing to think about.
func (s *site) bareWrites() {
	results := s.cluster.list(s.b, "attache.dev/v1alpha1", "EffectivePolicy")
	results = results[:min(len(results), 1000)]
	began := time.Now()
	s.cluster.inParallel(s.b, results, func(b *testing.B, u *unstructured.Unstructured) {
		bare := u.DeepCopy()
		bare.Object["metadata"] = object{"name": "bare-" + u.GetName(), "namespace": u.GetNamespace()}
		s.cluster.apply(b, bare, "")
		s.cluster.apply(b, bare, "status")
		route := &unstructured.Unstructured{Object: object{"apiVersion": gatewayAPI, "kind": targetKind(u), "metadata": object{
			"name": targetName(u), "namespace": u.GetNamespace(), "annotations": object{"example.com/bare": text(1500)}}}}
		s.cluster.apply(b, route, "")
	})
	rate := float64(3*len(results)) / time.Since(began).Seconds()
	measured(s.b, "bare-writes/s", rate)
	measured(s.b, "first-writes-ratio", s.rate/rate)
	s.say("a bare client writes %.0f objects a second, the manager wrote %.0f", rate, s.rate)
	s.cluster.inParallel(s.b, results, func(b *testing.B, u *unstructured.Unstructured) {
		u.SetName("bare-" + u.GetName())
		s.cluster.remove(b, u)
	})
}

// atRest starts the manager again, when everything is written already.
func (s *site) atRest() {
	began := time.Now()
	s.manager = startManager(s.b, s.program, s.kubeconfig)
	measured(s.b, "ready-ns", float64(time.Since(began)))
	s.say("started again, ready after %v", time.Since(began))
	s.manager.settle(s.b)
	measured(s.b, "writes-after-restart", s.manager.metric(s.b, "attache_writes_total"))
	measured(s.b, "rss-MB", s.manager.metric(s.b, "process_resident_memory_bytes")/1e6)
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
	out := s.editClass("7s")
	rate := out.writes / out.took.Seconds()
	measured(s.b, "fan-out-writes", out.writes)
	measured(s.b, "fan-out-writes/s", rate)
	if bare, ok := of(s.b.Name()[len("Benchmark"):], "bare-writes/s"); ok {
		measured(s.b, "fan-out-ratio", rate/bare)
	}
	s.say("an edit of the class: %.0f writes in %v", out.writes, out.took)
}

// churn edits policies of single routes, fifty a second.
func (s *site) churn(span time.Duration) {
	start := s.manager.metric(s.b, "process_resident_memory_bytes")
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
	after := s.manager.metric(s.b, "process_resident_memory_bytes")
	measured(s.b, "churn-edits/s", float64(edits)/span.Seconds())
	measured(s.b, "churn-rss-MB", after/1e6)
	measured(s.b, "churn-rss-ratio", after/start)
	s.say("%d edits: %.0f MB before, %.0f MB after", edits, start/1e6, after/1e6)
}
