package conformance

import (
	"context"
	"fmt"
	"time"
)

// times repeats a request.
func times(n int, a ask) []ask {
	list := make([]ask, n)
	for i := range list {
		list[i] = a
	}
	return list
}

// tenants are requests, each of a tenant of this run.
func (e *exchange) tenants(names ...string) []ask {
	list := make([]ask, len(names))
	for i, name := range names {
		list[i] = ask{headers: map[string]string{"x-tenant": e.key + name}}
	}
	return list
}

// limited are the features of rate limits and of merging. A bucket holds one
// request and the burst, and gets another each ten seconds: slow enough for a
// busy machine.
var limited = []Feature{
	{
		Name: "limit", Fields: []string{"RateLimitPolicy.requestsPerSecond", "RateLimitPolicy.burst"}, Refill: 11 * time.Second,
		Manifests: on("limit", "RateLimitPolicy", `default: {requestsPerSecond: 200m, burst: 1}`),
		Check: func(ctx context.Context, e *exchange) error {
			return e.codes(ctx, times(4, ask{}), 200, 200, 429, 429)
		},
	},
	{
		Name: "limit-key-header", Fields: []string{"RateLimitPolicy.key"}, Refill: 11 * time.Second,
		Manifests: on("limit-key-header", "RateLimitPolicy", `default: {requestsPerSecond: 100m, key: "Header:x-tenant"}`),
		Check: func(ctx context.Context, e *exchange) error {
			a, b := ask{headers: map[string]string{"x-tenant": e.key + "a"}}, ask{headers: map[string]string{"x-tenant": e.key + "b"}}
			return e.codes(ctx, []ask{a, a, b, b}, 200, 429, 200, 429)
		},
	},
	{
		Name: "limit-key-client", Fields: []string{"RateLimitPolicy.key"}, Refill: 11 * time.Second,
		Manifests: on("limit-key-client", "RateLimitPolicy", `default: {requestsPerSecond: 100m, key: ClientIP}`),
		Check: func(ctx context.Context, e *exchange) error {
			a, b := ask{from: "127.0.0.1"}, ask{from: "127.0.0.2"}
			return e.codes(ctx, []ask{a, a, b, b}, 200, 429, 200, 429)
		},
	},
	counter("Rule", 200, 429, 200, 429, 200, 429),
	counter("Route", 200, 429, 429, 429, 200, 429),
	counter("Gateway", 200, 429, 429, 429, 429, 429),
	{
		Name: "limit-counter-of-its-policy", Fields: []string{"RateLimitPolicy.limits"}, Refill: 11 * time.Second,
		Manifests: sharing("a") + sharing("b"),
		Check: func(ctx context.Context, e *exchange) error {
			return e.codes(ctx, append(times(2, ask{path: "/a"}), times(2, ask{path: "/b"})...), 200, 429, 200, 429)
		},
	},
	{
		Name: "limit-off", Fields: []string{"RateLimitPolicy.mode"}, Idle: true,
		Manifests: policy("RateLimitPolicy", "limit-off-gateway", "kind: Gateway, name: conformance", "default: {requestsPerSecond: 100m}") +
			on("limit-off", "RateLimitPolicy", "default: {mode: Disabled}"),
		Check: func(ctx context.Context, e *exchange) error {
			return e.codes(ctx, times(4, ask{}), 200, 200, 200, 200)
		},
	},
	{
		Name: "limits-named", Fields: []string{"RateLimitPolicy.limits"}, Refill: 41 * time.Second,
		Manifests: policy("RateLimitPolicy", "limits-named-gateway", "kind: Gateway, name: conformance", `default: {limits: {per-tenant: {requests: 1, per: 10s, key: "Header:x-tenant"}}}`) +
			on("limits-named", "RateLimitPolicy", "default: {limits: {everybody: {requests: 4, per: 40s}}}"),
		Check: func(ctx context.Context, e *exchange) error {
			return e.codes(ctx, e.tenants("a", "a", "b", "c", "d", "e"), 200, 429, 200, 200, either, 429)
		},
	},
	{
		Name: "limits-refused-takes-nothing", Fields: []string{"RateLimitPolicy.limits"}, Refill: 41 * time.Second, Unclaimed: true,
		Manifests: on("limits-refused-takes-nothing", "RateLimitPolicy",
			`default: {limits: {everybody: {requests: 4, per: 40s}, per-tenant: {requests: 1, per: 10s, key: "Header:x-tenant"}}}`),
		Check: func(ctx context.Context, e *exchange) error {
			return e.codes(ctx, e.tenants("a", "a", "b", "c", "d", "e"), 200, 429, 200, 200, 200, 429)
		},
	},
	{
		Name: "override-of-gateway", Fields: []string{"TimeoutPolicy.request"},
		Manifests: policy("TimeoutPolicy", "override-of-gateway-above", "kind: Gateway, name: conformance", "override: {request: 300ms}") +
			on("override-of-gateway", "TimeoutPolicy", "default: {request: 20s}"),
		Check: func(ctx context.Context, e *exchange) error {
			return e.before(ctx, ask{do: "delay=5s"}, 504, long)
		},
	},
	{
		Name: "default-yields-to-rule", Fields: []string{"TimeoutPolicy.request"},
		Manifests: policy("TimeoutPolicy", "default-yields-to-rule-above", "kind: Gateway, name: conformance", "default: {request: 10s}") +
			policy("TimeoutPolicy", "default-yields-to-rule", "kind: HTTPRoute, name: default-yields-to-rule, sectionName: quick", "default: {request: 300ms}") +
			routeOf("default-yields-to-rule", "default-yields-to-rule", "", "{name: quick, matches: [{path: {value: /quick}}], backendRefs: [{name: backend, port: PORT}]}, {name: rest, backendRefs: [{name: backend, port: PORT}]}"),
		Check: func(ctx context.Context, e *exchange) error {
			if err := e.before(ctx, ask{path: "/quick", do: "delay=5s"}, 504, long); err != nil {
				return err
			}
			return e.codes(ctx, []ask{{path: "/other", do: "delay=700ms"}}, 200)
		},
	},
	{
		Name: "bound-clamps", Fields: []string{"TimeoutPolicy.request"},
		Manifests: policy("TimeoutPolicy", "bound-clamps-above", "kind: Gateway, name: conformance", "bounds: {request: {max: 300ms}}") +
			on("bound-clamps", "TimeoutPolicy", "default: {request: 20s}"),
		Check: func(ctx context.Context, e *exchange) error {
			return e.before(ctx, ask{do: "delay=5s"}, 504, long)
		},
	},
	{
		Name: "values-per-listener", Fields: []string{"TimeoutPolicy.request"},
		Manifests: policy("TimeoutPolicy", "values-per-listener-one", "kind: Gateway, name: conformance, sectionName: one", "default: {request: 300ms}") +
			policy("TimeoutPolicy", "values-per-listener-two", "kind: Gateway, name: conformance, sectionName: two", "default: {request: 10s}") +
			route("values-per-listener"),
		Check: func(ctx context.Context, e *exchange) error {
			if err := e.before(ctx, ask{listener: 1, do: "delay=5s"}, 504, long); err != nil {
				return err
			}
			return e.codes(ctx, []ask{{listener: 2, do: "delay=700ms"}}, 200)
		},
	},
}

