package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/v1alpha1/annotation"
)

// Why a request or a try ends before it is done.
var (
	errRequest   = errors.New("request timeout")
	errTry       = errors.New("timeout of one try")
	errIdle      = errors.New("idle timeout")
	errNoBackend = errors.New("no backend")
)

// mostBody is how long a body may be to be sent a second time.
const mostBody = 64 << 10

// roundTripper tries backends until one answers, or nothing is left to try.
type roundTripper struct{}

// RoundTrip sends a request, and again where the settings say so.
func (roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	c := callOf(r.Context())
	again := &c.settings.again
	body, repeatable, err := readBody(r.Body, again.Max > 0)
	if err != nil {
		return nil, err
	}
	for {
		r.Body = body()
		response, err := c.try(r)
		if c.retries >= again.Max || !repeatable || r.Context().Err() != nil || errors.Is(err, errNoBackend) || !again.Again(outcomeOf(response, err)) {
			return response, err
		}
		if response != nil {
			response.Body.Close()
		}
		pause, end := context.WithTimeout(r.Context(), again.Wait(c.retries))
		<-pause.Done()
		end()
		if r.Context().Err() != nil {
			return nil, context.Cause(r.Context())
		}
		c.retries++
	}
}

// readBody reads a body that may have to be sent again. One that is too long is
// sent once, as it comes.
func readBody(from io.ReadCloser, again bool) (body func() io.ReadCloser, repeatable bool, err error) {
	if from == nil || from == http.NoBody || !again {
		return func() io.ReadCloser { return from }, true, nil
	}
	start, err := io.ReadAll(io.LimitReader(from, mostBody+1))
	if err != nil {
		return nil, false, err
	}
	if len(start) > mostBody {
		rest := io.MultiReader(bytes.NewReader(start), from)
		return func() io.ReadCloser { return io.NopCloser(rest) }, false, nil
	}
	return func() io.ReadCloser { return io.NopCloser(bytes.NewReader(start)) }, true, nil
}

// outcomeOf says how a try ended.
func outcomeOf(response *http.Response, err error) annotation.Outcome {
	var dial *net.OpError
	switch {
	case err == nil:
		return annotation.Outcome{Code: response.StatusCode, GRPC: response.Header.Get("Grpc-Status")}
	case errors.As(err, &dial) && dial.Op == "dial":
		return annotation.Outcome{Failure: annotation.NotConnected, Code: statusOf(err)}
	case strings.Contains(err.Error(), "REFUSED_STREAM"):
		return annotation.Outcome{Failure: annotation.Refused, Code: statusOf(err)}
	case statusOf(err) == http.StatusGatewayTimeout:
		return annotation.Outcome{Failure: annotation.TimedOut, Code: statusOf(err)}
	}
	return annotation.Outcome{Failure: annotation.Reset, Code: statusOf(err)}
}

// try sends a request to one backend.
func (c *call) try(r *http.Request) (*http.Response, error) {
	address := c.choose()
	if address == "" {
		return nil, errNoBackend
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	try, perTry := newTimer(c.settings.Backend, func() { cancel(errTry) }), newTimer(c.settings.again.PerTry, func() { cancel(errTry) })
	idle := newTimer(c.settings.Idle, func() { cancel(errIdle) })
	end := func() {
		for _, t := range []*timer{try, perTry, idle} {
			t.Stop()
		}
		cancel(context.Canceled)
	}
	out := r.Clone(ctx)
	out.URL.Host = address
	if out.Body == nil {
		out.Body = http.NoBody
	}
	// With a body that cannot be had again, Go's transport tries nothing by itself.
	out.Body, out.GetBody = &counted{ReadCloser: out.Body, idle: idle}, nil
	response, err := transportFor(c.settings, c.grpc).RoundTrip(out)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		end()
		return nil, err
	}
	idle.touch()
	response.Body = &counted{ReadCloser: response.Body, idle: idle, end: end}
	response.Request = response.Request.WithContext(r.Context())
	return response, nil
}

// choose picks a backend by weight, and one of its addresses; none when the
// route may not refer to it.
func (c *call) choose() string {
	rule, route := &c.hit.Route.Rules[c.hit.Rule], c.hit.Route.Meta().Ref
	var all int64
	for i := range rule.Forwards {
		all += rule.Forwards[i].Weight
	}
	if all == 0 {
		return ""
	}
	var to hierarchy.Ref
	for i, at := 0, rand.N(all); at >= 0; i++ {
		to, at = rule.Backends[rule.Forwards[i].Backend].To, at-rule.Forwards[i].Weight
	}
	addresses := c.state.backends[to]
	if len(addresses) == 0 || !c.state.graph.Permits(route.GroupKind, route.Namespace, to) {
		return ""
	}
	return addresses[rand.N(len(addresses))]
}

// transports are shared by all settings with the same times of a connection: a
// transport is a pool of connections, and these are what belongs to those.
var transports sync.Map

type transportKey struct {
	connect, idle time.Duration
	grpc          bool
}

func transportFor(s *settings, grpc bool) *http.Transport {
	key := transportKey{s.Connect, s.Idle, grpc}
	if t, ok := transports.Load(key); ok {
		return t.(*http.Transport)
	}
	dialer := &net.Dialer{Timeout: s.Connect}
	t := &http.Transport{DialContext: dialer.DialContext, IdleConnTimeout: s.Idle, DisableCompression: true, MaxIdleConnsPerHost: 64, Protocols: new(http.Protocols)}
	t.Protocols.SetHTTP1(!grpc)
	t.Protocols.SetUnencryptedHTTP2(grpc)
	shared, _ := transports.LoadOrStore(key, t)
	return shared.(*http.Transport)
}

// timer ends something after a time, unless it is touched or stopped before. Of
// no time that is never.
type timer struct {
	after time.Duration
	*time.Timer
}

func newTimer(after time.Duration, end func()) *timer {
	if after <= 0 {
		after = math.MaxInt64
	}
	return &timer{after, time.AfterFunc(after, end)}
}

func (t *timer) touch() { t.Reset(t.after) }

// counted is a body whose bytes keep an idle timer from running out.
type counted struct {
	io.ReadCloser
	idle *timer
	end  func()
}

// Read reads, and touches the timer when there was something.
func (b *counted) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.idle.touch()
	}
	return n, err
}

// Close closes the body and stops what watches over it.
func (b *counted) Close() error {
	err := b.ReadCloser.Close()
	if b.end != nil {
		b.end()
	}
	return err
}
