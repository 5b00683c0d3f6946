package routing

import (
	"regexp"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/request"
)

// Action is what a location does with a request, besides choosing it.
type Action struct {
	// Backend is nil when the controller itself answers, with Status.
	Backend *Backend
	Status  int
	// Unknown says why nobody can tell what the location does.
	Unknown string
	// Redirect is permanent-redirect or temporal-redirect, with its Code (M32).
	// KeepPath appends the request's path and query.
	Redirect string
	Code     int
	KeepPath bool
	// AppRoot is where "/" is redirected to, with 302.
	AppRoot string
	// HTTPS is the status code of a redirect of http to https; 0 for none. A final
	// "/" is cut off unless KeepSlash (M20).
	HTTPS     int
	KeepSlash bool
	// Rewrite is the path that is sent to the backend, with $1 and $2 for groups of
	// the location's pattern; empty for none.
	Rewrite string
	// Host is the Host header that the backend is sent; empty for the request's.
	Host string
	// Request and Response are headers that are set.
	Request, Response []Header
	CORS              string
	Mirrors           []string
	// HSTS is the header Strict-Transport-Security of answers by https.
	HSTS string
	// Canary is nil when there is none (M21).
	Canary *Canary
}

// Canary is the one alternative of a location that counts (M21).
type Canary struct {
	Backend Backend
	// Header takes "always" and "never", or, where one of them is set, Value or
	// what Pattern finds.
	Header, Value, Pattern string
	// Cookie takes "always" and "never".
	Cookie string
	// Weight of Total go to the canary.
	Weight, Total int64
}

// decides says what the canary's header or cookie says of a request: yes, no, or
// nothing.
func (c *Canary) decides(r *request.Request) (canary, decided bool) {
	if c.Header != "" {
		if value, ok := headerOf(r, c.Header); ok {
			switch {
			case c.Value != "":
				if value == c.Value {
					return true, true
				}
			case c.Pattern != "":
				if p, err := regexp.Compile(c.Pattern); err == nil && p.MatchString(value) {
					return true, true
				}
			case value == "always":
				return true, true
			case value == "never":
				return false, true
			}
		}
	}
	if c.Cookie != "" {
		switch cookieOf(r, c.Cookie) {
		case "always":
			return true, true
		case "never":
			return false, true
		}
	}
	return false, false
}

func headerOf(r *request.Request, name string) (string, bool) {
	name = strings.ToLower(name)
	for _, h := range r.Headers {
		if h.Name == name {
			return h.Value, true
		}
	}
	return "", false
}

func cookieOf(r *request.Request, name string) string {
	all, _ := headerOf(r, "cookie")
	for part := range strings.SplitSeq(all, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if key == name {
			return value
		}
	}
	return ""
}

// Answer is what the old side does with a request, and the location that says so;
// nil when there is none.
func (v *View) Answer(r *request.Request) (Answer, *Location) {
	if to, ok := v.moved[r.Host]; ok {
		return Answer{Code: to.Code, Redirect: r.Scheme + "://" + to.To + r.Path + query(r)}, nil
	}
	s := v.Find(r.Host)
	if s == nil {
		return Answer{Status: 404}, nil
	}
	if to, ok := v.passed[s.Host]; ok && r.Scheme == request.SchemeHTTPS {
		return Answer{Backends: []Share{{to, 1}}, Host: r.Host, Path: r.Path}, nil
	}
	choice := s.Choose(r.Path)
	switch {
	case choice.Undetermined:
		return Answer{Undetermined: "a regular expression of this host cannot be read"}, nil
	case choice.Slash:
		return Answer{Code: 301, Redirect: r.Scheme + "://" + r.Host + r.Path + "/" + query(r)}, choice.Location
	case choice.Location == nil:
		return Answer{Status: 404}, nil
	}
	return choice.Location.answer(r, s.Regex), choice.Location
}

func query(r *request.Request) string {
	if r.Query == "" {
		return ""
	}
	return "?" + r.Query
}

func (l *Location) answer(r *request.Request, regex bool) Answer {
	a := l.Action
	switch {
	case a.Unknown != "":
		return Answer{Undetermined: a.Unknown}
	case a.Status != 0 && a.Status != 404:
		return Answer{Status: a.Status}
	case a.AppRoot != "" && r.Path == "/":
		return Answer{Code: 302, Redirect: r.Scheme + "://" + r.Host + a.AppRoot}
	case a.Redirect != "":
		to := a.Redirect
		if a.KeepPath {
			to += r.Path + query(r)
		}
		return Answer{Code: a.Code, Redirect: to}
	case a.HTTPS != 0 && r.Scheme == request.SchemeHTTP:
		path := r.Path + query(r)
		if !a.KeepSlash && len(path) > 1 {
			path = strings.TrimSuffix(path, "/")
		}
		return Answer{Code: a.HTTPS, Redirect: "https://" + r.Host + path}
	case a.Backend == nil:
		return Answer{Status: 404}
	}
	answer := Answer{Backends: []Share{{*a.Backend, 1}}, Host: r.Host, Path: r.Path, CORS: a.CORS, Mirrors: a.Mirrors}
	if a.Host != "" {
		answer.Host = a.Host
	}
	if a.Rewrite != "" && a.Rewrite != l.Path {
		answer.Path = l.rewritten(r.Path, regex)
	}
	response := a.Response
	if a.HSTS != "" && r.Scheme == request.SchemeHTTPS {
		response = append(slices.Clone(response), Header{"Strict-Transport-Security", a.HSTS})
	}
	answer.Request, answer.Response = sortedHeaders(a.Request), sortedHeaders(response)
	if c := a.Canary; c != nil {
		switch canary, decided := c.decides(r); {
		case canary:
			answer.Backends[0].Backend = c.Backend
		case !decided && c.Weight > 0:
			answer.Backends = []Share{{*a.Backend, c.Total - c.Weight}, {c.Backend, c.Weight}}
		}
	}
	return answer
}

// rewritten is the path that nginx's rewrite makes: the whole path becomes the
// target, with the groups of the location's pattern filled in.
func (l *Location) rewritten(path string, regex bool) string {
	if !regex {
		return l.Action.Rewrite
	}
	pattern, err := regexp.Compile("(?i)" + l.Path)
	if err != nil {
		return path
	}
	match := pattern.FindStringSubmatch(path)
	if match == nil {
		return path
	}
	return Fill(l.Action.Rewrite, match)
}

// Fill puts the groups of a match where a target says $1 to $9. A group that is
// not there is empty.
func Fill(target string, match []string) string {
	var b strings.Builder
	for i := 0; i < len(target); i++ {
		if target[i] == '$' && i+1 < len(target) && target[i+1] >= '0' && target[i+1] <= '9' {
			if n := int(target[i+1] - '0'); n < len(match) {
				b.WriteString(match[n])
			}
			i++
			continue
		}
		b.WriteByte(target[i])
	}
	return b.String()
}

func sortedHeaders(list []Header) []Header {
	var out []Header
	for _, h := range list {
		out = append(out, Header{strings.ToLower(h.Name), h.Value})
	}
	slices.SortFunc(out, func(a, b Header) int { return strings.Compare(a.Name+"\x00"+a.Value, b.Name+"\x00"+b.Value) })
	return out
}
