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
	// Scheme is empty if the question is about both http and https.
	Scheme string
	// Host is in lower case; it is empty if the question is about every host of a Gateway.
	Host string
	// Port is 0 if the URL does not contain one.
	Port int32
	// Path begins with "/" and is as sent, not decoded.
	Path string
	// Query is what follows the "?", as sent.
	Query string
	// Headers are in the order in which they are sent. Their names are in
	// lower case.
	Headers []hierarchy.Header
}

// Question is a request, and the Gateway to which it is sent.
type Question struct {
	Request Request
	// Gateway is zero if the question is about all Gateways (Q2).
	Gateway hierarchy.Ref
	// NoIsolation tries less specific listeners if the most specific one does not serve the request
	// (Q3).
	NoIsolation bool
	// Fallthrough tries routes of less specific hostnames if those of the most specific one do not
	// serve the request (Q4).
	Fallthrough bool
}

// GRPC reports whether the request is a gRPC call (Q5).
func (r *Request) GRPC() bool {
	if r.Scheme == SchemeGRPC || r.Scheme == SchemeGRPCS {
		return true
	}
	value, _ := r.header("content-type")
	const grpc = "application/grpc"
	return len(value) >= len(grpc) && strings.EqualFold(value[:len(grpc)], grpc)
}

// header returns the value of a header. Values of a header that is sent several times are joined by
// commas, as specified by RFC 9110.
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

// parameter returns the first value of a query parameter. A value that cannot be decoded is used as
// it is.
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

// call splits the path of a gRPC call; both parts are empty if the path is not that of a gRPC call.
func (r *Request) call() (service, method string) {
	service, method, ok := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
	if !ok || service == "" || method == "" || strings.Contains(method, "/") {
		return "", ""
	}
	return service, method
}

// FromHTTP converts a request that a server received on a port, with the path as it was sent. It is
// for data planes.
func FromHTTP(r *http.Request, scheme string, port int32) Request {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	path := r.RequestURI
	if !strings.HasPrefix(path, "/") { // a request to a proxy, or "*"
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
