package controller

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/util/workqueue"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/controller/pace"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/source/cluster"
)

// What could not be evaluated in time is evaluated again after a second, and then after twice as
// long each time, however many batches came meanwhile; when everything is decided, nothing is.
func TestManyBatchesAskForOnePassToJudgeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		measures, err := newMeasures(prometheus.NewRegistry(), pace.New(1))
		if err != nil {
			t.Fatal(err)
		}
		c := &Controller{state: newState(func() []*guardrail.Guardrail { return nil }), metrics: measures, options: Options{Coalesce: time.Millisecond, Now: time.Now}}
		l := newLoop(c, nil)
		route := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "cart")
		c.state.publication.withheld[route] = &withheld{} // no violations: it was not judged in time
		for range 10 {
			l.backlog.put(cluster.Batch{})
			if !l.wait(t.Context()) {
				t.Fatal("a batch does not wake the loop")
			}
			l.backlog.take()
			l.schedule()
		}
		began, passes := time.Now(), 0
		for time.Since(began) < 10*time.Second {
			l.wait(t.Context())
			l.backlog.take()
			l.schedule()
			passes++
		}
		if passes != 4 { // after 1, 3, 7 and 15 seconds
			t.Errorf("%d passes, want 4", passes)
		}
		delete(c.state.publication.withheld, route)
		l.schedule()
		select {
		case <-l.again.C:
			t.Error("everything is decided, and the loop still judges again")
		case <-time.After(time.Minute):
		}
	})
}

// A hundred edits of one policy in a second end in one pass, whose result is that of the last
// edit; a single edit waits only for the short time in which others may follow.
func TestABurstOfEditsEndsInOnePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		snapshot, _ := policy.NewSnapshot(policy.Options{}).With(object(timeoutCRD),
			object("{"+gatewayAPI+"Gateway, metadata: {name: g, namespace: one}, spec: {gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}]}}"),
			object("{"+gatewayAPI+"HTTPRoute, metadata: {name: r, namespace: one, uid: r}, spec: {parentRefs: [{name: g}], rules: [{}]}}"))
		l, passes := bursts(t, snapshot)
		edit := func(name string, n int) {
			u := object(fmt.Sprintf("{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: %s, namespace: one, generation: %d}, spec: {strategy: Patch, "+
				"targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}, default: {request: %ds}}}", name, n, n))
			snapshot, _ = snapshot.With(u)
			l.backlog.put(cluster.Batch{After: snapshot, Changed: []hierarchy.Ref{hierarchy.RefOf(u)}})
		}
		for n := 1; n <= 100; n++ {
			edit("p", n)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(longestBurst)
		if got := len(passes); got != 1 {
			t.Fatalf("a hundred edits in a second took %d passes, want 1", got)
		}
		<-passes
		for _, reach := range l.c.state.effective[ref("one", "r")].Reaches {
			if got := fmt.Sprint(reach.Result.Kinds[0].Value); got != "map[request:100s]" {
				t.Errorf("in the end the route has %s", got)
			}
		}
		began := time.Now()
		edit("p", 1)
		if took := (<-passes).Sub(began); took != l.c.options.Coalesce {
			t.Errorf("an edit by itself waits for %s, want %s", took, l.c.options.Coalesce)
		}
	})
}

// bursts runs the loop as the controller does, and says when it ended a pass.
func bursts(t *testing.T, now *policy.Snapshot) (*loop, <-chan time.Time) {
	t.Helper()
	measures, err := newMeasures(prometheus.NewRegistry(), pace.New(1))
	if err != nil {
		t.Fatal(err)
	}
	c := &Controller{state: newState(none), live: newMemory(), audit: newAudit(), backoff: &backoff{fights: map[hierarchy.Ref]fight{}},
		enforcer: newEnforcer(Enforcement{}), metrics: measures, options: Options{Coalesce: 20 * time.Millisecond, Now: time.Now}}
	c.state.begin(t.Context(), now, nil, c.live)
	l := newLoop(c, workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[hierarchy.Ref]()))
	passes := make(chan time.Time, 1000)
	go func() {
		for l.wait(t.Context()) {
			l.pass(t.Context())
			l.schedule()
			passes <- time.Now()
		}
	}()
	t.Cleanup(func() {
		l.queue.ShutDown()
		c.progress.stop()
	})
	return l, passes
}
