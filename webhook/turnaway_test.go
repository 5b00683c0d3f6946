package webhook

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"

	"github.com/attache-dev/attache/test/eventually"
)

// Who is turned away because of too many others mostly keeps the connection: a handshake for each
// would take the time of what can be decided. The log says so once in a while.
func TestTooManyDoNotCostAHandshakeEach(t *testing.T) {
	var lines []string
	log := funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{})
	h := handlersOf(t, world(t), func(o *Options) { o.Concurrency, o.Queue, o.Deadline, o.Log = 1, 1, time.Minute, log })
	h.closing.Every, h.telling.Every = time.Hour, time.Hour
	body := create(t, checkout).body(t)
	release := make(chan struct{})
	slow := deciding(h, func(context.Context) (*answer, error) { <-release; return &answer{}, nil })
	ended := make(chan struct{}, 2)
	for range 2 {
		go func() { post(slow, body); ended <- struct{}{} }()
	}
	eventually.True(t, "both are there", func() bool { return present(h) == 2 })
	closed := 0
	for range 10 {
		answer := post(h.Validate(), body)
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "1" {
			t.Errorf("HTTP %d, %v", answer.StatusCode, answer.Header)
		}
		if answer.Header.Get("Connection") == "close" {
			closed++
		}
	}
	if closed != 1 || len(lines) != 1 {
		t.Errorf("of 10 refusals %d close the connection, and the log has %q", closed, lines)
	}
	close(release)
	<-ended
	<-ended
}
