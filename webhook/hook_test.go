package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/test/eventually"
)

// statusOf reads a Status answer.
func statusOf(t testing.TB, answer *http.Response) metav1.Status {
	t.Helper()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var s metav1.Status
	if err := json.Unmarshal(data, &s); err != nil || s.Kind != "Status" || int(s.Code) != answer.StatusCode {
		t.Fatalf("HTTP %d with %s", answer.StatusCode, data)
	}
	return s
}

func undecidedBecause(t *testing.T, answer *http.Response, part string) {
	t.Helper()
	s := statusOf(t, answer)
	retry := "1"
	if strings.Contains(part, "within") { // what took all its time is not done again
		retry = ""
	}
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != retry || answer.Header.Get("Connection") != "close" ||
		!strings.Contains(s.Message, part) {
		t.Errorf("HTTP %d, %v, %s", answer.StatusCode, answer.Header, s.Message)
	}
}

// deciding is a hook that decides by a function.
func deciding(h *Handlers, decide func(ctx context.Context) (*answer, error)) *hook {
	return &hook{h: h, name: "test", decide: func(ctx context.Context, _ *policy.Snapshot, _ *request) (*answer, error) { return decide(ctx) }}
}

func TestWhatCannotBeDecidedIsNoDenial(t *testing.T) {
	s := world(t)
	body := create(t, checkout).body(t)
	short := func(o *Options) { o.Deadline = 30 * time.Millisecond }

	t.Run("before everything was seen", func(t *testing.T) {
		h := handlersOf(t, s, func(o *Options) { o.Snapshot = func() (*policy.Snapshot, bool) { return s, false } })
		undecidedBecause(t, post(h.Validate(), body), "starting")
		undecidedBecause(t, post(h.Mutate(), body), "starting")
	})
	t.Run("after a panic", func(t *testing.T) {
		h := handlersOf(t, s)
		undecidedBecause(t, post(deciding(h, func(context.Context) (*answer, error) { panic("no") }), body), "failed")
		answerTo(t, h.Validate(), create(t, checkout)) // the slot is free again
	})
	t.Run("after a panic outside of the decision", func(t *testing.T) {
		h := handlersOf(t, s, func(o *Options) { o.Snapshot = func() (*policy.Snapshot, bool) { panic("no") } })
		undecidedBecause(t, post(h.Validate(), body), "failed")
	})
	t.Run("when time is up, whether the decision notices or not", func(t *testing.T) {
		h := handlersOf(t, s, short)
		undecidedBecause(t, post(deciding(h, func(ctx context.Context) (*answer, error) { <-ctx.Done(); return nil, ctx.Err() }), body), "within 30ms")
		release := make(chan struct{})
		undecidedBecause(t, post(deciding(h, func(context.Context) (*answer, error) { <-release; return &answer{}, nil }), body), "within 30ms")
		close(release)
	})
	t.Run("when it stopped", func(t *testing.T) {
		h := handlersOf(t, s)
		h.Stop()
		undecidedBecause(t, post(h.Validate(), body), "shutting down")
	})
	t.Run("for one of our kinds whose CRD is not seen yet", func(t *testing.T) {
		h := handlersOf(t, policy.NewSnapshot(policy.Options{}))
		undecidedBecause(t, post(h.Validate(), create(t, timeout("shop", onCart, tenS)).body(t)), "TimeoutPolicy.attache.dev")
	})
}

func TestTooManyWaitingIsSaidAtOnce(t *testing.T) {
	h := handlersOf(t, world(t), func(o *Options) { o.Concurrency, o.Queue, o.Deadline = 1, 2, time.Minute })
	body := create(t, checkout).body(t)
	entered, release := make(chan struct{}, 3), make(chan struct{})
	slow := deciding(h, func(context.Context) (*answer, error) { entered <- struct{}{}; <-release; return &answer{}, nil })
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() {
			if answer := post(slow, body); answer.StatusCode != http.StatusOK {
				t.Errorf("HTTP %d", answer.StatusCode)
			}
		})
	}
	<-entered
	eventually.True(t, "three reviews are there", func() bool { return present(h) == 3 })
	undecidedBecause(t, post(h.Validate(), body), "more reviews waiting")
	if len(entered) > 0 {
		t.Error("two are decided at a time")
	}
	close(release)
	calls.Wait()
	answerTo(t, h.Validate(), create(t, checkout))
}

func TestALateDecisionKeepsItsSlot(t *testing.T) {
	h := handlersOf(t, world(t), func(o *Options) { o.Concurrency, o.Deadline = 1, 20*time.Millisecond })
	body := create(t, checkout).body(t)
	release := make(chan struct{})
	undecidedBecause(t, post(deciding(h, func(context.Context) (*answer, error) { <-release; return &answer{}, nil }), body), "within")
	undecidedBecause(t, post(h.Validate(), body), "waited")
	close(release)
	eventually.True(t, "every review has left", func() bool { return present(h) == 0 })
	answerTo(t, h.Validate(), create(t, checkout))
}

