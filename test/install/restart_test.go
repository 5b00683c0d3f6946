package install

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/eventually"
)

// TestTheAPIServerIsRestartedUnderLoad kills kube-apiserver while people write, and starts it again
// with what etcd has. Whatever is decided meanwhile and afterwards is right, no process of ours ends,
// replicas stay ready, and what is written afterwards comes into force.
func TestTheAPIServerIsRestartedUnderLoad(t *testing.T) {
	c := start(t)
	c.apply(shop)
	c.helms("install", release, chart, "--create-namespace")
	running := []*pod{c.launch("attache-controller"), c.launch("attache-webhook"), c.launch("attache-webhook")}
	for _, p := range running {
		p.awaitReady()
	}
	c.policiesServed()
	c.apply(ceiling)
	c.refuses("checkout", "90s")

	writer := c.writeAnd(rateOf(t, 50), "guardrail ceiling")
	var outages []outage
	began := time.Now()
	for i := 0; i == 0 || time.Since(began) < underLoad(t); i++ {
		outages = append(outages, c.restarted(running))
		// What was written before, and what is written now.
		timeout := []string{"8s", "7s"}[i%2]
		c.apply(policyOfShop("checkout", timeout))
		c.inForce(timeout)
		writer.reaches(c, writer.soFar()+rateOf(t, 50))
		c.alive(running)
	}
	writer.stopsWithout(t, "restarts of the API server", outages...)
	if writer.refused == 0 {
		t.Error("nothing was refused")
	}
	c.refuses("checkout", "90s")
	judged := 0.0
	for _, p := range running {
		if n, err := p.scrape(`attache_guardrail_evaluations_total{guardrail="ceiling",language="cel",result="objects"}`, `attache_guardrail_duration_seconds_count{language="cel"}`); err == nil && n[0] <= n[1] {
			judged += n[0]
		}
	}
	if judged == 0 {
		t.Error("no process counts what the guardrail objects to")
	}
	for _, p := range running {
		c.within(eventually.Limit, "see "+p.name+" ready", p.ready)
		if text := p.said.String(); !strings.Contains(text, "All objects seen") || strings.Contains(text, "are not installed") {
			t.Errorf("%s misses CRDs that are there, or saw nothing:\n%s", p.name, last(text, 40))
		}
	}
}

// restarted kills the API server and starts it again.
func (c *cluster) restarted(running []*pod) outage {
	c.Helper()
	o := outage{from: time.Now()}
	if err := c.plane.KillAPIServer(c.Context()); err != nil {
		c.Fatal(err)
	}
	for _, p := range running {
		if err := p.ready(c.Context()); err != nil {
			c.Errorf("%s is not ready while there is no API server: %v", p.name, err)
		}
	}
	if err := c.plane.ReviveAPIServer(c.Context()); err != nil {
		c.Fatal(err)
	}
	o.to = time.Now()
	c.Logf("there was no API server for %s", o.to.Sub(o.from).Round(time.Millisecond))
	return o
}

// alive holds that no process has ended.
func (c *cluster) alive(running []*pod) {
	c.Helper()
	for _, p := range running {
		select {
		case <-p.exited:
			c.Errorf("%s ended: %v", p.name, p.reason)
		default:
		}
	}
}

// refuses waits until the guardrail ceiling refuses a timeout.
func (c *cluster) refuses(policy, timeout string) {
	c.Helper()
	c.within(eventually.Limit, "see the guardrail refuse", func(ctx context.Context) error {
		err := c.Patch(ctx, policyObject(policy), client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"default":{"request":"`+timeout+`"}}}`)), client.DryRunAll)
		if err == nil || !strings.Contains(err.Error(), "guardrail ceiling") {
			return errors.Join(errors.New("it does not"), err)
		}
		return nil
	})
}
