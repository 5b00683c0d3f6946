package conformance

import (
	"context"
	"fmt"
	"time"
)

// route is an HTTPRoute of a feature with one rule for everything.
func route(feature string) string {
	return routeOf(feature, feature, "", "{name: test, backendRefs: [{name: backend, port: PORT}]}")
}

func routeOf(name, feature, section, rules string) string {
	if section != "" {
		section = ", sectionName: " + section
	}
	return fmt.Sprintf(`
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %s, namespace: NS}
spec:
  parentRefs: [{name: conformance%s}]
  hostnames: [%s]
  rules: [%s]
`, name, section, hostOf(feature), rules)
}

// policy is a policy on something of the suite's; spec is its blocks.
func policy(kind, name, target, spec string) string {
	return fmt.Sprintf(`
---
apiVersion: attache.dev/v1alpha1
kind: %s
metadata: {name: %s, namespace: NS}
spec:
  targetRef: {group: gateway.networking.k8s.io, %s}
  %s
`, kind, name, target, spec)
}

// on is a policy on the route of a feature, and the route.
func on(feature, kind, spec string) string {
	return policy(kind, feature, "kind: HTTPRoute, name: "+feature, spec) + route(feature)
}

const long = 3 * time.Second

// features are all of them. Those of a kind stand together.
var features = []Feature{
	{
		Name: "timeout-request", Fields: []string{"TimeoutPolicy.request"},
		Manifests: on("timeout-request", "TimeoutPolicy", "default: {request: 300ms}"),
		Check: func(ctx context.Context, e *exchange) error {
			return e.before(ctx, ask{do: "delay=5s"}, 504, long)
		},
	},
	{
		Name: "timeout-request-over-all-tries", Fields: []string{"TimeoutPolicy.request", "RetryPolicy.maxRetries"},
		Manifests: policy("RetryPolicy", "timeout-request-over-all-tries", "kind: HTTPRoute, name: timeout-request-over-all-tries", `default: {maxRetries: 20, retryOn: ["503"], backoffPolicy: constant, backoffBase: 200ms}`) +
			on("timeout-request-over-all-tries", "TimeoutPolicy", "default: {request: 700ms}"),
		Check: func(ctx context.Context, e *exchange) error {
			return e.before(ctx, ask{do: "fail=100"}, 504, long)
		},
	},
	{
		Name: "timeout-backend", Fields: []string{"TimeoutPolicy.backend"},
		Manifests: on("timeout-backend", "TimeoutPolicy", "default: {backend: 300ms}"),
		Check: func(ctx context.Context, e *exchange) error {
			return e.before(ctx, ask{do: "delay=5s"}, 504, long)
		},
	},
	{
		Name: "timeout-connect", Fields: []string{"TimeoutPolicy.connect"},
		Manifests: policy("TimeoutPolicy", "timeout-connect", "kind: HTTPRoute, name: timeout-connect", "default: {connect: 300ms, request: 10s}") +
			routeOf("timeout-connect", "timeout-connect", "", "{backendRefs: [{name: deaf, port: PORT}]}"),
		Check: func(ctx context.Context, e *exchange) error {
			got, err := e.send(ctx, ask{})
			if err == nil && (got.code != 502 && got.code != 503 && got.code != 504 || got.took > long) {
				err = fmt.Errorf("answered with %d after %s", got.code, got.took)
			}
			return err
		},
	},
	{
		Name: "timeout-idle", Fields: []string{"TimeoutPolicy.idle"},
		Manifests: on("timeout-idle", "TimeoutPolicy", "default: {idle: 400ms}"),
		Check: func(ctx context.Context, e *exchange) error {
			got, err := e.send(ctx, ask{do: "stall=5s"})
			if err == nil && (got.whole || got.took > long) {
				err = fmt.Errorf("an answer that stalls comes to its end: %t, after %s", got.whole, got.took)
			}
			return err
		},
	},
	{
		Name: "timeout-off", Fields: []string{"TimeoutPolicy.request"}, Idle: true,
		Manifests: policy("TimeoutPolicy", "timeout-off-gateway", "kind: Gateway, name: conformance", "default: {request: 300ms}") +
			on("timeout-off", "TimeoutPolicy", "default: {request: 0s}"),
		Check: func(ctx context.Context, e *exchange) error {
			return e.expect(ctx, ask{do: "delay=700ms"}, 200, 1)
		},
	},
	{
		Name: "retry-code", Fields: []string{"RetryPolicy.maxRetries", "RetryPolicy.retryOn"},
		Manifests: on("retry-code", "RetryPolicy", `default: {maxRetries: 2, retryOn: ["503"], backoffPolicy: constant, backoffBase: 10ms}`),
		Check: func(ctx context.Context, e *exchange) error {
			return e.expect(ctx, ask{do: "fail=2&code=503"}, 200, 3)
		},
	},
	{
		Name: "retry-no-other-code", Fields: []string{"RetryPolicy.maxRetries", "RetryPolicy.retryOn"}, Idle: true,
		Manifests: on("retry-no-other-code", "RetryPolicy", `default: {maxRetries: 2, retryOn: ["503"], backoffPolicy: constant, backoffBase: 10ms}`),
		Check: func(ctx context.Context, e *exchange) error {
			return e.expect(ctx, ask{do: "fail=1&code=500"}, 500, 1)
		},
	},
	{
		Name: "retry-at-most", Fields: []string{"RetryPolicy.maxRetries"},
		Manifests: on("retry-at-most", "RetryPolicy", `default: {maxRetries: 2, retryOn: ["503"], backoffPolicy: constant, backoffBase: 10ms}`),
		Check: func(ctx context.Context, e *exchange) error {
			return e.expect(ctx, ask{do: "fail=9"}, 503, 3)
		},
	},
	retryOn("5xx", "fail=1&code=501"),
	retryOn("gateway-error", "fail=1&code=502"),
	retryOn("retriable-4xx", "fail=1&code=409"),
	{
		Name: "retry-reset", Fields: []string{"RetryPolicy.maxRetries", "RetryPolicy.retryOn"},
		Manifests: on("retry-reset", "RetryPolicy", `default: {maxRetries: 3, retryOn: [reset], backoffPolicy: constant, backoffBase: 10ms}`),
		Check: func(ctx context.Context, e *exchange) error {
			// More often than a client's library tries by itself on connections that
			// were used before.
			return e.expect(ctx, ask{do: "fail=3&code=reset"}, 200, 4)
		},
	},
	{
		Name: "retry-connect-failure", Fields: []string{"RetryPolicy.maxRetries", "RetryPolicy.retryOn"},
		Manifests: policy("RetryPolicy", "retry-connect-failure", "kind: HTTPRoute, name: retry-connect-failure", `default: {maxRetries: 30, retryOn: [connect-failure], backoffPolicy: constant, backoffBase: 5ms}`) +
			routeOf("retry-connect-failure", "retry-connect-failure", "", "{backendRefs: [{name: half-dead, port: PORT}]}"),
		Check: func(ctx context.Context, e *exchange) error {
			for range 10 { // one of two addresses is dead
				if got, err := e.send(ctx, ask{}); err != nil || got.code != 200 {
					return fmt.Errorf("answered with %d %w", got.code, err)
				}
			}
			return nil
		},
	},
	grpcRetry("unavailable", "14"), grpcRetry("cancelled", "1"), grpcRetry("deadline-exceeded", "4"), grpcRetry("internal", "13"), grpcRetry("resource-exhausted", "8"),
	{
		Name: "retry-per-try-timeout", Fields: []string{"RetryPolicy.perTryTimeout"},
		Manifests: on("retry-per-try-timeout", "RetryPolicy", `default: {maxRetries: 1, retryOn: [gateway-error], perTryTimeout: 300ms, backoffPolicy: constant, backoffBase: 10ms}`),
		Check: func(ctx context.Context, e *exchange) error {
			if err := e.before(ctx, ask{do: "fail=1&slow=5s"}, 200, long); err != nil {
				return err
			}
			if seen := len(e.upstream.Seen(e.key)); seen != 2 {
				return fmt.Errorf("%d tries at the backend, wanted 2", seen)
			}
			return nil
		},
	},
	{
		Name: "retry-off", Fields: []string{"RetryPolicy.maxRetries"}, Idle: true,
		Manifests: policy("RetryPolicy", "retry-off-gateway", "kind: Gateway, name: conformance", `default: {maxRetries: 3, retryOn: ["503"]}`) +
			on("retry-off", "RetryPolicy", "default: {maxRetries: 0}"),
		Check: func(ctx context.Context, e *exchange) error {
			return e.expect(ctx, ask{do: "fail=1"}, 503, 1)
		},
	},
	{
		Name: "retry-nothing-unasked", Fields: []string{"RetryPolicy.maxRetries", "RetryPolicy.retryOn"}, Idle: true,
		Manifests: on("retry-nothing-unasked", "RetryPolicy", `default: {maxRetries: 2, retryOn: ["503"]}`),
		Check: func(ctx context.Context, e *exchange) error {
			warm := *e // a connection that was used before tempts a client's library to try again
			warm.key += "warm"
			if err := warm.expect(ctx, ask{}, 200, 1); err != nil {
				return err
			}
			got, err := e.send(ctx, ask{do: "fail=1&code=reset"})
			if seen := len(e.upstream.Seen(e.key)); err == nil && (got.code < 500 || seen != 1) {
				err = fmt.Errorf("answered with %d after %d tries", got.code, seen)
			}
			return err
		},
	},
	{
		Name: "backoff-constant", Fields: []string{"RetryPolicy.backoffPolicy", "RetryPolicy.backoffBase"},
		Manifests: on("backoff-constant", "RetryPolicy", `default: {maxRetries: 2, retryOn: ["503"], backoffPolicy: constant, backoffBase: 300ms}`),
		Check: func(ctx context.Context, e *exchange) error {
			if err := e.expect(ctx, ask{do: "fail=2"}, 200, 3); err != nil {
				return err
			}
			return e.gaps(long, 300*time.Millisecond, 300*time.Millisecond)
		},
	},
	{
		Name: "backoff-exponential", Fields: []string{"RetryPolicy.backoffPolicy", "RetryPolicy.backoffBase"},
		Manifests: on("backoff-exponential", "RetryPolicy", `default: {maxRetries: 3, retryOn: ["503"], backoffPolicy: exponential, backoffBase: 150ms, backoffMax: 10s}`),
		Check: func(ctx context.Context, e *exchange) error {
			if err := e.expect(ctx, ask{do: "fail=3"}, 200, 4); err != nil {
				return err
			}
			return e.gaps(long, 150*time.Millisecond, 300*time.Millisecond, 600*time.Millisecond)
		},
	},
	{
		Name: "backoff-max", Fields: []string{"RetryPolicy.backoffMax"},
		Manifests: on("backoff-max", "RetryPolicy", `default: {maxRetries: 6, retryOn: ["503"], backoffPolicy: exponential, backoffBase: 100ms, backoffMax: 200ms}`),
		Check: func(ctx context.Context, e *exchange) error {
			return e.before(ctx, ask{do: "fail=6"}, 200, 100*time.Millisecond+5*200*time.Millisecond+2*time.Second)
		},
	},
	{
		Name: "body-is-sent-again", Fields: []string{"RetryPolicy.maxRetries"},
		Manifests: on("body-is-sent-again", "RetryPolicy", `default: {maxRetries: 1, retryOn: ["503"], backoffPolicy: constant, backoffBase: 10ms}`),
		Check: func(ctx context.Context, e *exchange) error {
			return e.expect(ctx, ask{method: "POST", body: "a short body", do: "fail=1"}, 200, 2)
		},
	},
}