func present(h *Handlers) int { return h.limiter.Here() }

func TestADecisionWhoseCallerIsGoneStops(t *testing.T) {
	h := handlersOf(t, world(t))
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	answer := post(deciding(h, func(ctx context.Context) (*answer, error) {
		cancel()
		<-ctx.Done()
		close(stopped)
		return nil, ctx.Err()
	}), create(t, checkout).body(t), func(r *http.Request) { *r = *r.WithContext(ctx) })
	<-stopped
	if answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("HTTP %d", answer.StatusCode)
	}
	eventually.True(t, "every review has left", func() bool { return present(h) == 0 })
}

func TestADrainingReplicaDecidesAndSaysGoodbye(t *testing.T) {
	h := handlersOf(t, world(t))
	h.Drain()
	answer := post(h.Validate(), create(t, checkout).body(t))
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Connection") != "close" {
		t.Errorf("HTTP %d, %v", answer.StatusCode, answer.Header)
	}
}

func TestTheBudgetLeavesTimeForTheWayBack(t *testing.T) {
	h := handlersOf(t, world(t), func(o *Options) { o.Deadline = 0 })
	for _, test := range []struct{ timeout, passed, want time.Duration }{
		{0, 0, 2 * time.Second},
		{-time.Second, 0, 2 * time.Second},
		{10 * time.Second, 0, 2 * time.Second},
		{2 * time.Second, 0, 1750 * time.Millisecond},
		{time.Second, 0, 750 * time.Millisecond},
		{200 * time.Millisecond, 0, 100 * time.Millisecond},
		{5 * time.Second, 3 * time.Second, 1500 * time.Millisecond},
		{5 * time.Second, 6 * time.Second, 0},
	} {
		if got := h.budget(test.timeout, test.passed); got != test.want {
			t.Errorf("timeout %s after %s gives %s, want %s", test.timeout, test.passed, got, test.want)
		}
	}
}

func TestACallThatWouldBeTheLastIsNotToldToWait(t *testing.T) {
	begin := time.Now()
	r := newRetries()
	first := r.refused("a", begin)
	var asked []bool
	for call := range 5 {
		now := begin.Add(time.Duration(call) * 1010 * time.Millisecond)
		if r.refused("a", now) != first || r.arrived("a", now) != first {
			t.Error("the first call is forgotten")
		}
		asked = append(asked, worthwhile(reasonOverloaded, first, now, 5*time.Second))
	}
	if want := []bool{true, true, true, false, false}; !slices.Equal(asked, want) {
		t.Errorf("got %v, want %v", asked, want)
	}
	if worthwhile(reasonOverloaded, begin, begin, time.Second) {
		t.Error("with a timeout of one second there is no second call")
	}
	if worthwhile(reasonDeadline, begin, begin.Add(2*time.Second), 30*time.Second) {
		t.Error("what took all its time is done again")
	}
	for i := range 3 * remembered {
		r.refused(types.UID(strconv.Itoa(i)), begin)
	}
	if r.since.Len() > remembered {
		t.Errorf("%d reviews are kept in mind", r.since.Len())
	}
	r.done("a")
	if now := begin.Add(time.Minute); r.arrived("a", now) != now {
		t.Error("a review that was decided is kept in mind")
	}
}

