package webhook

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/attache-dev/attache/test/eventually"
)

// raw is a connection on which anything can be sent.
func (r *running) raw(t *testing.T, protocols ...string) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", r.Address(), &tls.Config{RootCAs: r.pool, ServerName: "attache", NextProtos: protocols})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the server may have
	if err := c.SetDeadline(time.Now().Add(eventually.Limit)); err != nil {
		t.Fatal(err)
	}
	return c
}

// rest is what the server says until it ends the connection.
func rest(t *testing.T, c io.Reader) string {
	t.Helper()
	said, err := io.ReadAll(c)
	if err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("the server holds the connection: %q, %v", said, err)
	}
	return string(said)
}

func (r *running) stillAnswers(t *testing.T) {
	t.Helper()
	answer, err := r.ask(t, r.client())
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("others are not answered: %+v, %v", answer, err)
	}
}

// A client that reaches the port can neither hold resources for long nor take memory, and
// meanwhile the API server gets its answers.
func TestHostileConnectionsAreEndedWhileOthersAreServed(t *testing.T) {
	r := serve(t)
	for name, send := range map[string]string{
		"headers that never end":  "POST /validate HTTP/1.1\r\nHost: attache\r\nX-A: ",
		"a body that never comes": "POST /validate HTTP/1.1\r\nHost: attache\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		"nothing at all":          "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := r.raw(t)
			if _, err := io.WriteString(c, send); err != nil {
				t.Fatal(err)
			}
			r.stillAnswers(t)
			if name == "nothing at all" {
				return // an idle connection may stay
			}
			rest(t, c)
		})
	}
	for name, test := range map[string]struct{ send, says string }{
		"HTTP/2 without being asked":     {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 "},
		"a hundred kilobytes of headers": {"POST /validate HTTP/1.1\r\nHost: attache\r\nX-A: " + strings.Repeat("a", 100<<10) + "\r\n\r\n", "431"},
	} {
		t.Run(name, func(t *testing.T) {
			c := r.raw(t)
			_, _ = io.WriteString(c, test.send) // the server may end it before all is sent
			if said := rest(t, c); !strings.Contains(said, test.says) || strings.Contains(said, " 200 ") {
				t.Errorf("the server says %q", said)
			}
			r.stillAnswers(t)
		})
	}
	t.Run("HTTP/2 by negotiation", func(t *testing.T) {
		c, err := tls.Dial("tcp", r.Address(), &tls.Config{RootCAs: r.pool, ServerName: "attache", NextProtos: []string{"h2"}})
		if err == nil {
			t.Errorf("it speaks %q", c.ConnectionState().NegotiatedProtocol)
			_ = c.Close()
		}
	})
}

// zeros is a body without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestLargeBodiesTakeNoMemory(t *testing.T) {
	r := serve(t)
	var bomb bytes.Buffer
	packed := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(packed, zeros{}, 64<<20); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		body     io.Reader
		encoding string
		code     int
	}{
		"100 MiB":   {io.LimitReader(zeros{}, 100<<20), "", http.StatusRequestEntityTooLarge},
		"gzip bomb": {&bomb, "gzip", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+r.Address()+ValidatePath, test.body)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			if test.encoding != "" {
				request.Header.Set("Content-Encoding", test.encoding)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			answer, err := r.client().Do(request)
			runtime.ReadMemStats(&after)
			if err == nil {
				defer answer.Body.Close()
				if answer.StatusCode != test.code {
					t.Errorf("HTTP %d", answer.StatusCode)
				}
			} // or the connection was ended before all was sent
			if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 64 {
				t.Errorf("it took %d MiB", took)
			}
			r.stillAnswers(t)
		})
	}
}
