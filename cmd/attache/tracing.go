package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/pflag"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/attache-dev/attache/webhook"
)

// tracingSettings are the flags of tracing.
type tracingSettings struct {
	endpoint string
	ratio    float64
}

func (s *tracingSettings) flags(f *pflag.FlagSet) {
	f.StringVar(&s.endpoint, "trace-endpoint", "", "`URL` of an OpenTelemetry collector that accepts OTLP over gRPC, such as http://collector.observability:4317; https:// uses TLS; if empty, nothing is traced")
	f.Float64Var(&s.ratio, "trace-sample-ratio", 0, "share of reviews that are traced, from 0 to 1, in addition to those that the API server traces and those about Gateways with gateway.networking.k8s.io/enable-tracing: \"true\"")
}

// tracing sends spans to a collector. Nil sends none.
type tracing struct{ provider *sdktrace.TracerProvider }

// newTracing returns nil if tracing is off. A collector that does not answer delays nothing: its
// spans are dropped.
func (s *tracingSettings) newTracing(ctx context.Context) (*tracing, error) {
	if s.endpoint == "" {
		return nil, nil
	}
	if s.ratio < 0 || s.ratio > 1 {
		return nil, fmt.Errorf("--trace-sample-ratio: %v is not a share: write a number from 0 to 1", s.ratio)
	}
	at, err := url.Parse(s.endpoint)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, fmt.Errorf("--trace-endpoint: %q is not the URL of a collector: write one such as http://collector.observability:4317", s.endpoint)
	}
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(s.endpoint), otlptracegrpc.WithTimeout(5*time.Second))
	if err != nil {
		return nil, fmt.Errorf("--trace-endpoint: %w", err)
	}
	return &tracing{sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter, sdktrace.WithBatchTimeout(time.Second)),
		sdktrace.WithSampler(asAnnotated{sdktrace.ParentBased(sdktrace.TraceIDRatioBased(s.ratio))}),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "attache"), attribute.String("service.version", versionText()))),
	)}, nil
}

// tracer is the tracer of admission; nil without tracing.
func (t *tracing) tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer("github.com/attache-dev/attache/webhook")
}

// end sends the remaining spans.
func (t *tracing) end() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// asAnnotated samples reviews for which a Gateway's annotation requests it, and leaves the others
// to another sampler.
type asAnnotated struct{ sdktrace.Sampler }

// ShouldSample implements sdktrace.Sampler.
func (s asAnnotated) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	for _, a := range p.Attributes {
		if a.Key == webhook.TraceAlways && a.Value.AsBool() {
			return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
		}
	}
	return s.Sampler.ShouldSample(p)
}

// Description implements sdktrace.Sampler.
func (s asAnnotated) Description() string { return "AsAnnotated{" + s.Sampler.Description() + "}" }
