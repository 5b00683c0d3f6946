package annotation_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/policy/v1alpha1/annotation"
)

func TestTheValuesOfOurKinds(t *testing.T) {
	a, err := annotation.Parse(`{"version":2,"scopes":[{"parents":[{"gateway":{"namespace":"a","name":"b"},"listener":"c"}],"effective":{
		"TimeoutPolicy":{"request":"1m30s","backend":"2s","idle":"0s"},
		"RetryPolicy":{"maxRetries":3,"retryOn":["5xx","503"],"backoffPolicy":"exponential","backoffBase":"100ms","perTryTimeout":"1s"},
		"RateLimitPolicy":{"requestsPerSecond":"500m","burst":2,"key":"ClientIP",
			"limits":{"a":{"requests":100,"per":"1m","counter":"Gateway"},"off":{"requests":1,"mode":"Disabled"},"b":{"requests":5,"burst":1,"key":"Header:x-tenant"}}}}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	s := &a.Scopes[0]
	timeouts, err := s.Timeouts()
	if want := (annotation.Timeouts{Request: 90 * time.Second, Backend: 2 * time.Second}); err != nil || timeouts != want {
		t.Errorf("timeouts %+v %v", timeouts, err)
	}
	retries, err := s.Retries()
	want := annotation.Retries{Max: 3, On: []string{"5xx", "503"}, Base: 100 * time.Millisecond, PerTry: time.Second}
	if diff := cmp.Diff(want, retries); err != nil || diff != "" {
		t.Errorf("retries (-want +got): %v\n%s", err, diff)
	}
	limits, err := s.Limits()
	wanted := []annotation.Limit{
		{Name: "limits.a", Rate: 100.0 / 60, Size: 100, Key: "All", Counter: "Gateway"},
		{Name: "limits.b", Rate: 5, Size: 6, Key: "Header:x-tenant", Counter: "Rule"},
		{Name: "requestsPerSecond", Rate: 0.5, Size: 3, Key: "ClientIP", Counter: "Rule"},
	}
	if diff := cmp.Diff(wanted, limits); err != nil || diff != "" {
		t.Errorf("limits (-want +got): %v\n%s", err, diff)
	}
}

// Who states a limit is told by the annotation and, where that refers to it, by the
// EffectivePolicy; an annotation that was written before has nobody.
func TestWhoStatesALimit(t *testing.T) {
	const scopes = `"scopes":[{"parents":[{"gateway":{"namespace":"a","name":"b"},"listener":"c"}],"effective":{
		"RateLimitPolicy":{"requestsPerSecond":1,"limits":{"all":{"requests":1}}}}}]`
	const stated = `,"statedBy":[{"scope":0,"policy":"RateLimitPolicy","field":"limits.all","from":{"namespace":"infra","name":"fair"}}]`
	from := func(a *annotation.Annotation, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		limits, err := a.Scopes[0].Limits()
		if err != nil || len(limits) != 2 {
			t.Fatalf("%+v %v", limits, err)
		}
		return limits[0].From.String() + " " + limits[1].From.String()
	}
	see := func(string) (json.RawMessage, error) { return json.RawMessage("{" + scopes + stated + "}"), nil }
	if got := from(annotation.Parse(`{"version":2,` + scopes + stated + `}`)); got != "infra/fair /" {
		t.Errorf("in the annotation: %s", got)
	}
	if got := from(annotation.Read(`{"version":2,"see":"httproute.r"}`, 1, nil, see)); got != "infra/fair /" {
		t.Errorf("in the EffectivePolicy: %s", got)
	}
	if got := from(annotation.Parse(`{"version":2,` + scopes + `}`)); got != "/ /" {
		t.Errorf("written before: %s", got)
	}
	if _, err := annotation.Parse(`{"version":2,` + scopes + strings.Replace(stated, `"scope":0`, `"scope":1`, 1) + `}`); err == nil {
		t.Error("a scope that is not there")
	}
}

func TestWaits(t *testing.T) {
	for name, c := range map[string]struct {
		annotation.Retries
		want []time.Duration
	}{
		"constant":          {annotation.Retries{Constant: true, Base: 5}, []time.Duration{5, 5, 5}},
		"doubled":           {annotation.Retries{Base: 5}, []time.Duration{5, 10, 20, 40, 50, 50}},
		"up to the most":    {annotation.Retries{Base: 5, Most: 12}, []time.Duration{5, 10, 12, 12}},
		"a most below base": {annotation.Retries{Base: 5, Most: 2}, []time.Duration{5, 5}},
	} {
		for i, want := range c.want {
			if got := c.Wait(i); got != want {
				t.Errorf("%s: wait %d is %d, want %d", name, i, got, want)
			}
		}
	}
}

func TestReasonsToTryAgain(t *testing.T) {
	for _, c := range []struct {
		on      string
		outcome annotation.Outcome
		again   bool
	}{
		{"5xx", annotation.Outcome{Code: 501}, true},
		{"5xx", annotation.Outcome{Code: 499}, false},
		{"5xx", annotation.Outcome{Failure: annotation.Reset, Code: 502}, true},
		{"gateway-error", annotation.Outcome{Code: 500}, false},
		{"gateway-error", annotation.Outcome{Code: 504}, true},
		{"gateway-error", annotation.Outcome{Failure: annotation.TimedOut, Code: 504}, true},
		{"connect-failure", annotation.Outcome{Failure: annotation.NotConnected, Code: 502}, true},
		{"connect-failure", annotation.Outcome{Failure: annotation.Reset, Code: 502}, false},
		{"reset", annotation.Outcome{Failure: annotation.NotConnected, Code: 502}, false},
		{"reset", annotation.Outcome{Failure: annotation.TimedOut, Code: 504}, true},
		{"refused-stream", annotation.Outcome{Failure: annotation.Reset, Code: 502}, false},
		{"refused-stream", annotation.Outcome{Failure: annotation.Refused, Code: 502}, true},
		{"retriable-4xx", annotation.Outcome{Code: 409}, true},
		{"retriable-4xx", annotation.Outcome{Code: 429}, false},
		{"503", annotation.Outcome{Code: 503}, true},
		{"503", annotation.Outcome{Code: 502}, false},
		{"504", annotation.Outcome{Failure: annotation.TimedOut, Code: 504}, true},
		{"unavailable", annotation.Outcome{Code: 200, GRPC: "14"}, true},
		{"unavailable", annotation.Outcome{Code: 200, GRPC: "13"}, false},
		{"something-new", annotation.Outcome{Code: 200}, false},
	} {
		r := annotation.Retries{On: []string{c.on}}
		if got := r.Again(c.outcome); got != c.again {
			t.Errorf("%s after %+v: %t", c.on, c.outcome, got)
		}
	}
}
