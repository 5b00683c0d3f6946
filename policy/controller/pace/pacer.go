package pace

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Pacer holds requests back until there is room for them.
type Pacer struct {
	mu       sync.Mutex
	window   window
	underWay int
	// waiting are the waiting requests, the longest waiting one first. Closing the channel lets a
	// request go.
	waiting []chan struct{}
	wakes   bool
}

// New returns a pacer that lets at most so many requests go at a time.
func New(most int) *Pacer { return &Pacer{window: newWindow(most)} }

// Limit returns how many requests may be in flight now, apart from a pause.
func (p *Pacer) Limit() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.window.size)
}

// Wrap returns a transport that holds requests back before it hands them to another one: a
// rest.Config takes it as a wrapper.
func (p *Pacer) Wrap(next http.RoundTripper) http.RoundTripper { return transport{p, next} }

type transport struct {
	pacer *Pacer
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Has("watch") {
		return t.next.RoundTrip(r)
	}
	if err := t.pacer.begin(r.Context()); err != nil {
		return nil, err
	}
	began := time.Now()
	answer, err := t.next.RoundTrip(r)
	t.pacer.end(began, time.Now(), answer, err)
	return answer, err
}

// begin waits for room.
func (p *Pacer) begin(ctx context.Context) error {
	turn := make(chan struct{})
	p.mu.Lock()
	p.waiting = append(p.waiting, turn)
	p.admit(time.Now())
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, turn); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	} else { // its turn came at the same moment
		p.underWay--
		p.admit(time.Now())
	}
	return ctx.Err()
}

// end records the outcome of a request, and lets others go.
func (p *Pacer) end(began, now time.Time, answer *http.Response, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.underWay--
	switch {
	case errors.Is(err, context.Canceled): // the caller gave up, which says nothing about the API server
	case err != nil:
		p.window.refused(began, now, 0)
	case overloaded(answer.StatusCode):
		p.window.refused(began, now, retryAfter(answer.Header, now))
	default:
		p.window.answered(began, now)
	}
	p.admit(now)
}

// admit lets requests go for which there is room. The pacer is locked.
func (p *Pacer) admit(now time.Time) {
	for len(p.waiting) > 0 && p.underWay < p.window.allows(now) {
		close(p.waiting[0])
		p.waiting = p.waiting[1:]
		p.underWay++
	}
	if len(p.waiting) == 0 || p.wakes || !now.Before(p.window.until) {
		return
	}
	p.wakes = true
	time.AfterFunc(p.window.until.Sub(now), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.wakes = false
		p.admit(time.Now())
	})
}

// overloaded reports whether this answer means that the API server, or what is behind it, is
// overloaded.
func overloaded(code int) bool {
	return code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable || code == http.StatusGatewayTimeout
}

// retryAfter returns how long an answer asks to wait.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(seconds, int(MaxPause/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(now)
	}
	return 0
}
