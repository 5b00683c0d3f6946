package dataplane

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Upstream is what requests are sent to in the end. It counts them by a key that
// the client gives, and does what the client asks for:
//
//	?key=K          counted apart
//	&code=503       answers with this code
//	&failures=2     only so many times for the key, then with 200; always if absent
//	&delay=1500ms   waits first
type Upstream struct {
	// Host and Port are its address, for a Service.
	Host string
	Port int

	server *http.Server
	mu     sync.Mutex
	calls  map[string]int
}

// StartUpstream listens on an address of [ServiceNetwork].
func StartUpstream(host string) (*Upstream, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	u := &Upstream{Host: host, Port: listener.Addr().(*net.TCPAddr).Port, calls: map[string]int{}}
	u.server = &http.Server{Handler: u, ReadHeaderTimeout: time.Minute}
	go func() { _ = u.server.Serve(listener) }()
	return u, nil
}

// Stop refuses connections from now on.
func (u *Upstream) Stop() error { return u.server.Close() }

// Calls is how many requests came with a key.
func (u *Upstream) Calls(key string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls[key]
}

// ServeHTTP does what the query says.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	u.mu.Lock()
	u.calls[query.Get("key")]++
	call := u.calls[query.Get("key")]
	u.mu.Unlock()
	if delay, err := time.ParseDuration(query.Get("delay")); err == nil {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		}
	}
	code, err := strconv.Atoi(query.Get("code"))
	failures, limited := strconv.Atoi(query.Get("failures"))
	if err == nil && (limited != nil || call <= failures) {
		w.WriteHeader(code)
		return
	}
	fmt.Fprintf(w, "%s\n", r.Host)
}
