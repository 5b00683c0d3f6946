package verify

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/request"
)

// LiveRequest is a request that both sides can be sent (M80).
type LiveRequest struct {
	// Host is that of the Ingresses, Request what is sent.
	Host    string
	Request request.Request
	// Kind is what the models say of it: Different, Undetermined, Announced, or empty
	// when both say the same.
	Kind string
	// Old and New are what the models expect.
	Old, New Expectation
}

// Expectation is what a model says about a live answer. The zero Expectation says
// nothing.
type Expectation struct {
	Status   int
	Location string
}

// Contradicts says in words how a live answer is not what the model expects; empty when
// it may be (M82). What a backend answers no model knows.
func (e *Expectation) Contradicts(status int, location string) string {
	switch {
	case e.Status == 0:
		return ""
	case status != e.Status:
		return "the model expects " + e.String() + ", the answer is " + strconv.Itoa(status)
	case e.Location != "" && location != e.Location:
		return "the model expects " + e.String() + ", the answer leads to " + location
	}
	return ""
}

// String is the expectation in a few words.
func (e *Expectation) String() string {
	if e.Location != "" {
		return strconv.Itoa(e.Status) + " to " + e.Location
	}
	return strconv.Itoa(e.Status)
}

func expected(a *routing.Answer) Expectation {
	switch {
	case a.Undetermined != "" || len(a.Backends) > 0:
		return Expectation{}
	case a.Redirect != "":
		return Expectation{a.Code, a.Redirect}
	}
	return Expectation{Status: a.Status}
}

// LiveRequests are the requests of a comparison that are safe to send, at most so many:
// GET and HEAD, for hosts of the Ingresses, those first of which the models say that the sides
// differ or that the data plane chooses (M80). schemes are those that can be sent.
func LiveRequests(old *oldside.Side, snapshot *policy.Snapshot, options Options, schemes []string, most int) []LiveRequest {
	v := newVerifier(old, snapshot, options)
	var list []LiveRequest
	for _, host := range old.View.Hosts() {
		v.each(host, func(r *request.Request) {
			if r.Method != "GET" && r.Method != "HEAD" || !slices.Contains(schemes, r.Scheme) || host == routing.CatchAll || strings.HasSuffix(r.Host, ".invalid") {
				return
			}
			kind := v.compare(host, r, map[string]*Group{})
			before, _ := old.View.Answer(r)
			choices := v.side.Choices(r, options.DataPlane)
			one := LiveRequest{Host: host, Request: *r, Kind: kind, Old: expected(&before)}
			if len(choices) == 1 && len(v.side.Gateways()) > 0 {
				one.New = expected(&choices[0].Answer)
			}
			list = append(list, one)
		})
	}
	rank := map[string]int{Different: 0, Undetermined: 1, Announced: 2, "": 3}
	slices.SortStableFunc(list, func(a, b LiveRequest) int {
		return cmp.Or(rank[a.Kind]-rank[b.Kind], cmp.Compare(len(a.Request.Headers), len(b.Request.Headers)), cmp.Compare(len(a.Request.Path), len(b.Request.Path)),
			cmp.Compare(a.Host, b.Host), cmp.Compare(a.Request.Path, b.Request.Path), cmp.Compare(a.Request.Scheme, b.Request.Scheme))
	})
	return list[:min(len(list), most)]
}

// Curl is a request as a command.
func Curl(r *request.Request) string { return curl(r) }
