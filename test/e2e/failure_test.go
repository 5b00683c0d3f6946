package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// brokenReplica is a way for a webhook to fail.
type brokenReplica struct {
	name string
	// serve answers; without it and without start nobody listens.
	serve func(w http.ResponseWriter, uid string)
	// start makes a replica that is not even an HTTP server, and returns where.
	start func(t *testing.T) string
	// foreign is a certificate of somebody else.
	foreign bool
	// says is what a person reads with Fail.
	says string
	// calls is how often the API server asks at least, and most how long it takes.
	calls int64
	most  time.Duration
}

// slack is what a busy machine may add to the timeouts that the API server was told.
const slack = 10 * time.Second

func reviewAnswer(w http.ResponseWriter, uid string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":%q,"allowed":true}}`, uid)
}

func brokenReplicas() []brokenReplica {
	return []brokenReplica{
		{name: "killed", says: "connect: connection refused", most: 4 * time.Second},
		{name: "black hole", start: blackHole, says: "context deadline exceeded", most: 4 * time.Second},
		{name: "wrong certificate", serve: reviewAnswer, foreign: true, says: "tls: failed to verify certificate: x509", most: 2 * time.Second},
		{name: "HTTP 500", serve: func(w http.ResponseWriter, _ string) { http.Error(w, "out of order", http.StatusInternalServerError) },
			says: "failed to call webhook: an error on the server", calls: 1, most: 2 * time.Second},
		{name: "503 with Retry-After", serve: func(w http.ResponseWriter, _ string) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "busy", http.StatusServiceUnavailable)
		}, says: "context deadline exceeded", calls: 2, most: 4 * time.Second},
		{name: "malformed answer", serve: func(w http.ResponseWriter, _ string) { fmt.Fprint(w, "yes") },
			says: "failed to call webhook: couldn't get version/kind", calls: 1, most: 2 * time.Second},
		{name: "wrong uid", serve: func(w http.ResponseWriter, _ string) { reviewAnswer(w, "another") },
			says: `expected response.uid=`, calls: 1, most: 2 * time.Second},
		{name: "slow", serve: func(w http.ResponseWriter, uid string) {
			<-time.After(3 * time.Second) // what it plays
			reviewAnswer(w, uid)
		}, says: "context deadline exceeded", calls: 1, most: 4 * time.Second},
	}
}

func closedPort(t *testing.T) string { return freeAddress(t) }

// blackHole takes connections and says nothing.
func blackHole(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			if _, err := listener.Accept(); err != nil {
				return
			}
		}
	}()
	return listener.Addr().String()
}

