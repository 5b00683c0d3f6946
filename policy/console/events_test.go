package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/test/eventually"
	"github.com/attache-dev/attache/test/worldtest"
)

// serve runs a handler on a real port, under the name that it expects.
func serve(t *testing.T, h http.Handler) (client *http.Client, address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = host
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.Client(), server.URL
}

// listen opens the stream of events.
func listen(t *testing.T, c *reader, client *http.Client, address string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/api/v1/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(c.cookie)
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

type told struct {
	Version string
	Changed []string
	Many    bool
}

func nextEvent(t *testing.T, lines *bufio.Reader) told {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			var e told
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatal(err)
			}
			return e
		}
	}
}

func TestEventsTellWhatChanged(t *testing.T) {
	s := worldtest.Snapshot(t, shop)
	h, source := handlerOf(s)
	c := enter(t, h)
	client, address := serve(t, h)
	lines := bufio.NewReader(listen(t, c, client, address).Body)
	if e := nextEvent(t, lines); e.Version != "v1" {
		t.Fatalf("first %+v", e)
	}
	checkout := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout")
	source.next("v2", s, checkout)
	e := nextEvent(t, lines)
	if e.Version != "v2" || len(e.Changed) != 1 || e.Changed[0] != "httproute/shop/checkout" {
		t.Errorf("then %+v", e)
	}
	// Many worlds in one moment are few events, and the last is of the newest.
	began := time.Now()
	for i := range 500 {
		source.next(fmt.Sprintf("v%d", i+3), s, hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", fmt.Sprint("r", i)))
	}
	events, names := 0, map[string]bool{}
	for e = (told{}); e.Version != "v502"; events++ {
		e = nextEvent(t, lines)
		for _, name := range e.Changed {
			names[name] = true
		}
	}
	if most := int(time.Since(began)/(250*time.Millisecond)) + 2; events > most {
		t.Errorf("%d events in %s", events, time.Since(began))
	}
	if len(names) < 200 {
		t.Errorf("%d names", len(names))
	}
}

func TestAClosedPageIsForgotten(t *testing.T) {
	h, source := handlerOf(worldtest.Snapshot(t, shop))
	c := enter(t, h)
	client, address := serve(t, h)
	answer := listen(t, c, client, address)
	nextEvent(t, bufio.NewReader(answer.Body))
	if h.Idle() != 0 {
		t.Error("idle while a page is open")
	}
	answer.Body.Close()
	eventually.True(t, "the page is forgotten", func() bool { return source.listeners() == 0 && h.Idle() > 0 })
}

// listeners is how many are told of newer worlds.
func (f *fake) listeners() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subscribers)
}

// TestASlowReaderHoldsNobodyUp opens a stream and does not read from it.
func TestASlowReaderHoldsNobodyUp(t *testing.T) {
	s := worldtest.Snapshot(t, shop)
	h, source := handlerOf(s)
	c := enter(t, h)
	_, address := serve(t, h)
	connection, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "GET /api/v1/events HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", host, c.cookie)
	eventually.True(t, "the stream is there", func() bool { return source.listeners() == 1 })
	many := make([]hierarchy.Ref, 1000)
	for i := range many {
		many[i] = hierarchy.NewRef(hierarchy.Group, "HTTPRoute", strings.Repeat("n", 60), strings.Repeat("r", 200)+fmt.Sprint(i))
	}
	for i := range 2000 { // each would be 50 KiB, if it were kept
		source.next(fmt.Sprint("w", i), s, many...)
	}
	// Others are answered meanwhile.
	var answer struct{ Version string }
	if c.get("summary", &answer); answer.Version != "w1999" {
		t.Errorf("version %s", answer.Version)
	}
}

func TestTheEndClosesStreams(t *testing.T) {
	h, _ := handlerOf(worldtest.Snapshot(t, shop))
	c := enter(t, h)
	client, address := serve(t, h)
	answer := listen(t, c, client, address)
	nextEvent(t, bufio.NewReader(answer.Body))
	h.Close()
	if _, err := io.ReadAll(answer.Body); err != nil {
		t.Errorf("the stream does not end well: %v", err)
	}
}
