package pagetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
)

// Page is a page that the command serves, and its session.
type Page struct {
	testing.TB
	address string
	cookie  *http.Cookie
	cancel  context.CancelFunc
	ended   chan int
}

// Open runs "ui" with more arguments and exchanges its token. Who is done before the test ends calls
// Close.
func Open(t testing.TB, arguments ...string) *Page {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	p := &Page{TB: t, cancel: cancel, ended: make(chan int, 1)}
	var errOut bytes.Buffer
	go func() {
		streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: write, ErrOut: &errOut}
		code := command.Main(ctx, append([]string{"kubectl-effective_policy", "ui", "--no-browser"}, arguments...), streams, "")
		write.Close()
		p.ended <- code
	}()
	link, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		<-p.ended
		t.Fatalf("ui prints no link: %s", errOut.String())
	}
	go func() { _, _ = io.Copy(io.Discard, read) }() // until the command ends
	address, token, found := strings.Cut(strings.TrimSpace(link), "/#token=")
	if !found {
		t.Fatalf("ui prints %q", link)
	}
	token, _, _ = strings.Cut(token, "&")
	p.address = address
	answer, err := http.Post(address+"/session", "application/json", strings.NewReader(`{"token":"`+token+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("no session: %s", answer.Status)
	}
	p.cookie = answer.Cookies()[0]
	return p
}

// Close ends the command, and says if it ends badly.
func (p *Page) Close() {
	p.Helper()
	p.cancel()
	if code := <-p.ended; code != 0 {
		p.Errorf("ui ends with %d", code)
	}
}

func (p *Page) send(method, path string, body io.Reader) *http.Response {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, p.address+"/api/v1/"+path, body)
	if err != nil {
		p.Fatal(err)
	}
	r.AddCookie(p.cookie)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	return answer
}

// Ask asks a question of the API. The text is the whole answer.
func (p *Page) Ask(name string, query url.Values) (code int, text string) {
	p.Helper()
	answer := p.send(http.MethodGet, name+"?"+query.Encode(), http.NoBody)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		p.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// Get asks a question that has an answer.
func (p *Page) Get(name string, query url.Values) map[string]any {
	p.Helper()
	code, text := p.Ask(name, query)
	var value map[string]any
	if err := json.Unmarshal([]byte(text), &value); err != nil || code != http.StatusOK {
		p.Fatalf("%s?%s: %d %s %v", name, query.Encode(), code, text, err)
	}
	return value
}

// Try has an edit computed; with remove the objects are removed. The text is the whole answer.
func (p *Page) Try(manifests string, remove bool) (code int, text string) {
	p.Helper()
	body, err := json.Marshal(map[string]any{"files": manifests, "delete": remove})
	if err != nil {
		p.Fatal(err)
	}
	answer := p.send(http.MethodPost, "whatif", bytes.NewReader(body))
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		p.Fatal(err)
	}
	return answer.StatusCode, string(said)
}

// Event is a message to the page.
type Event struct {
	Version string
	Changed []string
	Trouble string
}

// Listen opens the stream of events. It ends with the test.
func (p *Page) Listen() <-chan Event {
	p.Helper()
	answer := p.send(http.MethodGet, "events", http.NoBody)
	p.Cleanup(func() { answer.Body.Close() })
	events := make(chan Event, 1000)
	go func() {
		defer close(events)
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			data, isData := strings.CutPrefix(lines.Text(), "data: ")
			var e Event
			if isData && json.Unmarshal([]byte(data), &e) == nil {
				events <- e
			}
		}
	}()
	return events
}