// serveAt serves the failure with TLS and returns where.
func (b brokenReplica) serveAt(t *testing.T, certDir string, calls *atomic.Int64) string {
	if b.start != nil {
		return b.start(t)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var review struct{ Request struct{ UID string } }
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &review)
		b.serve(w, review.Request.UID)
	}))
	server.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	server.Config.SetKeepAlivesEnabled(false) // the next failure is to be met afresh
	if !b.foreign {
		pair, err := tls.LoadX509KeyPair(filepath.Join(certDir, "tls.crt"), filepath.Join(certDir, "tls.key"))
		if err != nil {
			t.Fatal(err)
		}
		server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// TestFailureMatrix is every way in which a webhook fails, with both failure
// policies. docs/failure-modes.md has the results.
func TestFailureMatrix(t *testing.T) {
	a := startAdmission(t, map[string]any{
		"platformNamespaces": []any{"infra"},
		"admission":          map[string]any{"timeouts": map[string]any{"validating": 2, "mutating": 1}},
	})
	w := a.as(a.plane.Config, "shop")
	a.board.to(closedPort(t))
	a.policy(w, "Ignore")
	w.apply(shopAbove)
	write := policyOn("shop", "p", "kind: HTTPRoute, name: checkout", "default: {request: 5s}")
	for _, failurePolicy := range []string{"Ignore", "Fail"} {
		a.policy(w, failurePolicy)
		for _, b := range brokenReplicas() {
			t.Run(b.name+" and "+failurePolicy, func(t *testing.T) {
				var calls atomic.Int64
				if b.start == nil && b.serve == nil {
					a.board.down()
					defer a.board.up()
				} else {
					a.board.to(b.serveAt(t, a.certDir, &calls))
				}
				before := a.counted()
				began := time.Now()
				_, err := w.tryCreate(write, client.DryRunAll)
				took := time.Since(began)
				a.counts(t, before, failurePolicy)
				if took > b.most+slack {
					t.Errorf("it took %s", took)
				}
				if calls.Load() < b.calls {
					t.Errorf("%d calls", calls.Load())
				}
				switch {
				case failurePolicy == "Ignore" && err != nil:
					t.Errorf("it is held up: %v", err)
				case failurePolicy == "Fail" && (err == nil || !strings.Contains(err.Error(), `failed calling webhook "policies.attache.dev"`) || !strings.Contains(err.Error(), b.says)):
					t.Errorf("got %v", err)
				}
				t.Logf("after %s and %d calls a person reads: %v", took.Round(10*time.Millisecond), calls.Load(), err)
			})
		}
	}
	a.policy(w, "Ignore") // what was made has to go
}

// counters are what the API server itself counts about the webhook for policies: writes that it
// refused because a call failed, those that it refused for another reason, and those that it let
// through although a call failed.
type counters struct{ unreachable, refused, open float64 }

// counted reads the counters.
func (a *admission) counted() (n counters) {
	a.Helper()
	finder, err := discovery.NewDiscoveryClientForConfig(a.plane.Config)
	if err != nil {
		a.Fatal(err)
	}
	text, err := finder.RESTClient().Get().AbsPath("/metrics").DoRaw(a.Context())
	if err != nil {
		a.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		a.Fatal(err)
	}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			value := m.GetCounter().GetValue()
			switch {
			case labels["name"] != "policies.attache.dev":
			case name == "apiserver_admission_webhook_fail_open_count":
				n.open += value
			case name == "apiserver_admission_webhook_rejection_count" && labels["error_type"] == "calling_webhook_error":
				n.unreachable += value
			case name == "apiserver_admission_webhook_rejection_count":
				n.refused += value
			}
		}
	}
	return n
}

// counts checks that the API server counted one write as its failure policy says.
func (a *admission) counts(t *testing.T, before counters, failurePolicy string) {
	t.Helper()
	want := before
	if failurePolicy == "Fail" {
		want.unreachable++
	} else {
		want.open++
	}
	if now := a.counted(); now != want {
		t.Errorf("with %s the API server counted %+v, then %+v", failurePolicy, before, now)
	}
}

// policy sets the failure policy of all validating webhooks, and waits until the
// API server follows, which nothing but its behaviour shows.
func (a *admission) policy(w *world, failurePolicy string) {
	a.Helper()
	config := named("ValidatingWebhookConfiguration.v1.admissionregistration.k8s.io", "", "attache")
	if err := w.Get(w.Context(), client.ObjectKeyFromObject(config), config); err != nil {
		a.Fatal(err)
	}
	hooks, _, _ := unstructured.NestedSlice(config.Object, "webhooks")
	for _, h := range hooks {
		h.(map[string]any)["failurePolicy"] = failurePolicy
	}
	if err := unstructured.SetNestedSlice(config.Object, hooks, "webhooks"); err != nil {
		a.Fatal(err)
	}
	if err := w.Update(w.Context(), config); err != nil {
		a.Fatal(err)
	}
	within(a, patience, "the API server to follow the configuration", func(ctx context.Context) error {
		_, err := w.tryCreate(`{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: probe}, spec: {controllerName: example.com/probe}}`, client.DryRunAll)
		if (err == nil) != (failurePolicy == "Ignore") {
			return fmt.Errorf("with %s the API server says %w", failurePolicy, err)
		}
		return nil
	})
}
