package bench

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
	process    *manager
	ours, bare string // the URLs of ours, and of one that allows everything
	client     *http.Client
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
	s.webhooks = &webhooks{process: process, ours: "https://" + address + webhook.ValidatePath + "?timeout=5s", bare: "https://" + s.startAllowing(certDir) + "/",
		client: insecure()}
	return s.webhooks
}

// insecure is a client of webhooks on this machine.
func insecure() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // who answers is known
	}}
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

// reviews are how long reviews took, of ours and of a webhook that allows everything.
type reviews struct {
	began      []time.Time
	ours, bare latencies
	failed     int
	failure    error // the first one
}

// until leaves out what began later.
func (r reviews) until(end time.Time) reviews {
	n, _ := slices.BinarySearchFunc(r.began, end, time.Time.Compare)
	r.began, r.ours, r.bare = r.began[:n], r.ours[:n], r.bare[:n]
	return r
}

// admit asks for a review of a new route, again and again until ctx ends: ours and then the one that
// allows everything, so that both meet the same machine. There are fifty a second of each, or fewer where
// an answer takes longer. A review that fails counts with the time that it took.
func (w *webhooks) admit(ctx context.Context, b *testing.B) (all reviews) {
	b.Helper()
	body := asked(b, admissionv1.Create, httpRoute("team-0", "new", 3, max(1, *managerRoutes/20)), nil)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		all.began = append(all.began, time.Now())
		for _, of := range []struct {
			url  string
			took *latencies
		}{{w.ours, &all.ours}, {w.bare, &all.bare}} {
			of.took.time(func() {
				if err := w.ask(of.url, body); err != nil {
					all.failed++
					all.failure = cmp.Or(all.failure, err)
				}
			})
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return all
}

func (w *webhooks) ask(url string, body []byte) error {
	answer, err := w.client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}

// admission measures reviews while nothing happens, and while an edit of the class is written out.
func (s *site) admission() {
	s.running()
	w := s.startWebhooks()
	s.manager.settle(s.b)
	idle, cancel := context.WithTimeout(s.b.Context(), *managerIdle)
	defer cancel()
	before := w.admit(idle, s.b)
	say("reviews while nothing happens: p50 %v, p99 %v; of a webhook that allows everything %v, %v (%d each)",
		before.ours.at(0.5), before.ours.at(0.99), before.bare.at(0.5), before.bare.at(0.99), len(before.ours))
	busy, done := context.WithCancel(s.b.Context())
	defer done()
	asked := make(chan reviews, 1)
	go func() { asked <- w.admit(busy, s.b) }()
	spent := w.process.metric(s.b, "process_cpu_seconds_total")
	out := s.editClass("admission")
	done()
	during := (<-asked).until(out.began.Add(out.took))
	s.plain = out
	slower := func(of func(reviews) latencies) float64 {
		return float64(of(during).at(0.99)) / float64(of(before).at(0.99))
	}
	ours, bare := slower(func(r reviews) latencies { return r.ours }), slower(func(r reviews) latencies { return r.bare })
	measured(s.b, "admission-idle-p99-ns", float64(before.ours.at(0.99)))
	measured(s.b, "admission-busy-p99-ns", float64(during.ours.at(0.99)))
	measured(s.b, "bare-admission-busy-p99-ns", float64(during.bare.at(0.99)))
	measured(s.b, "admission-p99-ratio", ours)
	measured(s.b, "bare-admission-p99-ratio", bare)
	measured(s.b, "admission-failed", float64(before.failed+during.failed))
	say("an edit of the class: %s", out)
	say("reviews meanwhile: p50 %v, p99 %v, %.2f of what it was; of a webhook that allows everything %v, %v, %.2f (%d each); the webhooks' processor time: %.1f s",
		during.ours.at(0.5), during.ours.at(0.99), ours, during.bare.at(0.5), during.bare.at(0.99), bare, len(during.ours),
		w.process.metric(s.b, "process_cpu_seconds_total")-spent)
	if failed := before.failed + during.failed; failed > 0 {
		say("%d reviews failed: %v", failed, cmp.Or(before.failure, during.failure))
	}
	s.unregister()
	w.process.terminate(s.b)
	s.webhooks = nil
}

// fanOut is what the writing out of one edit took.
type fanOut struct {
	pass
	request                string // the timeout that the class has since
	began                  time.Time
	writes, touches, looks float64 // looks are how often an object was looked at
	// took is until the last status or annotation was written, touching until the last touch.
	took, touching time.Duration
}

// String is what it took.
func (f fanOut) String() string {
	n := (f.writes + f.touches) / f.writes
	return fmt.Sprintf("%.0f writes in %v; processor time of a write or touch: %.1f ms and %.1f ms of the API server; %.0f objects were looked at",
		f.writes, f.took.Round(time.Millisecond), f.writer*1000/n, f.server*1000/n, f.looks)
}

// editClass edits the override on the class that all routes are below, and waits until it is written out.
// The phase is what a profile of it is called.
func (s *site) editClass(phase string) (out fanOut) {
	s.b.Helper()
	profiled := s.profile(phase)
	defer profiled()
	s.edits++
	out.request = fmt.Sprintf("%ds", 6+s.edits)
	writes, touches := s.manager.metric(s.b, "attache_writes_total"), s.manager.metric(s.b, "attache_export_writes_total")
	looks := s.manager.metric(s.b, "controller_runtime_reconcile_total")
	own, server := s.manager.metric(s.b, "process_cpu_seconds_total"), s.serverSpent()
	began := time.Now()
	out.began = began
	s.override(out.request)
	still := 0
	seen := watchdog{}
	for tick := time.NewTicker(askedEvery); still < 6; <-tick.C { // three seconds without anything
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
		seen.look(s.b, figures)
	}
	out.looks = s.manager.metric(s.b, "controller_runtime_reconcile_total") - looks
	out.pass = pass{out.writes / out.took.Seconds(), (s.manager.metric(s.b, "process_cpu_seconds_total") - own) / out.writes,
		(s.serverSpent() - server) / out.writes}
	return out
}

// exporter starts the manager with the exporter that writes into routes, and edits the class again. The
// controller makes an admission of each route happen by a patch that says nothing; a bare client, as the
// same user, has sent the same patches before, where a value was to be put in and where nothing was.
func (s *site) exporter() {
	if s.plain.took == 0 {
		s.running()
		s.plain = s.editClass("plain")
	}
	s.stop()
	s.cluster.patch(s.b, gatewayClass(0), object{"metadata": object{"annotations": object{"attache.dev/export": "standard"}}})
	flags := []string{"--exporters", "standard", "--export-parameters", "standard.inject=All"}
	s.startWebhooks(flags...)
	touching, idle := s.bareTouches()
	say("a bare client has a value put into %.0f routes a second (%.1f ms of the API server each); of its patches that change nothing it sends %.0f (%.1f ms)",
		touching.rate, touching.server*1000, idle.rate, idle.server*1000)
	s.manager = s.start(flags...)
	began := time.Now()
	s.manager.settle(s.b)
	s.awaitInjected("the first injection, and what is said of it", fmt.Sprintf("%ds", 6+s.edits), began)
	s.awaitSilence()
	out := s.editClass("exporter")
	s.awaitInjected("the edit is in all routes", out.request, began)
	injected := out.touches / out.touching.Seconds()
	measured(s.b, "export-injected/s", injected)
	measured(s.b, "bare-touches/s", touching.rate)
	measured(s.b, "bare-no-op-patches/s", idle.rate)
	measured(s.b, "export-touches-ratio", injected/touching.rate)
	measured(s.b, "export-no-op-ratio", injected/idle.rate)
	measured(s.b, "export-status-ratio", out.took.Seconds()/s.plain.took.Seconds())
	say("with an exporter: %s, which is %.2f of what it took without; %.0f touches until %v, %.0f a second: %.2f of the bare client's, %.2f of those that change nothing",
		out, out.took.Seconds()/s.plain.took.Seconds(), out.touches, out.touching.Round(time.Millisecond), injected, injected/touching.rate, injected/idle.rate)
}

// awaitSilence waits until nothing has been written for longer than the minute after which it is reported that
// a data plane says nothing of a route: there is none here, and those reports do not belong to an edit.
func (s *site) awaitSilence() {
	s.b.Helper()
	seen, since := -1.0, time.Now()
	for began := time.Now(); time.Since(since) < 70*time.Second && time.Since(began) < 20*time.Minute; time.Sleep(askedEvery) {
		figures := s.manager.figures(s.b)
		if now := figures.sum("attache_writes_total") + figures.busy(); now != seen {
			seen, since = now, time.Now()
		}
	}
}

// awaitInjected waits until all routes have the timeout. A touch that came before admission knew of the edit
// is repeated later.
func (s *site) awaitInjected(what, want string, began time.Time) {
	s.b.Helper()
	least, moved := math.MaxInt, time.Now()
	for ; ; time.Sleep(5 * time.Second) {
		left := 0
		routes := s.cluster.list(s.b, gatewayAPI, "HTTPRoute")
		for _, u := range routes {
			if injectedRequest(u) != want {
				left++
			}
		}
		if left == 0 {
			say("%s: %d routes after %v", what, len(routes), time.Since(began).Round(time.Second))
			return
		}
		if left < least {
			least, moved = left, time.Now()
		}
		if time.Since(moved) > stalled {
			s.b.Errorf("%d of %d HTTPRoutes do not have the timeout %s", left, len(routes), want)
			return
		}
	}
}

// bareTouches is how many routes a bare client has the value of the class put into in a second, and how
// many of its patches are answered once nothing is left to do. There is no controller meanwhile.
func (s *site) bareTouches() (touching, idle pass) {
	s.b.Helper()
	routes := s.cluster.list(s.b, gatewayAPI, "HTTPRoute")
	first, routes := routes[0], routes[1:min(len(routes), 1001)]
	touch := func(b *testing.B, u *unstructured.Unstructured) { s.own.touch(b, u) }
	want := fmt.Sprintf("%ds", 6+s.edits)
	await(s.b, stalled, func(context.Context) error { // until admission knows that the exporter is on
		if got := injectedRequest(s.own.touch(s.b, first)); got != want {
			return fmt.Errorf("HTTPRoute %s has the timeout %q, want %s", first.GetName(), got, want)
		}
		return nil
	})
	return s.pass(routes, 1, touch), s.pass(routes, 1, touch)
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
