package pace

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// server answers requests in memory, and remembers how many there were at a time.
type server struct {
	takes        time.Duration
	answer       func(n int64) *http.Response
	asked        atomic.Int64
	now, atATime atomic.Int64
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	n := s.asked.Add(1)
	if now := s.now.Add(1); now > s.atATime.Load() {
		s.atATime.Store(now)
	}
	defer s.now.Add(-1)
	select {
	case <-time.After(s.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if s.answer != nil {
		return s.answer(n), nil
	}
	return says(http.StatusOK, ""), nil
}

func says(code int, retryAfter string) *http.Response {
	r := &http.Response{StatusCode: code, Header: http.Header{}, Body: http.NoBody}
	if retryAfter != "" {
		r.Header.Set("Retry-After", retryAfter)
	}
	return r
}

func request(ctx context.Context) *http.Request {
	return httptest.NewRequestWithContext(ctx, http.MethodPatch, "https://cluster/apis/x", nil)
}

// send sends so many requests at once and returns when all are answered.
func send(t *testing.T, through http.RoundTripper, many int) {
	t.Helper()
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			answer, err := through.RoundTrip(request(t.Context()))
			if err != nil {
				t.Error(err)
				return
			}
			_ = answer.Body.Close()
		})
	}
	all.Wait()
}

func TestNoMoreAreUnderWayThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: 10 * time.Millisecond}
		began := time.Now()
		send(t, New(3).Wrap(s), 30)
		if got := s.atATime.Load(); got != 3 {
			t.Errorf("%d at a time, want 3", got)
		}
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("thirty requests, three at a time, took %s, want 100ms", took)
		}
	})
}

func TestARefusalHoldsEverybodyBackAndHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: time.Millisecond, answer: func(n int64) *http.Response {
			if n == 1 {
				return says(http.StatusTooManyRequests, "5")
			}
			return says(http.StatusOK, "")
		}}
		p := New(8)
		through := p.Wrap(s)
		send(t, through, 1)
		began := time.Now()
		s.atATime.Store(0)
		send(t, through, 4)
		if took := time.Since(began); took != 5*time.Second+time.Millisecond {
			t.Errorf("the next ones were answered after %s, want 5.001s", took)
		}
		if got := s.atATime.Load(); got != 4 {
			t.Errorf("%d at a time after the refusal, want 4", got)
		}
		send(t, through, 100)
		if got := p.Limit(); got != 8 {
			t.Errorf("after a hundred good answers the limit is %d, want 8", got)
		}
	})
}

func TestWhoGivesUpTakesNobodysPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: time.Hour}
		through := New(1).Wrap(s)
		first, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		ask := func(ctx context.Context) {
			answer, err := through.RoundTrip(request(ctx))
			if err == nil {
				_ = answer.Body.Close()
			}
			ended <- err
		}
		go ask(first)
		synctest.Wait()
		impatient, cancel := context.WithCancel(t.Context())
		go ask(impatient)
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("who gives up while waiting gets %v", err)
		}
		stop()
		if err := <-ended; err == nil {
			t.Error("who gives up under way gets an answer")
		}
		send(t, through, 2)
		if got := s.asked.Load(); got != 3 {
			t.Errorf("%d requests were sent, want 3", got)
		}
	})
}

func TestWatchesDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: time.Hour}
		through := New(1).Wrap(s)
		watch := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://cluster/apis/x?watch=true", nil)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				answer, err := through.RoundTrip(watch)
				if err != nil {
					t.Error(err)
					return
				}
				_ = answer.Body.Close()
			})
		}
		synctest.Wait()
		if got := s.now.Load(); got != 2 {
			t.Errorf("%d watches are open, want 2", got)
		}
		all.Wait()
	})
}
