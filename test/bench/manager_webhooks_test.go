package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/attache-dev/attache/charts"
	"github.com/attache-dev/attache/webhook"
)

// webhooks is a running process that answers admission reviews, registered with the API server as the
// chart does it.
type webhooks struct {
	process *manager
	address string
	client  *http.Client
}

// startWebhooks installs what the chart says about admission: the Service leads to this machine. Flags
// are those of the process besides.
func (s *site) startWebhooks(flags ...string) *webhooks {
	s.b.Helper()
	objects, err := charts.Render(charts.Release{Values: object{"certificates": object{"provider": "generated"}}})
	if err != nil {
		s.b.Fatal(err)
	}
	certDir := s.b.TempDir()
	var configurations []*unstructured.Unstructured
	for _, u := range objects {
		switch {
		case u.GetKind() == "Secret":
			mount(s.b, u, certDir)
		case strings.HasSuffix(u.GetKind(), "WebhookConfiguration"):
			configurations = append(configurations, u)
		}
	}
	address := freeAddress(s.b)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		s.b.Fatal(err)
	}
	process := s.start(append([]string{"--disable-controller", "--disable-webhooks=false",
		"--webhook-host", host, "--webhook-port", port, "--cert-dir", certDir, "--subject-access-reviews=false"}, flags...)...)
	s.register(configurations, port)
	return &webhooks{process: process, address: address, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // who answers is known
	}}}
}

// mount writes a Secret into files, as the kubelet would.
func mount(b *testing.B, secret *unstructured.Unstructured, folder string) {
	b.Helper()
	data, _, err := unstructured.NestedStringMap(secret.Object, "data")
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range data {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), decoded, 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

// register has the API server call the webhooks.
func (s *site) register(configurations []*unstructured.Unstructured, port string) {
	s.b.Helper()
	s.cluster.create(s.b, namespaceOf("attache-system"))
	s.cluster.create(s.b, &unstructured.Unstructured{Object: object{"apiVersion": "v1", "kind": "Service",
		"metadata": object{"name": "attache-webhook", "namespace": "attache-system"},
		"spec":     object{"type": "ExternalName", "externalName": "localhost"}}})
	hooks, err := charts.WebhooksOf(configurations)
	if err != nil {
		s.b.Fatal(err)
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		s.b.Fatal(err)
	}
	hooks.OnPort(int32(number))
	var typed []any
	for _, c := range hooks.Mutating {
		typed = append(typed, c)
	}
	for _, c := range hooks.Validating {
		typed = append(typed, c)
	}
	for _, c := range typed {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c)
		if err != nil {
			s.b.Fatal(err)
		}
		s.cluster.create(s.b, &unstructured.Unstructured{Object: content})
	}
}

