package webhook

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// TraceAlways is the attribute of a span that is recorded whatever the sample ratio
// is: the span of a review about a Gateway with the annotation for tracing.
const TraceAlways = attribute.Key("attache.traced_by_gateway")

// remote is the context of a call, with the trace to which it belongs according to
// the API server.
func (h *Handlers) remote(r *http.Request) context.Context {
	if h.options.Tracer == nil {
		return r.Context()
	}
	return propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
}

// trace begins the span of a review, dated to its arrival, with what has happened
// since then. The returned function ends it with the outcome. Spans name the object
// but hold no messages: those are for its author.
func (k *hook) trace(ctx context.Context, req *request, c concerned) (context.Context, func(*answer, error)) {
	tracer, ref := k.h.options.Tracer, req.ref()
	if tracer == nil {
		return ctx, func(*answer, error) {}
	}
	ctx, span := tracer.Start(ctx, "AdmissionReview "+k.name, trace.WithTimestamp(req.arrived), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		TraceAlways.Bool(c.Tracing),
		attribute.String("attache.webhook", k.name),
		attribute.String("k8s.operation", string(req.Operation)),
		attribute.String("k8s.group", ref.GroupKind.Group),
		attribute.String("k8s.kind", ref.Kind),
		attribute.String("k8s.namespace.name", ref.Namespace),
		attribute.String("k8s.object.name", ref.Name),
		attribute.String("k8s.review.uid", string(req.UID)),
	))
	if !span.IsRecording() {
		return ctx, func(*answer, error) {}
	}
	_, part := tracer.Start(ctx, "read", trace.WithTimestamp(req.arrived))
	part.End(trace.WithTimestamp(req.read))
	_, part = tracer.Start(ctx, "wait for a turn", trace.WithTimestamp(req.read))
	part.End(trace.WithTimestamp(req.begun))
	ctx, deciding := tracer.Start(ctx, "decide", trace.WithTimestamp(req.begun))
	return ctx, func(a *answer, err error) {
		deciding.End()
		switch {
		case err != nil:
			span.SetStatus(codes.Error, "undecided")
			span.SetAttributes(attribute.String("attache.decision", decisionUndecided))
		case a.denial != nil:
			span.SetAttributes(attribute.String("attache.decision", decisionDenied), attribute.Int("http.response.status_code", int(a.denial.Code)))
		default:
			span.SetAttributes(attribute.String("attache.decision", decisionAllowed))
		}
		if a != nil {
			span.SetAttributes(attribute.Int("attache.warnings", len(a.warnings)), attribute.Int("attache.patches", len(a.patch)))
		}
		span.End()
	}
}

// stage is a part of a decision.
func (h *Handlers) stage(ctx context.Context, name string) (context.Context, func(...attribute.KeyValue)) {
	if h.options.Tracer == nil {
		return ctx, func(...attribute.KeyValue) {}
	}
	ctx, span := h.options.Tracer.Start(ctx, name)
	return ctx, func(found ...attribute.KeyValue) {
		span.SetAttributes(found...)
		span.End()
	}
}
