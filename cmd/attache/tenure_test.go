package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// answering answers requests with codes, and takes its time.
type answering struct {
	code  int
	takes func()
}

func (a *answering) RoundTrip(*http.Request) (*http.Response, error) {
	a.takes()
	return &http.Response{StatusCode: a.code, Body: http.NoBody}, nil
}

// TestATenureLastsFromTheLastRenewal holds that a process may write for a while after it sent a
// renewal that succeeded, and not after one that failed, or was sent long ago.
func TestATenureLastsFromTheLastRenewal(t *testing.T) {
	now := time.Now()
	tenure := newTenure(10 * time.Second)
	tenure.now = func() time.Time { return now }
	server := &answering{code: http.StatusOK, takes: func() {}}
	send := func(method, path string) {
		t.Helper()
		if _, err := (renewals{tenure, server}).RoundTrip(httptest.NewRequest(method, path, nil)); err != nil {
			t.Fatal(err)
		}
	}
	const lease = "/apis/coordination.k8s.io/v1/namespaces/a/leases/b"
	expect := func(holds bool, when string) {
		t.Helper()
		if err := tenure.holds(); (err == nil) != holds {
			t.Errorf("%s: %v", when, err)
		}
	}
	expect(false, "before the first renewal")
	send(http.MethodGet, lease)
	send(http.MethodPost, "/api/v1/namespaces/a/events")
	expect(false, "after requests that renew nothing")
	send(http.MethodPost, "/apis/coordination.k8s.io/v1/namespaces/a/leases")
	expect(true, "when the lease was created")
	now = now.Add(10 * time.Second)
	expect(true, "at the end of the tenure")
	now = now.Add(time.Second)
	expect(false, "after a suspension")
	server.code = http.StatusConflict
	send(http.MethodPut, lease)
	expect(false, "after a renewal that another replica was quicker than")
	server.code, server.takes = http.StatusOK, func() { now = now.Add(9 * time.Second) }
	send(http.MethodPut, lease)
	expect(true, "after a renewal that took nine seconds")
	now = now.Add(2 * time.Second)
	expect(false, "eleven seconds after it was sent")

	// A suspended machine: its monotonic clock has not moved.
	server.takes = func() {}
	send(http.MethodPut, lease)
	expect(true, "before the machine is suspended")
	now = now.Round(0).Add(11 * time.Second)
	expect(false, "when only the wall clock has moved")
}
