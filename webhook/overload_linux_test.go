package webhook

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/test/eventually"
)

// costly is a rule that takes a while and no processor, so that the queue is what is tested, and not
// who of this process gets the processor.
type costly struct{}

func (costly) Uses() guardrail.Variables { return guardrail.All }

func (costly) Check(ctx context.Context, _ guardrail.Input) ([]guardrail.Finding, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(10 * time.Millisecond):
		return nil, nil
	}
}

// crowd sends reviews of creations and counts what becomes of them.
type crowd struct {
	client *http.Client
	to     string
	bodies [][]byte

	mu       sync.Mutex
	answered int
	turned   int // away, to come again
	times    []time.Duration
	other    []string
}

// newCrowd are writers in many namespaces.
func newCrowd(t *testing.T, r *running) *crowd {
	c := &crowd{client: r.client(), to: "https://" + r.Address() + ValidatePath + "?timeout=5s"}
	c.client.Transport.(*http.Transport).MaxIdleConnsPerHost = connections
	for i := range 20 {
		a := create(t, checkout)
		a.user = "writer-" + strconv.Itoa(i)
		a.object.SetNamespace("team-" + strconv.Itoa(i))
		c.bodies = append(c.bodies, a.body(t))
	}
	return c
}

func (c *crowd) ask(i int) {
	began := time.Now()
	answer, err := c.client.Post(c.to, "application/json", bytes.NewReader(c.bodies[i%len(c.bodies)]))
	took := time.Since(began)
	if err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.other = append(c.other, err.Error())
	case answer.StatusCode == http.StatusOK:
		c.answered++
		c.times = append(c.times, took)
	case answer.StatusCode == http.StatusServiceUnavailable:
		c.turned++
	default:
		c.other = append(c.other, answer.Status)
	}
}

// closed asks with some callers at a time, each when its last question was answered, and returns
// answers per second.
func (c *crowd) closed(callers int, during time.Duration) float64 {
	until := time.Now().Add(during)
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			for i := n; time.Now().Before(until); i += callers {
				c.ask(i)
			}
		})
	}
	all.Wait()
	return float64(c.answered) / during.Seconds()
}

// connections are those of a crowd that asks at a rate.
const connections = 200

// open asks at a rate, on as many connections as an API server would have, and returns what was
// asked and answered per second.
func (c *crowd) open(rate float64, during time.Duration) (asked, answered float64) {
	var all sync.WaitGroup
	began := time.Now()
	pause := time.Duration(connections / rate * float64(time.Second))
	for n := range connections {
		all.Go(func() {
			for i := 0; time.Since(began) < during; i++ {
				c.ask(n + i*connections)
				time.Sleep(time.Until(began.Add(time.Duration(i+1) * pause))) // its pace, unless it is late
			}
		})
	}
	all.Wait()
	took := time.Since(began).Seconds()
	return float64(c.answered+c.turned+len(c.other)) / took, float64(c.answered) / took
}

// Ten times as much as can be done does not keep that from being done, takes no memory, and is
// forgotten at once. Figures are logged.
func TestTenTimesTooMuch(t *testing.T) {
	text := os.Getenv("ATTACHE_OVERLOAD")
	if text == "" {
		t.Skip("needs a machine for itself: say for how long, such as ATTACHE_OVERLOAD=60s")
	}
	during, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	rails := []*guardrail.Guardrail{{Name: "costly", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{costly{}}}}
	r := serve(t)
	r.handlers.options.Guardrails = func() []*guardrail.Guardrail { return rails }

	idle := newCrowd(t, r)
	capacity := idle.closed(8, 2*time.Second)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	much := newCrowd(t, r)
	asked, goodput := much.open(10*capacity, during)
	runtime.GC()
	runtime.ReadMemStats(&after)
	slices.Sort(much.times)
	t.Logf("capacity %.0f a second; of %.0f a second for %s %.0f were decided (%.0f %% of capacity), the slowest after %s, and %d in all turned away; %d KiB more on the heap",
		capacity, asked, during, goodput, 100*goodput/capacity, much.times[len(much.times)-1].Round(time.Millisecond), much.turned, (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>10)
	if len(much.other) > 0 {
		t.Errorf("%d were neither decided nor told to come again: %s", len(much.other), much.other[0])
	}
	if much.turned == 0 {
		t.Error("nobody was turned away: that was no overload")
	}
	eventually.OK(t, eventually.Limit, "it to be as before", func(context.Context) error { r.stillAnswers(t); return nil })
	again := newCrowd(t, r)
	t.Logf("and then %.0f a second", again.closed(8, 2*time.Second))
	if len(again.other)+again.turned > 0 {
		t.Errorf("afterwards %d were turned away, and %q", again.turned, again.other)
	}
}
