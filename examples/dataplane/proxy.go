package main

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
)

// The headers by which this plane says what it did. A product would count.
const (
	limitHeader   = "Example-Limited-By"
	retriesHeader = "Example-Retries"
)

// proxy answers the requests of one Gateway on one port.
type proxy struct {
	world   *world
	gateway hierarchy.Ref
	port    int32
	scheme  string
	limits  *limiter
	forward *httputil.ReverseProxy
}

func newProxy(w *world, gateway hierarchy.Ref, port int32, scheme string, limits *limiter) *proxy {
	return &proxy{world: w, gateway: gateway, port: port, scheme: scheme, limits: limits, forward: &httputil.ReverseProxy{
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
	}}
}

// call is one request on its way.
type call struct {
	hit      request.Hit
	grpc     bool
	state    *state
	settings *settings
	retries  int
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// ServeHTTP finds the rule for a request and does what it says.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := p.world.state.Load()
	asked := request.FromHTTP(r, p.scheme, p.port)
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
	setIdle(r, c.settings.Idle)
	if refused, wait := p.limits.take(c.settings.limits, &hit, r, time.Now()); refused != nil {
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
	ctx := context.WithValue(r.Context(), callKey{}, c)
	if c.settings.Request > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.settings.Request, errRequest)
		defer cancel()
	}
	p.forward.ServeHTTP(w, r.WithContext(ctx))
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
