package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
	"github.com/attache-dev/attache/policy/v1alpha1/annotation"
)

// The headers by which this plane says what it did. A product would count.
const (
	limitHeader   = "Example-Limited-By"
	retriesHeader = "Example-Retries"
)

// proxy answers the requests of one Gateway on one port.
type proxy struct {
	world *world
	port
	limits *limiter
}

// forward sends a request on, and its answer back.
var forward = &httputil.ReverseProxy{
	Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "backend", r.In.Host
		r.SetXForwarded()
	},
	Transport:     roundTripper{},
	FlushInterval: -1,
	ModifyResponse: func(r *http.Response) error {
		r.Header.Set(retriesHeader, strconv.Itoa(callOf(r.Request.Context()).retries))
		return nil
	},
	ErrorHandler: answerError,
}

// call is one request on its way.
type call struct {
	hit      request.Hit
	grpc     bool
	state    *state
	settings *annotation.Values
	retries  int
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// ServeHTTP finds the rule for a request and does what it says.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := p.world.state.Load()
	asked := request.FromHTTP(r, p.scheme, p.number)
	hit, _, ok := now.index.Match(p.gateway, &asked)
	if !ok {
		http.Error(w, "no route", http.StatusNotFound)
		return
	}
	applies := now.settings[hit.Route.Meta().Ref]
	if applies.unserved {
		http.Error(w, "what applies to the route is not known", http.StatusServiceUnavailable)
		return
	}
	c := &call{hit: hit, grpc: asked.GRPC(), state: now, settings: applies.at(hit.Listener, hit.Rule)}
	connection := r.Context().Value(connectionKey{}).(*connection)
	connection.use(1, 0)
	defer connection.use(-1, c.settings.Idle)
	if refused, wait := p.limits.take(c.settings.Limits, &hit, r, time.Now()); refused != nil {
		w.Header().Set(limitHeader, refused.Name)
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
		http.Error(w, "too many requests: "+refused.Name, http.StatusTooManyRequests)
		return
	}
	if filters := hit.Route.Rules[hit.Rule].Filters; len(filters) > 0 {
		f := filters[0]
		if f.Redirect == nil {
			http.Error(w, "the filter "+f.Type+" is not part of this example", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Location", request.Location(f.Redirect, &hit, &asked, p.scheme, asked.Host))
		w.WriteHeader(f.Redirect.Code)
		return
	}
	ctx, cancel := context.WithTimeoutCause(context.WithValue(r.Context(), callKey{}, c), limited(c.settings.Request), errRequest)
	defer cancel()
	forward.ServeHTTP(w, r.WithContext(ctx))
}

// answerError answers in place of a backend.
func answerError(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set(retriesHeader, strconv.Itoa(callOf(r.Context()).retries))
	if cause := context.Cause(r.Context()); cause != nil {
		err = cause
	}
	http.Error(w, err.Error(), statusOf(err))
}

// statusOf is 504 when time ran out, 500 when there is no backend, else 502.
func statusOf(err error) int {
	var timeout net.Error
	switch {
	case errors.Is(err, errRequest), errors.Is(err, errTry), errors.Is(err, errIdle), errors.As(err, &timeout) && timeout.Timeout():
		return http.StatusGatewayTimeout
	case errors.Is(err, errNoBackend):
		return http.StatusInternalServerError
	}
	return http.StatusBadGateway
}

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

// RoundTrip sends a request, and again where the settings say so. A body that is too long to be
// kept is sent once, as it comes.
func (roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	c := callOf(r.Context())
	again := &c.settings.Retries
	var start []byte
	rest := cmp.Or[io.ReadCloser](r.Body, http.NoBody)
	if again.Max > 0 {
		var err error
		if start, err = io.ReadAll(io.LimitReader(rest, mostBody+1)); err != nil {
			return nil, err
		}
	}
	for {
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(start), rest))
		response, err := c.try(r)
		if c.retries >= again.Max || len(start) > mostBody || r.Context().Err() != nil || errors.Is(err, errNoBackend) || !again.Again(outcomeOf(response, err)) {
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
	ctx, stop := context.WithTimeoutCause(r.Context(), min(limited(c.settings.Backend), limited(c.settings.Retries.PerTry)), errTry)
	ctx, cancel := context.WithCancelCause(ctx)
	idle := time.AfterFunc(limited(c.settings.Idle), func() { cancel(errIdle) })
	touch := func() { idle.Reset(limited(c.settings.Idle)) }
	end := func() {
		idle.Stop()
		cancel(context.Canceled)
		stop()
	}
	out := r.Clone(ctx)
	out.URL.Host = address
	// With a body that cannot be had again, Go's transport tries nothing by itself.
	out.Body, out.GetBody = &counted{out.Body, touch, func() {}}, nil
	response, err := transportFor(c.settings, c.grpc).RoundTrip(out)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		end()
		return nil, err
	}
	touch()
	response.Body = &counted{response.Body, touch, end}
	response.Request = response.Request.WithContext(r.Context())
	return response, nil
}

// choose picks a backend by weight, and one of its addresses; none when the route may not refer to
// it.
func (c *call) choose() string {
	rule, route := &c.hit.Route.Rules[c.hit.Rule], c.hit.Route.Meta().Ref
	var all int64
	var to hierarchy.Ref
	for _, f := range rule.Forwards {
		if all += f.Weight; f.Weight > 0 && rand.N(all) < f.Weight {
			to = rule.Backends[f.Backend].To
		}
	}
	addresses := c.state.backends[to]
	if len(addresses) == 0 || !c.state.graph.Permits(route.GroupKind, route.Namespace, to) {
		return ""
	}
	return addresses[rand.N(len(addresses))]
}

// transports are shared by all settings with the same times of a connection: a transport is a pool
// of connections, and these are what belongs to those.
var transports sync.Map

func transportFor(s *annotation.Values, grpc bool) *http.Transport {
	key := [3]any{s.Connect, s.Idle, grpc}
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

// limited is a timeout as a time: without one it is longer than anything.
func limited(timeout time.Duration) time.Duration {
	if timeout <= 0 {
		return math.MaxInt64
	}
	return timeout
}

// counted is a body of which each byte touches a timer, and whose end ends it.
type counted struct {
	io.ReadCloser
	touch, end func()
}

// Read reads, and touches when there was something.
func (b *counted) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.touch()
	}
	return n, err
}

// Close closes the body.
func (b *counted) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
