package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Feature is one thing that a plane does with a value.
type Feature struct {
	Name string
	// Fields are the fields that it is about, as policy.field.
	Fields []string
	// Manifests have a route for the host HOST and policies. NS is the namespace.
	Manifests string
	// Refill is how long buckets need to be full again.
	Refill time.Duration
	// Unclaimed says that no outcome in the status speaks of it.
	Unclaimed bool
	// Idle says that a plane which enforces nothing does it, too.
	Idle  bool
	Check func(context.Context, *exchange) error
}

// byAddress says whether the feature's backends are not simply the suite's own.
func (f *Feature) byAddress() bool {
	return strings.Contains(f.Manifests, "name: deaf") || strings.Contains(f.Manifests, "name: half-dead")
}

// exchange is one run of a check: its requests have a key of their own.
type exchange struct {
	*bed
	feature *Feature
	key     string
}

// ask is one request.
type ask struct {
	path         string
	listener     int
	method, body string
	// do is what the backend does, as a query.
	do      string
	headers map[string]string
	// from is the client's address.
	from string
	host string
}

// answer is the result.
type answer struct {
	code  int
	took  time.Duration
	whole bool // the body came to its end
}

// errUnserved says that the plane has no route for a request: the suite's backend
// never answers with 404.
var errUnserved = errors.New("answered with 404: the plane does not serve the route")

// send sends a request and reads all of the answer.
func (e *exchange) send(ctx context.Context, a ask) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	port := e.Ports[0]
	if a.listener == 2 {
		port = e.Ports[1]
	}
	path := "/"
	if a.path != "" {
		path = a.path
	}
	r, err := http.NewRequestWithContext(ctx, or(a.method, http.MethodGet), "http://"+e.target(port)+path+"?"+"key="+url.QueryEscape(e.key)+"&"+a.do, strings.NewReader(a.body))
	if err != nil {
		return answer{}, err
	}
	r.Host = or(a.host, hostOf(e.feature.Name))
	for name, value := range a.headers {
		r.Header.Set(name, value)
	}
	dialer := &net.Dialer{}
	if a.from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(a.from)}
	}
	transport := &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	begin := time.Now()
	response, err := transport.RoundTrip(r)
	if err != nil {
		return answer{took: time.Since(begin)}, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode == http.StatusNotFound {
		return answer{}, errUnserved
	}
	return answer{response.StatusCode, time.Since(begin), err == nil}, nil
}

// hostOf is the host of a feature's routes.
func hostOf(feature string) string { return feature + ".conformance.example" }

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// expect sends a request and wants a code, and so many requests at the backend.
func (e *exchange) expect(ctx context.Context, a ask, code, tries int) error {
	got, err := e.send(ctx, a)
	if err != nil {
		return err
	}
	if seen := len(e.upstream.Seen(e.key)); got.code != code || tries >= 0 && seen != tries {
		return fmt.Errorf("%s is answered with %d after %d tries at the backend; wanted %d after %d", a.do, got.code, seen, code, tries)
	}
	return nil
}

// before sends a request and wants a code sooner than after a time.
func (e *exchange) before(ctx context.Context, a ask, code int, most time.Duration) error {
	got, err := e.send(ctx, a)
	if err != nil {
		return err
	}
	if got.code != code || got.took >= most {
		return fmt.Errorf("%s is answered with %d after %s; wanted %d before %s", a.do, got.code, got.took.Round(time.Millisecond), code, most)
	}
	return nil
}

// either stands for a code about which nothing is said.
const either = 0

// codes sends requests one after the other and wants their codes.
func (e *exchange) codes(ctx context.Context, asks []ask, want ...int) error {
	var got []int
	for _, a := range asks {
		answer, err := e.send(ctx, a)
		if err != nil {
			return err
		}
		got = append(got, answer.code)
	}
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		same = want[i] == either || got[i] == want[i]
	}
	if !same {
		return fmt.Errorf("answered with %v, wanted %v", got, want)
	}
	return nil
}

// gaps wants waits between tries that are at least so long, and a last that is
// shorter than a most.
func (e *exchange) gaps(most time.Duration, least ...time.Duration) error {
	seen := e.upstream.Seen(e.key)
	if len(seen) != len(least)+1 {
		return fmt.Errorf("%d tries at the backend, wanted %d", len(seen), len(least)+1)
	}
	for i, want := range least {
		if gap := seen[i+1].Sub(seen[i]); gap < want*8/10 || gap > most {
			return fmt.Errorf("wait %d was %s, wanted %s", i+1, gap.Round(time.Millisecond), want)
		}
	}
	return nil
}
