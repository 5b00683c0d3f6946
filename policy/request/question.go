package request

import (
	"net"
	"net/http"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// The schemes of a Request.
const (
	SchemeHTTP  = "http"
	SchemeHTTPS = "https"
	SchemeGRPC  = "grpc"
	SchemeGRPCS = "grpcs"
)

// Request is a request as a client sends it (Q1).
type Request struct {
	Method string
	// Scheme is empty when both http and https are asked for.
	Scheme string
	// Host is in lower case; empty when every host of a Gateway is asked for.
	Host string
	// Port is 0 when the URL does not write one.
	Port int32
	// Path begins with "/" and is as sent: nothing is decoded.
	Path string
	// Query is what follows the "?", as sent.
	Query string
	// Headers are in the order in which they are sent. Their names are in
	// lower case.
	Headers []hierarchy.Header
}

// Question is a request, and the Gateway that it goes to.
type Question struct {
	Request Request
	// Gateway is zero when all Gateways are asked (Q2).
	Gateway hierarchy.Ref
	// NoIsolation asks less specific listeners when the most specific one does
	// not serve the request (Q3).
	NoIsolation bool
	// Fallthrough asks routes of less specific hostnames when those of the most
	// specific one do not serve the request (Q4).
	Fallthrough bool
}

// GRPC says whether the request is a gRPC call (Q5).
func (r *Request) GRPC() bool {
	if r.Scheme == SchemeGRPC || r.Scheme == SchemeGRPCS {
		return true
	}
	value, _ := r.header("content-type")
	const grpc = "application/grpc"
	return len(value) >= len(grpc) && strings.EqualFold(value[:len(grpc)], grpc)
}

// header returns the value of a header. Values of a header that is sent several
// times are joined by commas, as RFC 9110 has it.
func (r *Request) header(name string) (string, bool) {
	var value string
	found := false
	for i := range r.Headers {
		switch h := &r.Headers[i]; {
		case !strings.EqualFold(h.Name, name):
		case found:
			value += "," + h.Value
		default:
			value, found = h.Value, true
		}
	}
	return value, found
}

// parameter returns the first value of a query parameter. What cannot be
// decoded counts as it is written.
func (r *Request) parameter(name string) (string, bool) {
	for rest := r.Query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		key, value, _ := strings.Cut(pair, "=")
		if unescape(key) == name {
			return unescape(value), true
		}
	}
	return "", false
}

// call takes the path of a gRPC call apart; both are empty when it is none.
func (r *Request) call() (service, method string) {
	service, method, ok := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
	if !ok || service == "" || method == "" || strings.Contains(method, "/") {
		return "", ""
	}
	return service, method
}

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