// admit asks for a review of a new route, again and again until ctx ends, and returns how long each
// took. There are fifty a second, or fewer where an answer takes longer.
func (w *webhooks) admit(ctx context.Context, b *testing.B) (all latencies) {
	b.Helper()
	body := asked(b, admissionv1.Create, httpRoute("team-0", "new", 3, max(1, *managerRoutes/20)), nil)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		all.time(func() {
			answer, err := w.client.Post("https://"+w.address+webhook.ValidatePath+"?timeout=5s", "application/json", bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			defer func() { _ = answer.Body.Close() }()
			if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
				b.Error(answer.Status, err)
			}
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return all
}

// admission measures reviews while nothing happens, and while an edit of the class is written out.
func (s *site) admission() {
	w := s.startWebhooks()
	s.manager.settle(s.b)
	idle, cancel := context.WithTimeout(s.b.Context(), *managerIdle)
	defer cancel()
	before := w.admit(idle, s.b)
	busy, done := context.WithCancel(s.b.Context())
	defer done()
	asked := make(chan latencies, 1)
	go func() { asked <- w.admit(busy, s.b) }()
	out := s.editClass("8s", "admission")
	done()
	during := <-asked
	measured(s.b, "admission-idle-p99-ns", float64(before.at(0.99)))
	measured(s.b, "admission-busy-p99-ns", float64(during.at(0.99)))
	measured(s.b, "admission-p99-ratio", float64(during.at(0.99))/float64(before.at(0.99)))
	s.say("admission: p99 %v idle (%d reviews), %v while %.0f objects were written in %v (%d reviews)",
		before.at(0.99), len(before), during.at(0.99), out.writes, out.took, len(during))
	s.plain = out
	s.unregister()
	w.process.terminate(s.b)
}

// fanOut is what the writing out of one edit took.
type fanOut struct {
	pass
	writes, touches float64
	// took is until the last status or annotation was written, touching until the last touch.
	took, touching time.Duration
}

// editClass edits the override on the class that all routes are below, and waits until it is written out.
// The phase is what a profile of it is called.
func (s *site) editClass(request, phase string) (out fanOut) {
	s.b.Helper()
	profiled := s.manager.profile(s.b, phase)
	defer profiled()
	writes, touches := s.manager.metric(s.b, "attache_writes_total"), s.manager.metric(s.b, "attache_export_writes_total")
	began, own, server := time.Now(), s.manager.metric(s.b, "process_cpu_seconds_total"), s.serverSpent()
	s.cluster.patch(s.b, above("GatewayClass", "class-0", 0)[0], object{"spec": object{"default": nil, "override": object{"request": request}}})
	still := 0
	for tick := time.NewTicker(askedEvery); still < 15; <-tick.C { // three seconds without anything
		figures := s.manager.figures(s.b)
		still++
		if now := figures.sum("attache_writes_total") - writes; now != out.writes {
			out.writes, out.took, still = now, time.Since(began), 0
		}
		if now := figures.sum("attache_export_writes_total") - touches; now != out.touches {
			out.touches, out.touching, still = now, time.Since(began), 0
		}
		if figures.busy() > 0 || out.writes == 0 {
			still = 0
		}
	}
	out.pass = pass{out.writes / out.took.Seconds(), (s.manager.metric(s.b, "process_cpu_seconds_total") - own) / out.writes,
		(s.serverSpent() - server) / out.writes}
	return out
}

// exporter starts the manager with the exporter that writes into routes, and edits the class again. The
// controller makes an admission of each route happen by a patch that says nothing; a bare client sends
// the same patches, where the next value is to be put in and where nothing is.
func (s *site) exporter() {
	s.cluster.patch(s.b, gatewayClass(0), object{"metadata": object{"annotations": object{"attache.dev/export": "standard"}}})
	flags := []string{"--exporters", "standard", "--export-parameters", "standard.inject=All"}
	s.manager.terminate(s.b)
	s.startWebhooks(flags...)
	s.manager = s.start(flags...)
	began := time.Now()
	s.manager.settle(s.b)
	s.say("the first injection, and what is said of it: %v", time.Since(began))
	out := s.editClass("9s", "exporter")
	routes := s.injected("9s")
	injected := float64(len(routes)) / max(out.took, out.touching).Seconds()
	s.manager.terminate(s.b)
	touching, idle := s.bareTouches(routes[:min(len(routes), 1000)])
	measured(s.b, "export-injected/s", injected)
	measured(s.b, "bare-touches/s", touching)
	measured(s.b, "bare-no-op-patches/s", idle)
	measured(s.b, "export-touches-ratio", injected/touching)
	measured(s.b, "export-status-ratio", out.took.Seconds()/s.plain.took.Seconds())
	s.say("with an exporter: %.0f writes in %v (without: %.0f in %v), and %.0f touches until %v; injected: %.0f routes a second, by a bare client %.0f; its patches that change nothing: %.0f a second",
		out.writes, out.took, s.plain.writes, s.plain.took, out.touches, out.touching, injected, touching, idle)
}

// injected are all routes. The benchmark fails unless each has the timeout.
func (s *site) injected(want string) []*unstructured.Unstructured {
	s.b.Helper()
	routes := s.cluster.list(s.b, gatewayAPI, "HTTPRoute")
	for _, u := range routes {
		if got := injectedRequest(u); got != want {
			s.b.Errorf("HTTPRoute %s has the timeout %q, want %s", u.GetName(), got, want)
			break
		}
	}
	return routes
}

// bareTouches edits the class once more, without a controller, and is how many routes a bare client has
// the value put into in a second, and how many of its patches are answered once nothing is left to do.
func (s *site) bareTouches(routes []*unstructured.Unstructured) (touching, idle float64) {
	s.b.Helper()
	touch := func(b *testing.B, u *unstructured.Unstructured) { s.cluster.touch(b, u) }
	s.cluster.patch(s.b, above("GatewayClass", "class-0", 0)[0], object{"spec": object{"override": object{"request": "10s"}}})
	first := routes[0]
	await(s.b, time.Minute, func(context.Context) error { // until admission knows
		if got := injectedRequest(s.cluster.touch(s.b, first)); got != "10s" {
			return fmt.Errorf("HTTPRoute %s has the timeout %q", first.GetName(), got)
		}
		return nil
	})
	return s.pass(routes, 1, touch).rate, s.pass(routes, 1, touch).rate
}

// injectedRequest is the timeout that was put into the first rule of a route.
func injectedRequest(u *unstructured.Unstructured) string {
	rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
	if len(rules) == 0 {
		return ""
	}
	rule, _ := rules[0].(map[string]any)
	request, _, _ := unstructured.NestedString(rule, "timeouts", "request")
	return request
}

// unregister takes the webhooks back.
func (s *site) unregister() {
	s.b.Helper()
	for _, kind := range []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
		for _, u := range s.cluster.list(s.b, "admissionregistration.k8s.io/v1", kind) {
			s.cluster.remove(s.b, u)
		}
	}
}

// say tells who waits for a long benchmark what it has measured.
func (s *site) say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, values...))
}
