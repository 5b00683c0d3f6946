package request

import (
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// Location is where a redirect leads: what the filter does not say is as in the
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

// ChangePath is the path that a redirect or a rewrite makes of one. The part
// that a PathPrefix covers is replaced element by element, as the prefix is
// compared.
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