// sharing is a route with a policy of its own that has the same limit as others, for
// all of the Gateway.
func sharing(path string) string {
	name := "limit-counter-of-its-policy-" + path
	return policy("RateLimitPolicy", name, "kind: HTTPRoute, name: "+name, "default: {limits: {all: {requests: 1, per: 10s, counter: Gateway}}}") +
		routeOf(name, "limit-counter-of-its-policy", "", fmt.Sprintf("{matches: [{path: {value: /%s}}], backendRefs: [{name: backend, port: PORT}]}", path))
}

// counter is a feature for what shares a counter: the codes are of a rule twice,
// another rule of its route twice, and another route twice.
func counter(of string, codes ...int) Feature {
	name := map[string]string{"Rule": "limit-counter-rule", "Route": "limit-counter-route", "Gateway": "limit-counter-gateway"}[of]
	rules := func(path string) string {
		return fmt.Sprintf("{name: one, matches: [{path: {value: /%[1]s/one}}], backendRefs: [{name: backend, port: PORT}]}, {name: two, matches: [{path: {value: /%[1]s/two}}], backendRefs: [{name: backend, port: PORT}]}", path)
	}
	return Feature{
		Name: name, Fields: []string{"RateLimitPolicy.counter"}, Refill: 11 * time.Second,
		Manifests: policy("RateLimitPolicy", name, "kind: Gateway, name: conformance", fmt.Sprintf("default: {requestsPerSecond: 100m, counter: %s}", of)) +
			routeOf(name, name, "", rules("a")) + routeOf(name+"-other", name, "", rules("b")),
		Check: func(ctx context.Context, e *exchange) error {
			var asks []ask
			for _, path := range []string{"/a/one", "/a/two", "/b/one"} {
				asks = append(asks, times(2, ask{path: path})...)
			}
			return e.codes(ctx, asks, codes...)
		},
	}
}
