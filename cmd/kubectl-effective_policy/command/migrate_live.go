package command

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/migrate/verify"
)

// liveOptions are the flags of a live comparison (M79 to M83): both sides are sent the
// same requests, slowly, and nothing is looked up.
type liveOptions struct {
	old, new      string
	most          int
	rate          float64
	timeout       time.Duration
	headers       []string
	backendHeader string
	body          bool
	insecure      bool
	authority     string

	from, to *url.URL
	// trusted are the certificates of --ca, beside the system's; nil when there are none.
	trusted *x509.CertPool
}

func (l *liveOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&l.old, "old", "", "URL of the old controller: with --new the requests are sent to both, and the answers compared")
	flags.StringVar(&l.new, "new", "", "URL of the new data plane")
	flags.IntVar(&l.most, "max-requests", 500, "the maximum number of requests to send; those that may differ come first")
	flags.Float64Var(&l.rate, "rate", 5, "requests a second to each side")
	flags.DurationVar(&l.timeout, "timeout", 10*time.Second, "how long to wait for an answer of --old or --new")
	flags.StringSliceVar(&l.headers, "headers", nil, "response headers to compare besides Location and Content-Type")
	flags.StringVar(&l.backendHeader, "backend-header", "", "the response header in which a backend names itself")
	flags.BoolVar(&l.body, "body", false, "compare bodies, by digest")
	flags.StringVar(&l.authority, "ca", "", "a file of CA certificates for --old and --new, in addition to those of the system")
	flags.BoolVar(&l.insecure, "insecure", false, "accept any certificate of --old and --new")
}

func (l *liveOptions) asked() bool { return l.from != nil }

func (l *liveOptions) scheme() string { return l.from.Scheme }

func (l *liveOptions) complete() error {
	if l.old == "" && l.new == "" {
		return nil
	}
	if l.old == "" || l.new == "" {
		return errors.New("--old and --new: write both URLs; neither is looked up")
	}
	var err error
	read := func(flag, text string) *url.URL {
		u, wrong := url.Parse(text)
		if err == nil && (wrong != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/") {
			err = fmt.Errorf("--%s %s: write a URL such as http://192.0.2.7:80", flag, text)
		}
		return u
	}
	l.from, l.to = read("old", l.old), read("new", l.new)
	switch {
	case err != nil:
		return err
	case l.from.Scheme != l.to.Scheme:
		return errors.New("--old and --new: write both with http, or both with https")
	case l.rate <= 0 || l.most < 1 || l.timeout <= 0:
		return errors.New("--rate, --max-requests and --timeout: write values above 0")
	}
	return l.trust()
}

// trust reads the certificates of --ca.
func (l *liveOptions) trust() error {
	if l.authority == "" {
		return nil
	}
	data, err := os.ReadFile(l.authority)
	if err != nil {
		return fmt.Errorf("--ca: %w", err)
	}
	if l.trusted, err = x509.SystemCertPool(); err != nil {
		l.trusted = x509.NewCertPool() // a machine without any
	}
	if !l.trusted.AppendCertsFromPEM(data) {
		return errors.New("--ca " + l.authority + " has no certificate: give a file in PEM")
	}
	return nil
}

// The results of live requests besides those of the models (M81, M82).
const (
	liveUnstable = "unstable"
	liveModel    = "model"
	liveFailed   = "failed"
)

// liveResult is what a live comparison came to.
type liveResult struct {
	Requests int         `json:"requests"`
	Equal    int         `json:"equal"`
	Groups   []liveGroup `json:"groups,omitempty"`
}

// liveGroup is one request whose answers are not the same, or not what a model says.
type liveGroup struct {
	Kind    string `json:"kind"`
	Host    string `json:"host"`
	Request string `json:"request"`
	Old     string `json:"old"`
	New     string `json:"new"`
	Why     string `json:"why,omitempty"`
}

// fails reports whether a live answer differs that nobody announced.
func (r *liveResult) fails(strict bool) bool {
	return r != nil && slices.ContainsFunc(r.Groups, func(g liveGroup) bool {
		return g.Kind == verify.Different || g.Kind == liveFailed || strict && g.Kind == liveModel
	})
}

func (r *liveResult) count(kind string) int {
	n := 0
	for _, g := range r.Groups {
		if g.Kind == kind {
			n++
		}
	}
	return n
}

func (r *liveResult) print(p *terminal.Pen) {
	if r == nil {
		return
	}
	for _, g := range r.Groups {
		p.Line("live %s  %s  %s", g.Kind, p.Paint(terminal.Plain, g.Host), p.Paint(terminal.Plain, g.Request))
		p.Line("    old  %s", p.Paint(terminal.Plain, g.Old))
		p.Line("    new  %s", p.Paint(terminal.Plain, g.New))
		if g.Why != "" {
			p.Line("    why  %s", p.Paint(terminal.Plain, g.Why))
		}
	}
	p.Line("live: %s to each side, %d equal: %d different, %d announced, %d unstable, %d not what the model says, %d without an answer", prose.Count(r.Requests, "request"), r.Equal,
		r.count(verify.Different), r.count(verify.Announced), r.count(liveUnstable), r.count(liveModel), r.count(liveFailed))
}

