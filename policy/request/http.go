package request

import (
	"net"
	"net/http"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// FromHTTP is a request that a server was sent on a port, with the path as it
// was sent. It is for data planes.
func FromHTTP(r *http.Request, scheme string, port int32) Request {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	path := r.RequestURI
	if !strings.HasPrefix(path, "/") { // a proxy was asked, or "*"
		path = r.URL.EscapedPath()
	}
	path, _, _ = strings.Cut(path, "?")
	out := Request{Method: r.Method, Scheme: scheme, Host: strings.ToLower(host), Port: port, Path: path, Query: r.URL.RawQuery}
	for name, values := range r.Header {
		for _, value := range values {
			out.Headers = append(out.Headers, hierarchy.Header{Name: name, Value: value})
		}
	}
	return out
}
