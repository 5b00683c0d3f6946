package request

import (
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// Result is the outcome of a request.
type Result string

// The results.
const (
	Matched    Result = "Matched"
	Redirected Result = "Redirect"
	NoRoute    Result = "NoRoute"
	NoListener Result = "NoListener"
)

// Answer is what one Gateway does with a request on one of its ports (Q2, Q3).
type Answer struct {
	// Gateway is zero if no Gateway listens for the request.
	Gateway hierarchy.Ref
	// Scheme, Host and Port are the values that this answer is about, where the question leaves them
	// open. In this case, Host may be a wildcard.
	Scheme, Host string
	Port         int32
	Result       Result
	// Hit is what serves the request. Its Route is nil unless the Result is Matched or Redirect; its
	// Listener is nil if the Result is NoListener.
	Hit Hit
	// Code is the status code of an answer by the Gateway itself: the code of a redirect, 404
	// without a route, 500 without a backend; otherwise 0.
	Code int
	// Location is the target of a redirect.
	Location string
	// Backends are the backends of the rule with their shares (Q6).
	Backends []Backend
	Notes    []Note
	// RunnersUp are matches that would serve the request if the winner did not, at most three (Q8).
	RunnersUp []RunnerUp
	// NotBound are matches of routes that are not bound to the listener, at most three (Q8).
	NotBound []NotBound
}

// Rule returns the rule that serves the request, or nil.
func (a *Answer) Rule() *hierarchy.Rule { return ruleOf(a.Hit.Route, a.Hit.Rule) }

func ruleOf(route *hierarchy.Route, rule int) *hierarchy.Rule {
	if route == nil || rule >= len(route.Rules) {
		return nil
	}
	return &route.Rules[rule]
}

// Backend is a backend of a rule and its share of the requests.
type Backend struct {
	To   hierarchy.Ref
	Port int32
	// Share is a percentage.
	Share float64
}

// RunnerUp is a match that a request satisfies, and the criterion by which it lost.
type RunnerUp struct {
	Route       *hierarchy.Route
	Rule, Match int
	LostBy      Criterion
}

// NotBound is a match that a request satisfies, of a route that is not bound to
// the listener, with the reason from its binding.
type NotBound struct {
	Route           *hierarchy.Route
	Rule, Match     int
	Reason, Message string
}

// NoteReason is the subject of a Note.
type NoteReason string

// The reasons of notes.
const (
	NoteSeveralGateways NoteReason = "SeveralGateways"
	NoteNoListener      NoteReason = "NoListener"
	NoteListenerless    NoteReason = "NoListenerServes"
	NoteIsolation       NoteReason = "Isolation"
	NoteFallthrough     NoteReason = "Fallthrough"
	NoteRegex           NoteReason = "RegularExpression"
	NotePath            NoteReason = "PathNotNormal"
	NoteRepeated        NoteReason = "Repeated"
	NoteGRPC            NoteReason = "OnlyGRPC"
	NoteStranger        NoteReason = "UnknownMatching"
	NoteBackends        NoteReason = "NoBackend"
	NoteGrant           NoteReason = "RefNotPermitted"
	NoteMore            NoteReason = "More"
)

// Note is something that a person should know about an answer.
type Note struct {
	Reason  NoteReason
	Message string
}

// Location returns the target of a redirect: what the filter does not set is taken from the
// request. scheme and host are those of the request.
func Location(redirect *hierarchy.Redirect, hit *Hit, r *Request, scheme, host string) string {
	port := redirect.Port
	switch {
	case redirect.Scheme != "":
		scheme = redirect.Scheme
	case port == 0:
		port = hit.Listener.Spec.Port
	}
	switch scheme {
	case SchemeGRPC:
		scheme = SchemeHTTP
	case SchemeGRPCS:
		scheme = SchemeHTTPS
	}
	if redirect.Hostname != "" {
		host = redirect.Hostname
	}
	location := scheme + "://" + host
	if port != 0 && !(scheme == SchemeHTTP && port == 80) && !(scheme == SchemeHTTPS && port == 443) {
		location += ":" + strconv.Itoa(int(port))
	}
	location += ChangePath(redirect.Path, hit, r.Path)
	if r.Query != "" {
		location += "?" + r.Query
	}
	return location
}

// ChangePath applies a redirect or a rewrite to a path. The part that a PathPrefix covers is
// replaced by whole elements, just as the prefix is compared.
func ChangePath(change *hierarchy.PathChange, hit *Hit, path string) string {
	switch {
	case change == nil:
		return path
	case change.Full:
		return change.Value
	}
	prefix := "/"
	if rule := ruleOf(hit.Route, hit.Rule); rule != nil && hit.Match >= 0 && rule.Matches[hit.Match].PathType == hierarchy.MatchPathPrefix {
		prefix = rule.Matches[hit.Match].Path
	}
	rest := strings.TrimPrefix(path, strings.TrimSuffix(prefix, "/"))
	switch {
	case rest == "" && change.Value == "":
		return "/"
	case rest == "":
		return change.Value
	}
	return strings.TrimSuffix(change.Value, "/") + rest
}
