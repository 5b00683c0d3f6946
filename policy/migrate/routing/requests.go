package routing

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
)

// Words are what the two sides distinguish requests to one host by.
type Words struct {
	paths    *paths
	patterns []string
	headers  []hierarchy.Header
	// methods are those that matches name.
	methods []string
	// Unread are regular expressions that cannot be read.
	Unread []string
}

// Sampled says whether a regular expression takes part: then no set of requests is
// complete (M73).
func (w *Words) Sampled() bool { return len(w.patterns) > 0 }

// RouteIndex finds the routes of a graph by hostname.
type RouteIndex struct {
	exact     map[string][]*hierarchy.Route
	wildcards map[string][]*hierarchy.Route
}

// NewRouteIndex indexes the HTTPRoutes and GRPCRoutes of a graph.
func NewRouteIndex(graph *hierarchy.Graph) *RouteIndex {
	x := &RouteIndex{exact: map[string][]*hierarchy.Route{}, wildcards: map[string][]*hierarchy.Route{}}
	for r := range graph.Routes() {
		if len(r.Hostnames) == 0 {
			x.wildcards[""] = append(x.wildcards[""], r)
		}
		for _, h := range r.Hostnames {
			if suffix, ok := strings.CutPrefix(h, "*"); ok {
				x.wildcards[suffix] = append(x.wildcards[suffix], r)
			} else {
				x.exact[h] = append(x.exact[h], r)
			}
		}
	}
	return x
}

// Hosts are the hostnames of the routes, sorted.
func (x *RouteIndex) Hosts() []string {
	hosts := sortedKeys(x.exact)
	for _, suffix := range sortedKeys(x.wildcards) {
		if suffix != "" {
			hosts = append(hosts, "*"+suffix)
		}
	}
	return hosts
}

// of are the routes that a host of the old side can reach.
func (x *RouteIndex) of(host string) []*hierarchy.Route {
	list := slices.Concat(x.exact[host], x.wildcards[""])
	for i := range len(host) {
		if host[i] == '.' {
			list = append(list, x.wildcards[host[i:]]...)
		}
	}
	return list
}

// WordsOf gathers what the sides distinguish requests to a host by. host is that
// of a server as it is written.
func (v *View) WordsOf(host string, routes *RouteIndex) *Words {
	w := &Words{paths: newPaths()}
	for _, name := range []string{host, v.aliases[host], CatchAll, "*" + host[max(0, strings.IndexByte(host, '.')):]} {
		if s := v.servers[name]; s != nil {
			w.addServer(s)
		}
	}
	for _, r := range routes.of(strings.TrimPrefix(host, "*")) {
		w.addRoute(r)
	}
	if host != strings.TrimPrefix(host, "*") {
		for _, r := range routes.of("x" + host[1:]) {
			w.addRoute(r)
		}
	}
	slices.Sort(w.patterns)
	w.patterns = slices.Compact(w.patterns)
	slices.SortFunc(w.headers, func(a, b hierarchy.Header) int { return strings.Compare(a.Name+"\x00"+a.Value, b.Name+"\x00"+b.Value) })
	w.headers = slices.Compact(w.headers)
	return w
}

func (w *Words) addServer(s *Server) {
	for _, l := range s.Locations {
		if c := l.Action.Canary; c != nil {
			for _, value := range []string{"always", "never", c.Value} {
				w.header(c.Header, value)
				if c.Cookie != "" && value != c.Value {
					w.header("cookie", c.Cookie+"="+value)
				}
			}
			for _, value := range Samples(c.Pattern) {
				w.header(c.Header, value)
			}
		}
		if !s.Regex {
			w.paths.add(l.Path)
			continue
		}
		w.pattern(l.Path)
		if list, ok := PlainOf(l); ok {
			for _, p := range list {
				w.paths.add(p.Path)
			}
		}
	}
}

func (w *Words) header(name, value string) {
	if name != "" && value != "" {
		w.headers = append(w.headers, hierarchy.Header{Name: strings.ToLower(name), Value: value})
	}
}

func (w *Words) pattern(text string) {
	if Samples(text) == nil {
		w.Unread = append(w.Unread, text)
	}
	w.patterns = append(w.patterns, text)
}

func (w *Words) addRoute(r *hierarchy.Route) {
	for i := range r.Rules {
		for _, m := range r.Rules[i].Matches {
			switch m.PathType {
			case hierarchy.MatchRegex:
				w.pattern(m.Path)
			case hierarchy.MatchExact, hierarchy.MatchPathPrefix:
				w.paths.add(m.Path)
			default:
				w.paths.add("/" + m.Service + "/" + m.Method)
			}
			if m.PathType != "" && m.Method != "" && !slices.Contains(w.methods, m.Method) {
				w.methods = append(w.methods, m.Method)
			}
			for _, h := range m.Headers {
				if h.Type == hierarchy.MatchExact {
					w.header(h.Name, h.Value)
				} else {
					w.header(h.Name, "never")
				}
			}
		}
	}
}

// Requests are the requests to one host by one scheme that have to be compared
// (M71). concrete is the host as a client sends it.
func (w *Words) Requests(scheme, concrete string) []request.Request {
	list := w.paths.requests()
	seen := map[string]bool{}
	for _, path := range list {
		seen[path] = true
	}
	for _, pattern := range w.patterns {
		for _, path := range Samples(pattern) {
			if !seen[path] && IsNormal(path) {
				seen[path] = true
				list = append(list, path)
			}
		}
	}
	methods := w.askedMethods()
	headers := [][]hierarchy.Header{nil}
	for _, h := range w.headers {
		headers = append(headers, []hierarchy.Header{h}, []hierarchy.Header{{Name: h.Name, Value: "other-than-all"}})
	}
	var out []request.Request
	for _, path := range list {
		for _, method := range methods {
			for _, h := range headers {
				out = append(out, request.Request{Method: method, Scheme: scheme, Host: concrete, Path: path, Headers: h})
			}
		}
	}
	return out
}

// askedMethods are GET and, where a match names a method, those that are named and one
// that is not: POST, unless it is.
func (w *Words) askedMethods() []string {
	methods := []string{"GET"}
	for _, m := range w.methods {
		if m != "GET" {
			methods = append(methods, m)
		}
	}
	if len(w.methods) == 0 {
		return methods
	}
	for _, m := range []string{"POST", "PATCH", "OPTIONS", "PUT", "DELETE", "HEAD", "TRACE", "CONNECT"} {
		if !slices.Contains(methods, m) {
			return append(methods, m)
		}
	}
	return methods
}

// IsNormal says whether a path is one that nobody changes before comparing it.
func IsNormal(path string) bool {
	return !strings.Contains(path, "//") && !strings.Contains(path+"/", "/./") && !strings.Contains(path+"/", "/../") &&
		!strings.ContainsAny(path, " %?#\"<>\\^`{|}") && strings.IndexFunc(path, func(r rune) bool { return r < '!' || r > '~' }) < 0
}

// Concrete are the hosts that a client could send for a host of a server: of a
// wildcard one label and two labels and the apex, of every host one that nobody
// has (M71).
func Concrete(host string) []string {
	switch {
	case host == CatchAll:
		return []string{"nobody-has.invalid"}
	case strings.HasPrefix(host, "*."):
		return []string{"label" + host[1:], "two.labels" + host[1:], host[2:]}
	}
	return []string{host}
}
