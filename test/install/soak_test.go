package install

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// soak is how many minutes "make soak" gives to all of it together; 0 in continuous integration.
func soak(t testing.TB) time.Duration {
	t.Helper()
	text := os.Getenv("ATTACHE_SOAK_MINUTES")
	if text == "" {
		return 0
	}
	minutes, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("ATTACHE_SOAK_MINUTES: %v", err)
	}
	return time.Duration(minutes * float64(time.Minute))
}

// underLoad is how long "make soak" gives to each thing alone, under a higher load; 0 in continuous
// integration.
func underLoad(t testing.TB) time.Duration {
	t.Helper()
	return min(soak(t), 3*time.Minute)
}

// lags are how long it takes until the API server knows that an endpoint is gone.
var lags = []time.Duration{0, 2 * time.Second, 5 * time.Second, 9 * time.Second}

// comers are CRDs that go and come back.
var comers = []string{
	"grpcroutes.gateway.networking.k8s.io", "tlsroutes.gateway.networking.k8s.io", "listenersets.gateway.networking.k8s.io", "ratelimitpolicies.attache.dev",
}

// TestSoak lets everything happen in turn while a few people write: replicas are told to end and
// are killed, CRDs go and come, the API server is killed and started again, the wire to it is cut,
// certificates and authorities are replaced, etcd is compacted. It reports memory and goroutines.
func TestSoak(t *testing.T) {
	if soak(t) == 0 {
		t.Skip(`takes an hour: run it by "make soak"`)
	}
	c := start(t, compactions)
	c.wire = newWire(t, c.plane.Config.Host)
	c.apply(shop)
	c.helms("install", release, chart, "--create-namespace", "--set", "certificates.authorityLifetime=10m", "--set", "certificates.lifetime=3m", "--set", "controller.leaseDuration=3m")
	// These stay from the beginning to the end.
	constant := []*pod{c.launch("attache-controller"), c.launch("attache-controller"), c.launch("attache-webhook")}
	coming := []*pod{c.launch("attache-webhook"), c.launch("attache-webhook")}
	for _, p := range append(constant, coming...) {
		p.awaitReady()
	}
	c.policiesServed()
	c.apply(ceiling)
	c.refuses("checkout", "90s")
	grown := c.measure(constant)
	authority := c.serial()

	writer := c.writeAnd(10, "guardrail ceiling")
	var outages []outage
	began, rounds := time.Now(), 0
	for ; rounds == 0 || time.Since(began) < soak(t); rounds++ {
		coming[0] = c.replaced(coming[0], lags[rounds%len(lags)])
		var killed outage
		coming[1], killed = c.killed(coming[1])
		c.gone(comers[rounds%len(comers)])
		outages = append(outages, killed, c.restarted(constant))
		if rounds%5 == 4 {
			c.wire.cutIt()
			<-time.After(wireCut) // how long it is cut is the test
			c.wire.mend()
		}
		timeout := fmt.Sprintf("%ds", 7+rounds%2)
		c.apply(policyOfShop("checkout", timeout))
		c.inForce(timeout)
		c.alive(constant)
	}
	writer.stopsWithout(t, fmt.Sprintf("%d rounds in %s", rounds, time.Since(began).Round(time.Second)), outages...)
	if took := time.Since(began); took > 10*time.Minute && c.serial() == authority {
		t.Errorf("in %s no authority was replaced", took)
	}
	c.refuses("checkout", "90s")
	grown.report()
}

// replaced is a replica instead of another, which is told to end and whose endpoint goes later.
func (c *cluster) replaced(old *pod, lag time.Duration) *pod {
	c.Helper()
	fresh := c.launch("attache-webhook")
	fresh.awaitReady() // as with maxSurge 1 and maxUnavailable 0
	old.terminate(lag)
	return fresh
}

// killed is a replica instead of another, which ends at once. What was being decided there fails,
// and what came before the API server knew.
func (c *cluster) killed(old *pod) (*pod, outage) {
	c.Helper()
	o := outage{from: time.Now()}
	old.kill()
	o.to = time.Now().Add(heard)
	fresh := c.launch("attache-webhook")
	fresh.awaitReady()
	return fresh, o
}

// heard is how long the API server may take to hear that an endpoint is gone, on a busy machine.
const heard = 5 * time.Second

// growth is what processes took, over time.
type growth struct {
	c    *cluster
	pods []*pod
	done chan map[*pod][]sample
	end  context.CancelFunc
}

// sample is what a process took at a time.
type sample struct {
	at                 time.Duration
	memory, goroutines float64
}

// sampled is the time between two samples.
const sampled = 5 * time.Second

// measure begins to look at processes.
func (c *cluster) measure(pods []*pod) *growth {
	c.Helper()
	ctx, end := context.WithCancel(context.Background())
	g := &growth{c: c, pods: pods, done: make(chan map[*pod][]sample, 1), end: end}
	c.Cleanup(end)
	go func() {
		all, began := map[*pod][]sample{}, time.Now()
		ticker := time.NewTicker(sampled)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				g.done <- all
				return
			case <-ticker.C:
			}
			for _, p := range pods {
				if m, err := p.scrape("process_resident_memory_bytes", "go_goroutines"); err == nil {
					all[p] = append(all[p], sample{time.Since(began), m[0], m[1]})
				}
			}
		}
	}()
	return g
}

// report says what became of memory and goroutines, without the first quarter, in which caches fill.
func (g *growth) report() {
	g.c.Helper()
	g.end()
	for p, all := range <-g.done {
		settled := all[len(all)/4:]
		if len(settled) < 3 {
			g.c.Logf("%s: too short for a slope", p.name)
			continue
		}
		last := settled[len(settled)-1]
		memory := slope(settled, func(s sample) float64 { return s.memory / (1 << 20) })
		goroutines := slope(settled, func(s sample) float64 { return s.goroutines })
		g.c.Logf("%s: RSS %.0f MiB at the end, %+.1f MiB an hour; %.0f goroutines, %+.1f an hour; %d samples in %s",
			p.name, last.memory/(1<<20), memory, last.goroutines, goroutines, len(settled), (last.at - settled[0].at).Round(time.Second))
	}
}

// slope is by how much a value grew in an hour, by least squares.
func slope(samples []sample, value func(sample) float64) float64 {
	var n, sumX, sumY, sumXX, sumXY float64
	for _, s := range samples {
		x, y := s.at.Hours(), value(s)
		n, sumX, sumY, sumXX, sumXY = n+1, sumX+x, sumY+y, sumXX+x*x, sumXY+x*y
	}
	return (n*sumXY - sumX*sumY) / (n*sumXX - sumX*sumX)
}

// TestTheSlopeOfALine checks the computation behind the figures of the soak.
func TestTheSlopeOfALine(t *testing.T) {
	var samples []sample
	for i := range 10 {
		samples = append(samples, sample{at: time.Duration(i) * time.Minute, memory: 100 + float64(i)})
	}
	if got := slope(samples, func(s sample) float64 { return s.memory }); got < 59.99 || got > 60.01 {
		t.Errorf("one a minute is %v an hour", got)
	}
}
