package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/test/worldtest"
	"github.com/attache-dev/attache/webhook"
)

// receiver is a small collector: it takes OTLP over gRPC and keeps it.
type receiver struct {
	collectortrace.UnimplementedTraceServiceServer
	mu    sync.Mutex
	spans []*tracepb.Span
}

func (r *receiver) Export(_ context.Context, request *collectortrace.ExportTraceServiceRequest) (*collectortrace.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			r.spans = append(r.spans, scope.GetSpans()...)
		}
	}
	return &collectortrace.ExportTraceServiceResponse{}, nil
}

func newReceiver(t *testing.T) (r *receiver, endpoint string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r = &receiver{}
	server := grpc.NewServer()
	collectortrace.RegisterTraceServiceServer(server, r)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r, "http://" + listener.Addr().String()
}

// text is an attribute of a span.
func text(span *tracepb.Span, key string) string {
	for _, a := range span.GetAttributes() {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// tracedWorld has two Gateways, one of which is traced, with a route on each.
const tracedWorld = `
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: quiet, namespace: infra}, spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: watched, namespace: infra, annotations: {gateway.networking.k8s.io/enable-tracing: "true"}}, spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: on-quiet, namespace: shop}, spec: {parentRefs: [{name: quiet, namespace: infra}], rules: [{}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: on-watched, namespace: shop}, spec: {parentRefs: [{name: watched, namespace: infra}], rules: [{}]}}
`

// reviewed is the body of a review of a new policy on a route.
func reviewed(t *testing.T, route, spec string) string {
	t.Helper()
	u := worldtest.Object(t, `{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: on-`+route+`, namespace: shop}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: `+route+`}, `+spec+`}}`)
	raw, err := u.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(&admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{UID: types.UID(route), Operation: admissionv1.Create, Namespace: "shop", Name: u.GetName(),
			Kind: metav1.GroupVersionKind{Group: "attache.dev", Version: "v1alpha1", Kind: "TimeoutPolicy"}, Object: runtime.RawExtension{Raw: raw}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A review is one trace from its arrival to the verdict, where a share of them all, a
// Gateway's annotation or the API server asks for it.
func TestReviewsAreTraced(t *testing.T) {
	s, problems := policy.NewSnapshot(policy.Options{PlatformNamespaces: []string{"infra"}}).With(worldtest.Objects(t, tracedWorld)...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s, _ = s.With(worldtest.Kinds(t)...)
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, test := range map[string]struct {
		ratio  float64
		route  string
		parent string
		traced bool
	}{
		"nobody asks":       {0, "on-quiet", "", false},
		"the Gateway asks":  {0, "on-watched", "", true},
		"all are asked for": {1, "on-quiet", "", true},
		"the API server":    {0, "on-quiet", parent, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, endpoint := newReceiver(t)
			traces, err := (&tracingSettings{endpoint: endpoint, ratio: test.ratio}).newTracing(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			h, err := webhook.New(webhook.Options{Snapshot: func() (*policy.Snapshot, bool) { return s, true }, Metrics: prometheus.NewRegistry(), Tracer: traces.tracer()})
			if err != nil {
				t.Fatal(err)
			}
			call := httptest.NewRequest("POST", "/validate?timeout=10s", strings.NewReader(reviewed(t, test.route, "default: {request: 5s}")))
			call.Header.Set("Content-Type", "application/json")
			if test.parent != "" {
				call.Header.Set("Traceparent", test.parent)
			}
			answer := httptest.NewRecorder()
			h.Validate().ServeHTTP(answer, call)
			if answer.Code != 200 {
				t.Fatalf("HTTP %d: %s", answer.Code, answer.Body)
			}
			if err := traces.end(); err != nil {
				t.Fatal(err)
			}
			r.check(t, test.traced, test.parent)
		})
	}
}

// check looks at the trace of one review.
func (r *receiver) check(t *testing.T, traced bool, parent string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if (len(r.spans) > 0) != traced {
		t.Fatalf("%d spans came", len(r.spans))
	}
	var names []string
	for _, span := range r.spans {
		names = append(names, span.GetName())
		if span.GetName() != "AdmissionReview validate" {
			continue
		}
		if got := text(span, "k8s.kind") + " " + text(span, "k8s.namespace.name") + " " + text(span, "attache.decision"); got != "TimeoutPolicy shop allowed" {
			t.Errorf("the span is about %s", got)
		}
		if parent != "" && (len(span.GetParentSpanId()) == 0 || !strings.HasPrefix(parent[3:], hexOf(span.GetTraceId()))) {
			t.Errorf("it is not part of the API server's trace")
		}
	}
	slices.Sort(names)
	if want := "AdmissionReview validate, decide, read, review, wait for a turn"; traced && strings.Join(names, ", ") != want {
		t.Errorf("the spans are %v", names)
	}
}

func TestBadEndpointsAreExplained(t *testing.T) {
	for endpoint, says := range map[string]string{"collector:4317": "is not the URL of a collector", "ftp://x": "is not the URL of a collector"} {
		if _, err := (&tracingSettings{endpoint: endpoint}).newTracing(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	if _, err := (&tracingSettings{endpoint: "http://x:1", ratio: 2}).newTracing(t.Context()); err == nil {
		t.Error("a share of 2 is taken")
	}
}
