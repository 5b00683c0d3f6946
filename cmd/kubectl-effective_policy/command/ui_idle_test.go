package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/test/eventually"
)

// handClock is a clock that a test moves. What waits on looked is asked to look.
type handClock struct {
	mu    sync.Mutex
	ahead time.Duration
	looks chan time.Time
}

func (c *handClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// pass lets time pass, and then has the command look; it says whether that still does.
func (c *handClock) pass(d time.Duration, ended <-chan struct{}) bool {
	c.mu.Lock()
	c.ahead += d
	c.mu.Unlock()
	for range 2 { // it takes the second when it is done with the first
		select {
		case c.looks <- c.now():
		case <-ended:
			return false
		}
	}
	return true
}

// TestThePageEndsWhenNobodyLooks: without an open page the command ends after half an
// hour, and not before; as long as one is open it does not.
func TestThePageEndsWhenNobodyLooks(t *testing.T) {
	out, printed := io.Pipe()
	var errs bytes.Buffer
	o := &options{&workspace.Flags{Config: genericclioptions.NewConfigFlags(true), Files: []string{shop}, Streams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: printed, ErrOut: &errs}}}
	source, err := o.uiSource(t.Context(), &uiFlags{})
	if err != nil {
		t.Fatal(err)
	}
	clock := &handClock{looks: make(chan time.Time)}
	ended := make(chan struct{})
	var end error
	go func() {
		defer close(ended)
		end = o.serveUI(t.Context(), source, &uiFlags{noBrowser: true}, uiClock{clock.now, clock.looks})
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address, token, _ := strings.Cut(strings.TrimSpace(line), "#token=")
	if !clock.pass(29*time.Minute, ended) {
		t.Fatal("it ended after 29 minutes")
	}
	leave := lookAt(t, address, token)
	if !clock.pass(5*time.Hour, ended) {
		t.Fatal("it ended while a page was open")
	}
	leave()
	if !clock.pass(29*time.Minute, ended) {
		t.Fatal("it ended 29 minutes after the page was closed")
	}
	eventually.OK(t, eventually.Limit, "the command to end", func(context.Context) error { // once it knows that the page is gone
		if clock.pass(31*time.Minute, ended) {
			return errors.New("it goes on 31 minutes later")
		}
		return nil
	})
	if end != nil || !strings.Contains(errs.String(), "no page was open for 30 minutes") {
		t.Errorf("it ended with %v and said %q", end, &errs)
	}
}

// lookAt opens the page, and has it open until it leaves.
func lookAt(t *testing.T, address, token string) (leave func()) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	enter, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"session", strings.NewReader(`{"token": "`+token+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	session, err := client.Do(enter)
	if err != nil {
		t.Fatal(err)
	}
	session.Body.Close()
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"api/v1/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	events, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { events.Body.Close() })
	if first, err := bufio.NewReader(events.Body).ReadString('\n'); err != nil || events.StatusCode != http.StatusOK || first != "event: world\n" {
		t.Fatalf("HTTP %d, %q, %v", events.StatusCode, first, err)
	}
	return leave
}