// liveAnswer is what is compared of an answer.
type liveAnswer struct {
	status              int
	location, kind, who string
	headers             string
	body                string
	err                 string
}

func (a *liveAnswer) String() string {
	if a.err != "" {
		return a.err
	}
	text := strconv.Itoa(a.status)
	for _, part := range []struct{ name, value string }{{"to ", a.location}, {"", a.kind}, {"from ", a.who}, {"", a.headers}, {"body ", a.body}} {
		if part.value != "" {
			text += " " + part.name + part.value
		}
	}
	return text
}

// run sends the requests, one after the other.
func (l *liveOptions) run(ctx context.Context, requests []verify.LiveRequest) (*liveResult, error) {
	result := &liveResult{}
	wait := time.NewTicker(time.Duration(float64(time.Second) / l.rate))
	defer wait.Stop()
	next := func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wait.C:
			return nil
		}
	}
	for i := range requests {
		r := &requests[i]
		if err := next(); err != nil {
			return nil, err
		}
		result.Requests++
		before, after := l.send(ctx, l.from, r), l.send(ctx, l.to, r)
		group := liveGroup{Host: r.Host, Request: verify.Curl(&r.Request), Old: before.String(), New: after.String()}
		switch {
		case before.err != "" || after.err != "":
			group.Kind = liveFailed
		case before != after: // once is no difference yet
			if err := next(); err != nil {
				return nil, err
			}
			again, then := l.send(ctx, l.from, r), l.send(ctx, l.to, r)
			group.Kind = verify.Different
			if again != before || then != after {
				group.Kind = liveUnstable
			} else if r.Kind == verify.Announced {
				group.Kind = verify.Announced
			}
		default:
			result.Equal++
		}
		if group.Kind != "" {
			result.Groups = append(result.Groups, group)
		}
		if group.Kind != liveFailed && group.Kind != liveUnstable {
			result.contradictions(r, group, &before, &after)
		}
	}
	return result, nil
}

// contradictions adds what is not as the models say (M82).
func (r *liveResult) contradictions(asked *verify.LiveRequest, group liveGroup, before, after *liveAnswer) {
	for _, side := range []struct {
		name     string
		expected *verify.Expectation
		answer   *liveAnswer
	}{{"old", &asked.Old, before}, {"new", &asked.New, after}} {
		if text := side.expected.Contradicts(side.answer.status, side.answer.location); text != "" {
			group.Kind, group.Why = liveModel, side.name+" side: "+text
			r.Groups = append(r.Groups, group)
		}
	}
}

// send sends one request: to the address of the side, with the host of the Ingress. It
// has no body and no credentials, and redirects are not followed (M80).
func (l *liveOptions) send(ctx context.Context, side *url.URL, r *verify.LiveRequest) liveAnswer {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	address := side.Host
	if side.Port() == "" {
		address = net.JoinHostPort(side.Hostname(), map[string]string{"http": "80", "https": "443"}[side.Scheme])
	}
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{ServerName: r.Request.Host, RootCAs: l.trusted, InsecureSkipVerify: l.insecure},
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	asked, err := http.NewRequestWithContext(ctx, r.Request.Method, r.Request.Scheme+"://"+r.Request.Host+r.Request.Path, nil)
	if err != nil {
		return liveAnswer{err: err.Error()}
	}
	asked.Header.Set("User-Agent", "kubectl-effective-policy migrate verify")
	for _, h := range r.Request.Headers {
		asked.Header.Set(h.Name, h.Value)
	}
	answer, err := client.Do(asked)
	if err != nil {
		return liveAnswer{err: err.Error()}
	}
	defer answer.Body.Close()
	a := liveAnswer{status: answer.StatusCode, location: answer.Header.Get("Location"), kind: answer.Header.Get("Content-Type")}
	if a.location != "" || r.Old.Status != 0 && r.New.Status != 0 {
		// The side itself answers: how its page looks is nobody's promise.
		a.kind = ""
		return a
	}
	if l.backendHeader != "" {
		a.who = answer.Header.Get(l.backendHeader)
	}
	for _, name := range l.headers {
		a.headers += name + ": " + answer.Header.Get(name) + " "
	}
	if l.body {
		const most = 10 << 20
		sum := sha256.New()
		if _, err := io.Copy(sum, io.LimitReader(answer.Body, most)); err != nil {
			return liveAnswer{err: err.Error()}
		}
		a.body = hex.EncodeToString(sum.Sum(nil))[:12]
	}
	return a
}
