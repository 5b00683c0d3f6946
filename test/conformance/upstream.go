package conformance

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Upstream is a backend that does what a request asks of it, and remembers when
// requests came. The parameters of a request's query are key, under which it is
// counted; fail, how many requests of the key fail first; code, how they fail
// (default 503), or "reset"; delay, how long each waits first; slow, how long
// those wait that fail; stall, how long to wait in the middle of an answer.
type Upstream struct {
	Address string
	server  *http.Server
	lock    sync.Mutex
	seen    map[string][]time.Time
}

// StartUpstream starts one on an address; port 0 is any.
func StartUpstream(address string) (*Upstream, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	u := &Upstream{Address: listener.Addr().String(), seen: map[string][]time.Time{}}
	u.server = &http.Server{Handler: u, Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute}
	u.server.Protocols.SetHTTP1(true)
	u.server.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = u.server.Serve(listener) }()
	return u, nil
}

// Stop stops it.
func (u *Upstream) Stop() { _ = u.server.Close() }

// Seen are the times at which requests with a key came.
func (u *Upstream) Seen(key string) []time.Time {
	u.lock.Lock()
	defer u.lock.Unlock()
	return append([]time.Time(nil), u.seen[key]...)
}

// ServeHTTP does what the request asks for.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	u.lock.Lock()
	u.seen[q.Get("key")] = append(u.seen[q.Get("key")], time.Now())
	n := len(u.seen[q.Get("key")])
	u.lock.Unlock()
	_, _ = io.Copy(io.Discard, r.Body)
	pauseText(r, q.Get("delay"))
	if failures, _ := strconv.Atoi(q.Get("fail")); n <= failures {
		pauseText(r, q.Get("slow"))
		if q.Get("code") == "reset" {
			panic(http.ErrAbortHandler)
		}
		code, err := strconv.Atoi(q.Get("code"))
		if err != nil {
			code = http.StatusServiceUnavailable
		}
		if grpc := q.Get("grpc"); grpc != "" {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Status", grpc)
			code = http.StatusOK
		}
		w.WriteHeader(code)
		return
	}
	if q.Get("stall") != "" {
		fmt.Fprintln(w, "begun")
		_ = http.NewResponseController(w).Flush()
		pauseText(r, q.Get("stall"))
	}
	fmt.Fprintln(w, "done")
}

// pauseText waits as a request asks.
func pauseText(r *http.Request, text string) {
	if d, err := time.ParseDuration(text); err == nil {
		pause(r.Context(), d)
	}
}

// pause waits, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
