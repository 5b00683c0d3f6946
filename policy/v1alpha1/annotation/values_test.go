package annotation_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

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

// The annotation and, where it refers to it, the EffectivePolicy say who states a limit; an
// annotation that was written before has no such entry.
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

// A bucket is identified by a policy, by what shares its counter, and by the client that is
// counted separately, and by nothing else.
func TestARequestDrawsOnTheBucketOfItsLimit(t *testing.T) {
	here := at("g", "http")
	const route, other = "HTTPRoute shop/r", "HTTPRoute shop/other"
	from := func(address string, ids ...string) *http.Request {
		return &http.Request{RemoteAddr: address, Header: http.Header{"X-Tenant": ids}}
	}
	bob := from("192.0.2.1:1000", "bob")
	limit := func(change func(*annotation.Limit)) annotation.Limit {
		l := annotation.Limit{Name: "limits.a", Rate: 1, Size: 1, Key: "All", Counter: "Rule", From: types.NamespacedName{Namespace: "shop", Name: "p"}}
		change(&l)
		return l
	}
	rule := limit(func(*annotation.Limit) {})
	byRoute, byGateway := limit(func(l *annotation.Limit) { l.Counter = "Route" }), limit(func(l *annotation.Limit) { l.Counter = "Gateway" })
	byClient, byTenant := limit(func(l *annotation.Limit) { l.Key = "ClientIP" }), limit(func(l *annotation.Limit) { l.Key = "Header:x-tenant" })
	faster, another := limit(func(l *annotation.Limit) { l.Rate, l.Size = 5, 9 }), limit(func(l *annotation.Limit) { l.From.Name = "q" })
	for name, test := range map[string]struct {
		a, b string
		same bool
	}{
		"other numbers":            {rule.Bucket(here, route, 0, bob), faster.Bucket(here, route, 0, bob), true},
		"another policy":           {rule.Bucket(here, route, 0, bob), another.Bucket(here, route, 0, bob), false},
		"another rule":             {rule.Bucket(here, route, 0, bob), rule.Bucket(here, route, 1, bob), false},
		"another listener":         {rule.Bucket(here, route, 0, bob), rule.Bucket(at("g", "https"), route, 0, bob), false},
		"another rule of a route":  {byRoute.Bucket(here, route, 0, bob), byRoute.Bucket(at("g", "https"), route, 1, bob), true},
		"another route":            {byRoute.Bucket(here, route, 0, bob), byRoute.Bucket(here, other, 0, bob), false},
		"another route of all":     {byGateway.Bucket(here, route, 0, bob), byGateway.Bucket(at("g", "https"), other, 1, bob), true},
		"another Gateway":          {byGateway.Bucket(here, route, 0, bob), byGateway.Bucket(at("h", "http"), route, 0, bob), false},
		"another port of a client": {byClient.Bucket(here, route, 0, bob), byClient.Bucket(here, route, 0, from("192.0.2.1:2000")), true},
		"another client":           {byClient.Bucket(here, route, 0, bob), byClient.Bucket(here, route, 0, from("192.0.2.2:1000")), false},
		"another header":           {byTenant.Bucket(here, route, 0, bob), byTenant.Bucket(here, route, 0, from("192.0.2.1:1000", "eve")), false},
	} {
		if (test.a == test.b) != test.same {
			t.Errorf("%s: %q and %q", name, test.a, test.b)
		}
	}
}