func TestUnreadableCallsAreTheCallersFault(t *testing.T) {
	good := string(create(t, checkout).body(t))
	header := func(key, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(key, value) }
	}
	for name, test := range map[string]struct {
		body   string
		change func(*http.Request)
		code   int
		says   string
	}{
		"no JSON":           {body: "kind: AdmissionReview", code: 400, says: "not an AdmissionReview"},
		"nothing":           {body: "", code: 400, says: "not an AdmissionReview"},
		"another kind":      {body: `{"apiVersion":"v1","kind":"Pod"}`, code: 400, says: "send an AdmissionReview"},
		"an old version":    {body: strings.Replace(good, "admission.k8s.io/v1", "admission.k8s.io/v1beta1", 1), code: 400, says: "admission.k8s.io/v1"},
		"no request":        {body: `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`, code: 400, says: "no request"},
		"no uid":            {body: strings.Replace(good, `"uid":"7d0e2c5e"`, `"uid":""`, 1), code: 400, says: "request.uid"},
		"no object kind":    {body: strings.Replace(good, `"kind":"HTTPRoute","metadata"`, `"metadata"`, 1), code: 400, says: "request.object"},
		"7 MiB":             {body: strings.Replace(good, `"name":"pay"`, `"name":"`+strings.Repeat("x", 7<<20)+`"`, 1), code: 413, says: "larger than 6 MiB"},
		"a form":            {body: good, change: header("Content-Type", "application/x-www-form-urlencoded"), code: 400, says: "application/json"},
		"no content type":   {body: good, change: header("Content-Type", ""), code: 400, says: "application/json"},
		"compressed":        {body: good, change: header("Content-Encoding", "gzip"), code: 400, says: "uncompressed"},
		"another method":    {body: good, change: func(r *http.Request) { r.Method = http.MethodGet }, code: 405, says: "POST"},
		"a charset is fine": {body: good, change: header("Content-Type", "application/json; charset=utf-8"), code: 200},
	} {
		t.Run(name, func(t *testing.T) {
			changes := []func(*http.Request){}
			if test.change != nil {
				changes = append(changes, test.change)
			}
			answer := post(handlersOf(t, world(t)).Validate(), []byte(test.body), changes...)
			if answer.StatusCode != test.code {
				t.Fatalf("HTTP %d", answer.StatusCode)
			}
			if test.code != 200 && !strings.Contains(statusOf(t, answer).Message, test.says) {
				t.Errorf("the message lacks %q", test.says)
			}
		})
	}
}

func TestMetricsTellDecisionsApart(t *testing.T) {
	registry := prometheus.NewRegistry()
	measured := func(o *Options) { o.Metrics = registry }
	s := world(t)
	h := handlersOf(t, s, measured)
	answerTo(t, h.Validate(), create(t, checkout))
	answerTo(t, h.Validate(), create(t, timeout("shop", onClass, tenS)))
	dry := create(t, checkout)
	dry.dryRun = true
	answerTo(t, h.Mutate(), dry)
	post(h.Mutate(), nil)
	h.Stop()
	post(h.Validate(), nil)

	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetType() == dto.MetricType_COUNTER {
				got.WriteString(f.GetName())
				for _, l := range m.GetLabel() {
					got.WriteString(" " + l.GetName() + "=" + l.GetValue())
				}
				fmt.Fprintf(&got, " %v\n", m.GetCounter().GetValue())
			}
		}
	}
	want := `attache_admission_requests_total decision=allowed dry_run=false operation=CREATE webhook=validate 1
attache_admission_requests_total decision=allowed dry_run=true operation=CREATE webhook=mutate 1
attache_admission_requests_total decision=denied dry_run=false operation=CREATE webhook=validate 1
attache_admission_requests_total decision=malformed dry_run=false operation=none webhook=mutate 1
attache_admission_requests_total decision=undecided dry_run=false operation=none webhook=validate 1
attache_undecided_total reason=deadline 0
attache_undecided_total reason=gone 0
attache_undecided_total reason=incomplete 0
attache_undecided_total reason=overloaded 0
attache_undecided_total reason=panic 0
attache_undecided_total reason=stopped 1
attache_undecided_total reason=unknown_kind 0
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

func FuzzReview(f *testing.F) {
	s := world(f)
	for _, a := range []ask{
		create(f, checkout), update(f, checkout, checkout), remove(f, checkout),
		create(f, timeout("shop", onClass, tenS)), update(f, timeout("shop", onCart, tenS), timeout("shop", onClass, tenS)),
	} {
		f.Add(a.body(f))
	}
	for _, u := range objects(f, shop) {
		f.Add(ask{operation: "UPDATE", object: u, old: u}.body(f))
	}
	f.Add([]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","kind":{"group":"attache.dev","kind":"TimeoutPolicy"},"operation":"DELETE"}}`))
	paths, err := filepath.Glob("../examples/guardrails/*.yaml")
	if err != nil || len(paths) == 0 {
		f.Fatalf("%d guardrails: %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, u := range objects(f, string(text)) {
			f.Add(ask{operation: "CREATE", object: u}.body(f))
			f.Add(ask{operation: "UPDATE", object: u, old: rail(f, u.GetName(), "")}.body(f))
		}
	}
	// A guardrail is in force that every write is judged by, and guardrails are compiled for real.
	h := handlersOf(f, s, with(f, rail(f, "short", "")))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, handler := range []http.Handler{h.Mutate(), h.Validate()} {
			answer := post(handler, body)
			data, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode == http.StatusServiceUnavailable && !bytes.Contains(data, []byte("has not seen")) && !bytes.Contains(data, []byte("could not review")) {
				t.Fatalf("%s", data)
			}
			if answer.StatusCode == http.StatusOK && !json.Valid(data) {
				t.Fatalf("not JSON: %s", data)
			}
		}
	})
}
