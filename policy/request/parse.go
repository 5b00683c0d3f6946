package request

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// form describes the syntax of a question.
const form = `write '[METHOD] URL', for example 'POST https://www.example.com/pay'`

// FormError describes what is wrong with a question, and what to write instead.
type FormError struct {
	// Text is the part that is wrong.
	Text string
	// Problem is the reason, and Instead what to write.
	Problem, Instead string
}

// Error returns the message in one line.
func (e *FormError) Error() string {
	return fmt.Sprintf("%s %s: %s", strconv.Quote(clip(e.Text)), e.Problem, e.Instead)
}

// methodWords are the words that are interpreted as a method in the place of a URL.
var methodWords = [...]string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

// clip shortens the input so that messages remain readable.
func clip(text string) string {
	const most = 80
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "?")
}

// Parse reads a request as people write it, and headers of the form
// "name: value" (Q1).
func Parse(text string, headers ...string) (Request, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' })
	r := Request{Method: "GET"}
	switch len(words) {
	case 0:
		return r, &FormError{text, "names no request", form}
	case 1:
		if slices.Contains(methodWords[:], words[0]) {
			return r, &FormError{text, "is a method without a URL", form}
		}
	case 2:
		r.Method = strings.ToUpper(words[0])
		if !isToken(r.Method) || strings.ContainsAny(words[0], ":/.") {
			return r, &FormError{words[0], "is no method", "a method is a word such as GET or POST; " + form}
		}
	default:
		return r, &FormError{text, "has more than one space", "a space in a URL is written %20; " + form}
	}
	if err := r.parseURL(words[len(words)-1]); err != nil {
		return r, err
	}
	if r.Scheme == SchemeGRPC || r.Scheme == SchemeGRPCS {
		if err := r.parseCall(len(words) == 2); err != nil {
			return r, err
		}
	}
	for _, header := range headers {
		h, err := parseHeader(header)
		if err != nil {
			return r, err
		}
		r.Headers = append(r.Headers, h)
	}
	return r, nil
}

func (r *Request) parseURL(text string) error {
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return &FormError{text, "has a control character", "write it in per cent form, such as %0A"}
		}
	}
	rest := text
	if scheme, after, ok := strings.Cut(text, "://"); ok && !strings.ContainsAny(scheme, "/?#") {
		r.Scheme, rest = strings.ToLower(scheme), after
		switch r.Scheme {
		case SchemeHTTP, SchemeHTTPS, SchemeGRPC, SchemeGRPCS:
		default:
			return &FormError{scheme, "is not a scheme that a Gateway serves", "write http, https, grpc or grpcs"}
		}
	}
	rest, _, _ = strings.Cut(rest, "#") // clients do not send the fragment
	authority := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, rest = rest[:i], rest[i:]
	} else {
		rest = ""
	}
	r.Path, r.Query, _ = strings.Cut(rest, "?")
	if r.Path == "" {
		r.Path = "/"
	}
	if authority == "" {
		if r.Scheme != "" || text == "" || text[0] != '/' && text[0] != '?' {
			return &FormError{text, "names no host", form}
		}
		return nil
	}
	return r.parseAuthority(authority)
}

func (r *Request) parseAuthority(authority string) error {
	if strings.Contains(authority, "@") {
		return &FormError{authority, "holds a user name", "leave it out; credentials go into a header"}
	}
	host := authority
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && i > strings.LastIndexByte(authority, ']') {
		var port string
		host, port = authority[:i], authority[i+1:]
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return &FormError{port, "is no port", "write a number from 1 to 65535"}
		}
		r.Port = int32(number)
	}
	r.Host = strings.ToLower(host)
	switch {
	case strings.HasPrefix(host, "*"):
		return &FormError{host, "is not the host of a request", "ask with one host, for example " + "www" + strings.TrimPrefix(clip(host), "*")}
	case !isHost(r.Host):
		return &FormError{host, "is no host", "write a name such as www.example.com, in its ASCII form (xn--…), or an IP address"}
	}
	return nil
}

// isHost reports whether a lowercase string is a DNS name or an IP address.
func isHost(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		return closed && inner != "" && strings.Trim(inner, "0123456789abcdef:.") == ""
	}
	if host == "" || len(host) > longestHost {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// longestHost is the maximum length of a DNS name.
const longestHost = 253

func (r *Request) parseCall(methodWritten bool) error {
	if methodWritten && r.Method != "POST" {
		return &FormError{r.Method, "is not the method of a gRPC call", "leave it out; it is POST"}
	}
	r.Method = "POST"
	if service, _ := r.call(); service == "" {
		return &FormError{r.Path, "is no gRPC call", "write " + r.Scheme + "://host/package.Service/Method"}
	}
	return nil
}

func parseHeader(text string) (hierarchy.Header, error) {
	const instead = "write 'name: value', for example 'x-tier: gold'"
	name, value, ok := strings.Cut(text, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	value = strings.Trim(value, " \t")
	switch {
	case !ok:
		return hierarchy.Header{}, &FormError{text, "is no header", instead}
	case !isToken(name):
		return hierarchy.Header{}, &FormError{name, "is not the name of a header", instead}
	case name == "host":
		return hierarchy.Header{}, &FormError{text, "is said by the URL", "write the host there: 'GET https://" + clip(value) + "/'"}
	}
	for i := range len(value) {
		if value[i] < ' ' && value[i] != '\t' || value[i] == 0x7f {
			return hierarchy.Header{}, &FormError{text, "has a control character in its value", "a header is one line; " + instead}
		}
	}
	return hierarchy.Header{Name: name, Value: value}, nil
}

// isToken reports whether a string is a token of RFC 9110, as required for methods and header
// names.
func isToken(text string) bool {
	const others = "!#$%&'*+-.^_`|~"
	for i := range len(text) {
		c := text[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(others, c) >= 0) {
			return false
		}
	}
	return text != ""
}

// unescape decodes a part of a query, or returns it unchanged if it is invalid.
func unescape(text string) string {
	if !strings.ContainsAny(text, "%+") {
		return text
	}
	if decoded, err := url.QueryUnescape(text); err == nil {
		return decoded
	}
	return text
}