// retryOn is a feature for one condition.
func retryOn(condition, do string) Feature {
	name := "retry-" + condition
	return Feature{
		Name: name, Fields: []string{"RetryPolicy.maxRetries", "RetryPolicy.retryOn"},
		Manifests: on(name, "RetryPolicy", fmt.Sprintf(`default: {maxRetries: 1, retryOn: [%s], backoffPolicy: constant, backoffBase: 10ms}`, condition)),
		Check: func(ctx context.Context, e *exchange) error {
			return e.expect(ctx, ask{do: do}, 200, 2)
		},
	}
}

// grpcRetry is a feature for one gRPC status, on a call that a GRPCRoute serves.
func grpcRetry(status, code string) Feature {
	name := "retry-grpc-" + status
	return Feature{
		Name: name, Fields: []string{"RetryPolicy.maxRetries", "RetryPolicy.retryOn"},
		Manifests: policy("RetryPolicy", name, "kind: GRPCRoute, name: "+name, fmt.Sprintf(`default: {maxRetries: 1, retryOn: [%s], backoffPolicy: constant, backoffBase: 10ms}`, status)) + fmt.Sprintf(`
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: %s, namespace: NS}
spec:
  parentRefs: [{name: conformance}]
  hostnames: [%s]
  rules: [{backendRefs: [{name: backend, port: PORT}]}]
`, name, hostOf(name)),
		Check: func(ctx context.Context, e *exchange) error {
			return e.expect(ctx, ask{method: "POST", path: "/a.B/C", headers: map[string]string{"Content-Type": "application/grpc"}, do: "fail=1&grpc=" + code}, 200, 2)
		},
	}
}
