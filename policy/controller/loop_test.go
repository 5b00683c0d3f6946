package controller

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/controller/pace"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/source/cluster"
)

// What could not be judged in time is judged again after a second, and after twice as long each
// time, however many batches came meanwhile; when everything is decided, nothing is.
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
