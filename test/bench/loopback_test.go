package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/attache-dev/attache/webhook"
)

// BenchmarkLoopback asks the validating webhook over TLS, with connections that stay open, and
// beside it a webhook of controller-runtime that allows everything. One and then the other, in
// one run: "added-p50-ns" is what ours takes longer, "throughput-ratio" how many of its answers
// ours gives in the same time, "processor-ratio" how many in the same processor time. On a machine that
// does nothing else the two are about the same with one processor.
func BenchmarkLoopback(b *testing.B) {
	for _, n := range sizes(100, 10000) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			mux := handler(b, ready(b, snapshot(b, n)), guardrails(b, 10, 0))
			_, validate := creations(b, mux, n)
			ours := serve(b, mux, webhook.ValidatePath+"?timeout=5s", validate)
			theirs := serve(b, allowing(b), "/", validate)
			var our, their latencies
			var ourRate, theirRate pace
			for b.Loop() {
				our.time(ours.ask)
				their.time(theirs.ask)
				ourRate.add(ours.rate(b))
				theirRate.add(theirs.rate(b))
			}
			measured(b, "added-p50-ns", float64(our.at(0.5)-their.at(0.5)))
			measured(b, "throughput-ratio", ourRate.onClock()/theirRate.onClock())
			measured(b, "processor-ratio", ourRate.ofProcessor()/theirRate.ofProcessor())
		})
	}
}

func allowing(b *testing.B) http.Handler {
	b.Helper()
	h, err := allowingHandler()
	if err != nil {
		b.Fatal(err)
	}
	return h
}

func allowingHandler() (http.Handler, error) {
	allow := admission.HandlerFunc(func(context.Context, admission.Request) admission.Response { return admission.Allowed("") })
	quiet := func(logr.Logger, *admission.Request) logr.Logger { return logr.Discard() }
	return admission.StandaloneWebhook(&admission.Webhook{Handler: allow, LogConstructor: quiet}, admission.StandaloneOptions{})
}

// served is a webhook on loopback, and reviews to ask it for, in turn.
type served struct {
	ask func()
}

func serve(b *testing.B, h http.Handler, path string, bodies [][]byte) served {
	b.Helper()
	server := httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	server.StartTLS()
	b.Cleanup(server.Close)
	client := server.Client()
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = 16
	var asked atomic.Int64
	ask := func() {
		body := bodies[int(asked.Add(1))%len(bodies)]
		answer, err := client.Post(server.URL+path, "application/json", bytes.NewReader(body))
		if err != nil {
			b.Error(err)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			b.Error(answer.Status, err)
		}
	}
	ask()
	return served{ask}
}

// pace is a number of answers, and what they took.
type pace struct {
	answers          int64
	clock, processor time.Duration
}

func (p *pace) add(o pace) {
	p.answers += o.answers
	p.clock += o.clock
	p.processor += o.processor
}

// onClock is how many answers there are in a second, ofProcessor in a second of processor time.
func (p *pace) onClock() float64     { return float64(p.answers) / p.clock.Seconds() }
func (p *pace) ofProcessor() float64 { return float64(p.answers) / p.processor.Seconds() }

// rate is how many answers eight clients get.
func (s served) rate(b *testing.B) pace {
	b.Helper()
	const span = 200 * time.Millisecond
	var answers atomic.Int64
	var clients sync.WaitGroup
	start, used := time.Now(), spent(b)
	for range 8 {
		clients.Go(func() {
			for time.Since(start) < span {
				s.ask()
				answers.Add(1)
			}
		})
	}
	clients.Wait()
	return pace{answers.Load(), time.Since(start), time.Duration(spent(b) - used)}
}
